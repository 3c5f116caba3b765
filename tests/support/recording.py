"""Record what the tap does on the demo portal, so that two versions of it can be compared.

``python -m tests.support.recording FOLDER [SCENARIO …]`` writes, for each scenario, the catalog, each stream's messages
in order, the last STATE, the exit code, the log and all requests as they went over the wire. What differs from run to
run (ports, the seconds of the portal's clock, versions of a table) is replaced by a word. `compare_recordings` then
says what a change of the code has changed in the tap's behaviour.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tap_bitrix24.demo import serve
from tap_bitrix24.fingerprint import portal_fingerprint

SAMPLES = Path(__file__).parent.parent / "samples"
TAP = Path(sys.executable).parent / "tap-bitrix24"
QUIET = {"max_concurrency": 1, "plan": "enterprise"}
"""One request at a time: what is asked then depends on nothing but the answers."""
_MOMENT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_SECONDS = re.compile(r"\b\d+(?:\.\d+)? s\b")
_LOG = re.compile(r"^\S+ \S+ *\| *(\w+) *\| *(\S+) *\| *")


@dataclass(frozen=True)
class Scenario:
    """A portal and how it is read."""

    portal: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    connection: str = "webhook"
    streams: Sequence[str] = ()
    """Selected; none: all there are."""
    mutate: Mapping[str, Any] | None = None
    """What happens before a second run, which goes on from STATE; None: there is none."""
    catalog: bool = True
    """Run with the catalog, all streams selected, not as the tap selects by itself."""
    add_streams: Sequence[str] = ()
    """Streams of the catalog this version does not know."""


CHANGES = {"table": "deals", "insert": 40, "update": 200, "delete": 20}
SCENARIOS: Mapping[str, Scenario] = {
    "webhook-all": Scenario(mutate=CHANGES),
    "webhook-default": Scenario(catalog=False, mutate=CHANGES),
    "webhook-samples": Scenario(portal={"samples": str(SAMPLES)}),
    "webhook-since": Scenario(settings={"start_date": "2026-01-01T00:00:00Z"}, mutate=CHANGES),
    "webhook-sparse": Scenario(portal={"scale": 3000, "ids": "sparse"}, streams=("deals", "leads", "contacts")),
    "webhook-universal": Scenario(
        settings={"crm_methods": "universal"},
        mutate=CHANGES,
        streams=("deals", "leads", "contacts", "companies", "quotes", "crm_product_rows", "deal_contacts"),
    ),
    "webhook-few-scopes": Scenario(portal={"scopes": ["crm", "user"]}, catalog=False),
    "webhook-older": Scenario(portal={"without": ["crm.type.list", "sonet_group.get", "tasks.task.list"]}),
    "webhook-on-premise": Scenario(portal={"switches": {"cloud": "off"}}, catalog=False),
    "webhook-unknown-stream": Scenario(streams=("users",), add_streams=("no_such_stream",)),
    "webhook-refused": Scenario(settings={"webhook_url": "wrong secret"}, catalog=False),
    "settings-wrong": Scenario(settings={"webhook_url": "https://example.com/"}, catalog=False),
    "oauth": Scenario(connection="oauth", streams=("deals", "users", "tasks")),
    "vibecode": Scenario(connection="vibecode", mutate=CHANGES),
    "vibecode-default": Scenario(connection="vibecode", catalog=False),
    "site": Scenario(connection="site", mutate=CHANGES),
}


class _Proxy(BaseHTTPRequestHandler):
    """Hands requests on to the portal and notes them."""

    server: "_Server"
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path} {body.decode()}")
        connection = HTTPConnection(*self.server.portal)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name: str) -> Any:
        """`do_GET`, `do_POST` …: every verb is handed on alike."""
        if name.startswith("do_"):
            return self._pass_on
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, portal: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.portal = portal
        self.seen: list[str] = []


@contextmanager
def _proxy(host: str, port: int) -> Iterator[_Server]:
    server = _Server((host, port))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Words:
    """Replaces what differs from run to run."""

    def __init__(self, clock: datetime, ports: Sequence[int], folder: Path) -> None:
        self._clock = clock
        self._ports = ports
        self._folder = folder

    def __call__(self, text: str) -> str:
        for port in self._ports:
            address = f"127.0.0.1:{port}"
            text = text.replace(address, "PORTAL").replace(portal_fingerprint(address).host, "FINGERPRINT")
        return _MOMENT.sub(self._moment, text.replace(str(self._folder), "FOLDER"))

    def _moment(self, match: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(match[0])
        except ValueError:
            return match[0]
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        near = timedelta(0) <= moment - self._clock < timedelta(hours=1)
        wall = abs(moment - datetime.now(UTC)) < timedelta(hours=1)
        return "NOW" if near or wall else match[0]


def _run(
    folder: Path, settings: Mapping[str, Any], *arguments: str, **files: Any
) -> "subprocess.CompletedProcess[str]":
    given: list[str] = [*arguments]
    for name, content in {"config": settings, **files}.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        given += [f"--{name}", str(path)]
    environment = {**os.environ, "TMPDIR": str(folder), "TZ": "UTC"}
    return subprocess.run(
        [str(TAP), *given], check=False, capture_output=True, encoding="utf-8", env=environment, cwd=folder
    )


def _selected(catalog: dict[str, Any], scenario: Scenario) -> dict[str, Any]:
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                chosen = not scenario.streams or entry["tap_stream_id"] in scenario.streams
                metadata["metadata"]["selected"] = chosen
    for name in scenario.add_streams:
        entry = json.loads(json.dumps(catalog["streams"][0]).replace(catalog["streams"][0]["tap_stream_id"], name))
        entry["metadata"][-1]["metadata"]["selected"] = True
        catalog["streams"].append(entry)
    return catalog


def _lines(stderr: str) -> str:
    """What is said in the log, without times and figures that belong to the machine; streams end in any order."""
    lines = [
        _SECONDS.sub("N s", _LOG.sub(r"\1 \2 ", line))
        for line in stderr.splitlines()
        if "METRIC" not in line and '"metric' not in line and "singer" not in line.lower()
    ]
    return "".join(f"{line}\n" for line in sorted(lines))


def _messages(folder: Path, stdout: str, words: _Words) -> dict[str, Any]:
    """Write each stream's messages, in order; returns the last STATE."""
    streams: dict[str, list[str]] = {}
    state: dict[str, Any] = {}
    for line in stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "STATE":
            state = message["value"]
            continue
        message.pop("time_extracted", None)
        if "version" in message:
            message["version"] = "VERSION"
        streams.setdefault(message["stream"], []).append(words(json.dumps(message, ensure_ascii=False)))
    for name, lines in streams.items():
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return state


def _record(folder: Path, scenario: Scenario) -> None:
    folder.mkdir(parents=True)
    options = {"port": 0, "scale": 300, "seed": 1, "no_limits": True, **scenario.portal}
    with serve(**options) as portal, tempfile.TemporaryDirectory() as made:
        host, port = urlsplit(portal.url).hostname or "", urlsplit(portal.url).port or 0
        clock = datetime.fromisoformat(_control(host, port, "clock", {"advance": 0})["now"])
        with _proxy(host, port) as proxy:
            words = _Words(clock - timedelta(minutes=1), [port, proxy.server_port], Path(made))
            config = json.loads(
                json.dumps(portal.config(scenario.connection)).replace(str(port), str(proxy.server_port))
            )
            config |= {**QUIET, **scenario.settings}
            if config.get("webhook_url") == "wrong secret":
                config["webhook_url"] = f"http://127.0.0.1:{proxy.server_port}/rest/1/wrong/"
            temporary = Path(made)
            files: dict[str, Any] = {}
            if scenario.catalog:
                files["catalog"] = _discover(folder, temporary, config, scenario, words)
                _requests(folder / "discovery-requests.txt", proxy, words)
            state = _sync(folder / "first", temporary, config, files, words)
            _requests(folder / "first" / "requests.txt", proxy, words)
            if scenario.mutate is not None and state:
                _control(host, port, "clock", {"advance": 600})
                _control(host, port, "mutate", scenario.mutate)
                _control(host, port, "clock", {"advance": 600})
                _sync(folder / "second", temporary, config, {**files, "state": state}, words)
                _requests(folder / "second" / "requests.txt", proxy, words)


def _discover(
    folder: Path, temporary: Path, config: Mapping[str, Any], scenario: Scenario, words: _Words
) -> dict[str, Any]:
    done = _run(temporary, config, "--discover")
    (folder / "discovery.log").write_text(words(f"{done.returncode}\n{_lines(done.stderr)}"), encoding="utf-8")
    (folder / "catalog.json").write_text(words(done.stdout), encoding="utf-8")
    return _selected(json.loads(done.stdout), scenario)


def _sync(
    folder: Path, temporary: Path, config: Mapping[str, Any], files: Mapping[str, Any], words: _Words
) -> dict[str, Any]:
    folder.mkdir()
    done = _run(temporary, config, **files)
    (folder / "run.log").write_text(words(f"{done.returncode}\n{_lines(done.stderr)}"), encoding="utf-8")
    state = _messages(folder, done.stdout, words)
    (folder / "state.json").write_text(words(json.dumps(state, indent=1, sort_keys=True)), encoding="utf-8")
    return state


def _requests(path: Path, proxy: _Server, words: _Words) -> None:
    path.write_text(words("\n".join([*proxy.seen, ""])), encoding="utf-8")
    proxy.seen.clear()


def _control(host: str, port: int, name: str, body: Mapping[str, Any]) -> Any:
    connection = HTTPConnection(host, port)
    connection.request("POST", f"/_demo/{name}", json.dumps(body), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def main(arguments: Sequence[str] | None = None) -> None:
    """Record the scenarios named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.recording", description="Record what the tap does.")
    parser.add_argument("folder", type=Path, help="a folder for the scenarios' folders")
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help=f"all without it: {', '.join(SCENARIOS)}")
    given = parser.parse_args(arguments)
    if unknown := {*given.scenario} - SCENARIOS.keys():
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}")
    for name in given.scenario or SCENARIOS:
        _record(given.folder / name, SCENARIOS[name])
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
