"""Handlers of the methods, by the names that entries give."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tap_bitrix24.demo.portal import date_filters
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v3 import queries
from tap_bitrix24.demo.rest_v3.errors import RestV3Error, invalid, not_found
from tap_bitrix24.demo.rest_v3.methods import Entry
from tap_bitrix24.demo.rest_v3.objects import OBJECTS, named
from tap_bitrix24.demo.rest_v3.rows import Row, table


@dataclass
class MethodCall:
    """One call of a method. ``faults`` maps names of active faults to parameters."""

    portal: Portal
    entry: Entry
    query: dict[str, Any]
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """Return all rows of the table."""
        return table(self.portal, self.entry.table)

    def number(self, name: str) -> int:
        """Return a required parameter, which must be a whole number."""
        value = self.query.get(name)
        if value is None:
            raise invalid(field=name, text=f"Обязательное поле `{name}` не заполнено")
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(field=name, text=f"Поле `{name}` требует тип `int`")
        return value

    def served(self, rows: list[Row], names: list[str] | None = None) -> list[Row]:
        """Return the rows of a page with the selected fields, and count them; faults shorten it or remove an id."""
        if "short_page" in self.faults:
            rows = rows[: max(0, len(rows) - int(self.faults["short_page"] or 1))]
        key, method = self.entry.key, self.entry.method
        self.portal.stats.served(method, self.entry.table, [row[key] for row in rows], counted=False)
        properties = OBJECTS[self.entry.shape]
        found = [dict(row) if names is None else queries.shown(properties, row, names) for row in rows]
        if "missing_id" in self.faults and found:
            found[len(found) // 2].pop(key, None)
        return found

    def filtered(self, cursor: str = "") -> list[Row]:
        """Return the rows that pass the filter; ``drop_filter`` ignores it, ``date_filter`` misreads its dates."""
        given = self.query.get("filter")
        if "date_filter" in self.faults and given is not None:
            how = str(self.faults["date_filter"] or "nothing")
            if how == "refused" and any(date_filters.dates(given)):
                raise invalid(field="filter", text="Неверная дата в фильтре")
            given = date_filters.read_dates(how, given)
            if given is None:
                return []
        tests = queries.conditions(self.entry, given, cursor=cursor)
        if "drop_filter" in self.faults:
            self.portal.stats.filters_dropped(self.entry.method, ["filter"])
            return self.rows
        return [row for row in self.rows if all(test(row) for test in tests)]


def _framework(call: MethodCall) -> Any:
    """Return a page of the framework's list: no total, no next."""
    entry, query = call.entry, call.query
    names = queries.selected(entry, query.get("select"))
    rows = queries.ordered(entry, call.filtered(), query.get("order"))
    if "drop_order" in call.faults:
        rows = sorted(rows, key=lambda row: (row[entry.key] * 7919) % 1009)
    limit, offset = queries.page(entry, query.get("pagination"), names)
    offset = 0 if "repeat_page" in call.faults else offset
    return {"items": call.served(rows[offset : offset + limit], names)}


def _tail(call: MethodCall) -> Any:
    """Return the rows strictly after a cursor."""
    entry, cursor = call.entry, call.query.get("cursor")
    names = queries.selected(entry, call.query.get("select"))
    given = cursor if isinstance(cursor, dict) else {"field": "id", "value": 0}
    for name in ("field", "value"):
        if name not in given:
            raise invalid(field=f"cursor.{name}", text=f"Обязательное поле `cursor.{name}` не заполнено")
    by = named(OBJECTS[entry.shape], given["field"])
    if not by.sortable or not by.accepts(given["value"]):
        raise invalid(field="cursor.value", text=f"Поле `{by.name}` требует тип `{by.kind}`")
    limit, _ = queries.page(entry, {"limit": given["limit"]} if "limit" in given else {}, names)
    down = str(given.get("order", "ASC")).upper() == "DESC"
    rows = queries.ordered(entry, call.filtered(by.name), {by.name: "DESC" if down else "ASC"})
    edge = queries.comparable(by, given["value"])
    if "repeat_page" not in call.faults:
        places = [(queries.comparable(by, row[by.name]), row) for row in rows]
        rows = [row for place, row in places if (place < edge if down else place > edge)]
    if "drop_order" in call.faults:
        rows = rows[::-1]
    return {"items": call.served(rows[:limit], names)}


def _get(call: MethodCall) -> Any:
    """Return one row."""
    number = call.number("id")
    row = next((row for row in call.rows if row["id"] == number), None)
    if row is None:
        raise not_found(number)
    names = queries.selected(call.entry, call.query.get("select"))
    return {"item": call.served([row], names)[0]}


def _own_parameters(call: MethodCall) -> Any:
    """Return a page of a list with parameters of its own in place of a filter: type, mailboxId, dates."""
    entry, query = call.entry, call.query
    rows = call.rows
    if entry.required and query.get(entry.required) is None:
        raise invalid(field=entry.required, text=f"Обязательное поле `{entry.required}` не заполнено")
    for name in ("type", "mailboxId"):
        if name in query and "drop_filter" not in call.faults:
            rows = [row for row in rows if row.get(name) == query[name]]
    if "dateFrom" in query:
        low = datetime.fromisoformat(query["dateFrom"])
        rows = [row for row in rows if datetime.fromisoformat(row["date"]) >= low]
    if "dateTo" in query:
        high = datetime.fromisoformat(query["dateTo"])
        rows = [row for row in rows if datetime.fromisoformat(row["date"]) <= high]
    names = [name for name in OBJECTS[entry.shape] if name != "members"]
    names = [name for name in queries.selected(entry, query.get("select")) if name in names]
    limit, offset = queries.page(entry, query.get("pagination"), names)
    offset = 0 if "repeat_page" in call.faults else offset
    return {"items": call.served(rows[offset : offset + limit], names)}


def _communications(call: MethodCall) -> Any:
    """Return chats and channels of a department."""
    number = call.number("id")
    if all(row["id"] != number for row in call.rows):
        raise not_found(number)

    def chat_of(kind: str, place: int) -> Row:
        chat = number * 10 + place
        return {
            "id": chat, "dialogId": f"chat{chat}", "title": f"{kind} {number}", "subtitle": "", "type": kind,
            "avatar": None, "color": "#fff", "hasAccess": True, "isExtranet": False, "originalNodeId": None,
        }  # fmt: skip

    chats = [chat_of("CHAT", place) for place in range(number % 3)]
    return {
        "chats": chats, "chatsNoAccess": 0, "channels": [chat_of("CHANNEL", 7)], "channelsNoAccess": 0, "collabs": [],
        "collabsNoAccess": 1,
    }  # fmt: skip


def _cursor_page(
    call: MethodCall, rows: list[Row], keys: tuple[str, str], place: Callable[[Row], tuple[Any, Any]]
) -> Any:
    """Return a page after a cursor of the portal's making, and the next cursor or None."""
    pagination = call.query.get("pagination") or {}
    names = queries.selected(call.entry, call.query.get("select"))
    limit, _ = queries.page(call.entry, {name: pagination[name] for name in ("limit",) if name in pagination}, names)
    rows = sorted(rows, key=place)
    cursor = pagination.get("afterCursor")
    if cursor is not None and "repeat_page" not in call.faults:
        if not isinstance(cursor, dict) or set(cursor) != set(keys):
            raise RestV3Error(code="invalid_pagination", text="Неверный курсор", prefix="")
        edge = (cursor[keys[0]], cursor["id"])
        rows = [row for row in rows if place(row) > edge]
    if "cursor_runaway" in call.faults:
        edge = (cursor or {}).get("id", 0)
        return [], {keys[0]: place(call.rows[0])[0], keys[1]: edge + 1}
    more = rows[limit:]
    last = place(rows[limit - 1]) if more else None
    if "cursor_circle" in call.faults and cursor is not None:
        ends = sorted(map(place, call.rows))
        last = ends[limit - 1] if cursor["id"] == ends[0][1] else ends[0]
    return call.served(rows[:limit], names), last and {keys[0]: last[0], keys[1]: last[1]}


def _collections(call: MethodCall) -> Any:
    rows, cursor = _cursor_page(call, call.rows, ("position", "id"), lambda row: (row["position"], row["id"]))
    return {"items": rows, "nextCursor": cursor}


def _follow_ups(call: MethodCall) -> Any:
    """Return follow-ups of calls; their filter is an object with a required period."""
    given = call.query.get("filter")
    period = given.get("startDate") if isinstance(given, dict) else None
    if not isinstance(period, dict) or not {"from", "to"} <= period.keys():
        raise RestV3Error(code="invalid_date_range", text="Не указан период", prefix="")
    low, high = (datetime.fromisoformat(period[name]) for name in ("from", "to"))
    rows = [row for row in call.rows if low <= datetime.fromisoformat(row["startDate"]) <= high]

    def place(row: Row) -> tuple[str, int]:
        return datetime.fromisoformat(row["startDate"]).isoformat(timespec="microseconds"), row["callId"]

    found, cursor = _cursor_page(call, rows, ("startDate", "id"), place)
    return {"items": found, "hasMore": cursor is not None, "afterCursor": cursor}


def _note_tree(call: MethodCall) -> Any:
    """Return the notes of a collection, nested."""
    number = call.number("collectionId")
    rows = [row for row in call.rows if row["collectionId"] == number]
    names = [name for name in OBJECTS[call.entry.shape] if name != "children"]
    flat = {row["id"]: {**{name: row[name] for name in names}, "children": []} for row in call.served(rows)}
    roots: list[Row] = []
    for row in flat.values():
        (flat[row["parentId"]]["children"] if row["parentId"] in flat else roots).append(row)
    return {"items": roots, "truncated": False}


HANDLERS: Final[dict[str, Callable[[MethodCall], Any]]] = {
    "framework": _framework,
    "tail": _tail,
    "get": _get,
    "own_parameters": _own_parameters,
    "communications": _communications,
    "collections": _collections,
    "followups": _follow_ups,
    "tree": _note_tree,
}
