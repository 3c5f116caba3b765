"""Batches of REST 3.0: a JSON array of commands, run in order, all or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tap_bitrix24.demo.rest_v3.errors import RestV3Error


def _wrong(text: str) -> RestV3Error:
    return RestV3Error("INVALIDSELECTEXCEPTION", text)


@dataclass(frozen=True)
class Command:
    """One command; ``name`` is its alias, or its place as text."""

    name: str
    method: str
    query: dict[str, Any]


def read(given: Any) -> list[Command]:
    """Return the commands of a body; an object in place of the array is an error."""
    if not isinstance(given, list):
        raise _wrong(text='Each request item must have a "method" and "query" attribute')
    commands: list[Command] = []
    for place, each in enumerate(given):
        if not isinstance(each, dict) or not isinstance(each.get("method"), str) or "query" not in each:
            raise _wrong(text='Each request item must have a "method" and "query" attribute')
        name = str(each.get("as", place))
        if any(command.name == name for command in commands):
            raise _wrong(text=f"Повторное имя `{name}`")
        query = each["query"] if isinstance(each["query"], dict) else {}
        commands.append(Command(name, each["method"].lower(), query))
    return commands


def run(commands: list[Command], call: Callable[[str, dict[str, Any]], Any]) -> list[Any]:
    """Return the results of the commands; the first error is raised and ends the batch."""
    context: dict[str, Any] = {}
    results: list[Any] = []
    for command in commands:
        result = call(command.method, _resolved(command.query, context))
        results.append(result)
        if isinstance(result, dict) and ("item" in result or "items" in result):
            context[command.name] = result.get("item", result.get("items"))
    return results


def _resolved(value: Any, context: dict[str, Any]) -> Any:
    """Return a value with its references replaced by results of earlier commands."""
    if isinstance(value, list):
        return [_resolved(each, context) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$ref"}:
        return _walked(str(value["$ref"]), context)
    if set(value) == {"$refArray"}:
        alias, _, name = str(value["$refArray"]).partition(".")
        rows = context.get(alias)
        if not isinstance(rows, list):
            raise _wrong(text=f"Не найдена ссылка `{value['$refArray']}`")
        return [row.get(name) for row in rows]
    return {name: _resolved(each, context) for name, each in value.items()}


def _walked(path: str, context: dict[str, Any]) -> Any:
    found: Any = context
    for step in path.split("."):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict) and step in found:
            found = found[step]
        else:
            raise _wrong(text=f"Не найдена ссылка `{path}`")
    return found
