"""All declared lists, gathered from the modules that hold them as data.

To add a list, add an :class:`~tap_bitrix24.demo.lists.entry.Entry` to the ``ENTRIES`` of one of these modules.
"""

from functools import cache, partial
from typing import Final

from tap_bitrix24.demo.lists import catalog, crm, talk, work
from tap_bitrix24.demo.lists.entry import Entry
from tap_bitrix24.demo.lists.rows import laid_out
from tap_bitrix24.demo.seeds import Seeds
from tap_bitrix24.demo.store import Tables

_MODULES: Final = (crm, work, catalog, talk)


@cache
def entries() -> dict[str, Entry]:
    """Answer the entries by method."""
    return {entry.method: entry for module in _MODULES for entry in module.ENTRIES}


@cache
def sources() -> dict[str, Entry]:
    """Answer the entries that tell how rows come about, by table; it is the first with columns."""
    found: dict[str, Entry] = {}
    for entry in entries().values():
        if entry.columns:
            found.setdefault(entry.table, entry)
    return found


def promise(seeds: Seeds, tables: Tables) -> None:
    """Let every table be laid out when someone asks for it."""
    for name, entry in sources().items():
        tables.later[name] = partial(laid_out, entry, seeds, tables)
