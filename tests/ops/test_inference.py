"""Shapes and types follow from each other in both directions, as far as anything is known."""

from collections.abc import Callable

import pytest

from symc.errors import InferenceError
from symc.ir.graph import Graph, Value
from symc.ir.text import parse_graph
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.inference import infer, unresolved
from symc.ops.operator import from_text

Inferred = Callable[..., dict[str, str]]


def parse(text: str) -> Graph:
    return parse_graph(text, from_text)


@pytest.fixture
def inferred() -> Inferred:
    """`inferred(text, shapes, dtypes)`: the types of all values by the names of their nodes."""
    def run(text: str, shapes: dict | None = None, dtypes: dict | None = None) -> dict[str, str]:
        graph = parse(text)
        types = infer(graph, shapes, dtypes)
        return {node.name: str(types[Value(node)]) for node in graph.nodes}
    return run


ADD = "%a: ?[*]\n%b: ?[*]\n%y = elemwise_add(%a, %b)\nheads %y"


def test_an_input_follows_from_the_other(inferred: Inferred) -> None:
    assert inferred(ADD, {"a": (2, 3)}, {"b": DType.float64}) == {"a": "f64[2,3]", "b": "f64[2,3]", "y": "f64[2,3]"}


def test_unknown_extents_complete_each_other(inferred: Inferred) -> None:
    assert inferred(ADD, {"a": (None, 3), "b": (2, None)})["y"] == "?[2,3]"


def test_zero_is_an_extent_like_any_other(inferred: Inferred) -> None:
    assert inferred(ADD, {"a": (0, 3)})["b"] == "?[0,3]"


def test_nothing_follows_from_nothing(inferred: Inferred) -> None:
    assert set(inferred(ADD).values()) == {"?[*]"}


def test_a_fact_crosses_many_nodes_backwards(inferred: Inferred) -> None:
    lines = ["%x0: ?[*]", *(f"%x{i + 1} = exp(%x{i})" for i in range(50)), "%z: f16[4]"]
    text = "\n".join([*lines, "%y = elemwise_mul(%x50, %z)", "heads %y"])
    assert inferred(text)["x0"] == "f16[4]"


def test_zeros_of_unknown_batch_size(inferred: Inferred) -> None:
    text = "%x: f32[4,3]\n%z = _zeros() shape=(0,3)\n%y = elemwise_add(%x, %z)\nheads %y"
    assert inferred(text)["z"] == "f32[4,3]"


def test_a_range_as_long_as_its_reader_wants(inferred: Inferred) -> None:
    text = "%x: f32[4]\n%r = _arange() start=0.0 infer_range=True\n%y = elemwise_add(%x, %r)\nheads %y"
    assert inferred(text)["r"] == "f32[4]"


@pytest.mark.parametrize(("a", "b", "y"), [
    ((2, 1, 4), (1, 3, 1), "f32[2,3,4]"), ((2, 3, 4), (4,), "f32[2,3,4]"), ((None, 3), (1, 3), "f32[?,3]"),
    ((1, 3), (None, 3), "f32[?,3]"), ((None, 3), (5, 1), "f32[5,3]"), ((0, 3), (1, 3), "f32[0,3]"),
])
def test_broadcasting(inferred: Inferred, a: tuple, b: tuple, y: str) -> None:
    text = "%a: f32[*]\n%b: f32[*]\n%y = broadcast_add(%a, %b)\nheads %y"
    assert inferred(text, {"a": a, "b": b})["y"] == y


def test_prelu_has_a_gamma_for_each_channel(inferred: Inferred) -> None:
    text = "%x: f32[2,4,3]\n%g: ?[*]\n%y = LeakyReLU(%x, %g) act_type=prelu\nheads %y"
    assert inferred(text)["g"] == "f32[4]"


def test_cast_separates_dtypes(inferred: Inferred) -> None:
    assert inferred("%x: f32[2]\n%y = Cast(%x) dtype=float16\nheads %y")["y"] == "f16[2]"
    assert inferred("%x: ?[*]\n%y = Cast(%x) dtype=float16\nheads %y") == {"x": "?[*]", "y": "f16[*]"}


def test_unresolved_variables() -> None:
    graph = parse("%a: ?[3]\n%b: f32[3]\n%y = exp(%a)\nheads %y, %b")
    assert [node.name for node in unresolved(graph, infer(graph))] == ["a"]


@pytest.mark.parametrize(("text", "message"), [
    ("%a: f32[2,3]\n%b: f32[3,2]\n%y = elemwise_add(%a, %b)\nheads %y", r"node 'y' \(elemwise_add\)"),
    ("%a: f32[2,3]\n%b: f64[2,3]\n%y = elemwise_add(%a, %b)\nheads %y", "is float64, .* float32|float32, .* float64"),
    ("%a: f32[2,3]\n%b: f32[2,4]\n%y = broadcast_add(%a, %b)\nheads %y",
     r"cannot broadcast axis 1: lhs \(2, 3\), rhs \(2, 4\)"),
    ("%a: f32[2,3]\n%y = broadcast_to(%a) shape=(4,3)\nheads %y", r"data \(2, 3\) cannot be broadcast to \(4, 3\)"),
    ("%a: f32[2,3]\n%y = broadcast_axis(%a) axis=(2,) size=(4,)\nheads %y", "axis 2 is out of range for 2 dimensions"),
    *((f"%a: f32[{dims}]\n%w: f32[*]\n%y = {name}(%a, %w) num_filter=4 kernel=(1,1) no_bias=True\nheads %y",
       "only the batch may be 0") for dims in ("2,0,4,4", "2,3,0,4") for name in ("Convolution", "Deconvolution")),
    ("%a: u8[0,4,3]\n%y = _image_resize(%a) size=(3,) keep_ratio=True\nheads %y", "of 0 x 4 pixels cannot be resized"),
    ("%y = _arange() start=3.0 stop=1.0\nheads %y", "the range from 3 to 1 by 1 .* is empty"),
])
def test_contradictions(text: str, message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        infer(parse(text))


def test_a_contradiction_names_the_producers() -> None:
    text = "%a: f32[2]\n%b: f32[3]\n%e = exp(%a)\n%y = elemwise_add(%e, %b)\nheads %y"
    with pytest.raises(InferenceError, match="comes from 'e'"):
        infer(parse(text))


def test_what_a_rewriting_is_refused_names_the_node() -> None:
    empty = parse("%x: f32[0,4]\n%y = relu(%x)\nheads %y").heads[0].node.inputs[0]
    with pytest.raises(InferenceError, match=r"node 'top' is computed by max, which refuses: data \(0, 4\) has no"):
        GraphBuilder("top", ()).max(empty)
