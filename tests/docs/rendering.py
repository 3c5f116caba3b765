"""The parts of the documentation that are made from code.

    python -m tests.docs.rendering

writes them anew between their markers; a test fails where they are stale. The demo's output is rendered by running
the command the README shows, seconds left as they stand: they are the only thing that differs from run to run.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from tap_bitrix24.entities import ENTITIES, SMART_PROCESSES, Entity
from tap_bitrix24.loading.columns import column_type
from tap_bitrix24.naming import column_name
from tap_bitrix24.schema import KINDS, Column
from tap_bitrix24.settings import PROPERTIES

ROOT = Path(__file__).parents[2]
NOT_BUILT = frozenset(
    {"portal_url", "client_id", "client_secret", "refresh_token", "token_file", "oauth_token_url", "vibecode_api_key",
     "vibecode_url", "site_url", "site_api_key", "site_openapi_path", "detect_deletes"}
)  # fmt: skip
"""Settings of the contract that this version refuses."""
UNUSED = frozenset({"max_concurrency", "child_sweep_hours"})
"""Settings that are checked and have no effect yet."""
BLOCK = re.compile(r"(<!-- begin: ([a-z]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def settings() -> str:
    """Setting, type, default, meaning."""
    rows = []
    for name, facts in PROPERTIES.items():
        if name in NOT_BUILT:
            continue
        choices = [choice for choice in facts.get("enum", ()) if choice is not None]
        kind = " or ".join(f"`{choice}`" for choice in choices) or next(
            each for each in facts["type"] if each != "null"
        )
        default = facts.get("default", "")
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else ""
        told = facts["description"] + (" (no effect yet)" if name in UNUSED else "")
        rows.append((f"`{name}`", kind, shown, f"{told}{'; a secret' if facts.get('secret') else ''}"))
    return table(("setting", "type", "default", "meaning"), *rows)


def reading(entity: Entity) -> str:
    """How a stream's rows are read, in a word."""
    if not entity.keyset:
        way = "whole list"
    elif entity.stamp is None:
        way = "by id, whole every run"
    else:
        way = "by id, then by date windows"
    if len(entity.per_type) > 1:
        way += ", per type of item"
    return way


def streams() -> str:
    """Stream, method, scope, key, bookmark, way of reading."""
    rows = []
    for entity in ENTITIES:
        name = f"{entity.stream}<entityTypeId>" if entity is SMART_PROCESSES else entity.stream
        since = f"`{column_name(entity.stamp.row)}`" if entity.stamp else ""
        key = ", ".join(f"`{column_name(part)}`" for part in entity.key)
        scope = " or ".join(f"`{scope}`" for scope in entity.scope)
        rows.append((f"`{name}`", f"`{entity.endpoint.method}`", scope, key, since, reading(entity)))
    return table(("stream", "method", "scope", "key", "incremental by", "read"), *rows)


def types() -> str:
    """Portal type → JSON Schema → DuckDB type."""
    rows = []
    for kind, group in groupby(sorted(KINDS.items(), key=lambda item: list(KINDS.values()).index(item[1])),
                               key=lambda item: item[1]):  # fmt: skip
        schema = Column("x", "X", kind).schema()
        json_type = " or ".join(each for each in schema["type"] if each != "null")
        form = f", format {schema['format']}" if "format" in schema else ""
        names = ", ".join(f"`{name}`" for name, _ in group)
        rows.append((names, f"{json_type}{form}", str(column_type(schema))))
    anything = column_type(Column("x", "X", "any").schema())
    rows.append(("any other type", "whatever it holds", str(anything)))
    rows.append(
        ("any of these, multiple", "array of it", str(column_type(Column("x", "X", "integer", multiple=True).schema())))
    )
    return table(("portal type", "JSON Schema", "DuckDB"), *rows)


def demo_output() -> str:
    """What the README's first command prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tap_bitrix24.export", str(Path(folder, "crm.duckdb")), "--demo"]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip("\n")


def without_seconds(text: str) -> str:
    """Demo output with the closing table's seconds blanked."""
    return re.sub(r"^(  \S+ +[\d,]+ +)[\d.]+( +[\d,]+)$", r"\1~\2", text, flags=re.MULTILINE)


def demo() -> str:
    """The demo's output as a block."""
    return f"```text\n{demo_output()}\n```"


BLOCKS: Mapping[str, Callable[[], str]] = {"demo": demo, "settings": settings, "streams": streams, "types": types}


def documents() -> Iterator[Path]:
    """All Markdown of the project."""
    yield from sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def shown(name: str) -> str:
    """A block as the documentation has it now.

    Raises:
        LookupError: No document has it.
    """
    for path in documents():
        for match in BLOCK.finditer(path.read_text(encoding="utf-8")):
            if match[2] == name:
                return match[0].removeprefix(match[1]).removesuffix(match[3]).strip("\n")
    raise LookupError(name)


def main() -> None:
    """Write all blocks anew."""
    for path in documents():
        text = path.read_text(encoding="utf-8")
        fresh = BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match[2]]()}\n{match[3]}", text)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
