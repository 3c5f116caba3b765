"""Run the demo portal until a signal comes: ``python -m tap_bitrix24.demo --port 8024``."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

from tap_bitrix24.demo.company.company import ID_LAYOUTS
from tap_bitrix24.demo.company.deal_fields import deal_fields
from tap_bitrix24.demo.company.timestamps import named_zone
from tap_bitrix24.demo.portal.faults import COMMAND_FAULTS, REQUEST_FAULTS
from tap_bitrix24.demo.portal.switches import SWITCHES, checked_switches
from tap_bitrix24.demo.server.running import CONNECTIONS, serve

_OPERATING_COST: Final = "server time of a page that counts as operating time of its method, without waiting"
_WORKERS: Final = "on-premise portal (see --switch cloud=off): N requests run, 3 N wait, more get HTTP 503; 0: no limit"


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="python -m tap_bitrix24.demo",
        description="A Bitrix24 portal for tests and demos.",
        epilog=_names(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on loopback; 0 picks a free one")
    add("--scale", type=int, default=300, help="number of deals; other tables in proportion")
    add("--seed", type=int, default=1, help="seed of the company's data")
    add("--smart-processes", type=int, default=2, help="number of smart processes")
    add("--ids", choices=ID_LAYOUTS, default="dense", help="ids of the deals; sparse: over 200 times as many numbers")
    add("--deal-fields", type=int, metavar="N", help="deals have exactly N fields, user fields included (10 to 300)")
    add("--samples", metavar="DIR", help="folder of documented answers, served in place of generated ones")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="serve HTTPS with this certificate")
    add("--operating-window", type=float, default=600.0, metavar="SECONDS", help="window of the operating limit")
    add("--no-limits", action="store_true", help="no leaky bucket and no operating limit")
    add("--plan", choices=("standard", "enterprise"), default="standard", help="size of the leaky bucket")
    add("--workers", type=int, default=0, metavar="N", help=_WORKERS)
    add("--latency", type=float, default=0.0, metavar="MS", help="delay before each request is processed")
    add("--page-time", type=float, default=0.0, metavar="MS", help="server time of each page")
    add("--operating-cost", type=float, default=0.0, metavar="MS", help=_OPERATING_COST)
    add("--count-time", type=float, default=0.0, metavar="MS", help="server time of each count")
    add("--switch", action="append", default=[], metavar="NAME=VALUE", help="behaviour that differs by version")
    add("--connection", choices=CONNECTIONS, default="webhook", help="connection whose settings are printed")
    add("--prefix", default="", metavar="/PATH", help="path prefix of all URLs, as on some on-premise portals")
    add("--without", default=(), metavar="A.B,C.D", help="methods this portal lacks, as older ones do")
    add("--timezone", default="", metavar="AREA/CITY", help="zone of the server, with summer time; default: UTC-3")
    add("--clock", metavar="now|ISO", help="start of the portal's clock; without it always the same instant")
    add("--scopes", metavar="A,B,C", help="scopes of the webhook; default: all")
    return parser


def _names() -> str:
    """Return switches and faults, a line each."""
    switches = {f"{name} {' '.join(one.values)}".strip(): one.text for name, one in SWITCHES.items()}
    groups = {
        "switches (--switch NAME=VALUE; the first value is the default):": switches,
        "faults of requests (POST /_demo/faults, see docs/demo.md):": REQUEST_FAULTS,
        "faults of commands:": COMMAND_FAULTS,
    }
    return "\n\n".join(
        "\n".join((title, *(f"  {name}: {text}" for name, text in lines.items()))) for title, lines in groups.items()
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the settings of a tap as one line of JSON, then serve until SIGINT or SIGTERM."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    try:
        deal_fields(options["deal_fields"])
        named_zone(options["timezone"], float)
        options["switches"] = checked_switches(dict(pair.split("=", 1) for pair in options.pop("switch")))
    except ValueError as mistake:
        parser.error(str(mistake))
    connection = options.pop("connection")
    options["tls"] = tuple(options["tls"]) if options["tls"] else None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serve(**options) as portal:
        sys.stdout.write(json.dumps(portal.config(connection)) + "\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
