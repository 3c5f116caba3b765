"""PHP's parsing of requests and encoding of answers (docs/protocol.md §1.2, §1.4).

Inside the portal every PHP array of a request is a ``dict`` whose keys are ints or strings, as in PHP itself.
"""

import email
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any
from urllib.parse import unquote_plus

Array = dict[int | str, Any]
Steps = tuple[int | str | None, ...]

MAX_INPUT_VARS = 10_000
_INTEGER = re.compile(r"-?[1-9]\d*|0")
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class EmptyObject:
    """A PHP object without public properties: JSON ``{}``, where an empty array is ``[]``."""


EMPTY_OBJECT = EmptyObject()


class Encoded:
    """A value that is JSON already, such as a page of cached rows."""

    def encoded(self) -> Iterable[bytes]:
        """Return the JSON text in parts, so that an answer of megabytes is joined only once."""
        raise NotImplementedError


def key(text: str) -> int | str:
    """Return a key as PHP has it: decimal text is an int, but ``"07"`` stays text."""
    return int(text) if _INTEGER.fullmatch(text) else text


def intval(value: Any) -> int:
    """Return PHP's ``(int)`` of a value: arrays give 0 or 1, text its leading digits, anything else 0."""
    if isinstance(value, str):
        found = _LEADING_INTEGER.match(value)
        return int(found[1]) if found else 0
    if isinstance(value, dict):
        return 1 if value else 0
    if isinstance(value, int | float):
        return int(value)
    return 0


def boolval(value: Any) -> bool:
    """Return PHP's ``(bool)`` of a value: ``"false"`` is true, ``"0"`` is false."""
    return value not in (None, "", "0", 0, False, {})


def array(value: Any) -> Any:
    """Return decoded JSON with all lists and objects as PHP arrays."""
    if isinstance(value, list):
        return {index: array(item) for index, item in enumerate(value)}
    if isinstance(value, Mapping):
        return {key(str(name)): array(item) for name, item in value.items()}
    return value


def parse_form(text: str) -> Array:
    """Return the parameters of a query string or form by PHP's rules; those beyond ``max_input_vars`` are dropped."""
    result: Array = {}
    for pair in [part for part in text.split("&") if part][:MAX_INPUT_VARS]:
        name, _, value = pair.partition("=")
        _assign(result, _quoted_steps(name), unquote_plus(value) if "%" in value or "+" in value else value)
    return result


def _assign(result: Array, steps: Steps, value: str) -> None:
    """Assign one value to its place in the nested arrays."""
    if not steps:
        return
    target = result
    for step in steps[:-1]:
        place = _free_index(target) if step is None else step
        if not isinstance(target.get(place), dict):
            target[place] = {}
        target = target[place]
    last = steps[-1]
    target[_free_index(target) if last is None else last] = value


@lru_cache(maxsize=10_000)
def _quoted_steps(name: str) -> Steps:
    """Return the steps to a value from its encoded name; cached, since every command has the same names."""
    return _steps(unquote_plus(name))


def _steps(name: str) -> Steps:
    """Return the steps to a value, None for ``[]``; no steps for a name that PHP ignores."""
    head, path = _split_name(name.lstrip(" "))
    return (key(head), *path) if head else ()


def _split_name(name: str) -> tuple[str, list[int | str | None]]:
    """Return the head and the steps of ``a[b][]``; a bracket that is never closed becomes ``_``."""
    head, bracket, rest = name.partition("[")
    if bracket and "]" not in rest:
        return re.sub(r"[. ]", "_", f"{head}_{rest}"), []
    path: list[int | str | None] = []
    while bracket and "]" in rest:
        inner, _, rest = rest.partition("]")
        path.append(key(inner) if inner else None)
        bracket, rest = rest[:1], rest[1:]
        if bracket != "[":
            break
    return re.sub(r"[. ]", "_", head), path


def _free_index(target: Array) -> int:
    """Return the key that ``[]`` appends at."""
    return max((index for index in target if isinstance(index, int)), default=-1) + 1


def parse_body(content_type: str, body: bytes) -> Array:
    """Return the parameters of a POST body, by its content type.

    JSON that does not parse, or is a scalar, gives no parameters and no error.
    """
    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode("utf-8", "replace")
    if kind == "application/x-www-form-urlencoded":
        return parse_form(text)
    if kind == "multipart/form-data":
        return _parse_multipart(content_type, body)
    if kind == "application/json":
        try:
            decoded = array(json.loads(text))
        except ValueError:
            return {}
        return decoded if isinstance(decoded, dict) else {}
    return parse_form(text)


def _parse_multipart(content_type: str, body: bytes) -> Array:
    """Return the plain fields of a multipart form."""
    result: Array = {}
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            _assign(result, _steps(name), payload.decode("utf-8", "replace"))
    return result


def encode(value: Any) -> bytes:
    """Return JSON as PHP writes it: keys 0..n-1 make a list, an empty array is ``[]``, markup is escaped."""
    return b"".join(_parts(value))


def _parts(value: Any) -> Iterable[bytes]:
    """Yield a value as JSON, in parts."""
    if isinstance(value, dict):
        if value and next(iter(value)) == 0 and list(value) == list(range(len(value))):
            return _joined(b"[", ((b"", item) for item in value.values()), b"]")
        return _joined(b"{", ((_key_text(name), item) for name, item in value.items()), b"}") if value else (b"[]",)
    if isinstance(value, Encoded):
        return value.encoded()
    if isinstance(value, list | tuple):
        return _joined(b"[", ((b"", item) for item in value), b"]")
    return (b"{}" if isinstance(value, EmptyObject) else _text(value),)


def _joined(opened: bytes, items: Iterable[tuple[bytes, Any]], closed: bytes) -> list[bytes]:
    """Yield items with their prefixes, separated by commas."""
    parts = [opened]
    for before, item in items:
        parts.append(before)
        parts += _parts(item)
        parts.append(b",")
    parts[max(len(parts) - 1, 1) :] = [closed]
    return parts


@lru_cache(maxsize=10_000)
def _key_text(name: int | str) -> bytes:
    """Return the key of an object as JSON; cached, since answers share a few keys."""
    return _text(str(name)) + b":"


def encode_row(row: dict[str, Any]) -> bytes:
    """Return one row as JSON by the C encoder; its values must be plain JSON values."""
    return _text(row)


def _text(value: Any) -> bytes:
    """Return JSON of the standard library with the further escapes of PHP."""
    if isinstance(value, float) and isfinite(value):
        return (str(int(value)) if value.is_integer() else repr(value)).encode()
    text = _ENCODER.encode(value)
    if '\\"' in text:
        # Escaped backslashes are replaced meanwhile, so that they are not taken for the escape of a quote.
        text = text.replace("\\\\", "\0").replace('\\"', "\\u0022").replace("\0", "\\\\")
    if "<" in text or ">" in text or "&" in text or "'" in text:
        for char, escape in (("<", "\\u003C"), (">", "\\u003E"), ("&", "\\u0026"), ("'", "\\u0027")):
            text = text.replace(char, escape)
    return text.replace("/", "\\/").encode()
