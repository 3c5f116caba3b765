"""Paging of declared lists (docs/protocol.md §3): each engine marks the end in its own way."""

from collections.abc import Callable
from typing import Final

from tap_bitrix24.demo.rest_v2 import paging, php
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.paging import Find, Page

Pager = Callable[[Entry, ListRequest, Find], Page]


def paged(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the requested page; whether it has a total, and which, is the entry's."""
    page = _PAGERS[entry.paging](entry, request, find)
    if entry.total == "count" or page.total is None:
        return page
    if entry.total == "some":  # no key where there are no rows
        return page if page.total else Page(page.ids, None, None, counted=page.counted)
    if entry.total == "absent":
        return Page(page.ids, None, None, counted=False)
    if entry.total == "zero":
        return Page(page.ids, 0, page.next, counted=False)
    # The total is the size of a page, unless the caller asks for no count: then it is the real total.
    uncounted = _start(request) < 0
    return Page(page.ids, len(find(0)) if uncounted else entry.size, page.next, counted=uncounted)


def _start(request: ListRequest) -> int:
    """Return ``start`` of the request; with the fault ``repeat_page`` it is never beyond the first page."""
    own = php.intval(request.params.get("start", 0))
    return min(own, 0) if "repeat_page" in request.faults else own


def _legacy(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of the classic engine."""
    return paging.legacy(find, _start(request), size=entry.size)


def _controller(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of the controller engine."""
    return paging.controller(find, _start(request), outer_start=request.outer_start, size=entry.size)


def _wrapping(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of a controller that begins again at the first row beyond the end."""
    return paging.controller(find, _start(request), outer_start=request.outer_start, size=entry.size, wraps=True)


def _offset(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page at an exact offset."""
    return paging.offset(find, _start(request), can_skip_count=True, size=entry.size)


def _unpaged(_entry: Entry, _asked: ListRequest, find: Find) -> Page:
    """Return all rows as one page."""
    found = find(0)
    return Page(found, len(found), None, counted=False)


def _everything(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of a controller; ``start=-1`` gives all rows."""
    if _start(request) == -1:
        return Page(find(0), None, None, counted=False)
    return _controller(entry, request, find)


def _nav(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of NAV_PARAMS: beyond the last page the last one again, without them the first."""
    found = find(0)
    nav = request.at("PARAMS.NAV_PARAMS")
    given = nav if isinstance(nav, dict) else {}
    size = min(max(php.intval(given.get("nPageSize", entry.size)), 1), entry.max_size)
    last = max(-(-len(found) // size), 1)
    number = min(max(php.intval(given.get("iNumPage", 1)), 1), last)
    if "repeat_page" in request.faults:
        number = 1
    return Page(found[(number - 1) * size : number * size], len(found), None, counted=True)


def _limit(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of limit and offset, without total and next."""
    size, first = min(request.number("limit", entry.size), entry.max_size), request.number("offset", 0)
    if "repeat_page" in request.faults:
        first = 0
    return Page(find(0)[first : first + size], None, None, counted=False)


def _page(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the page of a page number, from 1 on."""
    number = 1 if "repeat_page" in request.faults else request.number("page", 1)
    return Page(find(0)[(number - 1) * entry.size : number * entry.size], None, None, counted=False)


def _first_id(entry: Entry, request: ListRequest, find: Find) -> Page:
    """Return the rows after FIRST_ID, ascending; without it the latest rows (before LAST_ID), descending."""
    found = list(find(0))
    size = min(request.number("LIMIT", entry.size), entry.max_size)
    first = request.params.get("FIRST_ID")
    if "repeat_page" in request.faults:
        first = 0
    last = request.params.get("LAST_ID")
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
