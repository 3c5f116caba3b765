"""The SDK's own standard tests, for every stream of the demo portal, and the commands every tap has."""

import atexit
import json
import subprocess
import sys
from collections import Counter
from typing import Any

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_bitrix24.entities import ENTITIES, SMART_PROCESS, SMART_PROCESSES
from tap_bitrix24.tap import TapBitrix24
from tests.tap.running import Portal, Tap


def _portal() -> dict[str, Any]:
    """Start a portal for as long as this process lives: the SDK discovers streams when this module is imported.

    A process rather than a thread, because Python waits for threads before it calls what `atexit` knows.
    """
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", "120", "--no-limits"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def end() -> None:
        process.terminate()
        process.communicate(timeout=20)

    atexit.register(end)
    assert process.stdout is not None
    config: dict[str, Any] = json.loads(process.stdout.readline())
    return config


TestStandard = get_tap_test_class(TapBitrix24, config=_portal(), suite_config=SuiteConfig(max_records_limit=200))


def _streams(catalog: dict[str, Any]) -> list[str]:
    return [entry["tap_stream_id"] for entry in catalog["streams"]]


def test_standard_tests_cover_every_stream() -> None:
    covered = {param.id for name, params in TestStandard.params.items() for param in params if "stream" in name}
    for entity in ENTITIES:
        named = SMART_PROCESS if entity is SMART_PROCESSES else entity.stream
        assert any(number.startswith(named) for number in covered), f"{entity.stream} is not among {covered}"


def test_discover_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    catalog = run_tap.discover(portal.config())
    smart = [f"{SMART_PROCESS}{row['entityTypeId']}" for row in portal.truth("types")]
    wanted = {entity.stream for entity in ENTITIES if entity is not SMART_PROCESSES} | set(smart)
    assert set(_streams(catalog)) == wanted
    assert len(wanted) == 17
    for entry in catalog["streams"]:
        assert entry["key_properties"], entry["tap_stream_id"]
        assert set(entry["key_properties"]) <= entry["schema"]["properties"].keys()


def test_test_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    run = run_tap(portal.config(), "--test").succeeded()
    records = Counter(message["stream"] for message in run.of_type("RECORD"))
    assert set(records.values()) == {1}, "a connection test takes one record of each stream"
    assert len(records) == 17
