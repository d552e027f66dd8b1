"""Stub files for editors."""

import ast
from pathlib import Path

import pytest

import symc as mx
from symc.frontend.stubs import TEXTS

PACKAGE = Path(mx.__file__).parent


@pytest.mark.parametrize("name", TEXTS)
def test_stubs_are_current(name: str) -> None:
    assert (PACKAGE / name).read_text(encoding="utf-8") == TEXTS[name](), "run python -m symc.frontend.stubs"


@pytest.mark.parametrize(("file", "kind"), [("symbol.pyi", "Symbol"), ("ndarray.pyi", "NDArray")])
def test_functions_methods_and_namespaces_are_declared(file: str, kind: str) -> None:
    declared = {node.name: node for node in ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body
                if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert {"Convolution", "BatchNorm", "zeros", "contrib", "random", kind} <= declared.keys()
    arguments = declared["Convolution"].args.args
    assert [argument.arg for argument in arguments][:5] == ["data", "weight", "bias", "kernel", "stride"]
    methods = [node.name for node in declared[kind].body]
    assert {"reshape", "astype", "__add__"} <= set(methods)
