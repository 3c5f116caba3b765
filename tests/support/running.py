"""How tests run the tap: as the console script does, in a process of its own, against a demo portal."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.demo.wire import Wire
from tests.support.prefork import TAP, server
from tests.support.read_only import READ_ONLY

SCRIPTS = Path(sys.executable).parent
"""Where the console scripts of this environment are."""


class Portal(Wire):
    """A running demo portal: the raw client, and the URL a tap is configured with."""

    def __init__(self, url: str, ca_bundle: Path | None = None) -> None:
        super().__init__(url, ca_bundle)
        self.url = url

    def was_only_read(self) -> None:
        """Fail if any method was called that is not known to be read-only; every portal ends with this check."""
        stats = self.stats()
        assert stats["write_calls"] == {}
        unknown = stats["commands"].keys() - READ_ONLY
        assert not unknown, f"not in tests/support/read_only.py: {sorted(unknown)}"

    def forget_stats(self) -> None:
        self.was_only_read()
        super().forget_stats()

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings of a tap that reads this portal."""
        return {"webhook_url": self.url, **settings}

    def table(self, name: str, key: str = "ID") -> dict[int, dict[str, Any]]:
        """Return id → row, as the portal sends it."""
        return {int(row[key]): row for row in self.truth(name)}


@dataclass(frozen=True)
class Run:
    """Exit code and output of a run of the tap."""

    code: int
    stdout: str
    stderr: str

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The Singer messages, in order; a line that is not JSON fails the test."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def of_type(self, type_: str) -> Iterator[dict[str, Any]]:
        return (message for message in self.messages if message["type"] == type_)

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream, in order."""
        return [message["record"] for message in self.of_type("RECORD") if message["stream"] == stream]

    def ids(self, stream: str, key: str = "id") -> list[int]:
        return [record[key] for record in self.records(stream)]

    @cached_property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """Stream → properties of its (only) SCHEMA."""
        found: dict[str, dict[str, Any]] = {}
        for message in self.of_type("SCHEMA"):
            assert message["stream"] not in found, f"two SCHEMA messages for {message['stream']}"
            found[message["stream"]] = message["schema"]["properties"]
        return found

    @cached_property
    def states(self) -> list[dict[str, Any]]:
        return [message["value"] for message in self.of_type("STATE")]

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE."""
        return self.states[-1]

    @property
    def warnings(self) -> list[str]:
        """Lines of the log that are warnings."""
        return [line for line in self.stderr.splitlines() if "WARNING" in line.upper()]

    def succeeded(self) -> "Run":
        """Return this run, which must have ended with exit code 0."""
        assert self.code == 0, self.stderr[-3000:]
        return self


@dataclass(frozen=True)
class Tap:
    """Runs `tap-bitrix24` with its files in a folder of the test."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    short_pauses: bool = True
    """Pauses take a fraction of their time; not so where the portal's own limits are kept to."""

    def __call__(
        self,
        config: Mapping[str, Any],
        *arguments: str,
        state: Mapping[str, Any] | None = None,
        catalog: Mapping[str, Any] | None = None,
        streams: Sequence[str] | None = None,
        timeout: float = 120,
    ) -> Run:
        """Run the tap to its end, as the console script does.

        Args:
            config: Settings, written to a file.
            arguments: Further arguments.
            state: STATE to continue from.
            catalog: Catalog to run with.
            streams: Only these are selected; costs a run of `--discover` if no catalog is given.
            timeout: Seconds after which the test fails.
        """
        if streams is not None:
            catalog = only(catalog or self.discover(config), *streams)
        given = [*arguments, "--config", self._file("config.json", config)]
        given += ["--state", self._file("state.json", state)] if state is not None else []
        given += ["--catalog", self._file("catalog.json", catalog)] if catalog is not None else []
        environment = {**os.environ, **self.environment}
        done = server(TAP).run(given, cwd=self.folder, env=environment, timeout=timeout, short_pauses=self.short_pauses)
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    def discover(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the catalog the tap discovers."""
        catalog: dict[str, Any] = json.loads(self(config, "--discover").succeeded().stdout)
        return catalog

    def _file(self, name: str, content: Mapping[str, Any]) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)


def only(catalog: Mapping[str, Any], *streams: str) -> dict[str, Any]:
    """Return the catalog with these streams selected, and without the others."""
    entries = [json.loads(json.dumps(entry)) for entry in catalog["streams"] if entry["tap_stream_id"] in streams]
    for entry in entries:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = True
    left = set(streams) - {entry["tap_stream_id"] for entry in entries}
    assert not left, f"the catalog has no {left}"
    return {**catalog, "streams": entries}
