"""Rows that say what columns and codes mean: the streams `fields` and `field_options`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tap_bitrix24.entities import CATEGORIES, META, POSITION, STATUSES
from tap_bitrix24.entities.owners import SMART_INVOICE
from tap_bitrix24.errors import MissingMethodError, RejectedError
from tap_bitrix24.found import Found
from tap_bitrix24.model import Ask, Field, Option, Page, Reading, Row, Rows, Source
from tap_bitrix24.reading import want
from tap_bitrix24.schema import BOOLEAN, OBJECT, UNPARSED, Column

PORTAL, USER_FIELD, TAP = "portal", "user field", "tap"
"""Where a column comes from: described or documented, added by the portal's users, added by the tap."""
ENUMERATION, STATUS, CATEGORY = "enumeration", "status", "category"
"""Where the words for a code come from: the field's own list, a dictionary of CRM, the pipelines."""

NO_PIPELINES = (MissingMethodError, RejectedError)
"""What kinds of items without pipelines answer; anything else is no answer at all."""

_USER_FIELD = re.compile(r"[Uu][Ff]_|uf[A-Z]|PROPERTY_|property\d")
_STAGE = re.compile(r"(.*STAGE)_\d+")
"""Each pipeline has a dictionary of stages of its own: DEAL_STAGE_3, DYNAMIC_156_STAGE_7."""
_STAGES = frozenset({"stage_id", "previous_stage_id"})
"""Columns of items that come without the name of their dictionary, because there is one for each pipeline."""
_EXTRA = Column(UNPARSED, UNPARSED, OBJECT, description="Bitrix24 unparsed")
"""The column that all streams have."""


def describe_fields(found: Sequence[Found], source: Source) -> Reading:
    """One row per stream and column.

    Args:
        found: All streams, with what the portal says of their fields.
        source: What the rows are said to come from.
    """
    described = [each for each in found if each.entity not in META]
    rows = [_field_row(each, column) for each in described for column in (*each.columns, _EXTRA)]
    yield from _delivered(source, rows)


def _field_row(found: Found, column: Column) -> Row:
    told = found.fields.get(column.portal_name, Field(column.portal_name))
    known = {**found.entity.documented, **found.entity.types}.get(column.portal_name, "")
    return {
        "stream": found.name,
        "column_name": column.name,
        "portal_name": column.portal_name,
        "label": column.description,
        "portal_type": told.type or known.removesuffix("[]") or None,
        "type": column.kind,
        "multiple": column.multiple,
        "mandatory": told.required,
        "read_only": told.read_only,
        "origin": _origin(found, column),
    }  # fmt: skip


def _origin(found: Found, column: Column) -> str:
    place = POSITION in found.entity.key and column.portal_name == POSITION
    if place or column.part or column.portal_name.startswith("_"):
        return TAP
    return USER_FIELD if _USER_FIELD.match(column.portal_name) else PORTAL


def describe_options(found: Sequence[Found], source: Source, entity_types: Mapping[str, int]) -> Reading:
    """One row per stream, column and code: lists of fields, statuses and stages, pipelines.

    Args:
        found: All streams, with what the portal says of their fields.
        source: What the rows are said to come from.
        entity_types: Stream → entityTypeId, for streams whose rows are in pipelines.
    """
    numbers = sorted(set(entity_types.values()))
    lists = [Source(CATEGORIES.endpoint, params={"entityTypeId": number}) for number in numbers]
    asks = [Ask(source=Source(STATUSES.endpoint), offset=0), *(Ask(source=each, offset=0) for each in lists)]
    statuses, *pipelines = yield from want(asks)
    for answer in (statuses, *pipelines):
        tolerated = isinstance(answer.error, MissingMethodError if answer is statuses else NO_PIPELINES)
        if answer.error is not None and not tolerated:
            raise answer.error
    dictionaries = _dictionaries(statuses.pages)
    categories = {
        number: [Option(str(row["id"]), str(row.get("name") or ""), _number(row.get("sort"))) for row in page.rows]
        for number, answer in zip(numbers, pipelines, strict=True)
        for page in answer.pages
    }
    words = {stream: (_stages(number), categories.get(number, ())) for stream, number in entity_types.items()}
    rows = [
        {"stream": each.name, "column_name": column, "id": option.id, "label": option.label, "sort": option.sort,
         "color": option.color, "semantics": option.semantics, "origin": origin}
        for each in found
        for column, origin, options in _options(each, dictionaries, *words.get(each.name, ("", ())))
        for option in options
    ]  # fmt: skip
    yield from _delivered(source, rows)


def _stages(entity_type: int) -> str:
    """The dictionary of an item's stages, all pipelines together."""
    return "SMART_INVOICE_STAGE" if entity_type == SMART_INVOICE else f"DYNAMIC_{entity_type}_STAGE"


def _options(
    found: Found, dictionaries: Mapping[str, Sequence[Option]], stages: str, categories: Sequence[Option]
) -> Iterator[tuple[str, str, Sequence[Option]]]:
    """Column, origin and options of every field that has some.

    Fields count that only the table of entities knows, such as the pipeline of a contact. What it corrects is no list,
    whatever the portal says: `tasks.task.getFields` declares the id of a template to be Y or N.
    """
    names = {
        column.portal_name: column.name
        for column in found.columns
        if column.part in ("", "value") and column.kind != BOOLEAN
    }
    for name, column in names.items():
        told = found.fields.get(name, Field(name))
        if told.options and name not in found.entity.types:
            yield column, ENUMERATION, told.options
        elif told.dictionary or column in _STAGES:
            yield column, STATUS, dictionaries.get(_dictionary(told.dictionary) or stages, ())
        elif column == "category_id":
            yield column, CATEGORY, categories


def _dictionaries(pages: Iterable[Page]) -> dict[str, list[Option]]:
    """ENTITY_ID → its codes; the stages of all pipelines of one kind together, for their codes name the pipeline."""
    found: dict[str, list[Option]] = {}
    for page in pages:
        for row in page.rows:
            extra = row.get("EXTRA") if isinstance(row.get("EXTRA"), dict) else {}
            color = str(row.get("COLOR") or (extra or {}).get("COLOR") or "")
            option = Option(
                str(row["STATUS_ID"]), str(row.get("NAME") or ""), _number(row.get("SORT")), color,
                str(row.get("SEMANTICS") or (extra or {}).get("SEMANTICS") or ""),
            )  # fmt: skip
            found.setdefault(_dictionary(str(row.get("ENTITY_ID"))), []).append(option)
    return found


def _dictionary(entity_id: str) -> str:
    match = _STAGE.fullmatch(entity_id)
    return match.group(1) if match else entity_id


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else None


def _delivered(source: Source, rows: list[Row]) -> Reading:
    for start in range(0, len(rows), 1_000):
        yield Rows(source, rows[start : start + 1_000])
