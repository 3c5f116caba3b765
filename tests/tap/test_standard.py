"""The SDK's own standard tests, for every stream of the demo portal, and the commands every tap has."""

import atexit
import json
import subprocess
import sys
from collections import Counter
from typing import Any

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_bitrix24.entities import CHILD_SETS, ENTITIES, LIST_ELEMENTS, NEWER, SMART_PROCESS
from tap_bitrix24.tap import TapBitrix24
from tests.tap.running import Portal, Tap, only


def _portal() -> dict[str, Any]:
    """Start a portal for as long as this process lives: the SDK discovers streams when this module is imported.

    A process rather than a thread, because Python waits for threads before it calls what `atexit` knows.
    """
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", "300", "--no-limits"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def end() -> None:
        process.terminate()
        process.communicate(timeout=20)

    atexit.register(end)
    assert process.stdout is not None
    config: dict[str, Any] = json.loads(process.stdout.readline())
    return {**config, "plan": "enterprise"}


def _streams(catalog: dict[str, Any]) -> list[str]:
    return [entry["tap_stream_id"] for entry in catalog["streams"]]


def _everything(config: dict[str, Any]) -> dict[str, Any]:
    """The portal's catalog with all streams selected, but for child_reads: its rows come while others are read."""
    tap = TapBitrix24(config=config)
    catalog = tap.catalog_dict
    tap.client.close()
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] != CHILD_SETS.stream]
    return only(catalog, *_streams(catalog))


CONFIG = _portal()
TestStandard = get_tap_test_class(
    TapBitrix24, config=CONFIG, catalog=_everything(CONFIG), suite_config=SuiteConfig(max_records_limit=200)
)


def test_standard_tests_cover_every_stream() -> None:
    covered = {param.id for name, params in TestStandard.params.items() for param in params if "stream" in name}
    for entity in ENTITIES:
        known = entity is CHILD_SETS or any(name.startswith(entity.stream) for name in covered)
        assert known, f"{entity.stream} is not among {covered}"


def test_discover_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    catalog = run_tap.discover(portal.config())
    smart = [f"{SMART_PROCESS}{row['entityTypeId']}" for row in portal.truth("types")]
    lists = [f"{LIST_ELEMENTS}{row['ID']}" for row in portal.truth("universal_lists")]
    wanted = {entity.stream for entity in (*ENTITIES, *NEWER) if entity.members is None} | set(smart) | set(lists)
    assert set(_streams(catalog)) == wanted
    assert len(wanted) >= 200
    for entry in catalog["streams"]:
        assert entry["key_properties"], entry["tap_stream_id"]
        assert set(entry["key_properties"]) <= entry["schema"]["properties"].keys()


def test_test_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    run = run_tap(portal.config(), "--test").succeeded()
    records = Counter(message["stream"] for message in run.of_type("RECORD"))
    del records["child_reads"]
    assert set(records.values()) == {1}, "a connection test takes one record of each stream"
    assert records.keys() == run.schemas.keys() - {"child_reads"}
    assert run.schemas.keys() >= {entity.stream for entity in ENTITIES if entity.default and entity.members is None}
