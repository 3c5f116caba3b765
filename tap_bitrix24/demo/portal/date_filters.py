"""How a portal misreads dates in filters on demand (fault ``date_filter``), whatever the method.

Values of a filter are known by their form: only dates look like dates.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")


def read_dates(how: str, given: Any) -> Any | None:
    """Return a filter as a portal reads it: dates shifted, or None if it finds nothing."""
    kind, _, seconds = how.partition(":")
    if kind == "shifted":
        return _shifted(given, timedelta(seconds=int(seconds)))
    found = list(dates(given))
    return None if found and (kind == "nothing" or any("T" in text for text in found)) else given


def dates(given: Any) -> Iterator[str]:
    """Yield the texts of a filter that are dates."""
    if isinstance(given, str) and _DATE.fullmatch(given):
        yield given
    for inner in given.values() if isinstance(given, Mapping) else given if isinstance(given, list) else ():
        yield from dates(inner)


def _shifted(given: Any, shift: timedelta) -> Any:
    """Return a filter with all dates moved."""
    if isinstance(given, Mapping):
        return {name: _shifted(inner, shift) for name, inner in given.items()}
    if isinstance(given, list):
        return [_shifted(inner, shift) for inner in given]
    if isinstance(given, str) and _DATE.fullmatch(given):
        return (datetime.fromisoformat(given) + shift).isoformat()
    return given
