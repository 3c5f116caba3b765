"""How many rows of a stream the portal counts; `bitrix24-export --verify` compares its tables with these counts.

Rows are counted up to the largest id in a table. Ids rise, so rows added since the export are not counted; rows deleted
since make the count smaller, never larger. A count above the table's therefore means that the table lacks rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tap_bitrix24.client import Client
from tap_bitrix24.dialects.pagination import PositionalParameters, StartParameter, VibecodeSearch
from tap_bitrix24.errors import AccessError, PortalError, UntrustedError
from tap_bitrix24.model.endpoint import REST_V2
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest, Window
from tap_bitrix24.replication.plan import ReadMethod, ReadPlan

COUNTABLE = (StartParameter, PositionalParameters, VibecodeSearch)
"""Pagination whose `total` counts the rows that match a filter by id."""


def count_requests(plan: ReadPlan, last_id: int) -> list[PageRequest]:
    """Return the requests that count a stream's rows up to an id; none where the answer would not be reliable.

    Args:
        plan: How the stream is read.
        last_id: The largest id in the table.
    """
    if plan.method not in (ReadMethod.ALL_BY_ID, ReadMethod.INCREMENTAL) or not plan.id_is_key:
        return []
    endpoints = [each.endpoint for each in plan.lists]
    if not all(isinstance(each.pagination, COUNTABLE) and each.reliable_total for each in endpoints):
        return []
    keys = [each.replication_key for each in plan.lists if each.replication_key is not None]
    start_date = plan.bounds.start_date if keys else None
    if start_date and any(key.timezone_margin for key in keys):
        return []  # the filter's bounds are widened there, so that rows outside the period are counted, too
    window = Window(low=start_date) if start_date else None
    lists = [replace(each, filter={**each.filter, f"<={each.endpoint.request_key}": last_id}) for each in plan.lists]
    return [PageRequest(list_spec=each, window=window, after=0, counted=True) for each in lists]


def count_rows(client: Client, requests: Mapping[str, Sequence[PageRequest]]) -> dict[str, int | None]:
    """Return the number of rows per stream: the sum of its lists' counts, None if one of them is unknown.

    Counts of classic REST share batches. A method that leaves `total` out in a batch is called again on its own.

    Raises:
        AccessError: The credentials are no longer valid.
    """
    every = [request for of_stream in requests.values() for request in of_stream]
    batched = [request for request in every if request.list_spec.endpoint.dialect == REST_V2]
    results = client.batch_with_retries([_command(client, request) for request in batched])
    totals = {request.id: _total(client, request, result) for request, result in zip(batched, results, strict=True)}
    for request in every:
        if totals.get(request.id) is None:
            totals[request.id] = _count_alone(client, request)
    return {name: _sum([totals[request.id] for request in of_stream]) for name, of_stream in requests.items()}


def _sum(totals: Sequence[int | None]) -> int | None:
    """Return the sum; None if there are no totals or one of them is unknown."""
    known = [total for total in totals if total is not None]
    return sum(known) if known and len(known) == len(totals) else None


def _count_alone(client: Client, request: PageRequest) -> int | None:
    """Return the total from a separate call, or None if the portal refuses it; the stream is reported as uncounted."""
    try:
        return _total(client, request, client.call(_command(client, request)))
    except AccessError:
        raise
    except PortalError:
        return None


def _command(client: Client, request: PageRequest) -> Command:
    return client.dialects[request.list_spec.endpoint.dialect].commands(request)[0]


def _total(client: Client, request: PageRequest, result: Result | PortalError) -> int | None:
    if isinstance(result, PortalError):
        return None
    try:
        return client.dialects[request.list_spec.endpoint.dialect].page(request.list_spec, result).total
    except UntrustedError:
        return None
