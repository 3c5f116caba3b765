"""The picture of the layers is drawn from the contract that import-linter checks."""

import re
import tomllib

import pytest

from tap_bitrix24 import errors
from tests.docs import rendering
from tests.docs.architecture import Layer, diagram, layers, picture
from tests.docs.rendering import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def contract(*lines: str) -> dict[str, object]:
    """Return a configuration with one contract of another type and one with these layers."""
    contracts = [{"type": "independence"}, {"type": "layers", "layers": lines}]
    return {"tool": {"importlinter": {"contracts": contracts}}}


def test_layers_are_read_from_the_contract() -> None:
    assert list(layers(contract("top", "a | b", "c : (d) : e", "(ground)"))) == [
        Layer(["top"]),
        Layer(["a", "b"]),
        Layer(["c", "d", "e"], related=True),
        Layer(["ground"]),
    ]


def test_a_layer_has_one_kind_of_separator() -> None:
    with pytest.raises(ValueError, match=r"a \| b : c"):
        list(layers(contract("a | b : c")))


def test_without_a_contract_there_is_no_picture() -> None:
    with pytest.raises(LookupError, match="layers"):
        list(layers({"tool": {"importlinter": {"contracts": [{"type": "forbidden"}]}}}))


def test_layers_become_boxes_and_arrows_lead_down() -> None:
    assert diagram([Layer(["top"]), Layer(["a", "b"]), Layer(["c", "d"], related=True)]).splitlines() == [
        "flowchart TB",
        '  subgraph layer1[" "]', "    direction LR", "    top", "  end",
        '  subgraph layer2[" "]', "    direction LR", "    a", "    b", "  end",
        '  subgraph layer3[" "]', "    direction LR", "    c <-.-> d", "  end",
        "  layer1 --> layer2",
        "  layer2 --> layer3",
    ]  # fmt: skip


def test_the_document_shows_every_module_of_the_contract_once() -> None:
    shown = rendering.shown("layers")
    assert shown == picture(PYPROJECT), rendering.STALE
    named = [module for layer in layers(tomllib.loads(PYPROJECT)) for module in layer.modules]
    assert len(named) == len(set(named))
    for module in named:
        assert len(re.findall(rf"(?<!\w){module}(?!\w)", shown)) == 1, module


def test_the_table_of_faults_has_every_error_that_is_raised_by_its_own_type() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]
    leaves = {each.__name__ for each in classes if not each.__subclasses__()}
    assert {"SettingsError", "FaultyError", "DeniedError", "Interrupted"} <= leaves
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = document.partition("## From a fault to its exit code")[2]
    assert leaves <= set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", table, re.MULTILINE))
