"""The picture of docs/architecture.md, drawn from the layers contract in pyproject.toml.

import-linter checks the contract (`lint-imports`), so the picture shows what the code does. Layers are written from
top to bottom; in one layer ` | ` separates modules that must not import each other, ` : ` modules that may.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INDEPENDENT, RELATED = "|", ":"


@dataclass(frozen=True)
class Layer:
    """Modules on one level; they import from lower layers only."""

    modules: Sequence[str]
    related: bool = False
    """They may import each other, too."""


def layers(configuration: Mapping[str, Any]) -> Iterator[Layer]:
    """Yield the layers of the first layers contract, top to bottom.

    Raises:
        LookupError: There is no such contract.
        ValueError: A layer mixes both separators.
    """
    contracts = configuration["tool"]["importlinter"]["contracts"]
    contract = next((each for each in contracts if each["type"] == "layers"), None)
    if contract is None:
        message = "pyproject.toml has no contract of type layers"
        raise LookupError(message)
    for text in contract["layers"]:
        separators = {each for each in (INDEPENDENT, RELATED) if each in text}
        if len(separators) > 1:
            raise ValueError(text)
        modules = re.split(r"\s*[|:]\s*", text)
        # parentheses mark a module that need not exist
        yield Layer([module.strip().strip("()") for module in modules], related=RELATED in separators)


def diagram(drawn: Sequence[Layer]) -> str:
    """Return the layers as a mermaid flowchart; arrows lead to what a layer may import."""
    lines = ["flowchart TB"]
    for number, layer in enumerate(drawn, 1):
        lines.append(f'  subgraph layer{number}[" "]')
        lines.append("    direction LR")
        if layer.related and len(layer.modules) > 1:
            lines.append(f"    {' <-.-> '.join(layer.modules)}")
        else:
            lines += [f"    {module}" for module in layer.modules]
        lines.append("  end")
    lines += [f"  layer{number} --> layer{number + 1}" for number in range(1, len(drawn))]
    return "\n".join(lines)


def picture(pyproject: str) -> str:
    """Return the block of docs/architecture.md.

    Args:
        pyproject: The text of pyproject.toml.
    """
    return f"```mermaid\n{diagram(list(layers(tomllib.loads(pyproject))))}\n```"
