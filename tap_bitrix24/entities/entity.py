"""What the table is made of: a row (`Entity`), the parents of a list, and what both consist of. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Any

from tap_bitrix24.entities.known_columns import KnownColumns
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.model.endpoint import Endpoint, ReplicationKey, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

POSITION = "POSITION"
"""Primary key of rows without an id: their position in the list (of one parent)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMethods:
    """The methods that describe a list's fields, and how they are called."""

    method: str = ""
    """Gives names, types and labels; empty: no method describes this list."""
    params: Mapping[str, Any] = field(default_factory=dict)
    variants: Callable[[PortalInfo], Sequence[Mapping[str, Any]]] | None = None
    """Parameters of each of several calls, where they depend on what the portal has (its catalogs)."""
    parse: Callable[[Any], list[Field]] = parse_fields
    user_fields_method: str = ""
    """A second method that knows types or multiplicity of user fields; it may need another scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """Which columns a list method is asked for; by default it decides itself."""

    names: Sequence[str] = ()
    """Names to ask for, `*` included where the method knows it."""
    all_fields: bool = False
    """Every described field must be named, or it is missing from the rows."""
    narrowable: bool = False
    """Portal names of single columns may replace `*`, so that columns nobody selected need not be read."""


class Callers(Enum):
    """Who may call a list method."""

    ANYONE = "webhooks and applications"
    APPLICATIONS = "applications only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How a list differs from all others."""

    callers: Callers = Callers.ANYONE

    absent_codes: frozenset[str] = frozenset()
    """Error codes by which this method says that the portal does not have this list."""
    reshape: Callable[[Row], Row] | None = None
    """Turns a row into the one its columns describe."""
    complete: bool = True
    """A run without a bookmark reads all rows, so a row that is missing from it was deleted."""


@dataclass(frozen=True, slots=True)
class Universal:
    """How `crm.item.list` gives the same rows as a classic method."""

    entity_type_id: int
    renames: Mapping[str, str] = field(default_factory=dict)
    """Row key → classic name, where the latter is not the key in UPPER_SNAKE case."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A list each of whose rows has children of its own."""

    stream: str
    """The stream whose rows are the parents."""
    param: str
    """Request parameter that takes the parent's value, dotted if it lies in another."""
    _: KW_ONLY
    column: str = ""
    """Portal name of the column that keeps this value; empty: the children's rows hold it themselves."""
    value_key: str = ""
    """Key of a parent's row that holds the value; empty: its id."""
    value_request_key: str = ""
    """Name of that key in `select`, if it differs."""
    select: Sequence[str] = ()
    """Names the list of parents is asked for besides id, value and replication key."""
    name: str = ""
    """Kind of the parents, in the names of parents (`deal:17`); empty: the stream."""
    fixed_params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that are the same for all parents."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Columns that are the same for all parents: portal name → value."""
    parent_filter: Mapping[str, Any] = field(default_factory=dict)
    """Conditions on the list of parents."""
    has_children: Callable[[Row], bool] | None = None
    """Whether a parent's row can have children at all; None: every row can."""
    group_size: int = 1
    """Number of parents whose children one command can ask for."""
    owner_key: str = ""
    """Key of a child that holds its parent's value, where a command asks for several parents."""
    embedded_children: Callable[[Row], list[Row] | None] | None = None
    """Children that stand in the parent's own row of the universal method; None: this row does not have them."""
    contradicts: Callable[[Row], bool] | None = None
    """Whether that row contradicts itself about them: they are asked for by the list method then."""
    recurse_into: Callable[[Row], Any] | None = None
    """A child that is a parent itself → the value its children are asked with, or None."""
    variants: Callable[[PortalInfo], Sequence[ListVariant]] | None = None
    """Several commands per parent: date windows."""


@dataclass(frozen=True, slots=True)
class StreamTemplate:
    """Streams that share a row of the table: `smart_process_<entityTypeId>`, `list_elements_<iblockId>`."""

    instances: Callable[[PortalInfo], Mapping[int, str]]
    """Number → title of those this portal has."""
    variant: Callable[[int, PortalInfo], ListVariant]
    """Parameters that rows and fields of one of them are asked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row of the table: a list of the portal and how it becomes a stream, or several (`template`).

    Rows are written with the presets of `presets.Scope`, which know the conventions.
    """

    stream: str
    scope: Sequence[str]
    """Any one of these scopes opens the list."""
    endpoint: Endpoint
    primary_key: Sequence[str] = ("ID",)
    fields: FieldMethods = FieldMethods()
    columns: KnownColumns = field(default_factory=KnownColumns)
    select: Select = Select()
    replication_key: ReplicationKey | None = None
    """The stream is read incrementally by it; None: it is read whole in every run."""
    variants: Callable[[PortalInfo], Sequence[ListVariant]] | None = None
    """The lists the stream consists of, if there are several."""
    template: StreamTemplate | None = None
    """Several streams share this row."""
    parents: Callable[[PortalInfo], Sequence[Parent]] | None = None
    """The list exists once for each row of these lists."""
    universal: Universal | None = None
    """How `crm.item.list` gives the same rows."""
    rest_v3: Entity | None = None
    """The same rows by REST 3.0, to be preferred where a portal has it."""
    quirks: Quirks = Quirks()
    selected_by_default: bool = False
    """Selected where neither catalog nor settings select streams."""

    @property
    def supports_keyset(self) -> bool:
        """Whether ids can be filtered and ordered; otherwise the list is read whole or by offset."""
        return self.endpoint.pagination.supports_keyset and POSITION not in self.primary_key
