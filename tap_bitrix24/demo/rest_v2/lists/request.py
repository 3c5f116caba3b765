"""The parameters of a call as declared lists read them: by path, by spelling, by position."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import php


@dataclass(frozen=True)
class ListRequest:
    """Parameters of one call; ``inner`` are those that hold filter, order and paging (``PARAMS`` of some methods)."""

    params: php.Array
    inner: php.Array
    spelling: str
    switches: Mapping[str, str]
    now: float
    outer_start: Any = None
    faults: Mapping[str, Any] = field(default_factory=dict)

    def at(self, paths: str) -> Any:
        """Return the parameter of the first path that exists, or None; ``|`` separates paths."""
        for path in paths.split("|"):
            value: Any = self.params
            for step in path.split("."):
                value = value.get(php.key(step)) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None

    def spelled(self, name: str) -> Any:
        """Return an inner parameter in the spellings that the method accepts, or None."""
        spellings = {"lower": (name,), "upper": (name.upper(),)}.get(
            self.spelling, (name, name.upper(), name.capitalize())
        )
        return next((self.inner[one] for one in spellings if one in self.inner), None)

    def number(self, name: str, default: int) -> int:
        """Return an inner parameter as a number, in either case; below 1 or no number gives the default."""
        value = self.inner.get(name, self.inner.get(name.upper()))
        found = php.intval(value) if value is not None else default
        return found if found > 0 else default


def positioned(params: php.Array, names: tuple[str, ...], method: str) -> php.Array:
    """Return positional parameters by name, as the old task methods read them: in their order, whatever their keys.

    A name that ends in ``?`` takes a scalar only; text there is an error, which is why an extra key at the front makes
    the call fail.
    """
    given = [(name, value) for name, value in params.items() if name != "start"]
    strange = [name for name, _ in given if isinstance(name, str) and name not in {one.rstrip("?") for one in names}]
    queue = [value for _, value in given]
    first, *rest = names
    result: php.Array = {}
    if first.endswith("?"):
        if strange or (queue and not isinstance(queue[0], dict) and not str(queue[0]).isdigit()):
            text = (
                f'Param #0 (taskId) for method {method}() expected to be of type "integer", but given something else.'
            )
            raise RestError(code="ERROR_CORE", text=f"TASKS_ERROR_EXCEPTION_#256; {text}; 256/TE/WRONG_ARGUMENTS<br>")
        if queue and not isinstance(queue[0], dict):
            result[first.rstrip("?")] = queue.pop(0)
    else:
        rest = list(names)
    return result | dict(zip(rest, queue, strict=False))
