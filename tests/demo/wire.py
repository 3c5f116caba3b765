"""A raw HTTP client for the portal under test: it sends exactly what it is given and shows the whole answer.

It shares no code with the tap or the portal, so that a misreading of the protocol in one of them shows here.
"""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; the body is parsed on access."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @cached_property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def result(self) -> Any:
        """The `result` of an answer that must be a success."""
        assert self.status == 200, f"HTTP {self.status}: {self.raw[:300]!r}"
        assert "error" not in self.body, self.body
        return self.body["result"]

    @property
    def error(self) -> tuple[int, Any]:
        """HTTP status and error code of an answer that must be a failure."""
        assert "error" in self.body, self.raw[:300]
        return self.status, self.body["error"]


def _pairs(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pairs(f"{prefix}[{key}]", item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _pairs(f"{prefix}[{index}]", item)
    else:
        yield prefix, str(value)


def php_query(params: Mapping[str, Any]) -> str:
    """`params` as PHP's http_build_query writes them: brackets for nesting, keys and values percent-encoded."""
    pairs = (pair for name, value in params.items() for pair in _pairs(name, value))
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def command(method: str, params: Mapping[str, Any] | None = None) -> str:
    """One command of a batch, encoded once."""
    return f"{method}?{php_query(params or {})}"


def ids(rows: Any, key: str = "ID") -> list[int]:
    """The ids of `rows` as numbers, in the order they came."""
    return [int(row[key]) for row in rows]


def instant(text: str) -> datetime:
    """The moment a date and time in ISO 8601 stands for, comparable across offsets."""
    return datetime.fromisoformat(text)


class Wire:
    """A client of one portal. Every request has a connection of its own, so a broken one does not affect the next."""

    def __init__(self, webhook_url: str, ca_file: Path | None = None) -> None:
        parts = urlsplit(webhook_url)
        self.context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self.host = parts.hostname or ""
        self.port = parts.port or 0
        self.root = parts.path

    def send(
        self, verb: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = self._connect()
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(verb, path, body=data, headers=dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=30)
        return http.client.HTTPSConnection(self.host, self.port, timeout=30, context=self.context)

    def call(self, method: str, params: Any = None, query: str = "") -> Answer:
        """POST with a JSON body, as most clients do."""
        tail = f"?{query}" if query else ""
        body = json.dumps({} if params is None else params)
        return self.send("POST", f"{self.root}{method}{tail}", body, {"Content-Type": JSON})

    def form(self, method: str, body: str, query: str = "", content_type: str = FORM) -> Answer:
        """POST with the body exactly as given."""
        tail = f"?{query}" if query else ""
        return self.send("POST", f"{self.root}{method}{tail}", body, {"Content-Type": content_type})

    def get(self, method: str, query: str = "") -> Answer:
        return self.send("GET", f"{self.root}{method}?{query}")

    def result(self, method: str, params: Any = None) -> Any:
        return self.call(method, params).result

    def ids(self, method: str, params: Any = None) -> list[int]:
        """Ids of one page, whatever the method wraps its rows in."""
        rows = self.result(method, params)
        if isinstance(rows, dict):
            (rows,) = rows.values()
        return ids(rows, "ID" if not rows or "ID" in rows[0] else "id")

    def batch(self, cmd: Any, halt: Any = 0, **outer: Any) -> Any:
        """The five maps of a batch."""
        return self.call("batch", {"halt": halt, "cmd": cmd, **outer}).result

    def control(self, name: str, body: Mapping[str, Any]) -> Any:
        answer = self.send("POST", f"/_demo/{name}", json.dumps(body), {"Content-Type": JSON})
        assert answer.status == 200, f"/_demo/{name} {answer.status}: {answer.raw[:300]!r}"
        return answer.body

    def faults(self, *rules: Mapping[str, Any], **others: Any) -> Any:
        return self.control("faults", {"rules": list(rules), **others})

    def switch(self, **switches: Any) -> Any:
        return self.control("faults", {"switches": switches})

    def mutate(self, **what: Any) -> Any:
        return self.control("mutate", what)

    def stats(self) -> Any:
        return self.send("GET", "/_demo/stats").body

    def forget_stats(self) -> None:
        self.control("stats", {"reset": True})

    def truth(self, table: str) -> list[Any]:
        """Every row of a table as the portal has it, ids ascending."""
        answer = self.send("GET", f"/_demo/truth?table={table}")
        assert answer.status == 200, f"truth of {table}: {answer.raw[:300]!r}"
        return [json.loads(line) for line in answer.raw.splitlines()]

    def counts(self) -> Any:
        return self.send("GET", "/_demo/truth").body
