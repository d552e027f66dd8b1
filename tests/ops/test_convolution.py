"""Convolution and Deconvolution: recorded cases, gradients, shapes, layouts."""

import dataclasses

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.ops.contraction import evaluate
from symc.ops.operator import make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative
from tests.golden import Case, differences, each_case


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@each_case("nn", ("Convolution", "Convolution_v1", "Deconvolution", "FullyConnected"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize(("shape", "parameters"), [
    ((2, 3, 7), {"kernel": (3,), "stride": (2,), "pad": (1,)}),
    ((2, 4, 5, 6), {"kernel": (3, 2), "stride": (2, 1), "dilate": (1, 2), "num_group": 2}),
    ((1, 4, 5, 5), {"kernel": (3, 3), "num_group": 4, "pad": (2, 2)}),
    ((2, 6, 5, 6), {"kernel": (3, 2), "dilate": (1, 2), "pad": (1, 0), "num_group": 2}),    # turned weights
    ((1, 4, 9), {"kernel": (3,), "pad": (3,), "num_group": 2}),                             # more padding than taps
    ((1, 4, 3, 4, 3), {"kernel": (2, 3, 1), "pad": (0, 1, 0), "num_group": 2}),
    ((1, 2, 3, 4, 3), {"kernel": (2, 3, 2), "pad": (0, 1, 1)}),
    ((1, 5, 5, 2), {"kernel": (3, 2), "layout": "NHWC"}),
    ((1, 5, 5, 4), {"kernel": (3, 2), "layout": "NHWC", "num_group": 2}),
])
def test_gradients_of_convolution(shape: tuple[int, ...], parameters: dict) -> None:
    op = make("Convolution", num_filter=4, **parameters)
    last = op.layout is not None
    taps, channels = op.kernel, (shape[-1] if last else shape[1]) // op.num_group
    weight = normal(4, *taps, channels) if last else normal(4, channels, *taps)
    check_derivative(op, normal(*shape), weight, normal(4), wanted=(0, 1, 2))


@pytest.mark.parametrize(("shape", "parameters"), [
    ((2, 3, 4), {"kernel": (3,), "stride": (2,), "pad": (1,), "adj": (1,)}),
    ((1, 4, 3, 2), {"kernel": (3, 2), "stride": (2, 1), "dilate": (2, 1), "num_group": 2}),
    ((1, 2, 3, 3), {"kernel": (4, 4), "stride": (2, 2), "target_shape": (6, 7)}),
])
def test_gradients_of_deconvolution(shape: tuple[int, ...], parameters: dict) -> None:
    op = make("Deconvolution", num_filter=4, no_bias=False, **parameters)
    weight = normal(shape[1], 4 // op.num_group, *op.kernel)
    check_derivative(op, normal(*shape), weight, normal(4), wanted=(0, 1, 2))


def test_large_operands_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    op = make("Convolution", num_filter=4, kernel=(3, 2), stride=(2, 1), pad=(1, 1), num_group=2)
    data, weight, bias = normal(2, 6, 7, 5), normal(4, 3, 3, 2), normal(4)
    (at_once,) = run_reference(op, [data, weight, bias])
    monkeypatch.setitem(evaluate.__globals__, "LARGEST_UNFOLDED", 1)
    (walked,) = run_reference(op, [data, weight, bias])
    np.testing.assert_allclose(walked, at_once)


def test_channels_last_is_channels_first_transposed(graph) -> None:
    op = make("Convolution", num_filter=3, kernel=(2, 2), layout="NHWC", no_bias=True)
    data, weight = normal(2, 4, 5, 6), normal(3, 2, 2, 6)
    (y,) = run_reference(op, [data, weight])
    plain = dataclasses.replace(op, layout=None)
    (expected,) = run_reference(plain, [data.transpose(0, 3, 1, 2), weight.transpose(0, 3, 1, 2)])
    np.testing.assert_allclose(y, expected.transpose(0, 2, 3, 1))
    legal = Legalize()(graph("""
        %x: f32[2,4,5,6]   %w: f32[3,2,2,6]
        %y = Convolution(%x, %w) num_filter=3 kernel=(2,2) layout=NHWC no_bias=True
        heads %y
    """.replace("   %w", "\n%w")))
    assert [node.op.name for node in legal.nodes if node.op] == ["transpose", "transpose", "Convolution", "transpose"]


def test_shapes_forward_and_backward(graph) -> None:
    node = graph("""
        %x: f32[?,4,?,9]
        %w: f32[*]
        %b: f32[*]
        %y: f32[5,?,8,?] = Convolution(%x, %w, %b) num_filter=6 kernel=(3,3) num_group=2 pad=(1,0)
        heads %y
    """).heads[0].node
    assert [str(value.type) for value in node.inputs] == ["f32[5,4,8,9]", "f32[6,2,3,3]", "f32[6]"]
    assert str(node.types[0]) == "f32[5,6,8,7]"


@pytest.mark.parametrize(("parameters", "message"), [
    ("kernel=(3,3) num_filter=3 num_group=2", "num_filter=3 is not divisible by num_group=2"),
    ("kernel=(6,3) num_filter=2", "the kernel spans 6 elements, data has 5"),
    ("kernel=(3,) num_filter=2", "data has 4 dimensions, expected 3"),
    ("kernel=(3,3) num_filter=2 stride=(1,)", "stride has 1 dimensions, the kernel 2"),
])
def test_errors(graph, parameters: str, message: str) -> None:
    with pytest.raises(InferenceError, match=message.replace("(", r"\(").replace(")", r"\)")):
        graph(f"%x: f32[1,2,5,5]\n%w: f32[*]\n%y = Convolution(%x, %w) no_bias=True {parameters}\nheads %y")


def test_target_shape_decides_padding(graph) -> None:
    node = graph("""
        %x: f32[1,2,4,4]
        %w: f32[*]
        %y = Deconvolution(%x, %w) num_filter=3 kernel=(4,4) stride=(2,2) target_shape=(8,7)
        heads %y
    """).heads[0].node
    assert str(node.types[0]) == "f32[1,3,8,7]"
    assert node.op.window(node.inputs[0].type).pad == (1, 2)
