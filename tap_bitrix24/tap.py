"""The Singer tap: settings, discovery, one run over all streams, exit codes."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import IO, Any, ClassVar

import click
from singer_sdk import Tap, metrics
from singer_sdk.about import AboutInfo
from singer_sdk.exceptions import AbortedSyncFailedException, AbortedSyncPausedException
from singer_sdk.helpers.capabilities import CapabilitiesEnum

from tap_bitrix24.auth.oauth import OAuth
from tap_bitrix24.client import Client
from tap_bitrix24.connections import CONNECTION_HELP, CONNECTIONS
from tap_bitrix24.discovery import rest_v3 as discovery_rest3
from tap_bitrix24.discovery.discovered import DiscoveredStream
from tap_bitrix24.entities import CHILD_READS
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import (
    AccessError,
    Interrupted,
    MissingMethodError,
    ReaderGoneError,
    SettingsError,
    StreamsFailedError,
    TapError,
)
from tap_bitrix24.input_files import check_catalog, check_state, read_object
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.redaction import Redactor
from tap_bitrix24.row_counts import count_rows
from tap_bitrix24.scheduler.background import BackgroundCalls
from tap_bitrix24.scheduler.loop import Ended, Scheduler
from tap_bitrix24.schema.columns import columns_from_schema
from tap_bitrix24.settings import CONFIG_JSONSCHEMA, check
from tap_bitrix24.singer_output import SingerLines
from tap_bitrix24.streams import EntityStream, RunContext
from tap_bitrix24.throttling.rate_limit import RateLimiter, shared_folder

LOG = logging.getLogger("tap-bitrix24")
KEYBOARD = 130


class TapBitrix24(Tap):
    """Singer tap for Bitrix24: every row of a portal, typed, through four doors."""

    name = "tap-bitrix24"
    package_name = "tap-bitrix24"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    dynamic_catalog = True
    message_writer_class = SingerLines
    capabilities: ClassVar[list[CapabilitiesEnum]] = [each for each in Tap.capabilities if each.value != "batch"]
    """No BATCH: the SDK's way of it writes deselected fields and skips stream maps."""

    def __init__(self, *, setup_mapper: bool = True, validate_config: bool = True, **parts: Any) -> None:
        """Check the settings before anything else happens.

        Args:
            setup_mapper: As in the SDK; building the mapper discovers the streams.
            validate_config: Ignored: settings are always checked, and by `settings.check` alone, whose texts
                never repeat a secret.
            parts: What the SDK's constructor takes: config, catalog, state, parse_env_config …

        Raises:
            SettingsError: A setting is wrong, or the portal can't be reached with it.
        """
        del validate_config
        self.background = BackgroundCalls()
        self._portal: PortalInfo | None = None
        self._discovered: Sequence[DiscoveredStream] | None = None
        self._probed = False
        self._unknown: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        """Stream → why it is not complete."""
        plan_told = self._is_set("plan", parts)
        super().__init__(setup_mapper=False, validate_config=False, **parts)
        self.settings = check(self.config, plan_is_set=plan_told)
        self.redactor = Redactor(self.settings.secrets)
        self.redactor.guard()
        settings = self.settings
        self._connection = CONNECTIONS[settings.connection]
        slots = min(settings.max_concurrency, self._connection.max_concurrency or settings.max_concurrency)
        pacer = RateLimiter(settings.tariff, settings.credentials.host, shared_folder(), fixed=settings.tariff_fixed)
        self.client = Client(
            settings.credentials,
            pacer,
            self._connection.dialects,
            timeout=settings.request_timeout,
            connections=slots,
            verify=settings.verify,
        )
        if isinstance(settings.credentials, OAuth):
            settings.credentials.post, settings.credentials.learnt = self.client.post_form, self.redactor.learn
        engine = Scheduler(self.client, self.background, slots=slots)
        self._run = RunContext(self.settings, engine, self.portal, self.discovered, self._probe, self._note_child_reads)
        if setup_mapper:
            self.setup_mapper()

    @classmethod
    def _is_set(cls, name: str, parts: Mapping[str, Any]) -> bool:
        """Whether whoever makes a tap of these parts sets a setting: afterwards the SDK has filled in defaults."""
        config = parts.get("config")
        if isinstance(config, Mapping) and config.get(name) in (None, ""):
            return bool(parts.get("parse_env_config")) and bool(cls._env_var_config.get(name))
        return config is not None

    @classmethod
    def _get_about_info(cls) -> AboutInfo:
        """What the tap is, and the doors it knows."""
        doors = "\n".join(f"  - {door}: {names.replace('`', '')}; {ticked}" for door, names, ticked in CONNECTION_HELP)
        told = super()._get_about_info()
        return replace(told, description=f"{told.description}\nDoors, one of which is to be configured:\n{doors}")

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files of `--config`; a later one overrides, ENV stands for environment variables."""
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":
                given.config.update(read_object(f"--config {path}", Path(path).read_bytes))
        return given

    @classmethod
    def invoke(cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any) -> None:
        """Run; the files are checked first, and read once because they may be pipes."""
        for name, file, check_ in (("state", state, check_state), ("catalog", catalog, check_catalog)):
            if file is not None:
                content = check_(read_object(f"--{name} {file.name}", file.read))
                options[name] = io.StringIO(json.dumps(content))
        super().invoke(**options)

    def portal(self) -> PortalInfo:
        """What the run's first request told; asks it if nobody has."""
        if self._portal is None:
            self._portal = self.background.call(lambda: self._connection.preflight(self.client, self.settings))
        return self._portal

    def discovered(self) -> Sequence[DiscoveredStream]:
        """All streams the portal offers, as discovered; with a catalog that takes requests of its own."""
        if self._discovered is None:
            portal, self._discovered = self.background.call(
                lambda: self._connection.discover(self.client, self.settings)
            )
            self._portal, self._probed = portal, True
        return self._discovered

    def _probe(self) -> None:
        portal = self.portal()
        if not self._probed:
            self.background.call(lambda: discovery_rest3.probe(self.client, portal))
        self._probed = True

    def _note_child_reads(self, rows: list[Row]) -> None:
        stream = self.streams.get(CHILD_READS.stream)
        if isinstance(stream, EntityStream):
            stream.write(rows)

    def discover_streams(self) -> list[EntityStream]:
        """All streams: from the catalog without a request, or as the portal describes them."""
        if self.input_catalog is not None:
            return [stream for entry in self.input_catalog.streams if (stream := self._catalogued(entry)) is not None]
        return [EntityStream(self, each.name, each.entity, each.columns, self._run) for each in self.discovered()]

    def _catalogued(self, entry: Any) -> EntityStream | None:
        entity = self._connection.entity(entry.tap_stream_id, self.portal)
        if entity is None:
            if entry.metadata.resolve_selection().get((), True):
                self._unknown[entry.tap_stream_id] = f"{entry.tap_stream_id}: this version knows no such stream"
            return None
        columns = columns_from_schema(entry.schema.to_dict())
        return EntityStream(self, entry.tap_stream_id, entity, columns, self._run)

    def sync_all(self) -> None:  # type: ignore[misc]  # final for type checkers; the stock loop reads one stream at a time and stops at a failure
        """Sync the selected streams side by side; a failing one does not stop the others.

        Raises:
            SettingsError: The portal does not let us in.
            StreamsFailedError: Some streams are not complete; names them.
        """
        self.portal()
        selected = [stream for stream in self.streams.values() if stream.selected]
        selected.sort(key=lambda stream: stream.name != CHILD_READS.stream)  # others bring its records
        self._failed = dict(self._unknown)
        try:
            if self.state:
                self.state_writer.write_state(self.state)
            self._read([stream for stream in selected if isinstance(stream, EntityStream)])
            self.state_writer.write_state(self.state)
        finally:
            self._flush()
        if failed := self._failed:
            told = "; ".join(failed.values())
            msg = f"{len(failed)} of {len(selected) + len(self._unknown)} streams failed: {', '.join(failed)} ({told})"
            raise StreamsFailedError(msg)

    def _read(self, streams: Sequence[EntityStream]) -> None:
        """Drive the engine: each stream is handed what was found for it, and is dropped when it ends or fails."""
        engine, own = self._run.scheduler, 0
        by_name = {stream.name: stream for stream in streams}
        began: dict[str, float] = {}
        for name, event in engine.run({name: stream.strategy() for name, stream in by_name.items()}):
            stream = by_name[name]
            try:
                if name not in began:
                    began[name] = time.monotonic()
                    stream.begin()
                stream.handle(event)
                over = isinstance(event, Ended)
            except Exception as error:
                LOG.debug("%s failed here", name, exc_info=True)
                self._failure(stream, error)
                over = True
            if over:
                requests = engine.drop(name)
                own += requests
                self._report(stream, requests, time.monotonic() - began[name])
        self._count(self.client.requests - own)

    def _failure(self, stream: EntityStream, error: Exception) -> None:
        """Note a stream's failure, unless it is the whole run's, or none.

        Raises:
            Exception: The error, if it is the whole run's.
        """
        if isinstance(error, (AccessError, SettingsError, ReaderGoneError)):
            raise error
        if isinstance(error, (AbortedSyncFailedException, AbortedSyncPausedException)):
            LOG.info("%s: %s", stream.name, error.__cause__ or "stopped early")
        elif isinstance(error, MissingMethodError) and not self._selected_explicitly(stream):
            LOG.warning("%s is left out: %s", stream.name, error)
        else:
            self._failed[stream.name] = self.redactor.clean(str(error) if isinstance(error, TapError) else repr(error))
            LOG.log(logging.ERROR, "%s failed: %s", stream.name, self._failed[stream.name])

    def _selected_explicitly(self, stream: EntityStream) -> bool:
        """Whether someone selected it: what this portal does not have is an error then, else it is left out."""
        return self.input_catalog is not None and bool(stream.metadata.root.selected)

    def _report(self, stream: EntityStream, requests: int, seconds: float) -> None:
        """One line for people, one metric for programs."""
        outcome = ", FAILED" if stream.name in self._failed else ""
        LOG.info("%s: %d rows, %d requests, %.1f s%s", stream.name, stream.rows_written, requests, seconds, outcome)
        self._count(requests, stream=stream.name)

    def _count(self, requests: int, **tags: str) -> None:
        """Tell requests of a stream; without a tag, those that served the run or many streams together."""
        metrics.log(self.metrics_logger, metrics.Point("counter", metrics.Metric.HTTP_REQUEST_COUNT, requests, tags))

    def run_connection_test(self) -> bool:  # type: ignore[misc]  # final, too: the stock test takes unselected streams
        """Read one record of every selected stream; what the portal does not have is told, and no failure.

        Raises:
            StreamsFailedError: Some streams can't be read; names them.
        """
        self.portal()
        self._failed = {}
        streams = [each for each in self.streams.values() if each.selected and isinstance(each, EntityStream)]
        for stream in streams:
            stream.ABORT_AT_RECORD_COUNT = 1
        self._read(streams)
        if self._failed:
            raise StreamsFailedError("; ".join(self._failed.values()))
        return True

    def count(self, last: Mapping[str, int]) -> dict[str, int | None]:
        """How many rows the portal counts: stream → rows up to that id; None where it does not count them.

        Args:
            last: Stream → the largest id to count.
        """
        streams = {name: stream for name, stream in self.streams.items() if isinstance(stream, EntityStream)}
        asked = {name: streams[name].count_requests(number) for name, number in last.items()}
        return self.background.call(lambda: count_rows(self.client, asked))

    def run_discovery(self) -> str:
        """Write the catalog to stdout."""
        text = self.catalog_json_text
        sys.stdout.write(f"{text}\n")
        return text

    def _flush(self) -> None:
        if isinstance(self.message_writer, SingerLines):
            self.message_writer.flush()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Leave at the next safe point with STATE written; a second signal leaves at once."""
        if self.background.interrupted:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self.background.interrupt(signum, frame)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code and prints one line for any failure."""
    try:
        code = TapBitrix24.cli.main(args=arguments, prog_name=TapBitrix24.name, standalone_mode=False)
    except TapError as error:
        if isinstance(error, ReaderGoneError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what stdout still holds must go somewhere at exit
        return _exit(str(error), error.exit_code)
    except Interrupted as signal_:
        return _exit(str(signal_), signal_.exit_code)
    except click.ClickException as error:
        return _exit(error.format_message(), SettingsError.exit_code)
    except click.Abort:
        return _exit("stopped by the keyboard before the first request", KEYBOARD)
    return code if isinstance(code, int) else 0


def _exit(text: str, code: int) -> int:
    sys.stderr.write(f"tap-bitrix24: {Redactor().clean(text)}\n")
    return code


def main() -> None:
    """Entry point of the console script `tap-bitrix24`."""
    sys.exit(run())


if __name__ == "__main__":
    main()
