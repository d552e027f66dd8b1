"""RNN: its parameter vector, its options, and its lowering to loops."""

import numpy as np
import pytest

from symc.errors import InferenceError, ParameterError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.families.rnn import ParameterLayout
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.seed_random import SEED, SeedRandom
from tests.golden import Case, differences, each_case
from tests.inference import shapes

LSTM = "mode=lstm state_size=3 num_layers=2 state_outputs=True"
TIME, BATCH, WIDTH, STATE = 5, 2, 4, 3


@each_case("rnn")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def network(graph, parameters: str, dtype: str = "f32", time: int = TIME) -> Graph:
    """An RNN of 2 layers with states as outputs."""
    directions = 1 + ("bidirectional" in parameters)
    lstm, lengths = "mode=lstm" in parameters, "use_sequence_length" in parameters
    size = ParameterLayout(4 if lstm else 3, STATE, 2, directions, None).size(WIDTH)
    variables = [f"%data: {dtype}[{time},{BATCH},{WIDTH}]", f"%parameters: {dtype}[{size}]"]
    variables += [f"%{name}: {dtype}[{2 * directions},{BATCH},{STATE}]" for name in ["state", "cell"][:1 + lstm]]
    variables += ["%lengths: i32[2]"] * lengths
    inputs = ["%data", "%parameters", "%state", *["%cell"] * lstm, *["%lengths"] * lengths]
    heads = ["%y", "%y#1", *["%y#2"] * lstm]
    return graph("\n".join([*variables, f"%y = RNN({', '.join(inputs)}) {parameters}", f"heads {', '.join(heads)}"]))


def values(graph: Graph) -> dict[str, np.ndarray]:
    """Random values of all variables, their numbers the same for a graph of the same variables."""
    random = np.random.default_rng(7)
    found = {node.name: random.normal(size=node.types[0].dims).astype(node.types[0].element.numpy)
             for node in graph.variables}
    return found | {"lengths": np.array([3, 5], np.int32), SEED: np.zeros(1, np.int64)}


@pytest.mark.parametrize("parameters", [
    LSTM, f"{LSTM} bidirectional=True",
    f"{LSTM} bidirectional=True use_sequence_length=True",
    f"{LSTM} lstm_state_clip_min=-0.1 lstm_state_clip_max=0.2",
    f"{LSTM} lstm_state_clip_min=-0.1 lstm_state_clip_max=0.2 lstm_state_clip_nan=True",
])
def test_loops_compute_what_the_reference_does(graph, parameters: str) -> None:
    net = network(graph, parameters, "f64")
    loops = Legalize()(net)
    assert "RNN" not in [node.op.name for node in loops.nodes if node.op]
    for expected, found in zip(run(net, values(net)).heads, run(loops, values(net)).heads, strict=True):
        np.testing.assert_allclose(found, expected, 1e-12)


def test_lengths(graph) -> None:
    """A padded sequence alone is its valid part alone, in both directions."""
    parameters = f"{LSTM} bidirectional=True"
    given = values(network(graph, parameters, "f64"))
    output, *states = run(network(graph, f"{parameters} use_sequence_length=True", "f64"), given).heads
    whole, *_ = run(network(graph, parameters, "f64"), given).heads
    np.testing.assert_allclose(output[:, 1], whole[:, 1])
    assert not output[3:, 0].any()
    short, *final = run(network(graph, parameters, "f64", time=3), {**given, "data": given["data"][:3]}).heads
    for found, expected in zip((output[:3], *states), (short, *final), strict=True):
        np.testing.assert_allclose(found[:, 0], expected[:, 0])


def test_float32_ignores_lengths_as_mxnets_kernel_does(graph, monkeypatch) -> None:
    net = network(graph, f"{LSTM} use_sequence_length=True")
    assert run(net, values(net)).heads[0][4, 0].any()
    monkeypatch.setenv("MXNET_USE_MKLDNN_RNN", "0")
    assert not run(net, values(net)).heads[0][4, 0].any()


def test_clipping_keeps_the_cell_between_bounds(graph) -> None:
    net = network(graph, f"{LSTM} lstm_state_clip_min=-0.1 lstm_state_clip_max=0.2", "f64")
    cell = run(net, values(net)).heads[2]
    assert cell.min() >= -0.1 and cell.max() <= 0.2 and {-0.1, 0.2} & set(cell.ravel())


def test_dropout_lies_between_layers_in_training_alone(graph) -> None:
    still, dropping = network(graph, LSTM), network(graph, f"{LSTM} p=0.5")
    given = values(still)
    expected, inference = run(still, given).heads, run(UseInferenceForms()(dropping), given).heads
    assert all(map(np.array_equal, expected, inference))
    trained = run(SeedRandom()(dropping), given).heads
    assert np.allclose(trained[1][0], expected[1][0]) and not np.allclose(trained[1][1], expected[1][1])


def test_shapes_flow_both_ways() -> None:
    parameters = {"mode": "gru", "state_size": 3, "num_layers": 2, "bidirectional": True, "state_outputs": True}
    size = ParameterLayout(3, 3, 2, 2, None).size(4)
    full = [(5, 2, 4), (size,), (4, 2, 3), (5, 2, 6), (4, 2, 3)]
    assert shapes("RNN", [(5, 2, 4), None, None], **parameters) == full
    assert shapes("RNN", [(5, None, None), (size,), (None, 2, None)], **parameters) == full
    assert shapes("RNN", [None, (size,), None], (5, 2, 6), **parameters) == full


@pytest.mark.parametrize(("parameters", "message"), [
    (f"{LSTM} p=1.5", "p='1.5'"),
    (f"{LSTM} lstm_state_clip_min=1", "together"),
    ("mode=gru state_size=3 num_layers=2 state_outputs=True projection_size=2", "lstm alone"),
    ("mode=gru state_size=3 num_layers=2 state_outputs=True lstm_state_clip_min=0 lstm_state_clip_max=1", "mode=gru"),
    (LSTM.replace("num_layers=2", "num_layers=3"), r"parameters is \(204,\), expected \(300,\)|state is"),
])
def test_errors(graph, parameters: str, message: str) -> None:
    with pytest.raises((InferenceError, ParameterError), match=message):
        network(graph, parameters, "f64")
