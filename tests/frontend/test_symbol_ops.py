"""What each operator, method and helper of the Symbol API writes.  tests/data/json/frontend.json is recorded from MXNet
1.9.1: the call, and the nodes it makes; so are the methods below."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import symc as mx
from symc.frontend.op_functions import FLUENT
from symc.ops.registry import REGISTRY

S = mx.sym
CALLS = json.loads((Path(__file__).parents[1] / "data" / "json" / "frontend.json").read_text())
HELPERS = {name: getattr(S, name) for name in ("arange", "eye", "full", "histogram", "hypot", "linspace", "maximum",
                                               "minimum", "ones", "pow", "power", "split_v2", "zeros")}

# Methods whose operator, name or attributes are not just those of the method's name without parameters.
METHODS: dict[str, tuple[tuple[Any, ...], str, dict[str, str]]] = {
    "broadcast_axes": (((0,), (2,)), "broadcast_axis", {"axis": "(0,)", "size": "(2,)"}),
    "clip": ((0, 1), "clip", {"a_max": "1", "a_min": "0"}), "diag": ((), "diag", {"k": "0"}),
    "expand_dims": ((0,), "expand_dims", {"axis": "0"}), "flatten": ((), "Flatten", {}),
    "flip": ((0,), "reverse", {"axis": "0"}), "pad": (("constant", (0, 0)), "Pad", {"mode": "constant",
                                                                                   "pad_width": "(0, 0)"}),
    "reshape": (((2, -1),), "Reshape", {"shape": "(2, -1)"}), "split": ((2,), "SliceChannel", {"num_outputs": "2"}),
    "squeeze": ((), "squeeze", {"axis": "None"}), "swapaxes": ((0, 1), "SwapAxis", {"dim1": "0", "dim2": "1"}),
    "one_hot": ((3,), "one_hot", {"depth": "3"}), "repeat": ((2,), "repeat", {"repeats": "2"}),
    "slice": (((0,), (1,)), "slice", {"begin": "(0,)", "end": "(1,)"}), "tile": (((2,),), "tile", {"reps": "(2,)"}),
    "slice_axis": ((0, 0, 1), "slice_axis", {"axis": "0", "begin": "0", "end": "1"}),
    "depth_to_space": ((2,), "depth_to_space", {"block_size": "2"}),
    "space_to_depth": ((2,), "space_to_depth", {"block_size": "2"}),
}


@pytest.fixture(autouse=True)
def names() -> Any:
    """Counters of names start at 0."""
    with mx.name.NameManager():
        yield


def written(symbol: mx.Symbol) -> list[dict[str, Any]]:
    """The operators' nodes of a symbol's text."""
    return [{"op": node["op"], "name": node["name"], "attrs": node.get("attrs", {})}
            for node in json.loads(symbol.tojson())["nodes"] if node["op"] != "null"]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case["call"])
def test_calls(case: dict[str, Any]) -> None:
    scope = {**HELPERS, "abs": abs, "a": S.Variable("a"), "b": S.Variable("b")}
    if "rejected" in case:
        with pytest.raises(mx.MXNetError):
            eval(case["call"], scope)
    else:
        assert written(eval(case["call"], scope)) == case["nodes"]


@pytest.mark.parametrize("method", FLUENT)
def test_methods(method: str) -> None:
    args, operator, attrs = METHODS.get(method, ((), method, {}))
    made = getattr(S.Variable("a"), method)(*args)
    assert written(made) == [{"op": operator, "name": f"{method}0", "attrs": attrs}]


def test_in_place_means_nothing() -> None:
    x = S.Variable("x")
    assert x.flatten(inplace=True).attr_dict() == {}
    assert x.squeeze(axis=1, inplace=True).attr("axis") == "1"


def test_two_numbers_give_a_number() -> None:
    assert (S.pow(2, 3), S.maximum(2, 3.5), S.minimum(2, 3.5), S.hypot(3, 4)) == (8, 3.5, 2, 5)
    with pytest.raises(TypeError, match="not supported"):
        S.pow(S.Variable("x"), "2")


def test_namespaces() -> None:
    for operator, block in REGISTRY.items():
        assert operator.startswith("_") or block.hidden or callable(getattr(S.op, operator))
    assert "Convolution" in dir(S) and "Convolution" in dir(S.op) and "_plus_scalar" in dir(S._internal)
    assert S._internal._plus_scalar(S.Variable("x"), scalar=1).attr("scalar") == "1"
    for wrong in (lambda: S._plus_scalar, lambda: S._internal.relu, lambda: S.contrib.relu, lambda: S.linalg.nothing):
        with pytest.raises(AttributeError):
            wrong()


def test_functions_describe_themselves() -> None:
    names = list(inspect.signature(S.FullyConnected).parameters)
    assert names == ["data", "weight", "bias", "num_hidden", "no_bias", "flatten", "name", "attr", "out", "kwargs"]
    assert S.FullyConnected.__name__ == "FullyConnected" and "x·Wᵀ" in S.FullyConnected.__doc__
    assert list(inspect.signature(S.Concat).parameters)[0] == "data"


@pytest.mark.parametrize(("function", "first"), [
    ("Convolution", ["kernel", "stride", "dilate", "pad", "num_filter"]), ("LayerNorm", ["axis", "eps"]),
    ("Deconvolution", ["kernel", "stride", "dilate", "pad", "adj"]), ("UpSampling", ["scale", "num_filter"]),
])
def test_parameters_by_position_are_in_mxnets_order(function: str, first: list[str]) -> None:
    names = list(inspect.signature(getattr(S, function)).parameters)
    assert names[names.index(first[0]):][:len(first)] == first
