"""Answers of one command that faults refuse, empty or contradict (docs/demo.md)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2.calls import Answer
from tap_bitrix24.demo.rest_v2.views import Rows

NO_LISTS: Final = {"null_result": None, "false_result": False, "text_result": ""}


class BrokenTextError(Exception):
    """A value that JSON cannot hold: the reply to the whole request is lost (docs/protocol.md §1.4)."""

    def error(self) -> RestError:
        """Return the error that stands in place of the reply."""
        return RestError(code="WRONG_ENCODING", text="Wrong request encoding", status=200)


def refuse(faults: Mapping[str, Any]) -> None:
    """Raise the error by which a fault refuses a command."""
    if "missing_method" in faults:
        raise RestError(code="ERROR_METHOD_NOT_FOUND", text="Method not found!", status=404)
    if "command_error" in faults:
        raise RestError(code=faults["command_error"] or "INTERNAL_SERVER_ERROR", text="Fault on demand")
    if "refuse_command" in faults:
        code, text, status = refusal_of(faults["refuse_command"])
        raise RestError(code=code, text=text, status=status)


def refusal_of(param: Any) -> tuple[Any, str, int]:
    """Return code, text and HTTP status of the fault ``refuse_command``."""
    given = param if isinstance(param, Mapping) else {} if param is None else {"code": param}
    return given.get("code", "ACCESS_DENIED"), str(given.get("text", "Access denied!")), int(given.get("status", 400))


def changed(answer: Answer, faults: Mapping[str, Any]) -> Answer:
    """Return an answer as faults change it: no list, no rows, another total, or none at all."""
    if not faults:
        return answer
    if "broken_text" in faults and holds_broken(answer.result, faults["broken_text"]):
        raise BrokenTextError
    if "empty_page" in faults:
        answer = _emptied(answer, faults["empty_page"])
    for name, value in NO_LISTS.items():
        if name in faults:
            answer = Answer(value)
    if "wrong_total" in faults:
        answer = replace(answer, total=shown_total(faults["wrong_total"]))
    return answer


def shown_total(param: Any) -> int | None:
    """Return the total of the fault ``wrong_total``; None: no total."""
    given = param.get("total") if isinstance(param, Mapping) else param
    return None if given in {None, "missing"} else 0 if given == "zero" else int(given)


def _emptied(answer: Answer, param: Any) -> Answer:
    """Return an answer without rows, in its own shape; total and next stay, are missing, or are those of no rows."""
    given = param.get("total") if isinstance(param, Mapping) else param
    result = answer.result
    wrapped = isinstance(result, dict) and len(result) == 1 and not str(next(iter(result))).isdecimal()
    empty: Any = {name: [] for name in result} if wrapped else []
    rows = None if answer.rows is None else Rows([], [], answer.rows.table)
    if given == "missing":
        return Answer(empty, rows=rows)
    if given == "zero":
        return Answer(empty, None if answer.total is None else 0, None, rows, answer.counted)
    return replace(answer, result=empty, rows=rows)


def holds_broken(result: Any, param: Mapping[str, Any]) -> bool:
    """Return whether an answer holds the row and the field of the fault ``broken_text``."""
    return _holds(result, int(param["id"]), _plain(str(param["field"])))


def _holds(result: Any, number: int, name: str) -> bool:
    """Return whether an answer holds a field of a row, at any depth."""
    if isinstance(result, Rows):
        places = [place for place, one in enumerate(result.ids) if one == number]
        return any(_plain(key) == name for place in places for key in result.row(place))
    if isinstance(result, dict):
        own = str(result.get("ID", result.get("id"))) == str(number)
        return (own and any(_plain(str(key)) == name for key in result)) or any(
            _holds(one, number, name) for one in result.values()
        )
    return isinstance(result, list) and any(_holds(one, number, name) for one in result)


def _plain(name: str) -> str:
    """Return a name as classic and universal methods share it: ``DATE_CREATE`` and ``dateCreate`` are one."""
    return name.replace("_", "").casefold()
