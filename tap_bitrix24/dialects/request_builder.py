"""What all dialects share: commands of page requests, conditions of date bounds, pages of answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from tap_bitrix24.dialects.pagination import set_parameter
from tap_bitrix24.errors import DoubtfulError, UntrustedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, PageQuery
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import DateKey, Page, PageRequest

RowReference = Callable[[Endpoint, int], Any]
"""Returns how a command refers to the last id of another command's page; takes that command's position in the batch."""
_OTHER = object()
"""Marks a `records_path` that the answer does not have."""


def build_commands(request: PageRequest, first: int = 0, reference: RowReference | None = None) -> list[Command]:
    """Return the commands of a page request.

    Args:
        request: The page request.
        first: Position of its first command in the batch; each command of a chain refers to the one before.
        reference: Returns such a reference; None if the dialect has no chains: then only the first page is requested.
    """
    endpoint = request.list_spec.endpoint
    if request.offset is not None:
        starts = [request.offset + page * endpoint.page_size for page in range(request.pages)]
        return [_command(request, offset=start) for start in starts]
    if request.descending:
        ids = [endpoint.request_key, *endpoint.required_select]
        return [_command(replace(request, select=request.select or ids), direction="DESC")]
    after: Any = request.after
    chain: list[Command] = []
    for number in range(first, first + request.pages):
        chain.append(_command(request, after=after))
        if reference is None:
            break
        after = reference(endpoint, number)
    return chain


def _command(request: PageRequest, *, after: Any = None, offset: int | None = None, direction: str = "ASC") -> Command:
    list_spec, endpoint = request.list_spec, request.list_spec.endpoint
    up_to = {} if request.up_to is None else {f"<={endpoint.request_key}": request.up_to}
    query = PageQuery(
        params=_with_select(list_spec.params, endpoint, request.select),
        filter={**list_spec.filter, **up_to, **_bounds(request)},
        key=endpoint.request_key,
        direction=direction,
        after=after,
        offset=offset,
        size=endpoint.page_size,
        counted=request.counted,
        cursor=request.cursor,
    )
    return Command(endpoint.method, endpoint.pagination(query), endpoint.dialect)


def _with_select(params: Mapping[str, Any], endpoint: Endpoint, names: Sequence[str] | None) -> Mapping[str, Any]:
    """Return parameters that request these columns only, where the method can be asked for some."""
    if names is None or not endpoint.select_param:
        return params
    selected = dict(params)
    set_parameter(selected, endpoint.select_param, list(names))
    return selected


def _bounds(request: PageRequest) -> dict[str, str]:
    """Return the date bounds in ISO 8601 with an offset: without one the server reads them in its own time zone."""
    key, window = request.list_spec.replication_key, request.window
    if key is None or window is None:
        return {}
    timezone_margin = timedelta(seconds=0 if window.exact else key.timezone_margin)
    name = key.created if window.date_key is DateKey.CREATED else key.request_key
    bounds: dict[str, str] = {}
    if window.low is not None:
        bounds[f">={name}"] = _iso(window.low - timezone_margin)
    if window.high is not None:
        bounds[f"<{name}"] = _iso(window.high + timezone_margin)
    return bounds


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def decode(content: bytes) -> Any:
    """Return parsed JSON.

    Raises:
        ValueError: The content is not JSON.
    """
    return orjson.loads(content)


def page(list_spec: ListSpec, answer: Result) -> Page:
    """Return the rows of a list answer.

    Some methods wrap the list in an object although the documentation shows none, others do the reverse: so the only
    member of an object is taken for the list, and a list in the place of the object, too.

    Raises:
        DoubtfulError: The answer has no list at the endpoint's `records_path`; null, `false` and `""` are none.
    """
    endpoint = list_spec.endpoint
    value = answer.value
    for step in filter(None, endpoint.records_path.split(".")):
        if not isinstance(value, Mapping):
            break  # a bare list
        value = value.get(step, _OTHER if value else [])  # an empty object has no rows at any path
        if value is _OTHER:
            value = answer.value
            break
    rows = (
        None
        if endpoint.records_path and value is answer.value and isinstance(value, Mapping)
        else endpoint.shape(value)
    )
    if rows is None and isinstance(value, Mapping) and len(value) == 1:
        rows = endpoint.shape(next(iter(value.values())))
    if rows is None:
        text = f"{endpoint.method}: the answer is not a list of rows"
        raise DoubtfulError(text, method=endpoint.method, settles_as=UntrustedError)
    return Page(rows, answer.total, answer.next)


def whole_number(value: Any) -> int | None:
    """Return a count, or None if the value is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
