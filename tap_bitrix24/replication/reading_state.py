"""How far a list has been read by id, and whether its method supports that."""

from __future__ import annotations

from enum import Enum, auto

from tap_bitrix24.errors import UntrustedError


class NoKeysetError(UntrustedError):
    """This method does not filter or order by id; its rows must be read by offset."""


class KeysetSupport(Enum):
    """Whether a method filters and orders by id, as far as its answers have shown."""

    UNKNOWN = auto()
    """Only pages from the beginning have been read."""
    PROVEN = auto()
    """A page after an id above 0, and inside the window if there is one, was correct."""
    MISSING = auto()
    """Ids or dates of the first pages were wrong, or the method refused the request."""


class Phase(Enum):
    """How far a list has been read."""

    START = auto()
    """No page has been read."""
    MORE = auto()
    """The last page was full: more rows may follow."""
    SHORT_PAGE = auto()
    """The last page was short, which is not the end: the server shortens pages of its own accord."""
    DOUBTED = auto()
    """The last page was empty, and nothing has shown yet that this is true."""
