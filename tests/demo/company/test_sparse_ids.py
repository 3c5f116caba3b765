"""`--ids sparse`: the deals' ids are in clusters with wide gaps, and everything that belongs to deals exists."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.conftest import Start
from tests.demo.wire import Wire, command, ids

SCALE = 20_000
DESERT = 1000


@pytest.fixture(scope="module")
def sparse() -> Iterator[Wire]:
    """20,000 deals, for reading only."""
    with serve(port=0, scale=SCALE, seed=1, no_limits=True, ids="sparse") as running:
        yield Wire(running.url)


@pytest.fixture(scope="module")
def known(sparse: Wire) -> list[int]:
    return ids(sparse.truth("deals"))


def walked(portal: Wire, method: str, asked: dict[str, Any], key: str, wrapper: str = "") -> list[int]:
    """All ids of a list, 2,500 a batch, each page after the last id of the one before."""
    found, after = [], "0"
    while True:
        cmd = {}
        for number in range(50):
            bounds = {"filter": {f">{key}": after}, "order": {key: "ASC"}, "start": -1}
            cmd[f"c{number}"] = command(method, {**asked, **bounds})
            after = f"$result[c{number}]{wrapper and f'[{wrapper}]'}[49][{key}]"
        pages = portal.batch(cmd, start=-1)["result"].values()
        for page in pages:
            rows = page[wrapper] if wrapper else page
            found += ids(rows, key)
            if len(rows) < 50:
                return found
        after = str(found[-1])


def clusters(known: list[int]) -> list[list[int]]:
    """The ids between gaps."""
    found = [[known[0]]]
    for before, after in pairwise(known):
        if after - before > DESERT:
            found.append([])
        found[-1].append(after)
    return found


def test_ids_are_spread_over_two_hundred_times_as_many_numbers(known: list[int]) -> None:
    assert len(set(known)) == SCALE
    assert known == sorted(known)
    assert known[0] < 50
    assert 200 * SCALE - 50 < known[-1] <= 200 * SCALE


def test_clusters_differ_in_size_and_density_and_deserts_in_width(known: list[int]) -> None:
    found = clusters(known)
    widths = [one[-1] - one[0] + 1 for one in found]
    assert len(found) > 15
    assert min(widths) < 100
    assert max(widths) > 5000
    dense = sorted(len(one) / width for one, width in zip(found, widths, strict=True))
    assert dense[0] < 0.5
    assert dense[-1] > 0.9
    deserts = sorted(after[0] - before[-1] for before, after in pairwise(found))
    assert deserts[0] < 10_000
    assert 200_000 < deserts[-1] < 1_500_000


def test_a_walk_by_id_finds_every_row(sparse: Wire, known: list[int]) -> None:
    assert walked(sparse, "crm.deal.list", {"select": ["ID"]}, "ID") == known
    asked = {"entityTypeId": 2, "select": ["id"]}
    assert walked(sparse, "crm.item.list", asked, "id", wrapper="items") == known


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_bounds_on_the_id_cut_anywhere(sparse: Wire, known: list[int], share: float) -> None:
    low = int(known[-1] * share)
    asked = {"filter": {">=ID": low, "<ID": low + 1_000_000}, "order": {"ID": "ASC"}, "start": -1}
    assert sparse.ids("crm.deal.list", asked) == [one for one in known if low <= one < low + 1_000_000][:50]
    newest = sparse.ids("crm.deal.list", {"order": {"ID": "DESC"}, "start": -1})
    assert newest == known[:-51:-1]


def test_rows_stand_in_the_order_they_were_created(start: Start) -> None:
    stamps = [row["DATE_CREATE"][:7] for row in start(ids="sparse").truth("deals")]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) > 30


def test_the_seed_decides(start: Start) -> None:
    first, again, other = (ids(start(ids="sparse", seed=seed).truth("deals")) for seed in (1, 1, 2))
    assert first == again != other


def test_other_tables_are_as_ever(start: Start, portal: Wire) -> None:
    own = start(ids="sparse")
    assert ids(own.truth("contacts")) == ids(portal.truth("contacts"))
    assert own.counts() == {**own.counts(), "deals": 300, "leads": 180, "stage_history_2": 600}


def test_what_hangs_on_deals_hangs_on_deals_that_exist(start: Start) -> None:
    own = start(ids="sparse")
    known = set(ids(own.truth("deals")))
    owners = {
        "product rows": {int(row["ownerId"]) for row in own.truth("product_rows") if row["ownerType"] == "D"},
        "activities": {int(row["OWNER_ID"]) for row in own.truth("activities") if row["OWNER_TYPE_ID"] == "2"},
        "history": {int(row["OWNER_ID"]) for row in own.truth("stage_history_2")},
        "quotes": {int(row["DEAL_ID"]) for row in own.truth("quotes") if row["DEAL_ID"]},
    }
    for name, found in owners.items():
        assert found, name
        assert found <= known, name
    assert owners["history"] == known


def test_children_of_the_last_deals_come_by_their_parent(start: Start) -> None:
    own = start(ids="sparse")
    last = ids(own.truth("deals"))[-20:]
    asked = {"filter": {"=ownerType": "D", "=ownerId": last}, "order": {"id": "ASC"}}
    rows = own.result("crm.item.productrow.list", asked)["productRows"]
    assert rows
    assert {row["ownerId"] for row in rows} <= set(last)
    links = [own.result("crm.deal.contact.items.get", {"id": number}) for number in last]
    assert any(links)


def test_a_new_deal_comes_behind_the_last(start: Start) -> None:
    own = start(ids="sparse")
    last = ids(own.truth("deals"))[-1]
    assert own.mutate(table="deals", insert=1)["inserted"] == [last + 1]


def test_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="dense or sparse"), serve(ids="dusty"):
        pass
