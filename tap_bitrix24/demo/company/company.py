"""The demo company: how many rows of what, with which ids and stamps, all from one seed.

Only ids and stamps are laid out at the start (a few arrays); rows are made from their ids when needed.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.company import dictionaries, people, sales, work
from tap_bitrix24.demo.company.deal_fields import deal_fields
from tap_bitrix24.demo.company.fields import Field, documented, entity_fields
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Maker, Row, Table, Tables
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.user_fields import every_type, some_types

_SHARES: Final = {
    "deals": 1.0,
    "leads": 0.6,
    "contacts": 0.8,
    "companies": 0.3,
    "quotes": 0.1,
    "activities": 1.0,
    "tasks": 0.3,
    "smart_invoices": 0.1,
}
_TYPES: Final = {
    "ID": "integer",
    "ACTIVE": "bool",
    "LAST_LOGIN": "datetime",
    "DATE_REGISTER": "datetime",
    "TIMESTAMP_X": "datetime",
    "LAST_ACTIVITY_DATE": "datetime",
    "PERSONAL_BIRTHDAY": "date",
    "UF_EMPLOYMENT_DATE": "date",
    "UF_DEPARTMENT": "integer",
    "SORT": "integer",
    "PARENT": "integer",
    "UF_HEAD": "integer",
}
_CRM_STAMPS: Final = ("DATE_CREATE", "DATE_MODIFY")
_SMART_STAMPS: Final = ("CREATED_TIME", "UPDATED_TIME")
NO_STAMP: Final = " "
ID_LAYOUTS: Final = ("dense", "sparse")


@dataclass
class Company:
    """All tables by name; large ones are laid out by their seeds."""

    scale: int
    seeds: Seeds
    tables: Tables = field(default_factory=Tables)
    types: list[Row] = field(default_factory=list)

    @classmethod
    def founded(
        cls, seeds: Seeds, *, scale: int, smart_processes: int, ids: str = "dense", fields_of_deals: int | None = None
    ) -> "Company":
        """Lay out every table. ``ids`` tells how those of deals lie, ``fields_of_deals`` how many fields those have."""
        if ids not in ID_LAYOUTS:
            message = f"ids are {' or '.join(ID_LAYOUTS)}, not {ids!r}"
            raise ValueError(message)
        company = cls(scale, seeds)
        for name, share in _SHARES.items():
            lay_out = seeds.scattered_ids if name == "deals" and ids == "sparse" else seeds.born_ids
            seeds.born[name] = lay_out(name, max(int(scale * share), 3))
        seeds.born["users"] = seeds.born_ids("users", min(max(scale // 100, 5), 500))
        seeds.born["departments"] = seeds.born_ids("departments", max(4, len(seeds.born["users"]) // 8), gaps=False)
        company._crm_tables(*deal_fields(fields_of_deals))
        company._work_tables()
        for _ in range(smart_processes):
            company._smart_process()
        company.lay_out_dictionaries()
        company.fixed("currencies", entity_fields("currency"), dictionaries.currencies(seeds.anchor), key="CURRENCY")
        return company

    def add_smart_process(self) -> int:
        """Let a further smart process appear while the portal runs; answers its entity type id."""
        kind = self._smart_process()
        self.lay_out_dictionaries()
        return kind

    def _grown(self, name: str, fields: dict[str, Field], make: Maker, names: tuple[str, str], **more: Any) -> Table:
        """Add a table whose ids are laid out."""
        ids = array("q", self.seeds.born[name])
        created, modified = self.seeds.stamps(name, len(ids))
        table = self.tables[name] = Table(name, fields, make, ids, created, modified, names, **more)
        return table

    def fixed(self, name: str, fields: dict[str, Field], rows: Iterable[Row], key: str = "ID") -> None:
        """Add a small table from its rows; rows that are inserted later copy the first one."""
        listed = list(rows)
        known = {row["ID"]: row for row in listed} if key == "ID" else dict(enumerate(listed, 1))
        model = listed[0] if listed else {}

        def make(number: int, _created: int, _modified: int) -> Row:
            fresh = {"ID": number, "id": number + 100, "CURRENCY": f"X{number:02}"}[key]
            return known.get(number) or model | {key: fresh}

        still = array("q", [self.seeds.anchor - 90 * DAY] * len(known))
        names = (NO_STAMP, NO_STAMP)
        self.tables[name] = Table(name, fields, make, array("q", sorted(known)), still, array("q", still), names)

    def _crm_tables(self, standard_of_deals: dict[str, Field], owned_by_deals: list[Field]) -> None:
        """Add deals, leads, contacts, companies, quotes and smart invoices."""
        seeds = self.seeds
        for place, (name, entity, maker) in enumerate(
            (
                ("deals", "deal", sales.deal),
                ("leads", "lead", sales.lead),
                ("contacts", "contact", people.contact),
                ("companies", "company", people.company),
                ("quotes", "quote", sales.quote),
            )
        ):
            if name == "deals":
                standard, owned = standard_of_deals, owned_by_deals
            else:
                standard, owned = entity_fields(entity), some_types("UF_CRM_", 1_700_000_001 + 9_000_000 * place)
            fields = standard | {one.name: one for one in owned}
            columns = people.category_column(name) if name in {"contacts", "companies"} else {}
            ranks = dictionaries.stage_ranks(name)
            more = {"user_fields": owned, "columns": columns, "ranks": ranks}
            self._grown(name, fields, maker(seeds, owned), _CRM_STAMPS, **more)
        owned = some_types("UF_CRM_SMART_INVOICE_", 1_700_090_001)
        fields = entity_fields("smart_invoice") | {one.name: one for one in owned}
        kind, category = dictionaries.INVOICE_TYPE, dictionaries.INVOICE_CATEGORY
        make = sales.smart_item(seeds, owned, "smart_invoices", kind, category)
        self._grown("smart_invoices", fields, make, _SMART_STAMPS, user_fields=owned)
        self._history(1, "leads", 0)
        self._history(dictionaries.DEAL_TYPE, "deals", 0)
        self._history(kind, "smart_invoices", category)

    def _work_tables(self) -> None:
        """Add activities, tasks, users and departments."""
        seeds = self.seeds
        self._grown("activities", entity_fields("activity"), work.activity(seeds), ("CREATED", "LAST_UPDATED"))
        tasks = self._grown("tasks", work.task_fields(), work.task(seeds), ("CREATED_DATE", "CHANGED_DATE"))
        for place in range(0, len(tasks), 13):  # never changed: the row shows null, the filter sees the creation
            tasks.modified[place] = tasks.created[place]
        self._grown("users", _labelled("user"), people.user(seeds), ("DATE_REGISTER", "TIMESTAMP_X"))
        rows = people.departments(seeds, len(seeds.born["departments"]))
        self.fixed("departments", _labelled("department"), rows)

    def _history(self, kind: int, owners: str, category: int) -> None:
        """Add the stage history of one entity type: two rows for every owner."""
        name, seeds = f"stage_history_{kind}", self.seeds
        stamps = work.history_stamps(self.tables[owners])
        ids = seeds.born[name] = seeds.born_ids(name, len(stamps))
        make = work.history(seeds, kind, self.tables[owners], category, name)
        fields, names = work.history_fields(kind), ("CREATED_TIME", NO_STAMP)
        self.tables[name] = Table(name, fields, make, array("q", ids), stamps, array("q", stamps), names)

    def _smart_process(self) -> int:
        """Add a smart process with its items and their history."""
        index = len(self.types)
        row = dictionaries.smart_type(index, self.seeds.anchor - (400 - index) * DAY)
        self.types.append(row)
        kind, category = int(row["ENTITY_TYPE_ID"]), dictionaries.smart_category(index)
        name = f"smart_process_{kind}"
        self.seeds.born[name] = self.seeds.born_ids(name, max(3, self.scale // 5))
        owned = (some_types if index else every_type)(f"UF_CRM_{row['ID']}_", 1_700_100_000 + 7_000_000 * index)
        fields = entity_fields("smart_process") | {one.name: one for one in owned}
        make = sales.smart_item(self.seeds, owned, name, kind, category)
        self._grown(name, fields, make, _SMART_STAMPS, user_fields=owned)
        self._history(kind, name, category)
        return kind

    def lay_out_dictionaries(self) -> None:
        """Lay out types, pipelines and statuses, which depend on the smart processes."""
        self.fixed("types", entity_fields("type"), self.types)
        self.fixed("statuses", entity_fields("status"), dictionaries.statuses(self.types))
        rows = [dictionaries.category_row(one) for one in dictionaries.pipelines(self.types)]
        self.fixed("categories", entity_fields("category"), rows, key="id")


def _labelled(entity: str) -> dict[str, Field]:
    """Make fields of a list that documents labels only; the types that filters need are known to the portal."""
    return {
        name: Field(name=name, type=_TYPES.get(name, "string"), title=str(label), item=name)
        for name, label in documented()[entity].items()
    }
