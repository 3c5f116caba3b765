"""The parts of the documentation that are made from code.

    python -m tests.docs.rendering

writes them anew between their markers; a test fails where they are stale. The demo's output is rendered by running
the command the README shows, seconds left as they stand: they are the only thing that differs from run to run.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from itertools import groupby
from pathlib import Path

from tap_bitrix24.connections import CONNECTION_HELP
from tap_bitrix24.dialects.pagination import SinglePage
from tap_bitrix24.entities import CHILD_READS, ENTITIES, EXCLUDED, LIST_ELEMENTS, OWN_STREAMS, REST_V3_ENTITIES, Entity
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.entities.vibecode import VIBECODE_ENTITIES, VIBECODE_SMART_PROCESSES
from tap_bitrix24.entities.vibecode_differences import DIFFERENCES, NOT_LISTED
from tap_bitrix24.model.endpoint import REST_V3
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.columns import KINDS, Column
from tap_bitrix24.schema.naming import column_name
from tap_bitrix24.settings import PROPERTIES
from tap_bitrix24.target_duckdb.columns import column_type
from tests.docs.architecture import picture
from tests.reliability.matrix import COMMAND_FAULTS, POSITIONS, READINGS, REQUEST_FAULTS, all_cases, pairwise

ROOT = Path(__file__).parents[2]
COMMON = ("webhook_url", "start_date", "plan", "max_concurrency", "lookback_seconds", "child_sweep_hours")
"""Settings the README shows; docs/settings.md has all."""
SHOWN_STREAMS = ("companies", "contacts", "crm_product_rows", "deals", "leads", "tasks")
"""Lines of the closing table that the README shows; docs/demo.md has all."""
SHOWN_ROWS = 4
"""Rows of a query's answer that the README shows."""
NOT_BUILT = frozenset({"detect_deletes"})
"""Settings of the contract that this version refuses."""
BUILT = tuple(name for name in PROPERTIES if name not in NOT_BUILT)
ANY_PORTAL = PortalInfo(
    datetime.now(UTC), smart_processes={156: ""}, product_iblocks=[1, 2], offer_iblocks=[3, 4],
    universal_lists={5: UniversalList("lists"), 6: UniversalList("lists")},
)  # fmt: skip
STALE = "stale: run python -m tests.docs.rendering"
BLOCK = re.compile(r"(<!-- begin: ([a-z]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def settings(names: Iterable[str] = BUILT) -> str:
    """Return the table of settings: name, type, default, meaning."""
    rows = []
    for name in names:
        facts = PROPERTIES[name]
        choices = [choice for choice in facts.get("enum", ()) if choice is not None]
        kind = " or ".join(f"`{choice}`" for choice in choices) or next(
            each for each in facts["type"] if each != "null"
        )
        default = facts.get("default", "")
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else ""
        rows.append((f"`{name}`", kind, shown, f"{facts['description']}{'; a secret' if facts.get('secret') else ''}"))
    return table(("setting", "type", "default", "meaning"), *rows)


def reading(entity: Entity) -> str:
    """How a stream's rows are read, in a few words."""
    if entity in OWN_STREAMS:
        return "made by the tap"
    if entity.parents is not None:
        parents = entity.parents(ANY_PORTAL)
        many = max(parent.group_size for parent in parents)
        way = f"{many} parents a command" if many > 1 else "a command per parent"
        if any(parent.embedded_children for parent in parents):
            way = "embedded in the parents' rows"
        return f"{way}: changed parents, all in a sweep" if is_swept(entity) else f"{way}, whole every run"
    if isinstance(entity.endpoint.pagination, SinglePage):
        way = "whole list"
    elif not entity.supports_keyset and entity.replication_key:
        way = "by the portal's cursor, in date windows"
    elif not entity.supports_keyset:
        way = "by offset, whole every run"
    else:
        way = "by id, then by date windows" if entity.replication_key else "by id, whole every run"
    lists = entity.variants(ANY_PORTAL) if entity.variants is not None else ()
    return f"{way}; several lists" if len(lists) > 1 else way


def cost(entity: Entity) -> str:
    """Requests of a full read; rows and parents are numbers of them."""
    if entity in OWN_STREAMS:
        return {"fields": "those of discovery", "field_options": "1"}.get(entity.stream, "none")
    if entity.parents is not None:
        parents = entity.parents(ANY_PORTAL)
        if any(parent.embedded_children for parent in parents):
            return "parents / 2,500"
        each = 50 * max(parent.group_size for parent in parents)
        more = " × date ranges" if any(parent.variants for parent in parents) else ""
        return f"parents / {each:,}{more}"
    if entity.endpoint.dialect == REST_V3:
        return f"rows / {entity.endpoint.page_size:,}"
    return "1, shared" if isinstance(entity.endpoint.pagination, SinglePage) else "rows / 2,500"


def fresh(entity: Entity) -> str:
    """How old a row may be after a run, and whether rows that are gone disappear."""
    if entity is CHILD_READS:
        return ""
    if is_swept(entity):
        return "changed parents: the run; others: `child_sweep_hours`"
    if entity.replication_key is not None and entity.parents is None:
        return "the run's start; deleted rows stay"
    return "the run" if entity.quirks.complete else "the run; older months stay as they were"


def streams() -> str:
    """Every stream: method, scope, key, bookmark, way of reading, cost, freshness, whether selected by default."""
    rows = []
    for entity in (*ENTITIES, *REST_V3_ENTITIES):
        name = f"{entity.stream}<{'iblockId' if entity.stream == LIST_ELEMENTS else 'entityTypeId'}>"
        since = "`_bitrix24_children_read_at`" if is_swept(entity) else ""
        if entity.replication_key and entity.parents is None:
            since = f"`{column_name(entity.replication_key.row_key)}`"
        rows.append((
            f"`{name if entity.template else entity.stream}`",
            "" if entity in OWN_STREAMS else f"`{entity.endpoint.method}`",
            " or ".join(f"`{scope}`" for scope in entity.scope),
            ", ".join(f"`{column_name(part)}`" for part in entity.primary_key),
            since, reading(entity), cost(entity), fresh(entity), "yes" if entity.selected_by_default else "",
        ))  # fmt: skip
    return table(
        ("stream", "method", "scope", "key", "incremental by", "how it is read", "requests", "fresh as of", "default"),
        *rows,
    )


def leftout() -> str:
    """Lists that are no streams: method, reason, what to read instead."""
    return table(
        ("list", "method", "reason", "instead, or why"),
        *((f"`{name}`", f"`{method}`", reason, note) for name, (method, reason, note) in EXCLUDED.items()),
    )


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


@cache
def demo_output() -> str:
    """Return what the README's first command prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tap_bitrix24.export", str(Path(folder, "crm.duckdb")), "--demo"]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip("\n")


def excerpt(output: str) -> str:
    """Return the lines of the demo's output the README shows: a part of the closing table, and the shortest query.

    Lines that are left out are marked by one that says how many they are.
    """
    closing, *queries = re.split(r"\n\n(?=-- )", output)
    head, rule, *lines = closing.splitlines()
    streams = [line for line in lines if line.strip()]
    kept = [line for line in streams[:-1] if line.split()[0] in SHOWN_STREAMS]
    table_shown = [head, rule, *kept, f"  … {len(streams) - 1 - len(kept)} more streams", streams[-1]]
    sql, answer = min(queries, key=len).split(";\n\n")
    names, line, *rows = answer.splitlines()
    answer_shown = [names, line, *rows[:SHOWN_ROWS], f"  … {len(rows) - SHOWN_ROWS} more rows"]
    return "\n".join([*table_shown, "", f"{sql};", "", *answer_shown])


def without_costs(text: str) -> str:
    """Demo output without the closing table's seconds and requests: who shares a request is a matter of moments."""
    return re.sub(r"^(  \S+ +[\d,]+) +[\d.]+ +[\d,]+$", r"\1 ~", text, flags=re.MULTILINE)


def demo() -> str:
    """Return the excerpt of the demo's output as a block."""
    return f"```text\n{excerpt(demo_output())}\n```"


def output() -> str:
    """Return the demo's whole output as a block."""
    return f"```text\n{demo_output()}\n```"


def connections() -> str:
    """Return the table of connections: settings, and what to tick in the portal."""
    return table(("connection", "settings", "in the portal"), *CONNECTION_HELP)


def others() -> str:
    """Return the table of the connections beside the webhook, each with a link to its section."""
    rows = [
        (f"[{name}](docs/connections.md#{slug(name)})", names)
        for name, names, _ in CONNECTION_HELP
        if name != "webhook"
    ]
    return table(("connection", "settings"), *rows)


def slug(title: str) -> str:
    """Return the address of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


def differences() -> str:
    """Return the table of columns that differ between REST and VibeCode."""
    return table(("streams", "through REST", "through VibeCode", "values"), *DIFFERENCES)


def vibe() -> str:
    """Every stream of VibeCode: path, scope, key, bookmark, way of reading, whether selected by default."""
    rows = []
    for entity in VIBECODE_ENTITIES:
        since = "`_bitrix24_children_read_at`" if is_swept(entity) else ""
        if entity.replication_key and entity.parents is None:
            since = f"`{column_name(entity.replication_key.row_key)}`"
        rows.append((
            f"`{entity.stream}<entityTypeId>`" if entity is VIBECODE_SMART_PROCESSES else f"`{entity.stream}`",
            f"`{entity.endpoint.method}`", " or ".join(f"`{scope}`" for scope in entity.scope),
            ", ".join(f"`{column_name(part)}`" for part in entity.primary_key),
            since, reading(entity).replace("command", "call"), "yes" if entity.selected_by_default else "",
        ))  # fmt: skip
    return table(("stream", "path below /v1", "scope", "key", "incremental by", "how it is read", "default"), *rows)


def unlisted() -> str:
    """What VibeCode does not list, and why."""
    return table(("left out", "why"), *((name, reason) for name, reason in NOT_LISTED.items()))


def picture_of_layers() -> str:
    """Return the diagram of layers, from the contract in pyproject.toml."""
    return picture((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def matrix() -> str:
    """Return the axes of the matrix of faults, and how many cases they make."""
    cases = all_cases()
    axes = {
        "fault of a request": REQUEST_FAULTS,
        "fault of a command": COMMAND_FAULTS,
        "position": POSITIONS,
        "strategy": dict.fromkeys(reading.strategy for reading in READINGS),
        "connection": dict.fromkeys(reading.connection for reading in READINGS),
    }
    rows = [(name, str(len(values)), ", ".join(values)) for name, values in axes.items()]
    counts = f"{len(cases):,} cases in full; {len(pairwise(cases)):,} by default, which hold every pair of two axes."
    return f"{table(('axis', 'values', 'which'), *rows)}\n\n{counts}"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "layers": picture_of_layers,
    "demo": demo,
    "output": output,
    "settings": settings,
    "common": partial(settings, COMMON),
    "streams": streams,
    "leftout": leftout,
    "types": types,
    "connections": connections,
    "others": others,
    "differences": differences,
    "unlisted": unlisted,
    "vibe": vibe,
    "matrix": matrix,
}


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
