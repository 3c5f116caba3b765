"""What converters share: their types, the errors that say a value does not fit, and columns of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, TypeVar

_T = TypeVar("_T")
Convert = Callable[[Any], Any]
ConvertAll = Callable[[Sequence[Any]], list[Any]]
"""Converts the values of one column for all rows of a page; raises one of UNPARSABLE if any does not fit."""
UNPARSABLE = (ValueError, TypeError, OverflowError, ArithmeticError)
"""The errors a converter raises for a value that does not fit."""
ABSENT = ()
"""The value of a key that a row does not have; no value of JSON is a tuple."""

_CACHE_SIZE = 16_384
_TEXTS = frozenset({str, NoneType, ABSENT.__class__})
_TEXTS_AND_FALSE = _TEXTS | {bool}


class TextCache(dict[str, _T]):
    """Texts and what they are converted to: most values of a column repeat. Raises what `convert` raises."""

    def __init__(self, convert: Callable[[str], _T]) -> None:
        """Start without any."""
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> _T:
        """Return a text converted for the first time."""
        converted = self._convert(text)
        if len(self) >= _CACHE_SIZE:
            self.clear()
        self[text] = converted
        return converted


def texts_of(values: Sequence[Any]) -> list[str]:
    """Return the texts of a column that holds texts and empty values (null, `""`, PHP's `false`).

    Raises:
        TypeError: It holds a 0, which is a value. (Other numbers make the caller fail, which then takes the slow way.)
    """
    texts = list(filter(None, values))
    if len(texts) < len(values) and not all_texts(values):
        raise TypeError(values)
    return texts


def all_texts(values: Sequence[Any]) -> bool:
    """Whether a column holds nothing but texts and empty values."""
    classes = set(map(type, values))
    return classes <= _TEXTS or (classes <= _TEXTS_AND_FALSE and True not in values)
