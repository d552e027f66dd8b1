"""The pipelines keep the meaning of graphs: random ones, by the interpreter, before and after."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symc.codegen.pack import pack_rule
from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ir.text import parse_graph
from symc.ir.types import DType
from symc.ops.inference import infer, with_types
from symc.ops.operator import from_text
from symc.passes.base import run_passes
from symc.passes.gradient import Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.pipeline import inference_pipeline, lowering_pipeline, training_pipeline, typed
from symc.passes.seed_random import SeedRandom

# every step keeps the shape (2,4,4), so that any may follow any; {a} and {b} are values made before
SMOOTH = [
    "sigmoid({a})", "tanh({a})", "softsign({a})", "sin({a})", "_copy({a})", "_mul_scalar({a}) scalar=0.5",
    "_mul_scalar({a}) scalar=1.0", "_minus_scalar({a}) scalar=0.0", "_rminus_scalar({a}) scalar=1.0",
    "elemwise_add({a}, {b})", "elemwise_mul({a}, {b})", "elemwise_sub({a}, {b})", "add_n({a}, {b}, {a}) num_args=3",
    "transpose({a}) axes=(0,2,1)", "SwapAxis({a}) dim1=1 dim2=2", "batch_dot({a}, {b})",
    "Flatten({a});Reshape({n}) shape=(2,4,4)", "expand_dims({a}) axis=1;squeeze({n}) axis=1",
    "transpose({a}) axes=(2,0,1);transpose({n}) axes=(1,2,0)", "slice_axis({a}) axis=1 begin=0 end=4",
    "SliceChannel({a}) num_outputs=2 axis=2;Concat({n}#1, {n}) dim=2 num_args=2",
    "mean({a}) axis=(1,) keepdims=True;broadcast_mul({n}, {b})", "broadcast_add({a}, %row)",
    "FullyConnected({a}, %w, %bias) num_hidden=4 flatten=False", "dot({a}, %w)",
    "Convolution({a}, %kernel) kernel=(3,) pad=(1,) num_filter=4 no_bias=True",
    "Convolution({a}, %kernel) kernel=(3,) pad=(1,) num_filter=4 no_bias=True;"
    "BatchNorm({n}, %gamma, %beta, %mean, %var) fix_gamma=False", "elemwise_mul({a}, %c)", "sigmoid(%c)",
]
OTHER = ["relu({a})", "abs({a})", "BlockGrad({a})", "Dropout({a}) p=0.5", "Cast({a}) dtype=float32",
         "Cast({a}) dtype=float16;Cast({n}) dtype=float32", "elemwise_mul({a}, %c);BlockGrad({n})"]
DECLARATIONS = """
    %x, %y: TYPE[2,4,4]    %row: TYPE[1,1,4]    %w: TYPE[4,4]    %kernel: TYPE[4,4,3]
    %bias, %gamma, %beta, %mean, %var: TYPE[4]
    %c: TYPE[2,4,4] = const
"""
WANTED = {"x": "write", "w": "add", "gamma": "write", "kernel": "write", "row": "null"}


@st.composite
def graphs(draw, steps, dtype="f32"):
    """A typed graph of up to eight of `steps`, its heads any two values."""
    lines, values = [DECLARATIONS.replace("TYPE", dtype)], ["%x", "%y"]
    for number in range(draw(st.integers(1, 8))):
        step, last = draw(st.sampled_from(steps)), ""
        for part, call in enumerate(step.split(";")):
            made = f"%n{number}.{part}"
            lines.append(f"{made} = " + call.format(a=draw(st.sampled_from(values)), b=draw(st.sampled_from(values)),
                                                    n=last))
            last = made
        values.append(last)
    lines.append(f"heads {values[-1]}, {draw(st.sampled_from(values))}")
    graph = parse_graph("\n".join(lines), from_text)
    return with_types(graph, infer(graph))


def inputs_of(*graphs: Graph) -> dict[str, np.ndarray]:
    """Positive values for all variables of `graphs`, by their names; what gradients are added to starts at zero."""
    types = {node.name: node.types[0] for graph in graphs for node in graph.variables}
    return {name: np.random.RandomState(len(name) + ord(name[-1])).uniform(0.2, 0.9, type.dims)
            .astype(type.element.numpy) * (not name.startswith("_accumulated")) for name, type in types.items()}


def assert_agree(before: Graph, after: Graph) -> None:
    """Same heads, gradients and updates, as far as float32 can tell."""
    inputs = inputs_of(before, after)
    expected, found = run(before, inputs), run(after, inputs)
    for one, other in zip(expected.heads, found.heads, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
    for one, other in ((expected.gradients, found.gradients), (expected.updates, found.updates)):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_allclose(other[name], one[name], rtol=1e-3, atol=1e-4, err_msg=name)


@given(graphs(SMOOTH + OTHER))
def test_lowering(graph):
    """Blocked layouts and groups, for inference with weights packed by `prepare`, and for training."""
    for pipeline, parameters in ((inference_pipeline(), {"w", "kernel", "gamma"}), (training_pipeline(WANTED), ())):
        plain = run_passes(graph, pipeline)
        lowered = run_passes(plain, lowering_pipeline(pack_rule, frozenset(parameters)), verify=True)
        assert {node.op.name for node in lowered.nodes if node.op} <= {"group", "_reshape"}
        assert_agree(plain, lowered)


def sources(graph: Graph) -> set[str]:
    return {source.name for node in graph.nodes for source in node.sources}


@given(graphs(SMOOTH + OTHER))
def test_inference(graph):
    after = run_passes(graph, inference_pipeline(), verify=True)
    assert_agree(UseInferenceForms()(graph), after)


@given(graphs(SMOOTH + OTHER))
def test_training(graph):
    fewest = [SeedRandom(), Legalize(keep_differentiable=True), Differentiate(tuple(WANTED.items()))]
    assert_agree(run_passes(graph, fewest), run_passes(graph, training_pipeline(WANTED), verify=True))


@given(graphs(SMOOTH))
def test_no_source_is_lost(graph):
    vanished = sources(graph) - sources(run_passes(graph, inference_pipeline()))
    assert {node.op.name for node in graph.nodes if node.op and node.name in vanished} <= {
        "_copy", "_mul_scalar", "_minus_scalar", "slice_axis", "Flatten", "Reshape", "expand_dims", "squeeze",
        "transpose", "SwapAxis"}   # where they give a variable as it is
    assert not {node.name for node in graph.variables if node.name not in ("gamma", "var")} & vanished


@given(graphs(SMOOTH, "f64"))
def test_gradient_is_the_derivative(graph):
    backward = run_passes(graph, training_pipeline({"x": "write"}))
    inputs = inputs_of(graph, backward)
    direction, step = np.random.RandomState(1).uniform(-1, 1, (2, 4, 4)), 1e-5
    if not backward.gradients:
        return
    results = run(backward, inputs)

    def value(offset):
        """The heads weighted by the head gradients; of a head twice, the last one's counts."""
        heads = run(graph, inputs | {"x": inputs["x"] + offset * direction}).heads
        weights = {head: inputs.get(f"_head_gradient{i}") for i, head in enumerate(graph.heads)}
        return sum((weights[head] * array).sum() for head, array in dict(zip(graph.heads, heads, strict=True)).items()
                   if weights[head] is not None)

    slope = (value(step) - value(-step)) / (2 * step)
    np.testing.assert_allclose((results.gradients["x"] * direction).sum(), slope, rtol=1e-4, atol=1e-6)


TEXT = "%data: ?[*]\n%w: ?[*]\n%y = FullyConnected(%data, %w) num_hidden=3 no_bias=True\nheads %y"


def test_dtypes_that_follow_from_nothing_are_float32():
    graph = typed(parse_graph(TEXT, from_text), {"data": (2, 5)})
    assert [str(node.types[0]) for node in graph.nodes] == ["f32[2,5]", "f32[3,5]", "f32[2,3]"]


def test_given_types_flow():
    graph = typed(parse_graph(TEXT, from_text), {"data": (2, 5)}, {"w": DType.float64})
    assert {str(node.types[0]) for node in graph.variables} == {"f64[2,5]", "f64[3,5]"}


def test_shapes_that_do_not_follow():
    with pytest.raises(InferenceError, match=r"2 problems .*\n  the shape of 'data' is \(unknown\)\n"):
        typed(parse_graph(TEXT, from_text))
