"""The SDK's own standard tests, for a dozen streams of the demo portal, and the commands every tap has.

The SDK's attribute tests are left out, because they check nothing (singer-sdk 0.54.9). It makes one object of each
kind for all attributes of all streams, and that object caches the first attribute's values
(`AttributeTestTemplate.non_null_attribute_values`): `is_datetime`, `is_boolean`, `is_object`, `is_integer` and
`is_numeric` judge one column each, however many tests are counted. Without the cache, `is_object` fails for lists in
columns of type object or array. Nor does the SDK's test of primary keys find a duplicate: it compares generators, which
always differ. The values of all columns and the keys of all streams are therefore checked by tests of our own, in
`test_types.py`; the SDK's suite runs on streams that stand for the others.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_bitrix24.demo import serve
from tap_bitrix24.entities import ENTITIES, LIST_ELEMENTS, REST_V3_ENTITIES, SMART_PROCESS
from tap_bitrix24.entities.entity import Callers
from tap_bitrix24.tap import TapBitrix24
from tests.support.running import Portal, Tap, only

STREAMS = (
    "deals",  # a classic method, by id and by date windows
    "smart_process_156",  # the universal method
    "crm_statuses",  # one page
    "crm_product_rows",  # children of parents with a replication key
    "tasks",  # names in rows and in requests differ
    "task_comments",  # children read parent by parent
    "users",  # read whole in every run
    "list_elements_32",  # a universal list, with properties
    "products",  # one list per catalog
    "disk_folder_children",  # children of children
    "crm_enum_owner_types",  # a dictionary
    "hr_structure_nodes",  # REST 3.0
)
"""One stream for each kind of list."""


def _catalog() -> dict[str, Any]:
    """Return a catalog of these streams only; the SDK makes its tests while this module is imported."""
    with serve(port=0, scale=10, seed=1, no_limits=True) as running:
        tap = TapBitrix24(config={"webhook_url": running.url, "plan": "enterprise"})
        catalog = tap.catalog_dict
        tap.client.close()
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in STREAMS]
    return only(catalog, *STREAMS)


CONFIG = {"webhook_url": "http://127.0.0.1:1/rest/1/unknown/", "plan": "enterprise"}
"""Settings of the SDK's taps; the portal's URL is filled in before the first of them reads anything."""
TestStandard = get_tap_test_class(
    TapBitrix24,
    config=CONFIG,
    catalog=_catalog(),
    suite_config=SuiteConfig(max_records_limit=200),
    include_stream_attribute_tests=False,
)


@pytest.fixture(scope="module", autouse=True)
def _standard_tests_read_the_portal(portal: Portal) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CONFIG, "webhook_url", portal.url)
        yield


def test_standard_tests_cover_the_chosen_streams() -> None:
    covered = {name: {param.id for param in params} for name, params in TestStandard.params.items()}
    assert len(covered) == 6
    assert all(streams == set(STREAMS) for streams in covered.values())


def test_discover_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    catalog = run_tap.discover(portal.config())
    smart = [f"{SMART_PROCESS}{row['entityTypeId']}" for row in portal.truth("types")]
    lists = [f"{LIST_ELEMENTS}{row['ID']}" for row in portal.truth("universal_lists")]
    expected = (
        {
            entity.stream
            for entity in (*ENTITIES, *REST_V3_ENTITIES)
            if entity.template is None and entity.quirks.callers is not Callers.APPLICATIONS
        }
        | set(smart)
        | set(lists)
    )
    assert {entry["tap_stream_id"] for entry in catalog["streams"]} == expected
    assert len(expected) >= 200
    for entry in catalog["streams"]:
        assert entry["key_properties"], entry["tap_stream_id"]
        assert set(entry["key_properties"]) <= entry["schema"]["properties"].keys()


def test_test_through_the_console_script(portal: Portal, run_tap: Tap) -> None:
    run = run_tap(portal.config(), "--test").succeeded()
    records = Counter(message["stream"] for message in run.of_type("RECORD"))
    del records["child_reads"]
    assert set(records.values()) == {1}, "a connection test takes one record of each stream"
    assert records.keys() == run.schemas.keys() - {"child_reads"}
    assert run.schemas.keys() >= {
        entity.stream for entity in ENTITIES if entity.selected_by_default and entity.template is None
    }
