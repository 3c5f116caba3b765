"""Handles requests to the site's API (`/api/`): key, lists by page, rate limit, OpenAPI document."""

import json
import random
from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import Any, Final

from tap_bitrix24.demo.company.store import Table
from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.portal.limits import LeakyBucket
from tap_bitrix24.demo.portal.messages import HttpRequest, Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.fault_answers import NO_LISTS, refusal_of
from tap_bitrix24.demo.rest_v2.fault_answers import shown_total as fault_total
from tap_bitrix24.demo.site.openapi import BASE, DEFAULT_LIMIT, MAX_LIMIT, openapi
from tap_bitrix24.demo.site.yaml_writer import dump

Row = dict[str, Any]
_PER_MINUTE: Final = 100
_BURST: Final = 20
_HTML_503: Final = b"<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>"
_STATES: Final = ("new", "work", "done", "cancelled")


def key(portal: Portal) -> str:
    """Return the key of the site's API."""
    return f"{random.Random(f'{portal.company.seeds.seed}:site').getrandbits(160):040x}"


def _product(number: int, changed: int) -> Row:
    return {
        "ID": str(number), "IBLOCK_ID": "14", "NAME": f"Товар «{number}»", "ACTIVE": "N" if number % 7 == 0 else "Y",
        "SORT": str(number % 500), "PRICE": None if number % 9 == 0 else f"{number * 13}.50", "QUANTITY": number % 40,
        "PREVIEW_PICTURE": None, "TIMESTAMP_X": server_iso(changed), "PROPERTY_TAGS": ["a", "б"][: number % 3],
    }  # fmt: skip


def _order(number: int, changed: int) -> Row:
    return {
        "id": number, "account_number": f"2026-{number}", "status": _STATES[number % 4], "price": number * 10.25,
        "currency": "RUB", "paid": number % 2 == 0, "customer_id": None if number % 5 == 0 else number % 90 + 1,
        "deliver_on": None if number % 3 else "2026-12-01", "address": None if number % 4 else {"city": "Пермь"},
        "positions": [{"product_id": 1, "quantity": 2}], "tag_ids": [number % 3],
        "created_at": server_iso(changed - 60), "updated_at": server_iso(changed),
    }  # fmt: skip


def _customer(number: int, changed: int) -> Row:
    return {
        "xml_id": f"c-{number:06d}", "name": f"Покупатель {number}", "email": None if number % 6 else "a@example.com",
        "phones": [f"+7900{number:07d}"], "birthday": None if number % 4 else "1990-05-17",
        "registered_at": server_iso(changed),
    }  # fmt: skip


def _article(number: int, changed: int) -> Row:
    return {
        "id": number, "title": f"Новость {number}", "text": None if number % 5 == 0 else "<p>текст</p>",
        "published": number % 3 != 0, "published_at": server_iso(changed), "rating": None if number % 2 else 4.5,
        "author": {"id": number % 10 + 1, "friends": []},
    }  # fmt: skip


_LISTS: Final[dict[str, tuple[str, Callable[[int, int], Row], str]]] = {
    "products": ("companies", _product, ""),
    "orders": ("deals", _order, "updated_at"),
    "customers": ("contacts", _customer, ""),
    "news": ("tasks", _article, ""),
}
"""Route → table of the company whose ids it has, function of a row, column of the filter ``modified_since``."""


def rows(portal: Portal, name: str) -> list[Row]:
    """Return all rows of a list, ids ascending."""
    table_name, show, _ = _LISTS[name]
    table: Table = portal.company.tables[table_name]
    return [show(number, changed) for number, changed in zip(table.ids, table.modified, strict=True)]


def answer(portal: Portal, request: HttpRequest) -> Reply:
    """Handle one request."""
    if portal.limits and not portal.kept("site bucket", _new_bucket).admits():
        portal.stats.error("site limit")
        return Reply(503, _HTML_503, "text/html")
    if request.headers.get("x-api-key") != key(portal):
        portal.stats.error("Unauthorized")
        return _reply({"error": "Unauthorized"}, 401)
    if request.path == "/api/docs":
        return _openapi_reply(portal)
    name = request.path.removeprefix(f"{BASE}/").strip("/")
    if request.verb != "GET" or name not in _LISTS or not request.path.startswith(BASE):
        if request.verb != "GET":
            portal.stats.write(f"site/{name}")
        return _reply({"error": "Not found"}, 404)
    with portal.lock:
        reply = _listed(portal, name, request.parameters())
    request.timer.spend(portal.faults.page_ms)
    return reply


def _new_bucket(portal: Portal) -> LeakyBucket:
    return LeakyBucket(portal.clock, _PER_MINUTE / 60, _BURST)


def _reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value, ensure_ascii=False).encode())


def _openapi_reply(portal: Portal) -> Reply:
    portal.stats.command("site/docs")
    match portal.switches["site_docs"]:
        case "json":
            return _reply(openapi())
        case "broken":
            return Reply(200, b"openapi: [3.0\n  paths:", "application/yaml")
        case "none":
            return _reply({"error": "Not found"}, 404)
        case _:
            return Reply(200, dump(openapi()).encode(), "application/yaml")


def _positive_int(given: dict[str, str], name: str, usual: int) -> int:
    text = given.get(name, "")
    return max(1, int(text)) if text.isdecimal() else usual


def _listed(portal: Portal, name: str, given: dict[str, str]) -> Reply:
    """Return a page of a list; beyond the end it is empty or the last page again, by the switch ``site_beyond``."""
    faults = portal.faults.command(f"site/{name}", given)
    portal.stats.command(f"site/{name}")
    if "refuse_command" in faults or "missing_method" in faults:
        code, _, status = refusal_of(faults.get("refuse_command", {"code": "Not found", "status": 404}))
        portal.stats.error(code)
        return _reply({"error": code}, status)
    found, dated = rows(portal, name), _LISTS[name][2]
    if dated and "modified_since" in given and "drop_filter" not in faults:
        since = datetime.fromisoformat(given["modified_since"])
        found = [row for row in found if datetime.fromisoformat(row[dated]) >= since]
    if portal.switches["site_order"] == "newest":
        found.reverse()
    limit, number = min(_positive_int(given, "limit", DEFAULT_LIMIT), MAX_LIMIT), _positive_int(given, "page", 1)
    pages = ceil(len(found) / limit)
    if portal.switches["site_beyond"] == "last":
        number = min(number, max(1, pages))
    number = 1 if "repeat_page" in faults else number
    shown = found[(number - 1) * limit : number * limit]
    shown = [] if "empty_page" in faults else shown
    if "short_page" in faults:
        shown = shown[: max(0, len(shown) - int(faults["short_page"] or 1))]
    own = "xml_id" if name == "customers" else "ID" if name == "products" else "id"
    if "missing_id" in faults and shown:
        shown[len(shown) // 2].pop(own)
    portal.stats.served(f"site/{name}", name, [hash(row.get(own)) for row in shown], counted=True)
    items: Any = next((value for fault, value in NO_LISTS.items() if fault in faults), shown)
    total = fault_total(faults["wrong_total"]) if "wrong_total" in faults else len(found)
    told = {} if total is None else {"total": total}
    match portal.switches["site_total"]:
        case "missing":
            return _reply({"items": items, "pagination": {"page": number, "limit": limit}})
        case "root":
            return _reply({"items": items, **told, "pagination": {"page": number, "limit": limit}})
        case _:
            pagination = {"page": number, "limit": limit, **told, "pages": pages}
            return _reply({"items": items, "pagination": pagination})
