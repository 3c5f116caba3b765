"""Values without secrets: links to files carry a session's signature or token, in columns and nested values alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

LEVELS = 200
"""Levels of nesting that are kept: what writes and reads JSON gives up at some depth (orjson at 254)."""
_PARAMETER = r"(?:auth|token|sign|signature|sessid|access_token|aplogin|ap)(?:\[[^\]=&]{0,64}\]|%5B[^=&]{0,64}%5D)?="
"""A secret parameter's name in a link, with the bracket of PHP's nested parameters: `auth=`, `auth[ap]=`,
`auth%5Bauth%5D=`."""
_SECRET_NAME = re.compile(_PARAMETER, re.IGNORECASE)
_SECRET_PARAMETER = re.compile(rf"([?&](?:amp;)?)(?:{_PARAMETER}[^&#\s\"'<>\[\]]*(?:&(?:amp;)?)?)+", re.IGNORECASE)
_REST_PATH = re.compile(r"(/rest/(?:api/)?\d+/)[^/?#\s]+/", re.IGNORECASE)
"""The path of a download link made for a webhook; it contains the webhook's secret."""
_EMPTY_QUERY = re.compile(r"(?<![?&])(?<![?&]amp;)(?:[?&](?:amp;)?)++(?=$|[#\s\"'<>\[\]])")
"""Separators without parameters. It is tried once per run of them, because a long run would take its square in time."""
_QUERY = re.compile(r"[^?#;\s\"'<>\[\]]*")
"""The query of a link that is the whole value, not part of a text."""


class TooDeepError(ValueError):
    """A value has more than LEVELS levels."""


def _clean_link(link: str) -> str:
    """Return a link without its secret parameters; plain words are searched first, because the pattern is slow."""
    low = link.lower()
    if "/rest/" in low:
        link = _REST_PATH.sub(r"\1", link)
    if not ("auth" in low or "token" in low or "sign" in low or "sessid=" in low or "ap=" in low or "aplogin=" in low):
        return link
    head, question, query = link.partition("?")
    if not question or not _QUERY.fullmatch(query):
        clean, cut = _SECRET_PARAMETER.subn(r"\1", link)
        return _EMPTY_QUERY.sub("", clean) if cut else link
    kept = [part for part in query.split("&") if not _SECRET_NAME.match(part)]
    return f"{head}?{'&'.join(kept)}" if kept else head


def without_secrets(value: Any, levels: int = LEVELS) -> Any:
    """Return a value, nested or not, without the signatures and tokens of its links.

    Raises:
        TooDeepError: It has more levels than these.
    """
    if value.__class__ is str:
        suspect = ("=" in value or "/rest/" in value) and ("?" in value or "://" in value or value[:1] == "/")
        return _clean_link(value) if suspect else value
    if value.__class__ is dict:
        if not levels:
            raise TooDeepError
        return {key: without_secrets(inner, levels - 1) for key, inner in value.items()}
    if value.__class__ is list:
        if not levels:
            raise TooDeepError
        return [without_secrets(inner, levels - 1) for inner in value]
    return value


class _Written(str):
    """A piece of JSON text, as opposed to a text that is still a value."""

    __slots__ = ()


def json_text(value: Any) -> str:
    """Return a value of any depth as JSON text, without secrets; orjson, json and recursion give up at some depth."""
    written: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if item.__class__ is _Written:
            written.append(item)
        elif item.__class__ in (dict, list) and item:
            pending += reversed(list(_pieces(item)))
        else:
            written.append(orjson.dumps(without_secrets(item)).decode())
    return "".join(written)


def _pieces(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """Yield the inner values of an object or a list, which is not empty, and the text around them."""
    if isinstance(value, dict):
        for number, (key, inner) in enumerate(value.items()):
            yield _Written(f"{',' if number else '{'}{orjson.dumps(key).decode()}:")
            yield inner
        yield _Written("}")
    else:
        for number, inner in enumerate(value):
            yield _Written("," if number else "[")
            yield inner
        yield _Written("]")
