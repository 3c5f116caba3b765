"""Writes plain data as block style YAML, as far as an OpenAPI document needs it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-zА-Яа-я_][\w /.()-]*(?<! )")
_WORDS: Final = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])


def dump(value: Any) -> str:
    """Write a mapping or a list; keys stay in their order."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Write the lines of a mapping or a list that is not empty."""
    for name, item in value.items() if isinstance(value, Mapping) else ((None, one) for one in value):
        yield from _entry("- " if name is None else f"{_scalar(name)}: ", item, depth)


def _entry(lead: str, item: Any, depth: int) -> Iterator[str]:
    """Write one key or dash with what belongs to it."""
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
    """Write text bare where YAML reads it as text, everything else as JSON does, which is YAML too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
