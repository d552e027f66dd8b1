"""Every name of MXNet's reference of the symbol module exists and says what it is.

tests/data/symbol_reference_names.json lists the names of that document: the functions of the module, the methods and
properties of Symbol, and the namespaces below the module.
"""

import json
from pathlib import Path

import pytest

import symc as mx

NAMES = json.loads((Path(__file__).parents[1] / "data" / "symbol_reference_names.json").read_text())


@pytest.mark.parametrize("name", NAMES["module"])
def test_function(name: str) -> None:
    function = getattr(mx.sym, name)
    assert function is getattr(mx.symbol, name)
    assert callable(function) and function.__doc__


@pytest.mark.parametrize("name", NAMES["Symbol"])
def test_method(name: str) -> None:
    method = getattr(mx.sym.Symbol, name)
    assert callable(method) or isinstance(method, property)
    assert method.__doc__
    assert name in dir(mx.sym.var("x"))


@pytest.mark.parametrize("name", NAMES["namespaces"])
def test_namespace(name: str) -> None:
    assert getattr(mx.sym, name).__name__ == f"symc.symbol.{name}"
