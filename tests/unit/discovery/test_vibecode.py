"""Discovery of VibeCode with a client that answers by itself: which lists are offered for what a key names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tap_bitrix24.auth.credentials import Webhook
from tap_bitrix24.client import Client
from tap_bitrix24.connections import REST
from tap_bitrix24.discovery.vibecode import discover, preflight
from tap_bitrix24.errors import PortalError, UntrustedError
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.settings import check
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter

TYPES = [{"entityTypeId": 156, "title": "A"}, {"entityTypeId": 177, "title": "B"}]
SETTINGS = check({"vibecode_api_key": "vibe_api_x"})


class Service(Client):
    """The service, for a key that names these lists."""

    def __init__(self, entities: Mapping[str, str], *types: Any) -> None:
        credentials = Webhook("https://example.com/v1/", "s", "https://example.com")
        super().__init__(credentials, RateLimiter(TARIFFS["standard"]), REST.dialects)
        self._entities = entities
        self._types = list(types or [TYPES])

    def call(self, command: Command) -> Result:
        """Answer what the key opens, or the types of smart processes: each answer once, the last one for ever."""
        if command.method == "/me":
            return Result({"data": {"type": "personal", "api": {"entityApi": {"entities": self._entities}}}})
        assert command.method == "/smart-processes"
        return Result({"data": self._types.pop(0) if len(self._types) > 1 else self._types[0]})

    def batch_with_retries(
        self, commands: Sequence[Command], check: Callable[[int, Result], object] | None = None
    ) -> list[Result | PortalError]:
        """Describe each list alike."""
        assert check is None or callable(check)
        return [Result({"data": {"fields": {"id": {"type": "number"}}}}) for _ in commands]


def offered(entities: Mapping[str, str], *types: Any) -> list[str]:
    """Return the names of the streams a key is offered."""
    return [stream.name for stream in discover(Service(entities, *types), SETTINGS)[1].streams]


@pytest.mark.parametrize("name", ["smart-processes", "items"])
def test_smart_processes_are_offered_whichever_of_their_lists_a_key_names(name: str) -> None:
    assert {"smart_process_156", "smart_process_177"} <= set(offered({name: f"/v1/{name}"}))


def test_without_either_of_them_there_are_none() -> None:
    assert not [name for name in offered({"deals": "/v1/deals"}) if name.startswith("smart_process_")]


@pytest.mark.parametrize(
    ("entities", "stream"),
    [
        ({"posts": "/v1/posts"}, "feed_posts"),
        ({"workflows": "/v1/workflows"}, "bizproc_workflow_instances"),
        ({"warehouses": "/v1/warehouses"}, "stores"),
        ({"news": "/v1/posts"}, "feed_posts"),
        ({"product-rows": "/v1/deals/{id}/products"}, "crm_product_rows"),
    ],
)
def test_a_list_the_tap_reads_is_not_offered_twice(entities: dict[str, str], stream: str) -> None:
    names = offered(entities)
    assert stream in names
    assert not {name.replace("-", "_") for name in entities} & set(names)


def test_a_list_the_tap_does_not_know_is_offered() -> None:
    assert "store_documents" in offered({"store-documents": "/v1/store-documents"})


def test_one_empty_answer_does_not_mean_that_there_are_no_smart_processes() -> None:
    service = Service({"items": "/v1/items"}, [], TYPES)
    assert preflight(service, SETTINGS).smart_processes == {156: "A", 177: "B"}
    assert preflight(Service({"items": "/v1/items"}, []), SETTINGS).smart_processes == {}


@pytest.mark.parametrize("data", [None, False, ""])
def test_an_answer_without_a_list_of_smart_processes_is_not_trusted(data: Any) -> None:
    portal = preflight(Service({"items": "/v1/items"}, data), SETTINGS)
    with pytest.raises(UntrustedError):
        list(portal.smart_processes)
