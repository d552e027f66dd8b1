"""Movement of elements against MXNet's recorded results: permutation, slices, joining, splitting, padding, images."""

import numpy as np
import pytest

from symc import cpu, nd, sym
from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.inference import shapes

MOVEMENT = ["transpose", "SwapAxis", "slice", "slice_axis", "slice_like", "Crop", "reverse", "tile", "repeat", "stack",
            "Concat", "_rnn_param_concat", "SliceChannel", "_split_v2", "Pad", "depth_to_space", "space_to_depth",
            "diag"]


@each_case("matrix", MOVEMENT)
def test_recorded(case: Case) -> None:
    assert not differences(case)


@each_case("upsampling")
def test_upsampling(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("op", [
    make("transpose", axes=(2, 0, 1)), make("SwapAxis", dim1=0, dim2=-1), make("reverse", axis=(0, 2)),
    make("slice", begin=(1, None, -1), end=(None, 2, 0), step=(1, 1, -2)), make("slice", begin=(0,), end=(1,)),
    make("slice_axis", axis=-1, begin=-3, end=-1), make("tile", reps=(2, 1, 3, 1)), make("repeat", repeats=2),
    make("repeat", repeats=3, axis=1), make("SliceChannel", num_outputs=2, axis=2),
    make("SliceChannel", num_outputs=3, axis=1, squeeze_axis=True), make("_split_v2", indices=(0, 1, 3), axis=2),
    make("_split_v2", indices=(), sections=3, axis=2), make("diag", k=-1, axis1=2, axis2=0),
], ids=lambda op: op.name)
def test_derivatives(op) -> None:
    check_derivative(op, distinct(2, 3, 4))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_derivatives_of_padding(mode) -> None:
    check_derivative(make("Pad", mode=mode, pad_width=(0, 0, 0, 0, 2, 0, 1, 3)), distinct(1, 2, 3, 4))


def test_derivatives_of_joins() -> None:
    check_derivative(make("Concat", num_args=2), distinct(2, 3), distinct(2, 2), wanted=(0, 1))
    check_derivative(make("stack", num_args=2, axis=-1), distinct(2, 3), distinct(2, 3), wanted=(0, 1))
    check_derivative(make("diag", k=2), distinct(3))


def test_derivatives_of_images() -> None:
    check_derivative(make("depth_to_space", block_size=2), distinct(1, 8, 2, 1))
    check_derivative(make("space_to_depth", block_size=2), distinct(1, 2, 4, 2))
    check_derivative(make("UpSampling", scale=2, sample_type="nearest", num_args=2), distinct(1, 2, 2, 2),
                     distinct(1, 1, 4, 4), wanted=(0, 1))
    check_derivative(make("Crop", num_args=2, center_crop=True), distinct(1, 2, 4, 4), distinct(1, 1, 2, 3))
    check_derivative(make("slice_like", axes=(0, -1)), distinct(3, 2, 4), distinct(2, 9, 2))


def test_empty_slices_and_parts() -> None:
    """MXNet: extents of 0, also behind a begin that lies beyond the end."""
    assert shapes("slice", [(5, 4)], begin=(3,), end=(1,))[1] == (0, 4)
    assert shapes("_split_v2", [(5, 4)], indices=(0, 2, 2), axis=0)[1:] == [(2, 4), (0, 4), (3, 4)]
    executor = sym.sum(sym.slice(sym.var("x"), begin=(3,), end=(1,))).simple_bind(cpu(), x=(5, 4))
    executor.forward(is_train=True)
    executor.backward([nd.ones((1,))])
    assert executor.outputs[0].asnumpy() == [0] and not executor.grad_dict["x"].asnumpy().any()


def test_slice_bounds_are_those_of_python() -> None:
    data = np.arange(5.0)
    for begin, end, step in [(-9, 3, None), (4, 0, -2), (9, None, -1), (3, -7, -1), (None, None, 2), (1, 99, 3)]:
        op = make("slice", begin=(begin,), end=(end,), step=() if step is None else (step,))
        np.testing.assert_array_equal(run_reference(op, [data])[0], data[begin:end:step])
        assert shapes("slice", [(5,)], begin=(begin,), end=(end,), step=op.step)[1] == data[begin:end:step].shape


@pytest.mark.parametrize(("name", "inputs", "parameters"), [
    ("slice", [(5,)], {"begin": (1, 2), "end": (2, 3)}),
    ("slice", [(5,)], {"begin": (1,), "end": (2,), "step": (0,)}),
    ("slice_axis", [(5, 4)], {"axis": 1, "begin": 1, "end": 9}),
    ("slice_axis", [(5, 4)], {"axis": 2, "begin": 1, "end": 2}),
    ("slice_like", [(5, 6), (3, 9)], {}), ("slice_like", [(5, 6, 7), (3, 4)], {}),
    ("Crop", [(1, 2, 6, 6)], {"num_args": 1, "h_w": (3, 7)}), ("transpose", [(2, 3)], {"axes": (0, 0)}),
    ("Concat", [(2, 3), (3, 4)], {"num_args": 2}), ("SliceChannel", [(2, 6)], {"num_outputs": 4}),
    ("SliceChannel", [(2, 6)], {"num_outputs": 3, "squeeze_axis": True}),
    ("_split_v2", [(5, 6)], {"indices": (0, 3, 2), "axis": 0}), ("tile", [(2, 3)], {"reps": (0, 2)}),
    ("Pad", [(1, 1, 2, 3)], {"mode": "reflect", "pad_width": (0, 0, 0, 0, 0, 0, 3, 0)}),
    ("Pad", [(2, 3)], {"mode": "edge", "pad_width": (0, 0, 1, 1)}),
    ("Pad", [(1, 1, 2, 3)], {"mode": "edge", "pad_width": (0, 0, 1, 1, 0, 0, 0, 0)}), ("diag", [(3, 4)], {"k": 9}),
    ("depth_to_space", [(1, 5, 2, 2)], {"block_size": 2}),
    ("depth_to_space", [(1, 4, 0, 2)], {"block_size": 2}), ("space_to_depth", [(1, 0, 2, 2)], {"block_size": 2}),
])
def test_shapes_that_do_not_fit(name, inputs, parameters) -> None:
    with pytest.raises(InferenceError, match="node 'y'"):
        shapes(name, inputs, **parameters)


def test_inference_both_ways() -> None:
    assert shapes("transpose", [(None, None, 5)], (2, 1, None), axes=(1, 0, 2)) == [(1, 2, 5), (2, 1, 5)]
    assert shapes("SwapAxis", [None], (2, 1, 3), dim1=0, dim2=1)[0] == (1, 2, 3)
    assert shapes("stack", [None, (2, None)], (None, 2, 3), num_args=2, axis=1) == [(2, 3), (2, 3), (2, 2, 3)]
    assert shapes("slice", [(None, 4)], begin=(None, 1), end=(None, 3))[1] == (None, 2)
    assert shapes("slice_axis", [(None, 4)], axis=1, begin=1, end=3)[1] == (None, 2)
    assert shapes("slice_like", [(None, 4, 5), (3, 2)], axes=(0, 1))[2] == (3, 2, 5)


def test_inference_of_concat() -> None:
    assert shapes("Concat", [(2, 3), (None, 2)], num_args=2) == [(2, 3), (2, 2), (2, 5)]
    assert shapes("Concat", [(2, 3), None], num_args=2) == [(2, 3), (2, None), (2, None)]
    assert shapes("Concat", [(2, 3), None], (2, 8), num_args=2) == [(2, 3), (2, 5), (2, 8)]
    assert shapes("Concat", [None, None], num_args=2) == [None] * 3


def test_weights_of_both_directions_follow_from_all_parameters() -> None:
    joined = {"num_args": 3, "dim": 0}
    assert shapes("_rnn_param_concat", [(None,), (4,), (None,)], (10,), **joined) == [(3,), (4,), (3,), (10,)]
    assert shapes("Concat", [(None,), (4,), (None,)], (10,), **joined) == [(None,), (4,), (None,), (10,)]
    with pytest.raises(InferenceError):
        shapes("_rnn_param_concat", [(None,), (4,), (None,)], (11,), **joined)


def test_inference_of_splits() -> None:
    assert shapes("SliceChannel", [(None, 6)], num_outputs=3) == [(None, 6)] + [(None, 2)] * 3
    assert shapes("SliceChannel", [(None, 6)], (4, None), num_outputs=3)[0] == (4, 6)
    assert shapes("_split_v2", [(6, 6)], indices=(), sections=4, axis=0)[1:] == [(2, 6), (2, 6), (1, 6), (1, 6)]
