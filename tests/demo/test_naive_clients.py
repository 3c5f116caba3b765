"""Two naive clients: both must lose or repeat rows on this portal, and its counters must show it."""

from typing import Any

from tests.demo.wire import Wire, command, ids

DEALS = "crm.deal.list"


def offset_loop(portal: Wire, limit: int = 20) -> list[int]:
    """Reads 50 by 50 until a short page; trusts order, offsets and the end."""
    found: list[int] = []
    for start in range(0, limit * 50, 50):
        page = portal.ids(DEALS, {"order": {"ID": "ASC"}, "start": start})
        found += page
        if len(page) < 50:
            break
    return found


def unguarded_chain(portal: Wire, pages: int = 8, filters: Any = None) -> list[int]:
    """One batch in which every command starts after row 49 of the one before; trusts every page."""
    cmd: dict[str, str] = {}
    for number in range(pages):
        after = f"$result[c{number - 1}][49][ID]" if number else 0
        params = {"filter": {">ID": after, **(filters or {})}, "order": {"ID": "ASC"}, "start": -1}
        cmd[f"c{number}"] = command(DEALS, params)
    result = portal.batch(cmd)["result"]
    return [deal for page in result.values() for deal in ids(page)]


def test_the_offset_loop_repeats_page_1_when_the_last_page_is_full(own: Wire) -> None:
    """300 rows are six full pages, and start=300 wraps: with only `len < 50` to stop it, it never ends."""
    truth = ids(own.truth("deals"))
    assert len(truth) == 300
    found = offset_loop(own, limit=20)
    assert found[:300] == truth
    assert found[300:350] == truth[:50]
    assert len(found) == 1000
    assert own.stats()["rows_served_twice"][DEALS] == 700


def test_the_offset_loop_loses_live_rows_when_others_are_deleted(own: Wire) -> None:
    before = ids(own.truth("deals"))
    own.mutate(table="deals", delete=10, every_requests=1, times=2)
    found = offset_loop(own, limit=6)
    after = ids(own.truth("deals"))
    assert len(after) == 280
    lost = set(after) - set(found)
    assert lost, "rows that were alive all the time must be missing"
    assert lost <= set(before)


def test_the_unguarded_chain_starts_again_behind_the_short_page(own: Wire) -> None:
    """Six pages hold the 300 rows; the seventh is empty and the eighth therefore page 1 again."""
    truth = ids(own.truth("deals"))
    found = unguarded_chain(own, pages=8)
    assert found[:300] == truth
    assert found[300:] == truth[:50]
    assert own.stats()["rows_served_twice"][DEALS] == 50


def test_the_unguarded_chain_repeats_rows_behind_a_last_page_that_is_short(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    low = truth[120]
    found = unguarded_chain(own, pages=6, filters={">=ID": low})
    expected = truth[120:]
    assert found[:180] == expected
    repeated = found[180:]
    assert len(repeated) == 100
    assert set(repeated) <= set(expected)
    assert own.stats()["rows_served_twice"][DEALS] == 100


def test_the_unguarded_chain_repeats_rows_behind_a_short_page_in_the_middle(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    own.faults({"fault": "short_page", "method": DEALS, "param": 1, "after": 2, "times": 1})
    found = unguarded_chain(own, pages=6)
    assert len(found) > len(set(found))
    assert set(found) < set(truth), "the restart eats the places of the rows it never reaches"
    assert own.stats()["rows_served_twice"][DEALS] == len(found) - len(set(found))
