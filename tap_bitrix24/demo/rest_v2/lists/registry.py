"""All declared lists, gathered from the modules of the package ``data``.

To add a list, add an :class:`~tap_bitrix24.demo.rest_v2.lists.entry.Entry` to the ``ENTRIES`` of a module there; a new
module needs no mention anywhere. Its table is created on first access and can be changed and compared like all
others.
"""

import pkgutil
from functools import cache, partial
from importlib import import_module

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Tables
from tap_bitrix24.demo.rest_v2.lists import data
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.tables import create_table


@cache
def entries() -> dict[str, Entry]:
    """Return the entries by method; a method declared twice raises ValueError."""
    found: dict[str, Entry] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(data.__path__)):
        for entry in import_module(f"{data.__name__}.{module}").ENTRIES:
            if entry.method.lower() in {name.lower() for name in found}:
                message = f"{entry.method} is declared twice"
                raise ValueError(message)
            found[entry.method] = entry
    return found


@cache
def sources() -> dict[str, Entry]:
    """Return the entries that declare rows, by table; two for one table raise ValueError."""
    found: dict[str, Entry] = {}
    for entry in entries().values():
        if entry.columns and entry.table in found:
            message = f"{entry.method} and {found[entry.table].method} both say what is in {entry.table}"
            raise ValueError(message)
        if entry.columns:
            found[entry.table] = entry
    return found


def register_tables(seeds: Seeds, tables: Tables) -> None:
    """Register every table, to be created on first access."""
    for name, entry in sources().items():
        tables.later[name] = partial(create_table, entry, seeds, tables)
