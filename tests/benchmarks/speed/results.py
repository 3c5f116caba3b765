"""The results' file: what was measured, when, of which commit, on which machine. Nothing is judged here."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "performance"
FILE = FOLDER / "results.json"
DISTRIBUTIONS = ("singer-sdk", "orjson", "requests", "duckdb")

LIST = re.compile(r"\[(?:[^{}\[\]]|\[[^{}\[\]]*\])*\]")
"""A list of values, or of such lists: one line of the file."""
LINE_END = re.compile(r"\n\s*")

Results = dict[str, dict[str, Any]]
"""Scenario → its entry."""


def machine(compared: Iterable[str]) -> dict[str, Any]:
    """Where it was measured."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.partition(":")[2].strip() for line in cpus.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "packages": {name: version(name) for name in DISTRIBUTIONS},
        "compared_with": list(compared),
    }


def commit() -> str:
    """The commit that was measured; says so if the package was not as it is there."""
    name = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", "tap_bitrix24", "pyproject.toml")
    return f"{name} with changes" if changed else name


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, encoding="utf-8")
    return done.stdout.strip() or ("" if done.returncode == 0 else "unknown")


def entry(
    figures: dict[str, Any], about: dict[str, Any], *, rounds: int, quick: bool, seconds: float, load: float
) -> dict[str, Any]:
    """What the file keeps of a scenario."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "quick": quick,
        "rounds": rounds,
        "took_seconds": round(seconds),
        "load_before": round(load, 1),
        "machine": about,
        "figures": figures,
    }


def read(path: Path = FILE) -> Results:
    """What was measured before."""
    if not path.exists():
        return {}
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(results: Results, order: Iterable[str], path: Path = FILE) -> None:
    """Write the scenarios in their order; those that are no more are dropped."""
    kept = {name: results[name] for name in order if name in results}
    text = json.dumps(kept, ensure_ascii=False, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LIST.sub(lambda found: LINE_END.sub(" ", found[0]), text) + "\n", encoding="utf-8")
