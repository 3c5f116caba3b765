"""A query of the VibeCode API, alone or in a batch, and its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.entity import Entity, Row
from tap_bitrix24.demo.vibecode.errors import VibeError


@dataclass
class EntityQuery:
    """One query: entity, entity type id of items (``kind``), parameters, action, parents named in the path."""

    portal: Portal
    entity: Entity
    kind: int | None
    parameters: Mapping[str, Any]
    action: str
    path_parameters: Mapping[str, Any] = field(default_factory=dict)
    row_id: Any = None
    """The id of the row, for the action ``get``."""
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return its name in counters and faults, such as ``deals/list``."""
        return f"{self.entity.name}/{self.action}"

    def filter(self) -> Mapping[str, Any]:
        """Return the filter, unparsed."""
        given = self.parameters.get("filter") or {}
        if not isinstance(given, Mapping):
            raise VibeError(code="INVALID_FILTER")
        return given

    def parameter(self, name: str) -> Any:
        """Return a value from the path, the parameters or the filter, or None."""
        values = (self.path_parameters.get(name), self.parameters.get(name), self.filter().get(name))
        return next((value for value in values if value not in (None, "")), None)

    def integer(self, name: str, default: int) -> int:
        """Return a whole number of the parameters, or ``default``."""
        value = self.parameters.get(name)
        try:
            return int(value) if value not in (None, "") else default
        except (TypeError, ValueError):
            raise VibeError(code="INVALID_PARAMS") from None


@dataclass
class Listing:
    """A page of rows, the total, and the metadata of the answer."""

    rows: list[Any]
    total: int
    more: bool
    meta: dict[str, Any] = field(default_factory=dict)
    limit: int = 0
    offset: int = 0


QueryResult = Listing | Row | list[Any]
