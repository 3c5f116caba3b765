"""The vendor's documented answers, and the values they must have in DuckDB.

Independent of the tap, this module implements where an answer has its rows, how a key becomes a column, and how a
value is converted. `tests/samples` holds the answers: as documented, `repaired` (the page's example is cut off or not
JSON) or `built` (the page has none: rows made from its list of fields).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from tap_bitrix24.entities import ENTITIES, OWN_STREAMS, Entity

SAMPLES = Path(__file__).parents[1] / "samples"
Row = dict[str, Any]
MISSING = object()
"""Marks a column that a table does not have."""


@cache
def _files() -> Mapping[str, Path]:
    return {path.name.removesuffix(".json").lower(): path for path in SAMPLES.glob("*.json")}


@dataclass(frozen=True)
class Case:
    """One stream and the documented answers of its method."""

    stream: str
    entity: Entity
    universal: bool = False

    def __str__(self) -> str:
        return f"{self.entity.endpoint.method} as {self.stream}"

    def rows(self) -> list[Row]:
        """Return the documented rows, in order."""
        found: list[Row] = []
        for result in _results(self.entity.endpoint.method):
            found += _rows_in(result, self.entity.endpoint.records_path)
        return [row for row in found if not _foreign(self.stream, row)]


def _results(method: str) -> Iterator[Any]:
    path = _files().get(method.lower())
    for response in json.loads(path.read_text(encoding="utf-8"))["responses"] if path else ():
        body = response["body"]
        if not response.get("v3") and isinstance(body, dict) and "result" in body:
            yield body["result"]


def _rows_in(value: Any, wrapper: str) -> list[Row]:
    """Return the rows of an answer: a list, an object of objects, a map, scalars or a single object."""
    for step in filter(None, wrapper.split(".")):
        value = value.get(step) if isinstance(value, dict) else value
    if isinstance(value, list):
        return [row if isinstance(row, dict) else {"": row} for row in value]
    if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
        return list(value.values())
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()) and wrapper == "":
        return [{"": each} for each in value.values()] if len(value) > 1 and not _is_row(value) else [value]
    return [value] if isinstance(value, dict) else []


def _is_row(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ("ID", "id", "entityId"))


def _foreign(stream: str, row: Row) -> bool:
    """Return whether a row is not the stream's: the page of user.get also has rows of sonet_group.user.get."""
    return stream == "users" and row.keys() == {"USER_ID", "ROLE"}


def cases() -> list[Case]:
    """Return a case for every stream whose method has documented rows."""
    found = [Case(_name(entity), entity) for entity in ENTITIES if entity not in OWN_STREAMS]
    universal = [Case("leads", entity, universal=True) for entity in ENTITIES if entity.stream == "smart_process_"]
    return [case for case in (*found, *universal) if case.rows()]


def _name(entity: Entity) -> str:
    """Return a stream's name; of smart processes, that of the example of crm.type.list."""
    return "smart_process_1256" if entity.stream == "smart_process_" else entity.stream


def column_of(name: str, case: Case) -> str:
    """Return the column of a documented key."""
    renamed = {"stage_id": "status_id"} if case.universal else {}
    if name == "":
        return {"task_planner": "task_id", "telephony_lines": "name", "im_chat_users": "user_id"}[case.stream]
    column = name.lower() if name.isupper() else re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return renamed.get(column.lower(), column.lower())


def _date(documented: str) -> date:
    """Return the date of a midnight, in its own time zone or in UTC."""
    moment = datetime.fromisoformat(documented)
    if moment.time() == time.min:
        return moment.date()
    assert moment.astimezone(UTC).time() == time.min, documented
    return moment.astimezone(UTC).date()


def without_secrets(documented: Any) -> Any:
    """Return a nested value without signatures and tokens in links."""
    secret = r"(?<=[?&])(auth|token|sign|signature|sessid|access_token)(%5B\w+%5D)?="
    text = re.sub(rf'{secret}[^&"\s#]*&?', "", json.dumps(documented))
    return json.loads(re.sub(r'[?&]+(?=["\s#])', "", text))


def _text(documented: Any) -> str:
    if isinstance(documented, str):
        cleaned = without_secrets(documented)
        return cleaned if "://" in documented or documented.startswith("/") else documented
    return str(documented)


def _flag(documented: Any) -> bool:
    return {"Y": True, "N": False, "1": True, "0": False, True: True, False: False}[documented]


CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": _flag,
    "VARCHAR": _text,
    "DATE": _date,
    "TIMESTAMP WITH TIME ZONE": lambda documented: datetime.fromisoformat(documented).astimezone(UTC),
    "JSON": without_secrets,
}
"""DuckDB type → converter of a documented value that is not empty."""


def agrees(documented: Any, found: Any, type_: str) -> bool:
    """Return whether a table's value equals the documented one."""
    if documented in ("", None, {}, []) or (documented is False and type_ != "BOOLEAN"):
        return found in (None, [])
    if type_ == "JSON" and isinstance(documented, list) and isinstance(found, list):
        return len(documented) == len(found) and all(map(_alike, documented, found))
    if type_ == "JSON":
        return _alike(documented, found) or found == [documented]
    wanted = CONVERTED[type_](documented)
    return (type(wanted), wanted) == (type(found), found)


def _alike(documented: Any, found: Any) -> bool:
    """Return whether nested values are equal; items of a list of numbers may be documented as text."""
    documented = without_secrets(documented)
    return bool(
        documented == found
        or (isinstance(documented, str) and not isinstance(found, (dict, list)) and documented == str(found))
    )


def misses(row: Row, record: Row, types: Mapping[str, str], case: Case) -> Sequence[tuple[str, Any, Any]]:
    """Return (column, documented, found) of every field of a documented row that differs in a table's row."""
    wrong: list[tuple[str, Any, Any]] = []
    for name, documented in row.items():
        column = column_of(name, case)
        found = record.get(column, MISSING)
        if found is MISSING or not agrees(documented, found, types[column]):
            wrong.append((column, documented, found))
    return wrong
