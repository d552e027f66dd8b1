"""The registry: families are imported when their operators are asked for."""

import subprocess
import sys

import pytest

from symc.ops import registry
from symc.ops.registry import INDEX, REGISTRY

LAZY = """
import sys
from symc.ops.registry import REGISTRY

def families():
    return {name.rpartition(".")[2] for name in sys.modules if name.startswith("symc.ops.families.")}
assert REGISTRY["Convolution"].name == "Convolution" and "convolution" in families()
assert not {"multibox", "optimizer", "image_color"} & families()
assert REGISTRY["sgd_update"].name == "sgd_update" and "optimizer" in families()
assert len(REGISTRY) > 300 and "multibox" in families()
"""
RIGHT = """
from importlib import import_module
from symc.ops import registry

for name, family in sorted(registry._index().items(), key=lambda item: item[1]):
    import_module(f"{registry.FAMILIES}.{family}")
    assert name in registry.REGISTRY.loaded, f"{name} is not of the family {family}"
"""


def test_the_index_is_current() -> None:
    assert INDEX.read_text(encoding="utf-8") == registry.index_text(), "run make generated"


def test_families_are_imported_when_asked_for() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)


def test_the_family_of_the_index_has_the_operator() -> None:
    subprocess.run([sys.executable, "-c", RIGHT], check=True)


def test_an_operator_that_the_index_lacks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_index", dict)
    assert REGISTRY["Pooling"].name == "Pooling" and "Pooling" in REGISTRY and "Poling" not in REGISTRY


def test_names_are_unique() -> None:
    with pytest.raises(AssertionError, match="registered twice"):
        REGISTRY.add("Pooling", REGISTRY["Pooling"])
