"""``batch``: parsing commands, resolving references, the five maps of the answer (docs/protocol.md §2)."""

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
    """What one command gave: an answer body with its time, or an error body."""

    result: Any = None
    total: int | None = None
    next: int | None = None
    time: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    status: int = 200


@dataclass
class Maps:
    """The five maps; references look into them while they grow."""

    result: php.Array = field(default_factory=dict)
    error: php.Array = field(default_factory=dict)
    total: php.Array = field(default_factory=dict)
    next: php.Array = field(default_factory=dict)
    time: php.Array = field(default_factory=dict)

    def add(self, key: int | str, outcome: Outcome) -> None:
        """Enter an outcome; a failed command leaves nothing but its error."""
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
        """Return the envelope."""
        return {
            "result": self.result,
            "result_error": self.error,
            "result_total": self.total,
            "result_next": self.next,
            "result_time": self.time,
        }


def parameter(params: php.Array, name: str) -> Any:
    """Find a parameter whatever the case of its name."""
    return next((value for key, value in params.items() if str(key).lower() == name), None)


def commands(params: php.Array) -> list[Command]:
    """Read ``cmd``: entries that are no text are skipped without a word, a ``#`` cuts the rest off."""
    given = parameter(params, "cmd")
    found = []
    for key, text in given.items() if isinstance(given, dict) else ():
        if isinstance(text, str):
            path, _, query = text.partition("#")[0].partition("?")
            found.append(Command(key, path.strip("/"), query))
    return found


def run(params: php.Array, execute: Callable[[str, php.Array], Outcome], between: Callable[[], None]) -> Maps:
    """Run the commands in order; the 51st and later ones fail each by itself. ``between`` runs after each."""
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
    """Replace the references in every leaf value; keys are never looked at."""
    if isinstance(value, dict):
        return {key: _resolved(item, maps) for key, item in value.items()}
    return _replace(value, maps) if isinstance(value, str) and "$" in value else value


def _replace(text: str, maps: Maps) -> Any:
    """Replace the references in one text. One that is the whole text keeps its type, lists included."""
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
    """Walk along all the brackets of one match; the walk stops at the deepest step that is there.

    Everything up to the next blank belongs to the match, so brackets of a second reference go on with the first.
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
    """Go one step down; None when there is nothing. A step into text gives one of its characters."""
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
    """Turn what a walk ended at into a PHP value."""
    if isinstance(value, Rows):
        return value.whole()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return php.array(value)
