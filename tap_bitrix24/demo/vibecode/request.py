"""What one call asks for, and what it is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.entity import Entity, Row
from tap_bitrix24.demo.vibecode.errors import VibeError


@dataclass
class Asked:
    """One call: of which entity, which of its types, what the path says of its parents, parameters, action."""

    portal: Portal
    entity: Entity
    kind: int | None
    given: Mapping[str, Any]
    mode: str
    within: Mapping[str, Any] = field(default_factory=dict)
    number: Any = None
    """The id of a row that is asked for alone."""
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """Return what counters call it."""
        return f"{self.entity.name}/{self.mode}"

    def filter(self) -> Mapping[str, Any]:
        """Return the filter as it was given."""
        given = self.given.get("filter") or {}
        if not isinstance(given, Mapping):
            raise VibeError(code="INVALID_FILTER")
        return given

    def parameter(self, name: str) -> Any:
        """Return what the path, a parameter or the filter says, whichever says anything."""
        told = (self.within.get(name), self.given.get(name), self.filter().get(name))
        return next((value for value in told if value not in (None, "")), None)

    def whole(self, name: str, usual: int) -> int:
        """Return a parameter that is a number."""
        value = self.given.get(name)
        try:
            return int(value) if value not in (None, "") else usual
        except (TypeError, ValueError):
            raise VibeError(code="INVALID_PARAMS") from None


@dataclass
class Found:
    """Rows, how many there are, and what is told beside them."""

    rows: list[Any]
    total: int
    more: bool
    meta: dict[str, Any] = field(default_factory=dict)
    limit: int = 0
    offset: int = 0


Answered = Found | Row | list[Any]
