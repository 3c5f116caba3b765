"""The first request of a run: what must be known of a portal before anything is read.

Scopes, clock, smart processes, categories, catalogs and universal lists decide which lists a stream consists of. None
of them is taken for empty because of an error: a fact is known or `Unread`, and streams that need it fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tap_bitrix24.client import Client
from tap_bitrix24.dialects import BATCH_SIZE
from tap_bitrix24.discovery.discovered import is_allowed
from tap_bitrix24.discovery.portal_lists import PortalList, Question, portal_list, read_lists, request_answers
from tap_bitrix24.entities import CATALOGS, CATEGORIES, COMPANIES, CONTACTS, ENTITIES, LISTS, TYPES
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList, Unread
from tap_bitrix24.entities.variants import ListVariant, supported_type_variant
from tap_bitrix24.errors import (
    DoubtfulError,
    MissingMethodError,
    PortalError,
    RejectedError,
    SettingsError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.replication.state import parse_bookmark

LOG = logging.getLogger("tap-bitrix24.discovery")

_LIST_VARIANTS: list[ListVariant] = list(LISTS.variants(PortalInfo(datetime.now(UTC)))) if LISTS.variants else []
"""The kinds of universal lists; they are the same on every portal."""
_WITH_CATEGORIES = [entity.universal.entity_type_id for entity in (CONTACTS, COMPANIES) if entity.universal]
"""Entity types whose classic method hides the rows of all categories but one."""


@dataclass(slots=True)
class AskedTwice:
    """Doubts an empty answer, and believes it when it comes a second time."""

    doubted: bool = False

    def __call__(self, method: str) -> None:
        """Note an empty answer.

        Raises:
            DoubtfulError: It is the first one.
        """
        if not self.doubted:
            self.doubted = True
            text = f"{method}: the answer is empty"
            raise DoubtfulError(text, method=method, settles_as=UntrustedError)


def first_request(
    client: Client, questions: Sequence[Question], *, by_webhook: bool
) -> tuple[PortalInfo, list[Result | PortalError]]:
    """Return what must be known of the portal before anything is read, and the answers to questions.

    As many of them as there is room for share the first request.

    Raises:
        SettingsError: The portal refuses the request as a whole, or the tap has no use for any of the scopes.
        UnavailableError: The portal could not be reached, after as many tries as any other request gets.
    """
    types, catalogs = portal_list(TYPES), portal_list(CATALOGS)
    categories = {number: portal_list(CATEGORIES, supported_type_variant(number)) for number in _WITH_CATEGORIES}
    universal_lists = [portal_list(LISTS, variant) for variant in _LIST_VARIANTS]
    lists = [types, catalogs, *categories.values(), *universal_lists]
    room = BATCH_SIZE - 1 - sum(len(each.requests) for each in lists)
    try:
        scopes, *answers = read_lists(client, lists, [_scope_question(), *questions[:room]])
    except (MissingMethodError, RejectedError) as error:
        raise SettingsError(str(error)) from error
    portal = PortalInfo(_clock(client), _scopes(scopes), by_webhook=by_webhook)
    _require_any_scope(portal)
    portal.smart_processes = _fact(types, _smart_processes)
    portal.without_products = _without_products(types.rows, portal.smart_processes)
    portal.hidden_categories = {number: _fact(each, _hidden_categories) for number, each in categories.items()}
    portal.product_iblocks = _fact(catalogs, _product_iblocks)
    portal.offer_iblocks = _fact(catalogs, _offer_iblocks)
    portal.universal_lists = _universal_lists(universal_lists)
    if isinstance(types.error, RejectedError) and is_allowed(portal, TYPES):
        LOG.warning("smart processes: %s (to list them, the webhook must be a CRM administrator's)", types.error)
    return portal, [*answers, *request_answers(client, questions[room:])]


def _scope_question() -> Question:
    command, twice = Command("scope"), AskedTwice()

    def check(result: Result) -> None:
        if not isinstance(result.value, list):
            text = f"{command.method}: the answer is not a list"
            raise DoubtfulError(text, method=command.method, settles_as=UntrustedError)
        if not result.value:
            twice(command.method)

    return Question(command, check)


def _clock(client: Client) -> datetime:
    """Return the portal's time at the first request, in whole seconds; this machine's if the answer has none."""
    clock = client.first_answer.get("date_start")
    return parse_bookmark(clock) if isinstance(clock, str) else datetime.now(UTC).replace(microsecond=0)


def _scopes(answer: Result | PortalError) -> frozenset[str] | None:
    return frozenset(map(str, answer.value)) if isinstance(answer, Result) else None


def _require_any_scope(portal: PortalInfo) -> None:
    if portal.scopes is not None and not any(entity.scope and is_allowed(portal, entity) for entity in ENTITIES):
        known = ", ".join(sorted({entity.scope[0] for entity in ENTITIES if entity.scope}))
        msg = f"The credentials have no scope this tap reads: tick some of {known} in the portal."
        raise SettingsError(msg)


def _fact(read: PortalList, build: Callable[[Sequence[Row]], Mapping[int, Any]]) -> Mapping[int, Any]:
    """Return what the rows of a list tell; `Unread`, with what is known, if they are not all of its rows."""
    try:
        known = build(read.rows)
    except UntrustedError as error:
        return Unread(error)
    return known if read.error is None else Unread(read.error, known)


def _smart_processes(rows: Sequence[Row]) -> dict[int, str]:
    """Return entityTypeId → title of all smart processes."""
    return {_number(TYPES.endpoint.method, row, "entityTypeId"): str(row.get("title") or "") for row in rows}


def _without_products(rows: Sequence[Row], smart_processes: Mapping[int, str]) -> frozenset[int]:
    """Return the smart processes whose setting says that their items are not linked with products."""
    known = smart_processes.known if isinstance(smart_processes, Unread) else smart_processes
    flags = {str(row.get("entityTypeId")): row.get("isLinkWithProductsEnabled") for row in rows}
    return frozenset(number for number in known if flags.get(str(number)) in ("N", False))


def _hidden_categories(rows: Sequence[Row]) -> dict[int, str]:
    """Return the categories whose contacts or companies the classic method does not list: all but 0."""
    categories = {_number(CATEGORIES.endpoint.method, row, "id"): str(row.get("name") or "") for row in rows}
    return {number: name for number, name in categories.items() if number > 0}


def _product_iblocks(rows: Sequence[Row]) -> dict[int, str]:
    """Return the catalogs of products; those of variations name one that the list may not show."""
    method = CATALOGS.endpoint.method
    return dict.fromkeys(sorted({_number(method, row, "productIblockId", "iblockId", "id") for row in rows}), "")


def _offer_iblocks(rows: Sequence[Row]) -> dict[int, str]:
    """Return the catalogs of variations of products."""
    of_offers = [row for row in rows if row.get("productIblockId")]
    return dict.fromkeys([_number(CATALOGS.endpoint.method, row, "iblockId", "id") for row in of_offers], "")


def _universal_lists(kinds: Sequence[PortalList]) -> Mapping[int, UniversalList]:
    """Return all universal lists; `Unread`, with those of the other kinds, if one kind could not be read."""
    known: dict[int, UniversalList] = {}
    error: PortalError | None = None
    for variant, kind in zip(_LIST_VARIANTS, kinds, strict=True):
        error = error or kind.error
        for row in kind.rows:
            universal_list = UniversalList(str(variant.params["IBLOCK_TYPE_ID"]), str(row.get("NAME") or ""))
            known.setdefault(int(row["ID"]), universal_list)
    return known if error is None else Unread(error, known)


def _number(method: str, row: Row, *names: str) -> int:
    """Return the first of these values that is filled.

    Raises:
        UntrustedError: It is not a number, or none is filled.
    """
    text = str(next((row[name] for name in names if row.get(name)), row.get(names[-1])))
    if not text.isdecimal():
        text = f"{method}: a row has no {names[0]}"
        raise UntrustedError(text, method=method)
    return int(text)
