"""Answers as XML, for methods with the ending ``.xml`` (docs/protocol.md §1.1)."""

import json
from typing import Any
from xml.sax.saxutils import escape


def from_json(body: bytes) -> bytes:
    """Return a JSON answer as XML: root ``response``; elements of lists and numeric keys are ``item``."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_element("response", json.loads(body))}\n'.encode()


def _element(name: str, value: Any) -> str:
    """Return one element with its content."""
    tag = name if name[:1].isalpha() or name[:1] == "_" else "item"
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("item", item) for item in value)
    elif isinstance(value, bool):
        inner = "1" if value else ""
    else:
        inner = "" if value is None else escape(str(value))
    return f"<{tag}>{inner}</{tag}>"
