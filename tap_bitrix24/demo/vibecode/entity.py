"""An entity of the VibeCode API: its table, the names and values it shows, its filters and its envelope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.rest_v2.views import View

Row = dict[str, Any]
ALL: Final = frozenset({"list", "get", "fields", "search", "aggregate"})
WITHOUT_FIELDS: Final = ALL - {"fields"}
LISTED_ONLY: Final = WITHOUT_FIELDS - {"get"}
LISTED: Final = frozenset({"list"})


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One entity. ``{}`` in ``table`` stands for the entity type id.

    Keys of ``renames`` and names of columns are those of classic REST; all other names are those of this API.
    """

    name: str
    table: str
    wire_form: str = ""
    """The form of its rows in classic REST; empty for a declared list."""
    path: str = ""
    """The path of its list, if it is not the name."""
    scope: str = "crm"
    key: str = "id"
    ops: frozenset[str] = ALL
    app_only: bool = False
    recent: bool = False
    """Added to the service recently: keys list it only if the switch ``vibe_more`` is on."""
    in_batch: bool = True
    # Names and values
    renames: Mapping[str, str] = field(default_factory=dict)
    camel: bool = False
    """Bitrix24's names are in capitals: declared ones are shown in camel case, user fields unchanged."""
    undeclared_prefixes: tuple[str, ...] = ()
    """Names, or prefixes of names, that this API does not declare: names and values stay unchanged."""
    text_flags: frozenset[str] = frozenset()
    """Fields whose Y and N are text, not booleans."""
    utc: tuple[str, ...] = ()
    """Date-times shown in UTC; ``*`` for all."""
    unconverted: bool = False
    """Values stay as in classic REST."""
    empty_as_null: bool = False
    """Empty text is shown as null."""
    reshape: Callable[[int, Row], Row] | None = None
    has_table_id: bool = True
    """The shown id is the table's id."""
    bare_ids: bool = False
    """The list holds the ids only, as strings."""
    # Lists
    envelope: str = "meta"
    field_list_shape: str = "include"
    strict: bool = True
    """Unknown filter fields are refused; otherwise dropped without an error."""
    created: str = ""
    modified: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Further names in filters and orders."""
    ignored_filters: frozenset[str] = frozenset()
    """Filters that are accepted and dropped without an error."""
    fixed_order: bool = False
    """No order and no filters but required parents: ids ascend."""
    fixed_values: Mapping[str, Any] = field(default_factory=dict)
    """Values that all listed rows have, by column of the table."""
    required_parents: Mapping[str, str] = field(default_factory=dict)
    """Required parameters (or filters) → columns of the table."""
    optional_parents: Mapping[str, str] = field(default_factory=dict)
    """Optional parameters that narrow the list → columns of the table."""
    between: tuple[str, str] | None = None
    """Columns of start and end, for the parameters ``from`` and ``to``."""
    missing_code: str = "MISSING_PARAMS"
    zero_row_switch: str = ""
    """The switch that hides the row with the id 0."""
    value_aliases: Mapping[str, str] = field(default_factory=dict)
    """Values of parameters → values of columns."""
    auto_window: bool = True
    """Default of ``autoWindow``: searches over a wide range of dates are split into weeks."""
    page_size: int = 0
    """Fixed size of a page; 0: the limit decides."""
    include: tuple[str, ...] = ()
    aggregatable: tuple[str, ...] = ()

    def view(self, portal: Portal, kind: int | None) -> View:
        """Return the view of its table; ``kind`` is the entity type id of items."""
        table = self.table.format(kind)
        return classic_rest(portal).view(self.wire_form or f"list {table}", table)

    def shown_name(self, name: str) -> str:
        """Return the name of a field in answers."""
        if name in self.renames:
            return self.renames[name]
        if not self.camel or not name.isupper() or self.is_undeclared(name):
            return name
        first, *others = name.lower().split("_")
        return first + "".join(each.capitalize() for each in others)

    def is_undeclared(self, name: str) -> bool:
        """Return whether this API does not declare a field."""
        return name.startswith(("UF_", *self.undeclared_prefixes))
