"""mx.rnn: the graphs that cells unroll to are MXNet's to the name; weights by gate; checkpoints; sentences."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import symc as mx
from symc import interpreter
from symc.errors import SymcError
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.pipeline import typed

LENGTH, BATCH, WIDTH, HIDDEN = 3, 2, 4, 5
MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")


def nodes(outputs) -> list[str]:
    """Names of all nodes but the variables'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = outputs if isinstance(outputs, mx.Symbol) else mx.sym.Group(outputs)
    return [node.name for node in group.graph.nodes if node.op is not None]


@pytest.fixture(autouse=True)
def fresh_names():
    with mx.name.NameManager():
        yield


def test_names_of_an_lstm() -> None:
    cell = mx.rnn.LSTMCell(HIDDEN)
    outputs, states = cell.unroll(1, mx.sym.Variable("data"))
    assert nodes(outputs) == ["split0", "lstm_t0_i2h", "lstm_begin_state_0", "lstm_t0_h2h", "_plus0", "lstm_t0_slice",
                              "lstm_t0_o", "lstm_t0_f", "lstm_begin_state_1", "_mul0", "lstm_t0_i", "lstm_t0_c",
                              "_mul1", "lstm_t0_state", "activation0", "lstm_t0_out"]
    assert sorted(cell.params._params) == [f"lstm_{group}_{kind}" for group in ("h2h", "i2h")
                                           for kind in ("bias", "weight")]
    bias = cell.params.get("i2h_bias")
    assert bias.attr("__init__") == '["lstmbias", {"forget_bias": 1.0}]' and len(states) == 2


def test_names_of_a_gru() -> None:
    outputs, _ = mx.rnn.GRUCell(HIDDEN).unroll(1, [mx.sym.Variable("t0")])
    assert [name for name in nodes(outputs) if name.startswith("gru")] == [
        "gru_t0__i2h", "gru_t0__i2h_slice", "gru_begin_state_0", "gru_t0__h2h", "gru_t0__h2h_slice", "gru_t0__z_act",
        "gru_t0__r_act", "gru_t0__h_act", "gru_t0_out"]


def test_names_of_two_directions_and_of_layouts() -> None:
    def cell():
        return mx.rnn.BidirectionalCell(mx.rnn.RNNCell(3, prefix="l_"), mx.rnn.RNNCell(3, prefix="r_"))
    steps, (left, right) = cell().unroll(2, mx.sym.Variable("data"), merge_outputs=False)
    assert [step.name for step in steps] == ["bi_t0", "bi_t1"] and len(left) == len(right) == 1
    whole, _ = cell().unroll(2, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
    assert whole.list_outputs() == ["bi_out_output"]
    assert whole.infer_shape(data=(2, BATCH, WIDTH))[1] == [(2, BATCH, 6)]


def test_names_around_convolutions() -> None:
    cell = mx.rnn.ResidualCell(mx.rnn.ConvLSTMCell((1, 4, 8, 6), 4))
    outputs, _ = cell.unroll(2, mx.sym.Variable("data"))
    assert [step.name for step in outputs] == ["ConvLSTM_t0_out_plus_residual", "ConvLSTM_t1_out_plus_residual"]
    assert mx.sym.Group(outputs).infer_shape(data=(7, 2, 4, 8, 6))[1] == [(7, 4, 8, 6)] * 2


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_unfused_cells_compute_what_the_fused_one_does(mode: str, bidirectional: bool) -> None:
    fused = mx.rnn.FusedRNNCell(HIDDEN, 2, mode, bidirectional, dropout=0.5)
    stack = fused.unfuse()
    random = np.random.default_rng(3)
    data = random.normal(size=(LENGTH, BATCH, WIDTH)).astype(np.float32)
    one, _ = fused.unroll(LENGTH, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
    other, _ = stack.unroll(LENGTH, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
    size = one.infer_shape(data=data.shape)[0][one.list_arguments().index(f"{mode}_parameters")]
    packed = {f"{mode}_parameters": mx.nd.array(random.normal(size=size).astype(np.float32))}
    unpacked = fused.unpack_weights(packed)
    np.testing.assert_allclose(run(one, data, packed), run(other, data, stack.pack_weights(unpacked)), 1e-4, 1e-5)
    again = fused.pack_weights(unpacked)
    assert again.keys() == packed.keys()
    assert np.array_equal(*(found[f"{mode}_parameters"].asnumpy() for found in (again, packed)))


def run(network, data: np.ndarray, weights) -> np.ndarray:
    graph = UseInferenceForms()(typed(network.graph, {"data": data.shape}))
    return interpreter.run(graph, {"data": data, **{name: w.asnumpy() for name, w in weights.items()}}).heads[0]


def test_zoneout_and_sequences_step_by_step() -> None:
    stack = mx.rnn.SequentialRNNCell()
    stack.add(mx.rnn.ZoneoutCell(mx.rnn.LSTMCell(HIDDEN, prefix="a_"), 0.2, 0.3))
    stack.add(mx.rnn.DropoutCell(0.5))
    stack.add(mx.rnn.GRUCell(4, prefix="b_"))
    states = stack.begin_state(func=mx.sym.Variable)
    assert [state.name for state in states] == ["a_begin_state_0", "a_begin_state_1", "b_begin_state_0"]
    output, states = stack(mx.sym.Variable("x"), states)
    assert output.name == "b_t0_out" and len(states) == 3
    assert [name for name in nodes(mx.sym.Group([output, *states])) if name.startswith("where")] == [
        "where0", "where1", "where2"]


def test_checkpoints_hold_weights_by_gate(tmp_path) -> None:
    cell = mx.rnn.LSTMCell(HIDDEN)
    output, _ = cell.unroll(1, mx.sym.Variable("data"), merge_outputs=True)
    shapes = dict(zip(output.list_arguments(), output.infer_shape(data=(BATCH, 1, WIDTH))[0], strict=True))
    weights = {name: mx.nd.array(np.random.default_rng(1).normal(size=shape)) for name, shape in shapes.items()
               if name.startswith("lstm")}
    mx.rnn.do_rnn_checkpoint(cell, str(tmp_path / "net"), period=2)(1, output, weights, {})
    _, stored, _ = mx.model.load_checkpoint(str(tmp_path / "net"), 2)
    assert "lstm_h2h_f_weight" in stored and "lstm_h2h_weight" not in stored
    _, loaded, _ = mx.rnn.load_rnn_checkpoint([cell], str(tmp_path / "net"), 2)
    assert all(np.array_equal(loaded[name].asnumpy(), weight.asnumpy()) for name, weight in weights.items())


def test_misuse_is_refused() -> None:
    base = mx.rnn.RNNCell(3)
    mx.rnn.ResidualCell(base)
    with pytest.raises(SymcError, match="belongs to a modifier cell"):
        base.begin_state()
    with pytest.raises(SymcError, match="unfuse"):
        mx.rnn.ZoneoutCell(mx.rnn.FusedRNNCell(3))
    with pytest.raises(SymcError, match="3 steps got 2 inputs"):
        mx.rnn.RNNCell(3).unroll(3, [mx.sym.Variable("a"), mx.sym.Variable("b")])
    with pytest.raises(SymcError, match="are not the parameters"):
        mx.rnn.FusedRNNCell(3).unpack_weights({"lstm_parameters": mx.nd.zeros((17,))})
    with pytest.raises(NotImplementedError, match="unroll"):
        mx.rnn.FusedRNNCell(3)(mx.sym.Variable("x"), [])
    with pytest.raises(AttributeError, match="encode_sentences"):
        mx.rnn.BucketSentenceIter([], 10)


def test_sentences_become_numbers() -> None:
    sentences = [["a", "b", "c"], ["b", "c", "d"]]
    coded, vocabulary = mx.rnn.encode_sentences(sentences, start_label=-2)
    assert coded == [[-2, 0, 1], [0, 1, 2]] and vocabulary == {"\n": -1, "a": -2, "b": 0, "c": 1, "d": 2}
    coded, _ = mx.rnn.io.encode_sentences(sentences, {"a": 1, "b": 2, "c": 3}, unknown_token="UNK")
    assert coded == [[1, 2, 3], [2, 3, 0]]
    with pytest.raises(SymcError, match="'a' is not in the vocabulary"):
        mx.rnn.encode_sentences(sentences, {})
