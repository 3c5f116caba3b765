"""How rows of the table are written: presets for lists of one kind, and the scope that opens them.

A row is `crm.stream("currencies", unpaged_list("crm.currency.list", key="CURRENCY"))`: what is not said follows the
conventions below. The columns of a stream stand in a data file beside the module (`known_columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from tap_bitrix24.dialects.pagination import PaginationObject, SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.entities.entity import (
    Callers,
    Entity,
    FieldMethods,
    Parent,
    Quirks,
    Select,
    StreamTemplate,
    Universal,
)
from tap_bitrix24.entities.known_columns import KnownColumns
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.model.endpoint import REST_V3, Endpoint, Pagination, ReplicationKey, ResponseShape, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

DAY = 24 * 3600
ALL_TIMEZONES = 26 * 3600
"""Controllers may read date bounds in the user's time zone instead of the given one: 26 hours span all zones."""
SINGLE_PAGE = SinglePage()
"""All rows in one answer."""
UNORDERED = StartParameter(order=None)
"""Pages by `start`, without a parameter for the order."""
FILTER_ORDER = StartParameter("FILTER", "ORDER")
"""Pages by `start`, parameters in capitals."""
FILTER_SORT_ORDER = StartParameter("FILTER", ("SORT", "ORDER"))
"""Pages by `start`; the id to order by and the direction are parameters of their own."""
ALL_FIELDS = Select(all_fields=True)
ALL_COLUMNS = Select(names=("*",))


@dataclass(frozen=True, slots=True)
class ListMethods:
    """A list method with the methods that describe its fields."""

    endpoint: Endpoint
    fields: FieldMethods
    timezone_margin: int = 0
    """Seconds the bounds of a replication key given by its name are widened by."""


class ListFacts(TypedDict, total=False):
    """What may differ between list methods of one kind."""

    request_key: str
    """The id's name in filters and order, if rows call it otherwise."""
    paging: Pagination
    """How pages are requested; by default with `start`, of REST 3.0 with an object."""
    shape: ResponseShape
    """How the answer holds the rows; by default as a list."""
    page_size: int
    select_param: str
    """Parameter that takes names of columns; by default `select`, if the stream selects any."""
    required_select: Sequence[str]
    reliable_total: bool
    fields: str
    """The method that describes the fields."""
    fields_params: Mapping[str, Any]
    fields_variants: Callable[[PortalInfo], Sequence[Mapping[str, Any]]]
    parse_fields: Callable[[Any], list[Field]]
    user_fields: str
    """A second method that describes user fields."""


class StreamFacts(TypedDict, total=False):
    """What a stream may say besides its name and its list."""

    primary_key: Sequence[str]
    """By default the list's key."""
    columns: KnownColumns
    """By default the stream's table in the data file."""
    select: Select
    replication_key: str | ReplicationKey
    """A string is the name of a date-time that rows and filters share."""
    variants: Callable[[PortalInfo], Sequence[ListVariant]]
    template: StreamTemplate
    parents: Parent | Sequence[Parent] | Callable[[PortalInfo], Sequence[Parent]]
    """As a function, if they depend on what the portal has."""
    universal: Universal
    rest_v3: Entity
    reshape: Callable[[Row], Row]
    absent_codes: frozenset[str]
    complete: bool
    callers: Callers
    """By default anyone."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Makes rows of the table for lists that a scope opens."""

    names: Sequence[str]
    """Any one of these scopes will do."""
    columns: Mapping[str, KnownColumns]
    """Stream → what is known of its columns."""

    def stream(self, name: str, methods: ListMethods, **facts: Unpack[StreamFacts]) -> Entity:
        """A stream that is read if it is selected."""
        return self._entity(name, methods, facts, default=False)

    def default_stream(self, name: str, methods: ListMethods, **facts: Unpack[StreamFacts]) -> Entity:
        """A stream that is read, too, where neither catalog nor settings select any."""
        return self._entity(name, methods, facts, default=True)

    def _entity(self, name: str, methods: ListMethods, facts: StreamFacts, *, default: bool) -> Entity:
        """Return the row: its list, what the stream says, and the conventions for the rest."""
        key, select = facts.get("replication_key"), facts.get("select")
        endpoint = methods.endpoint
        if select is not None and not endpoint.select_param:
            endpoint = replace(endpoint, select_param="select")
        if isinstance(key, str):
            key = ReplicationKey(key, key, timezone_margin=methods.timezone_margin)
        return Entity(
            stream=name,
            scope=self.names,
            endpoint=endpoint,
            primary_key=facts.get("primary_key", (endpoint.key,)),
            fields=methods.fields,
            columns=facts.get("columns") or self.columns.get(name, KnownColumns()),
            select=select or Select(),
            replication_key=key,
            variants=facts.get("variants"),
            template=facts.get("template"),
            parents=_parents(facts.get("parents")),
            universal=facts.get("universal"),
            rest_v3=facts.get("rest_v3"),
            quirks=Quirks(
                callers=facts.get("callers", Callers.ANYONE),
                absent_codes=facts.get("absent_codes", frozenset()),
                reshape=facts.get("reshape"),
                complete=facts.get("complete", True),
            ),
            selected_by_default=default,
        )


def classic_list(method: str, rows: str = "", *, key: str = "ID", **facts: Unpack[ListFacts]) -> ListMethods:
    """A list of classic REST with upper-case names.

    Args:
        method: The list method.
        rows: Path of the rows in `result`; empty: `result` is the list.
        key: The id's name.
        facts: What else differs from other lists of this kind.
    """
    return list_methods(Endpoint(method, StartParameter(), listed, rows, key, key), facts)


def controller_list(method: str, rows: str = "", *, key: str = "id", **facts: Unpack[ListFacts]) -> ListMethods:
    """A list of a controller: camelCase names, rows under the entity's name, bounds of dates in doubtful time zones."""
    endpoint = Endpoint(method, StartParameter(), listed, rows, key, key, counted_in_batch=False)
    return list_methods(endpoint, facts, ALL_TIMEZONES)


def unpaged_list(method: str, rows: str = "", *, key: str = "ID", **facts: Unpack[ListFacts]) -> ListMethods:
    """A list that comes whole in one answer: a dictionary, or the children of one parent."""
    return list_methods(Endpoint(method, SINGLE_PAGE, listed, rows, key, key), facts)


def rest_v3_list(method: str, rows: str = "items", *, key: str = "id", **facts: Unpack[ListFacts]) -> ListMethods:
    """A list of REST 3.0; a page has a thousand rows unless the documentation allows fewer."""
    endpoint = Endpoint(
        method,
        PaginationObject(),
        listed,
        rows,
        key,
        key,
        page_size=1_000,
        supports_chaining=False,
        reliable_total=False,
        dialect=REST_V3,
    )
    return list_methods(endpoint, facts)


def list_methods(preset: Endpoint, facts: ListFacts, timezone_margin: int = 0) -> ListMethods:
    """Return a preset's endpoint with what differs from it, and the methods that describe its fields."""
    shape = facts.get("shape", preset.shape)
    endpoint = replace(
        preset,
        pagination=facts.get("paging", preset.pagination),
        shape=shape,
        request_key=facts.get("request_key", preset.request_key),
        select_param=facts.get("select_param", ""),
        required_select=facts.get("required_select", ()),
        page_size=facts.get("page_size", preset.page_size),
        supports_chaining=preset.supports_chaining and shape is listed,
        reliable_total=facts.get("reliable_total", preset.reliable_total),
    )
    fields = FieldMethods(
        method=facts.get("fields", ""),
        params=facts.get("fields_params", {}),
        variants=facts.get("fields_variants"),
        parse=facts.get("parse_fields", parse_fields),
        user_fields_method=facts.get("user_fields", ""),
    )
    return ListMethods(endpoint, fields, timezone_margin)


def _parents(
    given: Parent | Sequence[Parent] | Callable[[PortalInfo], Sequence[Parent]] | None,
) -> Callable[[PortalInfo], Sequence[Parent]] | None:
    """Return parents as a function of the portal, however the row says them."""
    if given is None or callable(given):
        return given
    parents = (given,) if isinstance(given, Parent) else given
    return lambda _: parents
