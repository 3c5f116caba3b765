"""Start the demo portal and stay up: ``python -m tap_bitrix24.demo --port 8024``."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

from tap_bitrix24.demo.company.company import ID_LAYOUTS
from tap_bitrix24.demo.company.deal_fields import deal_fields
from tap_bitrix24.demo.portal.faults import switched
from tap_bitrix24.demo.server.running import serve

_OPERATING_COST: Final = "server time of a page that counts for its method's operating time and is not waited for"
_WORKERS: Final = (
    "a server of one's own (see --switch cloud=off): N requests at work, 3 N wait, others get 503; 0: no limit"
)


def _parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(prog="python -m tap_bitrix24.demo", description="A Bitrix24 portal for tests.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on loopback; 0 picks a free one")
    add("--scale", type=int, default=300, help="number of deals; other tables in proportion")
    add("--seed", type=int, default=1, help="another seed, another company")
    add("--smart-processes", type=int, default=2, help="number of smart processes")
    add("--ids", choices=ID_LAYOUTS, default="dense", help="how the deals' ids lie; sparse: over 200 times as many")
    add("--deal-fields", type=int, metavar="N", help="deals have exactly N fields, user fields included (10 to 300)")
    add("--samples", metavar="DIR", help="folder of documented answers, served where there are any")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak HTTPS with this certificate")
    add("--operating-window", type=float, default=600.0, metavar="SECONDS", help="length of all ten operating buckets")
    add("--no-limits", action="store_true", help="neither leaky bucket nor operating limit")
    add("--plan", choices=("standard", "enterprise"), default="standard", help="size of the leaky bucket")
    add("--workers", type=int, default=0, metavar="N", help=_WORKERS)
    add("--latency", type=float, default=0.0, metavar="MS", help="time every request takes before it is looked at")
    add("--page-time", type=float, default=0.0, metavar="MS", help="server time of a page")
    add("--operating-cost", type=float, default=0.0, metavar="MS", help=_OPERATING_COST)
    add("--count-time", type=float, default=0.0, metavar="MS", help="server time of a count")
    add("--switch", action="append", default=[], metavar="NAME=VALUE", help="a behaviour that differs by version")
    add(
        "--door", choices=("webhook", "oauth", "vibecode", "site"), default="webhook", help="whose settings are printed"
    )
    add("--prefix", default="", metavar="/PATH", help="everything lies below this path, as on some own servers")
    add("--without", default=(), metavar="A.B,C.D", help="methods the portal does not have, as older ones do not")
    add("--clock", metavar="now|ISO", help="start of the portal's clock")
    add("--scopes", metavar="A,B,C", help="scopes of the webhook; all without it")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a ready config.json on one line and serve until a signal comes."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    try:
        deal_fields(options["deal_fields"])
        options["switches"] = switched(dict(pair.split("=", 1) for pair in options.pop("switch")))
    except ValueError as mistake:
        parser.error(str(mistake))
    door = options.pop("door")
    options["tls"] = tuple(options["tls"]) if options["tls"] else None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serve(**options) as portal:
        sys.stdout.write(json.dumps(portal.config(door)) + "\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
