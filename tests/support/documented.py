"""The vendor's documented answers, and what their values must look like in DuckDB.

Said here a second time, apart from the tap: where rows lie in an answer, how a key becomes a column, what a value
means. `tests/samples` holds the answers: as documented, `repaired` (the page's example is cut off or no JSON) or
`built` (the page has none: rows made from its list of fields).
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
"""Stands for what a table does not have."""


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
        """The documented rows, in order."""
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
    """Rows in an answer: a list, an object of objects, a map, bare values or one object."""
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
    """On the page of user.get stand rows of sonet_group.user.get, too."""
    return stream == "users" and row.keys() == {"USER_ID", "ROLE"}


def cases() -> list[Case]:
    """Every stream whose method has documented rows."""
    found = [Case(_name(entity), entity) for entity in ENTITIES if entity not in OWN_STREAMS]
    universal = [Case("leads", entity, universal=True) for entity in ENTITIES if entity.stream == "smart_process_"]
    return [case for case in (*found, *universal) if case.rows()]


def _name(entity: Entity) -> str:
    """A stream of the portal's: of smart processes one that the example of crm.type.list names."""
    return "smart_process_1256" if entity.stream == "smart_process_" else entity.stream


def column_of(name: str, case: Case) -> str:
    """The column of a documented key."""
    renamed = {"stage_id": "status_id"} if case.universal else {}
    if name == "":
        return {"task_planner": "task_id", "telephony_lines": "name", "im_chat_users": "user_id"}[case.stream]
    column = name.lower() if name.isupper() else re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return renamed.get(column.lower(), column.lower())


def _date(told: str) -> date:
    """A midnight in its own zone is that local date, one in UTC is that UTC date."""
    moment = datetime.fromisoformat(told)
    if moment.time() == time.min:
        return moment.date()
    assert moment.astimezone(UTC).time() == time.min, told
    return moment.astimezone(UTC).date()


def without_secrets(told: Any) -> Any:
    """Nested values as documented, less the signed and token-bearing parameters of links."""
    secret = r"(?<=[?&])(auth|token|sign|signature|sessid|access_token)(%5B\w+%5D)?="
    text = re.sub(rf'{secret}[^&"\s#]*&?', "", json.dumps(told))
    return json.loads(re.sub(r'[?&]+(?=["\s#])', "", text))


def _text(told: Any) -> str:
    if isinstance(told, str):
        cleaned = without_secrets(told)
        return cleaned if "://" in told or told.startswith("/") else told
    return str(told)


def _flag(told: Any) -> bool:
    return {"Y": True, "N": False, "1": True, "0": False, True: True, False: False}[told]


LOOKS: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": _flag,
    "VARCHAR": _text,
    "DATE": _date,
    "TIMESTAMP WITH TIME ZONE": lambda told: datetime.fromisoformat(told).astimezone(UTC),
    "JSON": without_secrets,
}
"""DuckDB type → what becomes of a documented value that is not empty."""


def agrees(told: Any, found: Any, type_: str) -> bool:
    """Whether a table's value is the documented one."""
    if told in ("", None, {}, []) or (told is False and type_ != "BOOLEAN"):
        return found in (None, [])
    if type_ == "JSON" and isinstance(told, list) and isinstance(found, list):
        return len(told) == len(found) and all(map(_alike, told, found))
    if type_ == "JSON":
        return _alike(told, found) or found == [told]
    wanted = LOOKS[type_](told)
    return (type(wanted), wanted) == (type(found), found)


def _alike(told: Any, found: Any) -> bool:
    """Nested values; items of a list of numbers may have been told as text."""
    told = without_secrets(told)
    return bool(told == found or (isinstance(told, str) and not isinstance(found, (dict, list)) and told == str(found)))


def misses(row: Row, record: Row, types: Mapping[str, str], case: Case) -> Sequence[tuple[str, Any, Any]]:
    """(column, documented, found) of every field of a documented row that a table's row tells otherwise."""
    wrong: list[tuple[str, Any, Any]] = []
    for name, told in row.items():
        column = column_of(name, case)
        found = record.get(column, MISSING)
        if found is MISSING or not agrees(told, found, types[column]):
            wrong.append((column, told, found))
    return wrong
