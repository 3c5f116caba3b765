"""``batch``: commands, references between them, and the five maps of the answer (docs/protocol.md §2)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.views import Rows

MAX_COMMANDS: Final = 50
_REFERENCE = re.compile(r"\$(result|next|total|time|error)(\S*)", re.IGNORECASE)
_STEP = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Command:
    """One command of a batch, split like a URL."""

    key: int | str
    method: str
    query: str


@dataclass
class Outcome:
    """The outcome of one command: an answer with its time, or an error body."""

    result: Any = None
    total: int | None = None
    next: int | None = None
    time: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    status: int = 200


@dataclass
class Maps:
    """The five maps of the answer; references are resolved from them while they grow."""

    result: php.Array = field(default_factory=dict)
    error: php.Array = field(default_factory=dict)
    total: php.Array = field(default_factory=dict)
    next: php.Array = field(default_factory=dict)
    time: php.Array = field(default_factory=dict)

    def add(self, key: int | str, outcome: Outcome) -> None:
        """Add an outcome; a failed command is in the map of errors only."""
        if outcome.error is not None:
            self.error[key] = outcome.error
            return
        self.result[key] = outcome.result
        self.time[key] = outcome.time
        if outcome.total is not None:
            self.total[key] = outcome.total
        if outcome.next is not None:
            self.next[key] = outcome.next

    def shown(self) -> dict[str, Any]:
        """Return the answer of the batch."""
        return {
            "result": self.result,
            "result_error": self.error,
            "result_total": self.total,
            "result_next": self.next,
            "result_time": self.time,
        }


def parameter(params: php.Array, name: str) -> Any:
    """Return a parameter by its lower-case name, in any case, or None."""
    return next((value for key, value in params.items() if str(key).lower() == name), None)


def commands(params: php.Array) -> list[Command]:
    """Return the commands of ``cmd``: entries that are no text are skipped without an error, ``#`` ends a command."""
    given = parameter(params, "cmd")
    found = []
    for key, text in given.items() if isinstance(given, dict) else ():
        if isinstance(text, str):
            path, _, query = text.partition("#")[0].partition("?")
            found.append(Command(key, path.strip("/"), query))
    return found


def run(params: php.Array, execute: Callable[[str, php.Array], Outcome], between: Callable[[], None]) -> Maps:
    """Run the commands in order; from the 51st on each fails. ``between`` is called after each command."""
    maps = Maps()
    halt = php.boolval(parameter(params, "halt"))
    for number, command in enumerate(commands(params)):
        if number >= MAX_COMMANDS:
            error = RestError(code="ERROR_BATCH_LENGTH_EXCEEDED", text="Max batch length exceeded").body()
            outcome = Outcome(error=error)
        else:
            params = php.parse_form(command.query)
            refers = "$" in command.query or "%24" in command.query
            outcome = execute(command.method, _resolved(params, maps) if refers else params)
        maps.add(command.key, outcome)
        if halt and outcome.error is not None:
            break
        between()
    return maps


def _resolved(value: Any, maps: Maps) -> Any:
    """Return a value with the references in its leaves replaced; keys stay unchanged."""
    if isinstance(value, dict):
        return {key: _resolved(item, maps) for key, item in value.items()}
    return _replace(value, maps) if isinstance(value, str) and "$" in value else value


def _replace(text: str, maps: Maps) -> Any:
    """Return a text with its references replaced; a reference that is the whole text gives its value with its type."""
    whole = _REFERENCE.fullmatch(text)
    if whole:
        found, value = _lookup(whole, maps)
        return value if found else text

    def spliced(match: re.Match[str]) -> str:
        found, value = _lookup(match, maps)
        plain = found and isinstance(value, str | int | float) and not isinstance(value, bool)
        return str(value) if plain else match[0]

    return _REFERENCE.sub(spliced, text)


def _lookup(match: re.Match[str], maps: Maps) -> tuple[bool, Any]:
    """Return whether a reference resolves, and its value: the deepest of its steps that exists.

    A match extends to the next blank, so the brackets of a second reference continue the first.
    """
    path = [php.key(step) for step in _STEP.findall(match[2])]
    if not path:
        return False, None
    if match[1] != match[1].lower():
        return True, None
    value: Any = getattr(maps, match[1])
    for step in path:
        deeper = _step(value, step)
        if deeper is None:
            break
        value = deeper
    return True, _plain(value)


def _step(value: Any, step: int | str) -> Any:
    """Return the value one step down, or None. A step into text gives one of its characters."""
    if isinstance(value, Rows):
        return value.row(step) if isinstance(step, int) and 0 <= step < len(value) else None
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list):
        return value[step] if isinstance(step, int) and 0 <= step < len(value) else None
    if isinstance(value, str):
        return value[step] if isinstance(step, int) and 0 <= step < len(value) else None
    return None


def _plain(value: Any) -> Any:
    """Return a referenced value as a PHP value."""
    if isinstance(value, Rows):
        return value.whole()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return php.array(value)
