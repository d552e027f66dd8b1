"""The examples run and show what they promise."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_layers_learn_digits(capsys):
    pytest.importorskip("sklearn")
    assert load("train_digits").main() > 0.95
    assert "accuracy on unseen digits" in capsys.readouterr().out


def test_a_package_is_served_without_a_compiler(capsys):
    assert load("serve_package").main() < 1e-4
    assert "served without TVM" in capsys.readouterr().out
