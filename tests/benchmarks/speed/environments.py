"""Environments of the peers: one for each, made by pip once, in a folder that stays."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.speed.processes import say

Version = tuple[int, int]


@dataclass(frozen=True)
class Package:
    """A distribution as it is pinned, and the oldest Python it runs on."""

    name: str
    version: str
    python: Version = (3, 10)

    def __str__(self) -> str:
        """Name and version, as people write them."""
        return f"{self.name} {self.version}"


FAST_BITRIX24 = Package("fast-bitrix24", "1.8.14")
B24PYSDK = Package("b24pysdk", "1.3.2")
B24API = Package("b24api", "2.5.2", (3, 12))
B24API_BEFORE = Package("b24api", "0.4.1")
"""The last line of b24api that runs on a Python older than 3.12."""
TARGET_DUCKDB = Package("target-duckdb", "0.8.0")


@cache
def pythons() -> tuple[tuple[Version, str], ...]:
    """Return this Python, then later versions that are installed and start."""
    found = [(sys.version_info[:2], sys.executable)]
    for name in ("python3.12", "python3.13"):
        path = shutil.which(name)
        done = subprocess.run([path, "-c", ""], check=False, capture_output=True) if path else None
        if path and done and done.returncode == 0:
            found.append(((3, int(name.rpartition(".")[2])), path))
    return tuple(found)


def python_for(package: Package) -> str | None:
    """A Python that a distribution runs on."""
    return next((path for version, path in pythons() if version >= package.python), None)


def b24api() -> Package:
    """The newest b24api that some Python here runs."""
    return B24API if python_for(B24API) else B24API_BEFORE


@dataclass(frozen=True)
class Environments:
    """All of them, in one folder."""

    folder: Path

    def binaries(self, package: Package) -> Path:
        """Where the programs of a distribution's environment are; installs it if it is not there yet."""
        home = self.folder / f"{package.name}-{package.version}"
        if not (home / "installed").exists():
            say(f"pip install {package}")
            python = python_for(package)
            if python is None:
                message = f"{package} needs Python {'.'.join(map(str, package.python))}"
                raise RuntimeError(message)
            subprocess.run([python, "-m", "venv", "--clear", str(home)], check=True)
            pip = [str(home / "bin" / "pip"), "install", "--disable-pip-version-check"]
            wanted = f"{package.name}=={package.version}"
            done = subprocess.run([*pip, wanted], check=False, capture_output=True, encoding="utf-8")
            if done.returncode:
                message = f"{wanted} can't be installed: {done.stderr[-1000:]}"
                raise RuntimeError(message)
            (home / "installed").touch()
        return home / "bin"

    def described(self) -> Iterator[str]:
        """What is compared with, one line each."""
        for package in (FAST_BITRIX24, B24PYSDK, b24api(), TARGET_DUCKDB):
            version = next((".".join(map(str, each)) for each, _ in pythons() if each >= package.python), "?")
            yield f"{package} on Python {version}"
