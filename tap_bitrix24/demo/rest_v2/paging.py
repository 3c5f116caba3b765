"""The three paging engines (docs/protocol.md §3.1); they differ in ``start``, ``next`` and beyond the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.rest_v2 import php

PAGE: Final = 50

Find = Callable[[int], Sequence[int]]


@dataclass(frozen=True)
class Page:
    """A page of ids; ``total`` and ``next`` as the answer has them, None for no key."""

    ids: Sequence[int]
    total: int | None
    next: int | None
    counted: bool


def legacy(find: Find, start: Any, *, cap: int = 0, size: int = PAGE) -> Page:
    """Return the page that contains ``start``; beyond the end, page 1 again.

    ``find`` takes the page number: rows that tie in the order may come differently in each query, so every second
    page has them the other way round.
    """
    first = php.intval(start)
    if first < 0:
        return Page(find(0)[:size], 0, None, counted=False)
    total = len(find(0))
    total = min(total, cap) if cap else total
    pages = -(-total // size)
    page = first // size if first // size < pages else 0
    ids = find(page)[page * size : min((page + 1) * size, total)]
    return Page(ids, total, (page + 1) * size if page + 1 < pages else None, counted=True)


def offset(find: Find, start: Any, *, can_skip_count: bool, size: int = PAGE) -> Page:
    """Return the page at an exact offset (``user.get``); old servers count even with ``start=-1``."""
    first = php.intval(start)
    found = find(0)
    if first < 0 and can_skip_count:
        return Page(found[:size], 0, None, counted=False)
    first = max(first, 0)
    ids = found[first : first + size]
    following = first + len(ids)
    return Page(ids, len(found), following if following < len(found) else None, counted=True)


def controller(find: Find, start: Any, *, outer_start: Any, wraps: bool = False, size: int = PAGE) -> Page:
    """Return the page at ``start`` rounded down to a page; only exactly -1 avoids the count.

    Inside a batch the outer request's ``start`` decides whether rows are counted, the command's own which are shown.
    ``wraps``: rows come from a classic list, which begins again beyond its end.
    """
    own = php.intval(start)
    counted = php.intval(outer_start) != -1
    page = max(own, 0) // size
    found = find(page)
    total = len(found)
    ids = found[page * size : (page + 1) * size]
    if wraps and page * size >= total:
        return Page(found[:size], total if own != -1 and counted else None, None, counted=counted)
    if own == -1 or not counted:
        return Page(ids, None, None, counted=counted)
    following = page * size + len(ids)
    return Page(ids, total, following if ids and following < total else None, counted=True)
