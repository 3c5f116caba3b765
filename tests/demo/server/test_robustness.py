"""Any request gets an answer in JSON; reading while data changes gives consistent pages."""

import http.client
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.demo.wire import FORM, JSON, Wire, command, ids

METHODS = [
    "crm.deal.list",
    "crm.contact.list",
    "crm.activity.list",
    "crm.status.list",
    "crm.currency.list",
    "crm.item.list",
    "crm.item.fields",
    "crm.category.list",
    "crm.type.list",
    "crm.stagehistory.list",
    "tasks.task.list",
    "user.get",
    "department.get",
    "batch",
    "scope",
    "server.time",
]
NAMES = ["filter", "FILTER", "order", "ORDER", "select", "SELECT", "start", "entityTypeId", "cmd", "halt", "SORT"]
KEYS = ["ID", ">ID", "id", "@id", "><id", "><ID", "!ID", "DATE_MODIFY", ">=DATE_MODIFY", ">=updatedTime", "0"]
KEYS += ["%TITLE", "=%title", "UF_CRM_1700008105", "!@ID", ">=CHANGED_DATE", "logic", "LOGIC", "", ">=", "?", "stageId"]
LEAVES = ["", "0", "-1", "5", "abc", "2026-01-01T00:00:00+03:00", "$result[a][0][ID]", "$result", "%", "Я", "NaN"]
LEAVES += ["99999999999999999999999", "1e400", "ASC", "DESC", "*", "UF_*", "crm.deal.list?filter[ID]=5", "\x00", "[]"]
PLAIN: list[Any] = [None, True, False, 0, -1, 5, 2, 31, 1.5, 10**30, [], {}]


def seeded(seed: int) -> random.Random:
    """The same odd requests on every run."""
    return random.Random(seed)


def value(rng: random.Random, depth: int) -> Any:
    """A random JSON value, more or less like a parameter."""
    kind = rng.random()
    if depth and kind < 0.35:
        return {rng.choice(KEYS): value(rng, depth - 1) for _ in range(rng.randint(0, 3))}
    if depth and kind < 0.5:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return rng.choice(PLAIN) if kind < 0.7 else rng.choice(LEAVES)


def test_forty_connections_are_answered_side_by_side(own: Wire) -> None:
    """All are open and have sent before the first answer is read; each gets its own rows, from its own batch."""
    own.faults(latency_ms=100, page_ms=15)
    known = ids(own.truth("deals"))
    clients = [http.client.HTTPConnection(own.host, own.port, timeout=60) for _ in range(40)]
    for client in clients:
        client.connect()
    for first, client in enumerate(clients):
        asked = {"filter": {">ID": known[first]}, "order": {"ID": "ASC"}, "start": -1}
        cmd = {"a": command("crm.deal.list", asked), "b": command("crm.deal.list", {**asked, "select": ["TITLE"]})}
        client.request("POST", f"{own.root}batch", json.dumps({"cmd": cmd}), {"Content-Type": JSON})
    for first, client in enumerate(clients):
        result = json.loads(client.getresponse().read())["result"]["result"]
        assert ids(result["a"]) == ids(result["b"]) == known[first + 1 : first + 51]
        client.close()
    assert 1 < own.stats()["in_flight_most"] <= 40


@pytest.mark.parametrize("seed", range(8))
def test_any_json_gets_an_answer(portal: Wire, seed: int) -> None:
    rng = seeded(seed)
    for _ in range(40):
        method = rng.choice(METHODS)
        params = {name: value(rng, 3) for name in rng.sample(NAMES, rng.randint(0, 4))}
        answer = portal.call(method, params)
        assert answer.status in {200, 400}, (method, params, answer.raw[:200])
        assert "result" in answer.body or "error" in answer.body, (method, params)


@pytest.mark.parametrize("seed", range(4))
def test_any_form_gets_an_answer(portal: Wire, seed: int) -> None:
    rng = seeded(seed)
    pieces = [*NAMES, *KEYS, *LEAVES, "[", "]", "[]", "=", "&", "%", "%5B", "%zz", "+", ";", "#", "?"]
    for _ in range(40):
        body = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 12)))
        answer = portal.form(rng.choice(METHODS), body, content_type=rng.choice([FORM, JSON, "text/plain"]))
        assert answer.status in {200, 400}, (body, answer.raw[:200])


def test_reading_while_rows_change_tears_nothing(own: Wire) -> None:
    """Eight readers and a writer; every page is whole, ordered and inside its filter."""

    def read(number: int) -> None:
        for _ in range(12):
            params = {"filter": {">ID": number}, "order": {"ID": "ASC"}, "select": ["*", "UF_*"], "start": -1}
            for page in own.batch({f"c{key}": command("crm.deal.list", params) for key in range(3)})["result"].values():
                known = ids(page)
                assert known == sorted(set(known))
                assert known[0] > number

    def write() -> None:
        for _ in range(25):
            own.mutate(table="deals", insert=2, update=5, delete=1)

    with ThreadPoolExecutor(9) as pool:
        jobs = [pool.submit(read, number * 20) for number in range(8)] + [pool.submit(write)]
        for job in jobs:
            job.result()
    assert own.counts()["deals"] == 300 + 25
    assert json.dumps(own.truth("deals"))
