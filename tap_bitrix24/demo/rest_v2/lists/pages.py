"""How declared lists are paged (docs/protocol.md §3): every engine has its own idea of the end."""

from collections.abc import Callable
from typing import Final

from tap_bitrix24.demo.rest_v2 import paging, php
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.request import Asked
from tap_bitrix24.demo.rest_v2.paging import Find, Page

Pager = Callable[[Entry, Asked, Find], Page]


def paged(entry: Entry, asked: Asked, find: Find) -> Page:
    """Cut the page that was asked for; what ``total`` shows is the entry's."""
    page = _PAGERS[entry.paging](entry, asked, find)
    if entry.total == "count" or page.total is None:
        return page
    if entry.total == "some":  # no key at all where there are no rows
        return page if page.total else Page(page.ids, None, None, counted=page.counted)
    if entry.total == "absent":
        return Page(page.ids, None, None, counted=False)
    if entry.total == "zero":
        return Page(page.ids, 0, page.next, counted=False)
    # The count of one page unless the caller says not to count: then, of all times, it is the true one.
    uncounted = _start(asked) < 0
    return Page(page.ids, len(find(0)) if uncounted else entry.size, page.next, counted=uncounted)


def _start(asked: Asked) -> int:
    """Return the answer of ``start``; a fault may always ask for the first page."""
    own = php.intval(asked.params.get("start", 0))
    return min(own, 0) if "repeat_page" in asked.faults else own


def _legacy(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page by page number."""
    return paging.legacy(find, _start(asked), size=entry.size)


def _controller(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page as controllers do."""
    return paging.controller(find, _start(asked), outer_start=asked.outer_start, size=entry.size)


def _wrapping(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page as a controller over rows that start over beyond the end."""
    return paging.controller(find, _start(asked), outer_start=asked.outer_start, size=entry.size, wraps=True)


def _offset(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page by exact offset."""
    return paging.offset(find, _start(asked), knows_no_count=True, size=entry.size)


def _unpaged(_entry: Entry, _asked: Asked, find: Find) -> Page:
    """Give everything at once."""
    found = find(0)
    return Page(found, len(found), None, counted=False)


def _everything(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page as a controller; ``start=-1`` gives all rows."""
    if _start(asked) == -1:
        return Page(find(0), None, None, counted=False)
    return _controller(entry, asked, find)


def _nav(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page by NAV_PARAMS; a page beyond the last repeats the last, and without them the first is all there is."""
    found = find(0)
    nav = asked.at("PARAMS.NAV_PARAMS")
    given = nav if isinstance(nav, dict) else {}
    size = min(max(php.intval(given.get("nPageSize", entry.size)), 1), entry.most)
    last = max(-(-len(found) // size), 1)
    number = min(max(php.intval(given.get("iNumPage", 1)), 1), last)
    if "repeat_page" in asked.faults:
        number = 1
    return Page(found[(number - 1) * size : number * size], len(found), None, counted=True)


def _limit(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page by limit and offset; nothing tells whether there is more."""
    size, first = min(asked.number("limit", entry.size), entry.most), asked.number("offset", 0)
    if "repeat_page" in asked.faults:
        first = 0
    return Page(find(0)[first : first + size], None, None, counted=False)


def _page(entry: Entry, asked: Asked, find: Find) -> Page:
    """Page by page number from 1 on."""
    number = 1 if "repeat_page" in asked.faults else asked.number("page", 1)
    return Page(find(0)[(number - 1) * entry.size : number * entry.size], None, None, counted=False)


def _first_id(entry: Entry, asked: Asked, find: Find) -> Page:
    """Go forwards from FIRST_ID, exclusive; without it the newest rows come, newest first."""
    found = list(find(0))
    size = min(asked.number("LIMIT", entry.size), entry.most)
    first = asked.params.get("FIRST_ID")
    if "repeat_page" in asked.faults:
        first = 0
    last = asked.params.get("LAST_ID")
    if first is not None:
        found = [number for number in found if number > php.intval(first)][:size]
    else:
        before = php.intval(last) if last is not None else None
        found = [number for number in reversed(found) if before is None or number < before][:size]
    return Page(found, None, None, counted=False)


_PAGERS: Final[dict[str, Pager]] = {
    "legacy": _legacy,
    "controller": _controller,
    "wrapping": _wrapping,
    "offset": _offset,
    "unpaged": _unpaged,
    "nav": _nav,
    "limit": _limit,
    "page": _page,
    "first_id": _first_id,
    "everything": _everything,
}
