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
from typing import IO, Any, ClassVar, cast

import click
from singer_sdk import Tap, metrics
from singer_sdk.about import AboutInfo
from singer_sdk.exceptions import AbortedSyncFailedException, AbortedSyncPausedException
from singer_sdk.helpers.capabilities import CapabilitiesEnum

from tap_bitrix24.auth.oauth import OAuth
from tap_bitrix24.client import Client
from tap_bitrix24.connections import CONNECTION_HELP, CONNECTIONS, fingerprint_of
from tap_bitrix24.discovery import rest_v3
from tap_bitrix24.discovery.discovered import Discovery
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
from tap_bitrix24.fingerprint import STATE_KEY, PortalFingerprint
from tap_bitrix24.input_files import check_portal, check_state, read_catalog, read_object, read_state
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.pipes import write_to_stdout
from tap_bitrix24.redaction import Redactor
from tap_bitrix24.replication.plan import missing_columns
from tap_bitrix24.scheduler.background import BackgroundCalls
from tap_bitrix24.scheduler.loop import Ended, Scheduler
from tap_bitrix24.schema.columns import columns_from_schema
from tap_bitrix24.settings import CONFIG_JSONSCHEMA, check
from tap_bitrix24.singer_output import SingerLines
from tap_bitrix24.streams import EntityStream, RunContext
from tap_bitrix24.throttling.rate_limit import RateLimiter, shared_folder

LOG = logging.getLogger("tap-bitrix24")
KEYBOARD_INTERRUPT = 128 + signal.SIGINT
"""Exit code after Ctrl-C before the first request: until then click handles the signal."""


class TapBitrix24(Tap):
    """Singer tap for Bitrix24: every row of a portal, typed, through any of four connections."""

    name = "tap-bitrix24"
    package_name = "tap-bitrix24"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    dynamic_catalog = True
    message_writer_class = SingerLines
    capabilities: ClassVar[list[CapabilitiesEnum]] = [item for item in Tap.capabilities if item.value != "batch"]
    """No BATCH: the SDK's implementation writes deselected fields and skips stream maps."""

    def __init__(self, *, setup_mapper: bool = True, validate_config: bool = True, **parts: Any) -> None:
        """Check the settings, and prepare the client and the scheduler; sends a request only for the mapper.

        Args:
            setup_mapper: As in the SDK; building the mapper discovers the streams.
            validate_config: Ignored: settings are always checked, and only by `settings.check`, whose messages
                never contain a secret.
            parts: Other arguments of the SDK's constructor: config, catalog, state, parse_env_config …

        Raises:
            SettingsError: A setting is wrong.
        """
        del validate_config
        self.background = BackgroundCalls()
        self._portal: PortalInfo | None = None
        self._discovery: Discovery | None = None
        self._rest_v3_probed = False
        self._unreadable_streams: dict[str, str] = {}
        """Stream the catalog selects, but this version does not have, or that cannot be described → message."""
        self._failures: dict[str, str] = {}
        """Stream → why it is not complete."""
        plan_is_set = self._is_set("plan", parts)
        super().__init__(setup_mapper=False, validate_config=False, **parts)
        self.settings = check(self.config, plan_is_set=plan_is_set)
        self.redactor = Redactor(self.settings.secrets)
        self.redactor.guard()
        self._connection = CONNECTIONS[self.settings.connection]
        max_concurrency = min(filter(None, (self._connection.max_concurrency, self.settings.max_concurrency)))
        self.client = self._new_client(max_concurrency)
        self._run = RunContext(
            settings=self.settings,
            scheduler=Scheduler(self.client, self.background, slots=max_concurrency),
            portal=self.portal,
            fingerprint=self.fingerprint,
            discovered=lambda: self.discovery().complete(),
            probe_rest_v3=self._probe_rest_v3,
            note_child_reads=self._write_child_reads,
        )
        if setup_mapper:
            self.setup_mapper()

    def _new_client(self, max_concurrency: int) -> Client:
        """Return the client of the run; an OAuth application renews its tokens through it."""
        settings, credentials = self.settings, self.settings.credentials
        client = Client(
            credentials,
            RateLimiter(settings.tariff, credentials.host, shared_folder(), fixed=settings.tariff_fixed),
            self._connection.dialects,
            timeout=settings.request_timeout,
            connections=max_concurrency,
            verify=settings.verify,
        )
        if isinstance(credentials, OAuth):
            credentials.post, credentials.learnt = client.post_form, self.redactor.learn
        return client

    @classmethod
    def _is_set(cls, name: str, parts: Mapping[str, Any]) -> bool:
        """Return whether the constructor's arguments set a setting; afterwards the SDK has filled in defaults."""
        config = parts.get("config")
        if isinstance(config, Mapping) and config.get(name) in (None, ""):
            return bool(parts.get("parse_env_config")) and bool(cls._env_var_config.get(name))
        return config is not None

    @classmethod
    def _get_about_info(cls) -> AboutInfo:
        """Return the SDK's information about the tap, with its connections added."""
        lines = (f"  - {name}: {names.replace('`', '')}; {in_portal}" for name, names, in_portal in CONNECTION_HELP)
        about = super()._get_about_info()
        description = "\n".join([about.description or "", "Connections, one of which must be configured:", *lines])
        return replace(about, description=description)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Return the settings of all `--config` files; a later one overrides, ENV means environment variables."""
        settings = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":
                settings.config.update(read_object(f"--config {path}", Path(path).read_bytes))
        return settings

    @classmethod
    def invoke(cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any) -> None:
        """Run the tap after its files have been checked; they are read only once, because they may be pipes."""
        if state is not None:
            options["state"] = io.StringIO(json.dumps(read_state(f"--state {state.name}", state.read)))
        if catalog is not None:
            options["catalog"] = io.StringIO(json.dumps(read_catalog(f"--catalog {catalog.name}", catalog.read)))
        super().invoke(**options)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take STATE over, and what it holds beside bookmarks, which the SDK drops.

        Raises:
            SettingsError: It is not as the tap writes it.
        """
        content = check_state(state)
        super().load_state(content)
        self._state_object.update({key: value for key, value in content.items() if key != "bookmarks"})

    @property
    def _state_object(self) -> dict[str, Any]:
        """STATE, whose type in the SDK knows bookmarks only."""
        return cast("dict[str, Any]", self.state)

    def portal(self) -> PortalInfo:
        """Return what the run's first request says of the portal; sends it if that has not happened."""
        if self._portal is None:
            self._portal = self.background.call(lambda: self._connection.preflight(self.client, self.settings))
        return self._portal

    def discovery(self) -> Discovery:
        """Return what the portal offers; finds it out if that has not happened, even with a catalog."""
        if self._discovery is None:
            self._portal, self._discovery = self.background.call(
                lambda: self._connection.discover(self.client, self.settings)
            )
            self._rest_v3_probed = True
        return self._discovery

    def fingerprint(self) -> PortalFingerprint:
        """Return the fingerprint of the portal, by what the run's first answer says of it."""
        return fingerprint_of(self.portal(), self.client, self.settings)

    def _probe_rest_v3(self) -> None:
        portal = self.portal()
        if not self._rest_v3_probed:
            unknown = self.background.call(lambda: rest_v3.probe(self.client, portal))
            if unknown is not None:
                LOG.warning("REST 3.0 skipped, its rows are read by classic REST: %s", unknown)
        self._rest_v3_probed = True

    def _write_child_reads(self, rows: list[Row]) -> None:
        stream = self.streams.get(CHILD_READS.stream)
        if isinstance(stream, EntityStream):
            stream.write(rows)

    def discover_streams(self) -> list[EntityStream]:
        """Return all streams: those of the catalog, without a request, or those the portal describes."""
        if self.input_catalog is not None:
            return [stream for entry in self.input_catalog.streams if (stream := self._from_catalog(entry)) is not None]
        discovery = self.discovery()
        for each in discovery.undescribed:
            if each.selected_by_default:
                self._unreadable_streams[each.name] = self.redactor.clean(f"{each.name}: {each.error}")
        return [EntityStream(self, item.name, item.entity, item.columns, self._run) for item in discovery.streams]

    def _from_catalog(self, entry: Any) -> EntityStream | None:
        """Return the stream of a catalog's entry; None if there is none, which is noted if it is selected."""
        name = entry.tap_stream_id
        entity = self._connection.entity(name, self.portal)
        columns = columns_from_schema(entry.schema.to_dict())
        if entity is None:
            problem = "this version has no such stream"
        elif missing := missing_columns(entity, columns):
            problem = f"the catalog lacks {', '.join(missing)}: run --discover again"
        else:
            return EntityStream(self, name, entity, columns, self._run)
        if entry.metadata.resolve_selection().get((), True):
            self._unreadable_streams[name] = f"{name}: {problem}"
        return None

    def sync_all(self) -> None:  # type: ignore[misc]  # final for type checkers; the stock loop reads one stream at a time and stops at a failure
        """Sync the selected streams side by side; a failing one does not stop the others.

        Raises:
            SettingsError: The portal refuses the credentials.
            StreamsFailedError: Some streams are not complete; the text names them.
        """
        self.portal()
        selected = [stream for stream in self.streams.values() if stream.selected]
        selected.sort(key=lambda stream: stream.name != CHILD_READS.stream)  # its rows come while others are read
        self._failures = dict(self._unreadable_streams)
        try:
            self._begin_state()
            self._read([stream for stream in selected if isinstance(stream, EntityStream)])
            self.state_writer.write_state(self.state)
        finally:
            self._flush()
        if self._failures:
            total, names = len(selected) + len(self._unreadable_streams), ", ".join(self._failures)
            reasons = "; ".join(self._failures.values())
            msg = f"{len(self._failures)} of {total} streams failed: {names} ({reasons})"
            raise StreamsFailedError(msg)

    def _begin_state(self) -> None:
        """Write the STATE carried over as it came: if a loader refuses the portal, it stays like that.

        Raises:
            SettingsError: STATE belongs to another portal.
        """
        state, fingerprint = self._state_object, self.fingerprint()
        check_portal(state, fingerprint)
        if state:
            self.state_writer.write_state(self.state)
        state.setdefault("bookmarks", {})
        state[STATE_KEY] = fingerprint.updated(state.get(STATE_KEY, {}))

    def _read(self, streams: Sequence[EntityStream]) -> None:
        """Run the scheduler, pass each event to its stream, and drop streams that have ended or failed."""
        scheduler, requests_of_streams = self._run.scheduler, 0
        by_name = {stream.name: stream for stream in streams}
        started: dict[str, float] = {}
        for name, event in scheduler.run({name: stream.strategy() for name, stream in by_name.items()}):
            stream, finished = by_name[name], isinstance(event, Ended)
            try:
                if name not in started:
                    started[name] = time.monotonic()
                    stream.begin()
                stream.handle(event)
            except Exception as error:
                LOG.debug("%s failed here", name, exc_info=True)
                self._record_failure(stream, error)
                finished = True
            if finished:
                requests = scheduler.drop(name)
                requests_of_streams += requests
                self._report(stream, requests, time.monotonic() - started[name])
        self._report_requests(self.client.requests - requests_of_streams)

    def _record_failure(self, stream: EntityStream, error: Exception) -> None:
        """Record why a stream is not complete, or log why it is skipped: what has delivered a row is not missing.

        Raises:
            Exception: The error, if it fails the whole run.
        """
        if isinstance(error, (AccessError, SettingsError, ReaderGoneError)):
            raise error
        if isinstance(error, (AbortedSyncFailedException, AbortedSyncPausedException)):
            LOG.info("%s: %s", stream.name, error.__cause__ or "stopped early")
        elif isinstance(error, MissingMethodError) and not (
            stream.vanished(error) or self._selected_explicitly(stream)
        ):
            LOG.warning("%s skipped: %s", stream.name, error)
        else:
            text = self.redactor.clean(str(error) if isinstance(error, TapError) else repr(error))
            self._failures[stream.name] = text
            LOG.log(logging.ERROR, "%s failed: %s", stream.name, text)

    def _selected_explicitly(self, stream: EntityStream) -> bool:
        """Return whether a catalog selects the stream: if the portal lacks it, it fails; otherwise it is skipped."""
        return self.input_catalog is not None and bool(stream.metadata.root.selected)

    def _report(self, stream: EntityStream, requests: int, seconds: float) -> None:
        """Log a line for people, and a metric for programs."""
        outcome = ", FAILED" if stream.name in self._failures else ""
        LOG.info("%s: %d rows, %d requests, %.1f s%s", stream.name, stream.rows_written, requests, seconds, outcome)
        self._report_requests(requests, stream=stream.name)

    def _report_requests(self, requests: int, **tags: str) -> None:
        """Log the number of requests for one stream; without a tag, of those for the run or for several streams."""
        metrics.log(self.metrics_logger, metrics.Point("counter", metrics.Metric.HTTP_REQUEST_COUNT, requests, tags))

    def run_connection_test(self) -> bool:  # type: ignore[misc]  # final, too: the stock test takes unselected streams
        """Read one record of every selected stream; return True. Streams the portal lacks are skipped with a warning.

        Raises:
            StreamsFailedError: Some streams cannot be read; the text names them.
        """
        self.portal()
        self._failures = {}
        streams = [item for item in self.streams.values() if item.selected and isinstance(item, EntityStream)]
        for stream in streams:
            stream.ABORT_AT_RECORD_COUNT = 1
        self._read(streams)
        if self._failures:
            raise StreamsFailedError("; ".join(self._failures.values()))
        return True

    def run_discovery(self) -> str:
        """Write the catalog to stdout; return it.

        Raises:
            StreamsFailedError: It lacks streams that the portal may have; the text names them.
        """
        text = self.catalog_json_text
        write_to_stdout(f"{text}\n".encode())
        if missing := self.discovery().undescribed:
            reasons = "; ".join(f"{each.name} ({each.error})" for each in missing)
            msg = f"the catalog is not complete, because the portal did not describe {reasons}"
            raise StreamsFailedError(msg)
        return text

    def _flush(self) -> None:
        if isinstance(self.message_writer, SingerLines):
            self.message_writer.flush()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop at the next safe point, after STATE was written; on a second signal, stop at once."""
        if self.background.interrupted:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self.background.interrupt(signum, frame)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; print one line for any failure.

    Exit codes: 0 everything is complete; 1 some streams are not; 2 settings or credentials; 130, 143 after SIGINT and
    SIGTERM (docs/decisions.md#decision-19).
    """
    try:
        code = TapBitrix24.cli.main(args=arguments, prog_name=TapBitrix24.name, standalone_mode=False)
    except TapError as error:
        if isinstance(error, ReaderGoneError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes stdout at exit
        return _fail(str(error), error.exit_code)
    except Interrupted as interrupted:
        return _fail(str(interrupted), interrupted.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), SettingsError.exit_code)
    except click.Abort:
        return _fail("stopped by the keyboard before the first request", KEYBOARD_INTERRUPT)
    return code if isinstance(code, int) else 0


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"tap-bitrix24: {Redactor().clean(text)}\n")
    return code


def main() -> None:
    """Entry point of the console script `tap-bitrix24`."""
    sys.exit(run())


if __name__ == "__main__":
    main()
