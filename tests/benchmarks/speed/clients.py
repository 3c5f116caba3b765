"""The clients that are compared: our tap, and those a user could pick instead; each a process of its own."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.speed.environments import B24API, B24PYSDK, FAST_BITRIX24, Environments, Package, b24api
from tests.benchmarks.speed.model import Options, Run
from tests.benchmarks.speed.portals import DEALS, calm, counted
from tests.benchmarks.speed.processes import Ended, run, say
from tests.support.running import SCRIPTS, Portal, Tap, only

HERE = Path(peers.__file__).parent
ROWS_READ = re.compile(r"\b(\w+): ([\d,]+) rows, [\d,]+ requests")
"""The line the tap logs at the end of a stream."""

NOTHING: Mapping[str, Any] = {"distinct": 0, "seconds": None}
"""The figures of a peer that failed."""


@dataclass(frozen=True)
class Client:
    """Something that reads all deals of a portal, under the name it has in tables."""

    name: str
    read: Callable[[Portal, Options], Run]
    once: bool = False
    """So slow, or so different, that one round is enough."""


def in_turns(wire: Portal, options: Options, clients: Sequence[Client]) -> dict[str, list[Run]]:
    """All clients, one after another, in every round, so that a busy moment of the machine hits them alike."""
    runs: dict[str, list[Run]] = {client.name: [] for client in clients}
    for number in range(options.rounds):
        for client in clients:
            if number and client.once:
                continue
            calm(wire)
            done = client.read(wire, options)
            runs[client.name].append(done)
            say(f"  {done.client}: {done.seconds:.2f} s, {done.rows} rows, {done.requests} requests {done.failure}")
    return runs


# Our tap


@dataclass(frozen=True)
class Ours:
    """The tap's command line for a portal, made once: a catalog is given, so nothing is discovered."""

    folder: Path
    config: dict[str, Any]
    catalog: dict[str, Any]

    @classmethod
    def ready(cls, wire: Portal, options: Options, *streams: str) -> "Ours":
        """Discover the portal, outside of what is timed.

        Args:
            wire: The portal.
            options: Whose folder is used.
            streams: Only these are selected.
        """
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        config = wire.config(plan="enterprise")
        return cls(folder, config, only(Tap(folder).discover(config), *streams))

    def command(self, state: dict[str, Any] | None = None, **settings: Any) -> list[str]:
        """The command a user would type."""
        files: dict[str, Any] = {"config": self.config | settings, "catalog": self.catalog}
        files |= {"state": state} if state is not None else {}
        line = [str(SCRIPTS / "tap-bitrix24")]
        for name, content in files.items():
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(content))
            line += [f"--{name}", str(path)]
        return line

    def read(self, wire: Portal, name: str, state: dict[str, Any] | None = None, **settings: Any) -> Run:
        """Run the tap to its end, output to /dev/null."""
        return finished(wire, name, run(self.command(state, **settings)))

    def first_run(self) -> tuple[dict[str, Any], dict[str, int]]:
        """Run the tap to its end; its last STATE, and stream → rows."""
        with tempfile.TemporaryFile() as output:
            ended = run(self.command(), stdout=output)
            if ended.code:
                raise RuntimeError(ended.failure)
            output.seek(0)
            last = [line for line in output if line.startswith(b'{"type":"STATE"')][-1]
        return json.loads(last)["value"], rows_logged(ended.log)


def finished(wire: Portal, name: str, ended: Ended) -> Run:
    """Return the figures of a run of the tap, with the rows from its log."""
    rows = sum(rows_logged(ended.log).values())
    seen = counted(wire)
    return Run(
        name,
        ended.seconds,
        rows,
        seen.requests,
        seen.refused,
        seen.in_flight,
        ended.cpu_seconds,
        ended.peak_mb,
        failure=ended.failure,
        errors=seen.errors,
    )


def rows_logged(log: str) -> dict[str, int]:
    """Stream → rows, as the tap's log has them."""
    return {match[1]: int(match[2].replace(",", "")) for match in ROWS_READ.finditer(log)}


def ours(tap: Ours, name: str, **settings: Any) -> Client:
    """The tap under some settings."""
    return Client(name, lambda wire, _: tap.read(wire, name, **settings))


# The others


def peer(name: str, package: Package, script: str, *arguments: str, wire: Portal, environments: Environments) -> Run:
    """Run a peer's script to its end."""
    command = [str(environments.binaries(package) / "python"), str(HERE / script), wire.url, DEALS, *arguments]
    with tempfile.TemporaryFile() as output:
        ended = run(command, stdout=output)
        output.seek(0)
        text = output.read()
    said: Mapping[str, Any] = json.loads(text) if ended.code == 0 else NOTHING
    seen = counted(wire)
    return Run(
        name,
        ended.seconds,
        said["distinct"],
        seen.requests,
        seen.refused,
        seen.in_flight,
        ended.cpu_seconds,
        ended.peak_mb,
        said["seconds"],
        ended.failure,
        seen.errors,
    )


def _client(package: Package, how: str, script: str, *arguments: str, once: bool = False) -> Client:
    name = f"{package}, {how}"
    start = partial(peer, name, package, script, *arguments)
    return Client(name, lambda wire, options: start(wire=wire, environments=options.environments), once=once)


def fast_bitrix24(in_flight: int | None = None) -> Client:
    """The only one of them that has several requests in flight."""
    how = "default" if in_flight is None else f"tuned to {in_flight}"
    return _client(FAST_BITRIX24, how, "run_fast_bitrix24.py", *(() if in_flight is None else (str(in_flight),)))


def one_at_a_time(*modes: str) -> list[Client]:
    """Those that send a request when the one before is answered; b24api in each of these modes."""
    package = b24api()
    clients = [_client(B24PYSDK, "one at a time", "run_b24pysdk.py", once=True)]
    if package is B24API:
        for mode in modes:
            given = () if mode == "default" else (mode,)
            clients.append(_client(package, f"one at a time, {mode}", "run_b24api.py", *given, once=True))
    else:
        clients.append(_client(package, "one at a time", "run_b24api.py", once=True))
    return clients
