"""What the portal is asked for `bitrix24-export --verify`: newest ids, counts, sample rows, children of some parents.

The newest ids are asked for before the run. Ids rise, so a row up to that id existed when the run began: if it is still
on the portal afterwards, the table must have it. Rows added since are neither counted nor missed; rows deleted since
make the portal's count smaller, never larger. A count above the table's therefore means that the table lacks rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tap_bitrix24.client import Client
from tap_bitrix24.errors import AccessError, PortalError, UntrustedError
from tap_bitrix24.model.endpoint import REST_V2, SITE, ListSpec, Row
from tap_bitrix24.model.event import Rows
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Page, PageRequest, Window
from tap_bitrix24.replication.parent_groups import ParentGroup
from tap_bitrix24.replication.plan import ReadMethod, ReadPlan
from tap_bitrix24.replication.validation import rows_within

SAMPLE_SIZE = 50
"""Most rows of one list that are compared; no method's page is larger than it needs to be for that."""
MOST_LISTS = 4
"""Streams of more lists are sampled by the first ones; children of more lists per parent are not counted."""


@dataclass(frozen=True, slots=True)
class Newest:
    """What the portal held when the run began."""

    clock: datetime
    """The portal's time before the run."""
    ids: Mapping[str, int]
    """Stream → its newest id, 0 if it had no rows; only of streams whose newest id can be requested. The parents of a
    stream of children are a stream of their own here, see `parent_plans`."""
    counts: Mapping[str, int]
    """Stream → its number of rows, where the list has no filter by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask about one stream after the run."""

    last_id: int | None = None
    """Count the rows up to this id; None: do not count."""
    sample_after: int = 0
    """Sample the rows after this id."""
    parents: Sequence[str] = ()
    """References of parents whose children to count."""


@dataclass(frozen=True, slots=True)
class Children:
    """Children of one parent, as the portal answers."""

    count: int
    """How many there are, at least."""
    ids: Sequence[int] = ()
    """Their ids, if all of them are in the answer and have one."""


@dataclass(slots=True)
class PortalView:
    """What the portal answered about one stream."""

    count: int | None = None
    """Rows up to the requested id, all rows of a list without a filter by id; None: unknown."""
    samples: list[Rows] = field(default_factory=list)
    children: dict[str, Children] = field(default_factory=dict)
    """Reference of a parent → its children; parents that the portal refuses are left out."""


def _read_by_id(plan: ReadPlan) -> bool:
    return plan.method in (ReadMethod.ALL_BY_ID, ReadMethod.INCREMENTAL)


def _read_by_offset(plan: ReadPlan) -> bool:
    """Whether the stream is read by offsets; cursors are none, and lists with cursors want a period."""
    by_offset = plan.method in (ReadMethod.ALL_BY_OFFSET, ReadMethod.PERIOD)
    pagings = [each.endpoint.pagination for each in plan.lists]
    return by_offset and all(paging.has_offset and not paging.uses_cursor for paging in pagings)


def parent_plans(name: str, plan: ReadPlan) -> dict[str, ReadPlan]:
    """Return the parents of a stream's children as streams of their own, to be counted: `crm_product_rows of deal`.

    Left out are parents that need not have children, and those whose children are requested by something but their id.
    """
    return {
        parents_name(name, group.name): ReadPlan(ReadMethod.ALL_BY_ID, plan.bounds, [group.parents])
        for group in plan.groups
        if group.has_children is None and group.value_key == group.parents.endpoint.key
    }


def parents_name(stream: str, group: str) -> str:
    """Return the name under which the parents of a parent group are counted."""
    return f"{stream} of {group}"


def _window(plan: ReadPlan) -> Window | None:
    """Return the date bounds the stream was read with; None: none."""
    dated = any(each.replication_key is not None for each in plan.lists)
    return Window(low=plan.bounds.start_date) if dated and plan.bounds.start_date else None


def newest_requests(plan: ReadPlan) -> list[PageRequest]:
    """Return the requests for a stream's newest ids, one per list; none if that of any list cannot be requested."""
    descending = all(each.endpoint.pagination.supports_descending for each in plan.lists)
    if not (_read_by_id(plan) and plan.id_is_key and descending):
        return []
    return [PageRequest(list_spec=each, window=_window(plan), descending=True) for each in plan.lists]


def count_requests(plan: ReadPlan, last_id: int) -> list[PageRequest]:
    """Return the requests that count a stream's rows up to an id; none where the answer would not be reliable.

    Args:
        plan: How the stream is read.
        last_id: The largest id to count.
    """
    if not (_read_by_id(plan) and plan.id_is_key):
        return []
    endpoints = [each.endpoint for each in plan.lists]
    if not all(each.pagination.counts_matches and each.reliable_total for each in endpoints):
        return []
    window = _window(plan)
    keys = [each.replication_key for each in plan.lists if each.replication_key is not None]
    if window and any(key.timezone_margin for key in keys):
        return []  # the filter's bounds are widened there, so that rows outside the period are counted, too
    lists = [replace(each, filter={**each.filter, f"<={each.endpoint.request_key}": last_id}) for each in plan.lists]
    return [PageRequest(list_spec=each, window=window, after=0, counted=True) for each in lists]


def whole_requests(plan: ReadPlan) -> list[PageRequest]:
    """Return the request for the first page of a list without a filter by id, if that tells the number of its rows.

    Streams of several such lists are not counted: lists of date ranges share rows.
    """
    if not _read_by_offset(plan) or _window(plan) or len(plan.lists) != 1:
        return []
    endpoint = plan.lists[0].endpoint
    if not (endpoint.pagination.single_page or (endpoint.pagination.counts_matches and endpoint.reliable_total)):
        return []
    return [PageRequest(list_spec=plan.lists[0], offset=0, counted=not endpoint.pagination.single_page)]


def sample_requests(plan: ReadPlan, after: int) -> list[PageRequest]:
    """Return the requests for a page of some of a stream's lists: after an id; of lists without order, the first page.

    Args:
        plan: How the stream is read.
        after: The id; ignored by lists that are not read by id.
    """
    lists = [_with_small_pages(each) for each in plan.lists[:MOST_LISTS]]
    if _read_by_id(plan):
        return [PageRequest(list_spec=each, window=_window(plan), after=after) for each in lists]
    if not _read_by_offset(plan):
        return []
    return [PageRequest(list_spec=each, window=_window(plan), offset=0) for each in lists]


def _with_small_pages(spec: ListSpec) -> ListSpec:
    return replace(spec, endpoint=replace(spec.endpoint, page_size=min(spec.endpoint.page_size, SAMPLE_SIZE)))


def children_requests(plan: ReadPlan, parent: str) -> list[PageRequest]:
    """Return the requests for the children of one parent; none if there are too many lists, or no such group.

    Args:
        plan: How the stream is read.
        parent: The parent's reference, as `child_reads` names it: `deal:17`.
    """
    name, _, value = parent.partition(":")
    lists = next((list(group.child_lists([value])) for group in plan.groups if group.name == name), [])
    if len(lists) > MOST_LISTS:
        return []
    return [_first_page(each) for each in lists]


def _first_page(spec: ListSpec) -> PageRequest:
    if spec.endpoint.pagination.has_offset:
        return PageRequest(list_spec=spec, offset=0)
    return PageRequest(list_spec=spec, after=0)


def ask_newest(client: Client, plans: Mapping[str, ReadPlan], clock: datetime) -> Newest:
    """Return what the portal holds before a run.

    Args:
        client: Sends the requests.
        plans: Stream → its plan in the dialect that can count.
        clock: The portal's time.
    """
    requests = {name: newest_requests(plan) for name, plan in plans.items()}
    wholes = {name: whole_requests(plan) for name, plan in plans.items()}
    asked = [*requests.values(), *wholes.values()]
    pages = _ask(client, [request for of_stream in asked for request in of_stream])
    newest: dict[str, int] = {}
    for name, of_stream in requests.items():
        ids = [_largest_id(request.list_spec, pages[request.id]) for request in of_stream]
        known = [each for each in ids if each is not None]
        if known and len(known) == len(ids):
            newest[name] = max(known)
    counts = {name: _whole_count(pages, of_stream) for name, of_stream in wholes.items()}
    return Newest(clock, newest, {name: count for name, count in counts.items() if count is not None})


def _whole_count(pages: Mapping[int, Page | None], requests: Sequence[PageRequest]) -> int | None:
    """Return the number of rows of a list according to its first page; None if it is unknown."""
    page = next((pages[request.id] for request in requests), None)
    if page is None or (page.total is None and requests[0].counted):
        return None
    return max(page.total or 0, len(page.rows))


def _largest_id(spec: ListSpec, page: Page | None) -> int | None:
    """Return the largest id of a page, 0 if it has no rows; None if it is unknown."""
    if page is None:
        return None
    ids = [str(row.get(spec.endpoint.key)) for row in page.rows]
    return max((int(each) for each in ids), default=0) if all(each.isdecimal() for each in ids) else None


def ask_portal(
    client: Client,
    counted: Mapping[str, ReadPlan],
    read: Mapping[str, ReadPlan],
    questions: Mapping[str, Question],
) -> dict[str, PortalView]:
    """Return what the portal answers about each stream; commands of classic REST share batches.

    Args:
        client: Sends the requests.
        counted: Stream → its plan in the dialect that can count.
        read: Stream → the plan the run read it by; without streams of parents, which are only counted.
        questions: What to ask.

    Raises:
        PortalError: The portal could not be reached, or the credentials are no longer valid.
    """
    counts = {
        name: count_requests(counted[name], question.last_id) if question.last_id else []
        for name, question in questions.items()
    }
    samples = {name: sample_requests(read[name], questions[name].sample_after) for name in read}
    wholes = {name: whole_requests(counted[name]) for name in questions}
    children = {
        (name, parent): children_requests(read[name], parent)
        for name, question in questions.items()
        for parent in question.parents
    }
    asked = [*counts.values(), *wholes.values(), *samples.values(), *children.values()]
    pages = _ask(client, [request for requests in asked for request in requests])
    views = {name: PortalView() for name in questions}
    for name, view in views.items():
        total = _whole_count(pages, wholes[name]) if wholes[name] else _sum(pages, counts[name])
        view.count = 0 if questions[name].last_id == 0 else total
        answers = [_rows(request, pages[request.id]) for request in samples.get(name, [])]
        view.samples = [rows for rows in answers if rows is not None]
    for (name, parent), requests in children.items():
        if (found := _children(read[name], parent, requests, pages)) is not None:
            views[name].children[parent] = found
    return views


def _sum(pages: Mapping[int, Page | None], requests: Sequence[PageRequest]) -> int | None:
    """Return the sum of the totals; None if there are none or one of them is unknown."""
    answers = [pages[request.id] for request in requests]
    totals = [page.total for page in answers if page is not None and page.total is not None]
    return sum(totals) if totals and len(totals) == len(requests) else None


def _rows(request: PageRequest, page: Page | None) -> Rows | None:
    """Return the rows of a sample that lie in its date bounds; None if the portal refuses them."""
    if page is None:
        return None
    try:
        return Rows(request.list_spec, rows_within(request.list_spec, page.rows, request.window))
    except UntrustedError:
        return None


def _children(
    plan: ReadPlan, parent: str, requests: Sequence[PageRequest], pages: Mapping[int, Page | None]
) -> Children | None:
    """Return a parent's children; None if one of their lists, or the parent's group, is unknown."""
    group = next((each for each in plan.groups if parent.startswith(f"{each.name}:")), None)
    if group is None:
        return None
    count, ids = 0, list[str]()
    for request in requests:
        page, endpoint = pages[request.id], request.list_spec.endpoint
        if page is None:
            return None
        own = [row for row in page.rows if _belongs(row, group, parent)]
        counted = endpoint.pagination.counts_matches and endpoint.reliable_total and len(own) == len(page.rows)
        count += max(len(own), (page.total or 0) if counted else 0)
        ids += [str(row.get(endpoint.key)) for row in own]
    complete = len(ids) == count and all(each.isdecimal() for each in ids)
    return Children(count, [int(each) for each in ids] if complete else ()) if requests else None


def _belongs(row: Row, group: ParentGroup, parent: str) -> bool:
    """Return whether a child is the parent's: a portal that drops the condition answers with all children."""
    owner = row.get(group.owner_key) if group.owner_key else None
    return owner is None or group.reference(owner) == parent


def _ask(client: Client, requests: Sequence[PageRequest]) -> dict[int, Page | None]:
    """Return request → its page; None if the portal refuses it.

    A command that is refused in a batch, or whose `total` is left out there, is sent again on its own.
    """
    pages: dict[int, Page | None] = {}
    for dialect in dict.fromkeys(request.list_spec.endpoint.dialect for request in requests):
        batched = [each for each in requests if each.list_spec.endpoint.dialect == dialect and _batchable(each)]
        results = client.batch_with_retries([_command(client, request) for request in batched])
        pages |= {each.id: _page(client, each, result) for each, result in zip(batched, results, strict=True)}
    for request in requests:
        page = pages.get(request.id)
        if page is None or (request.counted and page.total is None):
            pages[request.id] = _alone(client, request) or page
    return pages


def _batchable(request: PageRequest) -> bool:
    """Return whether a request may share a batch: a site has none, and VibeCode's has no counts."""
    dialect = request.list_spec.endpoint.dialect
    return dialect == REST_V2 or (dialect != SITE and not request.counted)


def _alone(client: Client, request: PageRequest) -> Page | None:
    """Return the page from a separate call, or None if the portal refuses it; the stream is reported as uncounted."""
    try:
        return _page(client, request, client.call(_command(client, request)))
    except AccessError:
        raise
    except PortalError:
        return None


def _command(client: Client, request: PageRequest) -> Command:
    return client.dialects[request.list_spec.endpoint.dialect].commands(request)[0]


def _page(client: Client, request: PageRequest, result: Result | PortalError) -> Page | None:
    if isinstance(result, PortalError):
        return None
    try:
        return client.dialects[request.list_spec.endpoint.dialect].page(request.list_spec, result)
    except PortalError:
        return None


def some_of(values: Iterable[Any], number: int) -> list[Any]:
    """Return some of the values, evenly spread over their order, the last one among them."""
    ordered = list(values)
    if len(ordered) <= number:
        return ordered
    return [ordered[(place + 1) * len(ordered) // number - 1] for place in range(number)]
