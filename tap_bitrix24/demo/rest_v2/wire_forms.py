"""The forms in which methods show a table's rows: one view for each table and form, made on first use."""

from collections.abc import Callable
from typing import Any

from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import methods_crm, views, work_rows
from tap_bitrix24.demo.rest_v2.lists import registry, row_format

Show = Callable[[Row], Row]


class WireForms:
    """The views of one portal, kept with the rows they have encoded."""

    def __init__(self, portal: Portal) -> None:
        """Start without views."""
        self._portal = portal
        self._fragments = views.FragmentStore()
        self._views: dict[tuple[str, str], views.View] = {}

    def view(self, form: str, name: str) -> views.View:
        """Return the view of a table in one form."""
        table = self._portal.company.tables[name]
        known = self._views.get((form, name))
        if known is None or known.table is not table:
            known = self._views[form, name] = self._make(form, name)
        return known

    def forget(self) -> None:
        """Drop all encoded rows: switches decide how rows are written."""
        for view in self._views.values():
            view.forget(None)

    def _make(self, form: str, name: str) -> views.View:
        """Return a view."""
        table, seeds = self._portal.company.tables[name], self._portal.company.seeds
        show: Show
        if form.startswith("list "):
            source = registry.sources()[name]
            return views.View(table, source.key, row_format.row_writer(source), self._fragments)
        if form.startswith("universal"):
            kinds = {table_name: kind for kind, table_name in methods_crm.ENTITY_TYPES.items()}
            kind = kinds[name] if name in kinds else int(name.rpartition("_")[2])
            extra = (methods_crm.CATEGORY_FIELD,) if "CATEGORY_ID" in table.columns else ()
            return views.View(
                table,
                "id",
                self._reshaped(views.universal_writer(table.fields, extra, kind, original=form.endswith("original"))),
                self._fragments,
            )
        show, key = {
            "classic": (views.classic_writer(table.fields), "ID"),
            "tasks": (work_rows.show_task(seeds, table.fields), "id"),
            "users": (work_rows.user_show(self._portal.switches), "ID"),
            "departments": (work_rows.show_department, "ID"),
            "history": (work_rows.show_history, "ID"),
            "types": (methods_crm.show_type, "id"),
            "plain": (lambda row: row, "id"),
            "statuses": (methods_crm.show_status, "ID"),
            "currencies": (methods_crm.show_currency, "CURRENCY"),
        }[form]
        return views.View(table, key, self._reshaped(show) if form in {"classic", "tasks"} else show, self._fragments)

    def _reshaped(self, show: Show) -> Show:
        """Return a writer that obeys the switches ``list_gaps`` and ``item_links``."""
        switches = self._portal.switches

        def reshaped(row: Row) -> Row:
            shown = show(row)
            if switches["item_links"] == "empty" and "contactIds" in shown:
                shown["contactIds"] = []
            if switches["list_gaps"] == "on":
                shown = {name: with_gaps(value) if isinstance(value, list) else value for name, value in shown.items()}
            return shown

        return reshaped


def with_gaps(listed: list[Any]) -> Any:
    """Return a list as PHP writes it with a gap: an object with numeric keys (docs/protocol.md §6)."""
    first = 0 if len(listed) > 1 else 1
    return {str(place + (place > 0 or first)): one for place, one in enumerate(listed)} or []
