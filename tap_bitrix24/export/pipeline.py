"""The export from discovery to report; imports the extra `duckdb`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tap_bitrix24.errors import SettingsError, StreamsFailedError, TapError
from tap_bitrix24.export.console import Report
from tap_bitrix24.export.demo_portal import REST_CONNECTIONS
from tap_bitrix24.export.selection import discover, stream_metadata
from tap_bitrix24.export.tap_process import run_tap
from tap_bitrix24.export.verification import StreamResult, newest_before_run, verify
from tap_bitrix24.fingerprint import portal_fingerprint
from tap_bitrix24.target_duckdb.labelled_views import LABEL_STREAMS, create_labelled_views
from tap_bitrix24.target_duckdb.loader import Loader

_DEMO = portal_fingerprint("demo-portal")
"""The demo portal is the same on every run, whatever its port."""


def export(config: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Extract and load; return the exit code of the tap.

    Raises:
        TapError: A setting is invalid, portal or file cannot be used, or `--verify` found missing or wrong rows.
        Interrupted: A signal arrived; what the tap had written until then is in the file.
    """
    if "client_id" in config and not config.get("token_file"):
        msg = "with OAuth, set token_file: bitrix24-export signs in more than once, and must keep the renewed tokens."
        raise SettingsError(msg)
    began = time.monotonic()
    config = {**config, "start_date": options.since} if options.since else config
    streams = [name.strip() for name in (options.select or "").split(",") if name.strip()]
    report = Report()
    catalog, discovery_requests = discover(config, streams, LABEL_STREAMS if options.labels else ())
    newest = newest_before_run(config, catalog) if options.verify else None
    selected = sum(stream_metadata(stream).get("selected") is not False for stream in catalog["streams"])
    with Loader(options.database, schema=options.schema, portal=_DEMO if options.demo else None) as loader:
        with report.progress(selected) as show:
            code, log = run_tap(config, catalog, loader, show)
        loader.finish()
    report.warnings(log.warnings)
    report.table(
        loader.rows_loaded,
        log.seconds,
        log.requests,
        total_seconds=time.monotonic() - began,
        total_requests=discovery_requests + sum(log.requests.values()),
    )
    if options.labels:
        report.views(create_labelled_views(options.database, schema=options.schema))
    if code:
        sys.stderr.write(f"{log.last_line or f'the tap ended with exit code {code}'}\n")
    if newest is not None and log.complete and code in (0, StreamsFailedError.exit_code):
        results = verify(config, catalog, newest, log.complete, options)
        report.verification(results)
        _check(results)
    if not code and options.demo in REST_CONNECTIONS and not streams:
        report.examples(options.database, options.schema)
    return code


def _check(results: Sequence[StreamResult]) -> None:
    """Check that nothing is missing or wrong.

    Raises:
        TapError: Something is; the text names the streams.
    """
    if failed := [each.stream for each in results if each.failed]:
        msg = f"--verify: rows are missing or wrong in {', '.join(failed)}; run again, or load into a new file"
        raise TapError(msg)
