"""How many rows of a stream the portal counts: what `bitrix24-export --verify` holds its tables against.

Counted is up to the largest id a table holds. Ids rise, so what has been added since is not among them; what has been
deleted since makes the count smaller, never larger. So a count above the table's is rows the table lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tap_bitrix24.client import Client
from tap_bitrix24.dialects.pagination import PositionalParameters, StartParameter, VibecodeSearch
from tap_bitrix24.entities import OWN_STREAMS, Entity
from tap_bitrix24.errors import AccessError, PortalError, UntrustedError
from tap_bitrix24.model.endpoint import REST_2
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest, Window
from tap_bitrix24.replication.plan import ReadPlan, list_specs

COUNTED = (StartParameter, PositionalParameters, VibecodeSearch)
"""Families of lists whose count can be bounded by an id."""


def count_requests(entity: Entity, name: str, plan: ReadPlan, last: int) -> list[PageRequest]:
    """What to ask to have a stream counted up to an id; nothing where no answer could be believed.

    Args:
        entity: Its row of the table.
        name: Its name.
        plan: As for reading it.
        last: The largest id the table holds.
    """
    if entity in OWN_STREAMS or entity.parents is not None or not entity.supports_keyset or len(entity.primary_key) > 1:
        return []
    lists = list_specs(entity, name, plan)
    since = plan.start_date if entity.replication_key else None
    if not all(isinstance(each.endpoint.pagination, COUNTED) and each.endpoint.reliable_total for each in lists):
        return []
    if since and any(each.replication_key and each.replication_key.timezone_margin for each in lists):
        return []  # bounds are widened there, and the rows beyond them are counted, too
    window = Window(low=since) if since else None
    bounded = [replace(each, filter={**each.filter, f"<={each.endpoint.request_key}": last}) for each in lists]
    return [PageRequest(list_spec=each, window=window, after=0, counted=True) for each in bounded]


def count_rows(client: Client, asked: Mapping[str, Sequence[PageRequest]]) -> dict[str, int | None]:
    """Stream → the sum of its lists' counts; None where one of them can't be had.

    Classic lists share requests; those that leave their count out in a batch are asked alone.

    Raises:
        AccessError: The credentials do not open the portal any more.
    """
    asks = [ask for each in asked.values() for ask in each]
    shared = [ask for ask in asks if ask.list_spec.endpoint.dialect == REST_2]
    results = client.batch_with_retries([_command(client, ask) for ask in shared])
    totals = {id(ask): _total(client, ask, result) for ask, result in zip(shared, results, strict=True)}
    for ask in asks:
        if totals.get(id(ask)) is None:
            totals[id(ask)] = _alone(client, ask)
    return {name: _sum([totals[id(ask)] for ask in each]) for name, each in asked.items()}


def _sum(totals: Sequence[int | None]) -> int | None:
    known = [total for total in totals if total is not None]
    return sum(known) if known and len(known) == len(totals) else None


def _alone(client: Client, ask: PageRequest) -> int | None:
    try:
        return _total(client, ask, client.call(_command(client, ask)))
    except AccessError:
        raise
    except PortalError:
        return None  # told as not counted


def _command(client: Client, ask: PageRequest) -> Command:
    return client.dialects[ask.list_spec.endpoint.dialect].commands(ask)[0]


def _total(client: Client, ask: PageRequest, result: Result | PortalError) -> int | None:
    if isinstance(result, PortalError):
        return None
    try:
        return client.dialects[ask.list_spec.endpoint.dialect].page(ask.list_spec, result).total
    except UntrustedError:
        return None
