"""Compare two recordings of what the tap does.

``python -m tests.support.compare_recordings OLD NEW [OLDNAME=NEWNAME …]``; names changed on purpose are given as pairs.

Records are compared as a set of lines for each stream, for children come in the order their requests were answered.
Requests are compared command by command, whatever shared a batch: how many pages a chain asks for beyond a list's end
depends on how fast the answers before it came. The exit code is 1 if anything else differs.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_MOMENT = re.compile(r"(2026-1[01]-\d\d)T\d\d(?:%3A|:)\d\d(?:%3A|:)\d\d(?:Z|(?:%2B|\+)00(?:%3A|:)00)")
_EPOCH = re.compile(r"\b(?:1762074|1762075|179361)\d{3,4}\b")
_EDITED = re.compile(r"\(edited \d+\)")
_REFERENCE = re.compile(r"(?:%24|\$)result(?:%5B|\[)c\d+(?:%5D|\])")
_REQUESTS = re.compile(r"\d+ requests")
_SHOWN = 3
"""Differing lines shown of a file."""


class Names:
    """Replaces what was renamed on purpose, and what depends on the second a run began in."""

    def __init__(self, renamed: Iterable[tuple[str, str]]) -> None:
        """Take pairs of old and new names; the longest are replaced first."""
        self._renamed = sorted(renamed, key=lambda pair: -len(pair[0]))

    def __call__(self, text: str) -> str:
        """Return the text in the new names, without seconds."""
        for old, new in self._renamed:
            text = text.replace(old, new)
        return _MOMENT.sub(r"\1", _EPOCH.sub("EPOCH", _EDITED.sub("(edited)", text)))


def commands(text: str) -> Iterator[str]:
    """Yield the commands of recorded requests, those of a batch one by one, without their numbers."""
    for line in text.splitlines():
        _, _, body = [*line.split(" ", 2), "", ""][:3]
        content = json.loads(body) if body.startswith("{") else {}
        if isinstance(content.get("cmd"), dict):
            yield from (_REFERENCE.sub("$result", str(command)) for command in content["cmd"].values())
        elif isinstance(content.get("calls"), list):
            yield from (json.dumps({**call, "id": ""}, sort_keys=True) for call in content["calls"])
        else:
            yield line


def lines(name: str, text: str, names: Names) -> Counter[str]:
    """Return what is compared of a file: lines or commands, and how often each occurs."""
    if name.endswith("requests.txt"):
        return Counter(names(command) for command in commands(text))
    if name.endswith(".log"):
        return Counter(_REQUESTS.sub("N requests", names(line)) for line in text.splitlines())
    if name.endswith(".json"):
        content = json.loads(names(text) or "null")
        return Counter(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).splitlines())
    if name.endswith("second/deals.jsonl"):  # the demo edits deals at random
        return Counter(str(json.loads(line).get("record", {}).get("id")) for line in text.splitlines())
    return Counter(names(line) for line in text.splitlines())


def differences(old: Path, new: Path, names: Names) -> Iterator[tuple[str, Counter[str], Counter[str]]]:
    """Yield each file that differs, with the lines only the old one and only the new one has."""
    files = [
        {names(path.relative_to(folder).as_posix()): path for path in folder.rglob("*") if path.is_file()}
        for folder in (old, new)
    ]
    for name in sorted({*files[0], *files[1]}):
        before, after = (
            lines(name, each[name].read_text(encoding="utf-8"), names) if name in each else Counter(["no such file"])
            for each in files
        )
        if before != after:
            yield name, before - after, after - before


def main(arguments: Sequence[str]) -> int:
    """Print what differs; return the exit code."""
    old, new, *renamed = arguments
    names = Names((before, after) for before, _, after in (pair.partition("=") for pair in renamed))
    code = 0
    for name, gone, come in differences(Path(old), Path(new), names):
        requests = name.endswith("requests.txt")
        code = code if requests else 1
        sys.stdout.write(f"{name}: {gone.total()} only before, {come.total()} only after\n")
        for sign, only in (("-", gone), ("+", come)):
            for line in sorted(only)[:_SHOWN]:
                sys.stdout.write(f"   {sign} {line[:400]}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
