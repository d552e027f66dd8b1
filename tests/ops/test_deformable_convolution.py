"""Deformable convolutions: MXNet's recorded results, kernels, finite differences, and plain convolutions."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc import compiler
from symc.errors import InferenceError
from symc.ir.graph import Graph
from symc.ops.families import deformable_convolution
from symc.ops.operator import Operator, make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative, node_of
from tests.golden import Case, differences, each_case

RANDOM = np.random.default_rng(7)
PLAIN, MODULATED = "_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"


def convolution(name: str, shape: tuple[int, ...], spread: float = 1.0,
                **parameters: Any) -> tuple[Operator, list[np.ndarray]]:
    """An operator, and inputs for it; offsets stay away from whole numbers, where it has no derivative."""
    op = make(name, **{"kernel": (3, 3), "num_filter": 4, **parameters})
    geometry = op.sampling()
    output = [op.output_extent(geometry, axis, extent) for axis, extent in enumerate(shape[2:])]
    taps = math.prod(op.kernel) * op.num_deformable_group
    offset = RANDOM.normal(0, spread, (shape[0], 2 * taps, *output))
    offset = np.floor(offset) + 0.1 + 0.8 * (offset - np.floor(offset))
    inputs = [RANDOM.standard_normal(shape), offset]
    if op.is_modulated:
        inputs.append(RANDOM.uniform(0, 1, (shape[0], taps, *output)))
    inputs.append(RANDOM.standard_normal((op.num_filter, shape[1] // op.num_group, *op.kernel)))
    return op, inputs if op.no_bias else [*inputs, RANDOM.standard_normal(op.num_filter)]


CASES = [convolution(name, shape, **parameters) for name in (PLAIN, MODULATED) for shape, parameters in (
    ((2, 3, 5, 6), {}),
    ((1, 4, 6, 5), {"stride": (2, 1), "pad": (1, 2), "dilate": (1, 2), "spread": 2.0, "no_bias": True}),
    ((1, 12, 4, 4), {"num_group": 2, "num_deformable_group": 3, "kernel": (2, 2), "pad": (1, 1)}),
)]


@each_case("deformable_convolution")
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("case", [*CASES, convolution(PLAIN, (1, 40, 4, 5)), convolution(
    MODULATED, (1, 72, 4, 5), num_deformable_group=2)], ids=lambda case: case[0].name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled(case: tuple, dtype: type, groups: SimpleNamespace) -> None:
    op, inputs = case
    inputs = [x.astype(dtype) for x in inputs]
    graph = Legalize()(Graph(node_of(op, inputs).outputs))
    groups.check(graph, [inputs[int(source.name[1:])] for source in graph.variables])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_gradient(case: tuple) -> None:
    op, inputs = case
    check_derivative(op, *inputs, wanted=range(len(inputs)))


GEOMETRY = {"kernel": (2, 2), "stride": (1, 1), "dilate": (1, 1), "pad": (1, 1), "num_group": 2}


@pytest.mark.parametrize("channels", [12, 192])
@pytest.mark.parametrize("is_modulated", [False, True])
def test_compiled_gradients(is_modulated: bool, channels: int, groups: SimpleNamespace) -> None:
    geometry = {**GEOMETRY, "num_deformable_group": 3 if channels == 12 else 1, "is_modulated": is_modulated}
    taps = 4 * geometry["num_deformable_group"]
    image, offset, mask = normal(2, 5, 4, channels), normal(2, 2 * taps, 6, 5), normal(2, taps, 6, 5)
    sampled = [offset, mask] if is_modulated else [offset]
    columns = normal(2, 2 * 6 * 5, 4 * channels // 2)
    groups.check(Graph(node_of(make("_backward_deformable_image", **geometry, extents=(5, 4)),
                               [columns, *sampled]).outputs), [columns, *sampled])
    inputs = [columns, image, *sampled]
    groups.check(Graph(node_of(make("_backward_deformable_offset", **geometry), inputs).outputs), inputs)


def outputs_and_gradients(op: Operator, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Of a bound operator, for a head gradient that differs from place to place."""
    arguments = {f"x{i}": mx.nd.array(x, dtype=x.dtype) for i, x in enumerate(inputs)}
    gradients = {name: mx.nd.zeros(x.shape, dtype=x.dtype) for name, x in arguments.items()}
    executor = compiler.bind(Graph(node_of(op, inputs).outputs), mx.cpu(), arguments, gradients,
                             dict.fromkeys(gradients, "write"), {})
    output, = executor.forward(is_train=True)
    executor.backward([mx.nd.array(np.cos(np.arange(output.size)).reshape(output.shape), dtype=output.dtype)])
    return [output.asnumpy(), *(gradient.asnumpy() for gradient in gradients.values())]


@pytest.mark.parametrize("case", [CASES[0], convolution(MODULATED, (3, 4, 4, 5), num_group=2)],
                         ids=lambda case: case[0].name)
def test_an_image_at_a_time(case: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    op, inputs = case
    at_once = outputs_and_gradients(op, inputs)
    monkeypatch.setattr(deformable_convolution, "MOST_COLUMNS", 0)
    assert "_scan" in [node.op.name for node in Legalize()(Graph(node_of(op, inputs).outputs)).nodes if node.op]
    for a, b in zip(outputs_and_gradients(op, inputs), at_once, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", [PLAIN, MODULATED])
def test_without_offsets_it_is_a_convolution(name: str) -> None:
    op, (data, offset, *mask, weight, bias) = convolution(name, (2, 4, 7, 6), pad=(1, 1), dilate=(2, 1), num_group=2)
    still = [np.zeros_like(offset), *map(np.ones_like, mask)]
    plain = make("Convolution", kernel=(3, 3), num_filter=4, pad=(1, 1), dilate=(2, 1), num_group=2)
    np.testing.assert_allclose(*(run_reference(o, inputs)[0] for o, inputs in (
        (op, [data, *still, weight, bias]), (plain, [data, weight, bias]))), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [PLAIN, MODULATED])
def test_offsets_that_are_no_numbers_read_nothing(name: str) -> None:
    op, inputs = convolution(name, (1, 2, 4, 4), no_bias=True)
    inputs[1][:] = np.resize([np.nan, np.inf, -np.inf, 1e30], inputs[1].shape)
    symbol = getattr(mx.sym.contrib, name.removeprefix("_contrib_"))(
        *map(mx.sym.var, op.argument_names()), kernel=(3, 3), num_filter=4, no_bias=True)
    arguments = {n: mx.nd.array(x, dtype=np.float32) for n, x in zip(op.argument_names(), inputs, strict=True)}
    gradients = {n: mx.nd.ones(x.shape) for n, x in arguments.items()}
    executor = symbol.bind(mx.cpu(), arguments, args_grad=gradients)
    assert not executor.forward(is_train=True)[0].asnumpy().any()
    executor.backward(mx.nd.ones(executor.outputs[0].shape))
    assert not any(gradients[n].asnumpy().any() for n in gradients)


WRONG = [({"num_deformable_group": 3}, "4 channels of data are not divisible by num_deformable_group=3"),
         ({"num_filter": 3, "num_group": 2}, "num_filter=3 is not divisible by num_group=2"),
         ({"kernel": (9, 3)}, "spans 9 elements, data has 6"), ({"kernel": (3,)}, "2 are supported"),
         ({"stride": (0, 1)}, "at least 1"), ({"im2col_step": 2}, "a batch of 3 is not a multiple of im2col_step=2")]


@pytest.mark.parametrize(("parameters", "message"), WRONG)
def test_wrong_parameters(parameters: dict[str, Any], message: str) -> None:
    symbol = mx.sym.contrib.ModulatedDeformableConvolution(
        *map(mx.sym.var, "xomwb"), **{"kernel": (3, 3), "num_filter": 4, **parameters})
    with pytest.raises(InferenceError, match=message):
        symbol.infer_shape(x=(3, 4, 6, 6))


def test_infinite_gradients_of_places_outside_reach_no_pixel():
    op = make("_backward_deformable_image", kernel=(1, 1), stride=(1, 1), dilate=(1, 1), pad=(0, 0), num_group=1,
              num_deformable_group=1, is_modulated=False, extents=(2, 2))
    image = op.reference(np.full((1, 1, 3), np.inf, np.float32), np.full((1, 2, 1, 1), 9, np.float32))
    assert not image.any()
