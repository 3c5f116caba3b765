"""A writer of block style YAML, with what an OpenAPI document needs of it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-zА-Яа-я_][\w /.()-]*(?<! )")
_WORDS: Final = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])


def dump(value: Any) -> str:
    """Return a mapping or a list as YAML; keys keep their order."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or a list that is not empty."""
    for name, item in value.items() if isinstance(value, Mapping) else ((None, one) for one in value):
        yield from _entry("- " if name is None else f"{_scalar(name)}: ", item, depth)


def _entry(lead: str, item: Any, depth: int) -> Iterator[str]:
    """Yield the lines of one key or list item."""
    margin = "  " * depth
    if not isinstance(item, Mapping | list) or not item:
        yield f"{margin}{lead}{_scalar(item)}"
    elif lead == "- " and isinstance(item, Mapping):
        first, *others = _lines(item, depth + 1)
        yield f"{margin}- {first.lstrip()}"
        yield from others
    else:
        yield f"{margin}{lead}".rstrip()
        yield from _lines(item, depth + 1)


def _scalar(value: Any) -> str:
    """Return a scalar: plain text where YAML reads it as text, otherwise JSON, which is YAML, too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
