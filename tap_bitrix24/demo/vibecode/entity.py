"""What an entity of the VibeCode API is: where its rows lie, and how they are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.rest_v2.views import View

Row = dict[str, Any]
ALL: Final = frozenset({"list", "get", "fields", "search", "aggregate"})
UNDESCRIBED: Final = ALL - {"fields"}
UNGOT: Final = UNDESCRIBED - {"get"}
LISTED: Final = frozenset({"list"})


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One entity. ``family`` is the form its rows have in classic REST, ``{}`` in ``table`` stands for the type.

    Names of rows and of ``renames`` are those of classic REST; all others are those this API tells.
    """

    name: str
    table: str
    family: str = ""
    """A declared list of the demo if empty."""
    path: str = ""
    """Where its list is, if not at its name."""
    scope: str = "crm"
    key: str = "id"
    ops: frozenset[str] = ALL
    app_only: bool = False
    grown: bool = False
    """The service has it since of late: keys name it where the switch ``vibe_more`` is on."""
    in_batch: bool = True
    # How rows are told
    renames: Mapping[str, str] = field(default_factory=dict)
    camel: bool = False
    """Bitrix24 has its names in capitals: declared ones are told in camel case, user fields as they are."""
    raw: tuple[str, ...] = ()
    """Names, or beginnings of names, that this API does not declare: they stay as they are, and so do their values."""
    codes: frozenset[str] = frozenset()
    """Fields whose Y and N are no flags."""
    utc: tuple[str, ...] = ()
    """Instants told in UTC; ``*`` for all."""
    plain: bool = False
    """Values stay as classic REST has them."""
    nulls: bool = False
    """Empty text is told as null."""
    reshaped: Callable[[int, Row], Row] | None = None
    numbered: bool = True
    """The id that is told is the table's number."""
    strings: bool = False
    """The list is one of bare strings, the ids."""
    # How they are listed
    envelope: str = "meta"
    shape: str = "include"
    strict: bool = True
    """Unknown filter fields are refused; else they are lost without a word."""
    created: str = ""
    modified: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names that filters and orders know."""
    blind: frozenset[str] = frozenset()
    """Filters that are taken, and lost without a word."""
    deaf: bool = False
    """Takes no filter but those it needs, and no order: ids ascend."""
    only: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the table whose value all listed rows have."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Parameters, or filters, a list is not told without → columns of the table."""
    takes: Mapping[str, str] = field(default_factory=dict)
    """Parameters that narrow the list."""
    between: tuple[str, str] | None = None
    """Columns in which rows begin and end, for the parameters ``from`` and ``to``."""
    lacking: str = "MISSING_PARAMS"
    zero: str = ""
    """The switch that hides the row with the id 0."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Other words for values of parameters."""
    windows: bool = True
    """Searches over a wide range of dates are cut into weeks unless told not to; else only if told to."""
    size: int = 0
    """Rows of a page, whatever the limit says."""
    include: tuple[str, ...] = ()
    aggregatable: tuple[str, ...] = ()

    def view(self, portal: Portal, kind: int | None) -> View:
        """Return the rows."""
        table = self.table.format(kind)
        return classic_rest(portal).view(self.family or f"list {table}", table)

    def told(self, name: str) -> str:
        """Return the name a field is told by."""
        if name in self.renames:
            return self.renames[name]
        if not self.camel or not name.isupper() or self.undeclared(name):
            return name
        first, *others = name.lower().split("_")
        return first + "".join(each.capitalize() for each in others)

    def undeclared(self, name: str) -> bool:
        """Return whether this API knows nothing of a field."""
        return name.startswith(("UF_", *self.raw))
