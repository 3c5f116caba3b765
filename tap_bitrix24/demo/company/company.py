"""The demo company: how many rows each table has, with which ids and times, all from one seed.

Only ids, created and modified times are generated at the start (a few arrays); a row is computed from its id when it
is needed.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.company import dictionaries, people, sales, work
from tap_bitrix24.demo.company.deal_fields import deal_fields
from tap_bitrix24.demo.company.fields import Field, documented, entity_fields
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, RowFactory, Table, Tables
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
_CRM_TIME_FIELDS: Final = ("DATE_CREATE", "DATE_MODIFY")
_SMART_TIME_FIELDS: Final = ("CREATED_TIME", "UPDATED_TIME")
NO_TIME_FIELD: Final = " "
ID_LAYOUTS: Final = ("dense", "sparse")


@dataclass
class Company:
    """All tables by name. ``scale`` is the number of deals; ``types`` are the rows of the smart processes."""

    scale: int
    seeds: Seeds
    tables: Tables = field(default_factory=Tables)
    types: list[Row] = field(default_factory=list)

    @classmethod
    def create(
        cls, seeds: Seeds, *, scale: int, smart_processes: int, ids: str = "dense", deal_field_count: int | None = None
    ) -> "Company":
        """Return a company with every table.

        ``ids`` is how the ids of deals are spread (dense or sparse), ``deal_field_count`` how many fields deals have.
        """
        if ids not in ID_LAYOUTS:
            message = f"ids are {' or '.join(ID_LAYOUTS)}, not {ids!r}"
            raise ValueError(message)
        company = cls(scale, seeds)
        for name, share in _SHARES.items():
            lay_out = seeds.sparse_ids if name == "deals" and ids == "sparse" else seeds.dense_ids
            seeds.initial_ids[name] = lay_out(name, max(int(scale * share), 3))
        seeds.initial_ids["users"] = seeds.dense_ids("users", min(max(scale // 100, 5), 500))
        seeds.initial_ids["departments"] = seeds.dense_ids(
            "departments", max(4, len(seeds.initial_ids["users"]) // 8), gaps=False
        )
        company._crm_tables(*deal_fields(deal_field_count))
        company._work_tables()
        for _ in range(smart_processes):
            company._smart_process()
        company.rebuild_dictionaries()
        company.add_fixed(
            "currencies", entity_fields("currency"), dictionaries.currencies(seeds.anchor), key="CURRENCY"
        )
        return company

    def add_smart_process(self) -> int:
        """Add a smart process while the portal runs; returns its entity type id."""
        kind = self._smart_process()
        self.rebuild_dictionaries()
        return kind

    def _generated(
        self, name: str, fields: dict[str, Field], make: RowFactory, names: tuple[str, str], **more: Any
    ) -> Table:
        """Add a table whose ids are generated already."""
        ids = array("q", self.seeds.initial_ids[name])
        created, modified = self.seeds.times(name, len(ids))
        table = self.tables[name] = Table(name, fields, make, ids, created, modified, names, **more)
        return table

    def add_fixed(self, name: str, fields: dict[str, Field], rows: Iterable[Row], key: str = "ID") -> None:
        """Add a small table from its rows; rows inserted later are copies of the first one."""
        listed = list(rows)
        known = {row["ID"]: row for row in listed} if key == "ID" else dict(enumerate(listed, 1))
        model = listed[0] if listed else {}

        def make(number: int, _created: int, _modified: int) -> Row:
            fresh = {"ID": number, "id": number + 100, "CURRENCY": f"X{number:02}"}[key]
            return known.get(number) or model | {key: fresh}

        constant = array("q", [self.seeds.anchor - 90 * DAY] * len(known))
        names = (NO_TIME_FIELD, NO_TIME_FIELD)
        self.tables[name] = Table(name, fields, make, array("q", sorted(known)), constant, array("q", constant), names)

    def _crm_tables(self, deal_standard_fields: dict[str, Field], deal_user_fields: list[Field]) -> None:
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
                standard, own_fields = deal_standard_fields, deal_user_fields
            else:
                standard, own_fields = entity_fields(entity), some_types("UF_CRM_", 1_700_000_001 + 9_000_000 * place)
            fields = standard | {one.name: one for one in own_fields}
            columns = people.category_column(name) if name in {"contacts", "companies"} else {}
            ranks = dictionaries.stage_ranks(name)
            more = {"user_fields": own_fields, "columns": columns, "ranks": ranks}
            self._generated(name, fields, maker(seeds, own_fields), _CRM_TIME_FIELDS, **more)
        own_fields = some_types("UF_CRM_SMART_INVOICE_", 1_700_090_001)
        fields = entity_fields("smart_invoice") | {one.name: one for one in own_fields}
        kind, category = dictionaries.INVOICE_TYPE, dictionaries.INVOICE_CATEGORY
        make = sales.smart_item(seeds, own_fields, "smart_invoices", kind, category)
        self._generated("smart_invoices", fields, make, _SMART_TIME_FIELDS, user_fields=own_fields)
        self._history(1, "leads", 0)
        self._history(dictionaries.DEAL_TYPE, "deals", 0)
        self._history(kind, "smart_invoices", category)

    def _work_tables(self) -> None:
        """Add activities, tasks, users and departments."""
        seeds = self.seeds
        self._generated("activities", entity_fields("activity"), work.activity(seeds), ("CREATED", "LAST_UPDATED"))
        tasks = self._generated("tasks", work.task_fields(), work.task(seeds), ("CREATED_DATE", "CHANGED_DATE"))
        for place in range(0, len(tasks), 13):  # never changed: the row shows null, the filter sees the creation
            tasks.modified[place] = tasks.created[place]
        self._generated("users", _label_fields("user"), people.user(seeds), ("DATE_REGISTER", "TIMESTAMP_X"))
        rows = people.departments(seeds, len(seeds.initial_ids["departments"]))
        self.add_fixed("departments", _label_fields("department"), rows)

    def _history(self, kind: int, owners: str, category: int) -> None:
        """Add the stage history of one entity type: two rows for every owner."""
        name, seeds = f"stage_history_{kind}", self.seeds
        times = work.history_times(self.tables[owners])
        ids = seeds.initial_ids[name] = seeds.dense_ids(name, len(times))
        make = work.history(seeds, kind, self.tables[owners], category, name)
        fields, names = work.history_fields(kind), ("CREATED_TIME", NO_TIME_FIELD)
        self.tables[name] = Table(name, fields, make, array("q", ids), times, array("q", times), names)

    def _smart_process(self) -> int:
        """Add a smart process with its items and their history."""
        index = len(self.types)
        row = dictionaries.smart_type(index, self.seeds.anchor - (400 - index) * DAY)
        self.types.append(row)
        kind, category = int(row["ENTITY_TYPE_ID"]), dictionaries.smart_category(index)
        name = f"smart_process_{kind}"
        self.seeds.initial_ids[name] = self.seeds.dense_ids(name, max(3, self.scale // 5))
        own_fields = (some_types if index else every_type)(f"UF_CRM_{row['ID']}_", 1_700_100_000 + 7_000_000 * index)
        fields = entity_fields("smart_process") | {one.name: one for one in own_fields}
        make = sales.smart_item(self.seeds, own_fields, name, kind, category)
        self._generated(name, fields, make, _SMART_TIME_FIELDS, user_fields=own_fields)
        self._history(kind, name, category)
        return kind

    def rebuild_dictionaries(self) -> None:
        """Create types, pipelines and statuses anew: they depend on the smart processes."""
        self.add_fixed("types", entity_fields("type"), self.types)
        self.add_fixed("statuses", entity_fields("status"), dictionaries.statuses(self.types))
        rows = [dictionaries.category_row(one) for one in dictionaries.pipelines(self.types)]
        self.add_fixed("categories", entity_fields("category"), rows, key="id")


def _label_fields(entity: str) -> dict[str, Field]:
    """Return the fields of a list whose fields method gives labels only; their types stand in ``_TYPES``."""
    return {
        name: Field(name=name, type=_TYPES.get(name, "string"), title=str(label), item=name)
        for name, label in documented()[entity].items()
    }
