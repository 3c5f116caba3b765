"""A tap for deals as a user of the Singer SDK writes it: a REST stream, pages by `start`, types of `crm.deal.fields`.

Usage: python -m tests.benchmarks.peers.tap_sdk_default --config CONFIG_WITH_WEBHOOK_URL
Nothing is tuned: the SDK's requests, paginator, type conformance and writer. It is what an extract costs by default.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th

TYPES: Mapping[str, tuple[type[th.JSONTypeHelper[Any]], Callable[[str], Any]]] = {
    "integer": (th.IntegerType, int),
    "user": (th.IntegerType, int),
    "crm_company": (th.IntegerType, int),
    "crm_contact": (th.IntegerType, int),
    "crm_lead": (th.IntegerType, int),
    "crm_quote": (th.IntegerType, int),
    "double": (th.NumberType, float),
    "char": (th.BooleanType, "Y".__eq__),
    "boolean": (th.BooleanType, lambda value: value in {"1", "Y"}),
    "datetime": (th.DateTimeType, str),
    "date": (th.DateType, lambda value: datetime.fromisoformat(value).date().isoformat()),
}
OTHER = (th.StringType, str)
"""Texts, codes, money, enumerations, links."""


class Deals(RESTStream[int]):
    """All deals."""

    name = "deals"
    path = "crm.deal.list"
    primary_keys = ("ID",)
    records_jsonpath = "$.result[*]"
    next_page_token_jsonpath = "$.next"

    @property
    def url_base(self) -> str:
        return str(self.config["webhook_url"])

    @cached_property
    def portal_fields(self) -> dict[str, Any]:
        answer = requests.get(f"{self.url_base}crm.deal.fields", timeout=60)
        fields: dict[str, Any] = answer.json()["result"]
        return fields

    @cached_property
    def schema(self) -> dict[str, Any]:
        properties = th.PropertiesList()
        for name, field in self.portal_fields.items():
            kind = TYPES.get(field["type"], OTHER)[0]
            properties.append(th.Property(name, th.ArrayType(th.StringType) if field["isMultiple"] else kind()))
        return properties.to_dict()

    @cached_property
    def converters(self) -> dict[str, Callable[[Any], Any]]:
        return {
            name: (lambda value: [str(each) for each in value])
            if field["isMultiple"]
            else TYPES.get(field["type"], OTHER)[1]
            for name, field in self.portal_fields.items()
        }

    def get_url_params(self, _context: Any, next_page_token: int | None) -> dict[str, Any]:
        return {"select[]": ["*", "UF_*"], "order[ID]": "ASC", "start": next_page_token or 0}

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        del context
        return {
            name: None if value in (None, "", False, []) else self.converters[name](value)
            for name, value in row.items()
        }


class TapDefault(Tap):
    """The whole tap."""

    name = "tap-default"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("webhook_url", th.StringType, required=True)
    ).to_dict()

    def discover_streams(self) -> Iterable[Deals]:  # type: ignore[override]  # the SDK says Sequence
        return [Deals(self)]


if __name__ == "__main__":
    TapDefault.cli()
