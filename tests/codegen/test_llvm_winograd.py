"""Winograd's convolutions as kernels: against the operators' meaning, and against float64."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symc
from symc.codegen.llvm_compile import LEVELS, assembly
from symc.codegen.llvm_contraction import ContractionRequest, EpilogueOperand
from symc.codegen.llvm_winograd import generate
from symc.codegen.lowered import Options
from symc.ir.types import DType, TensorType
from symc.ops.families.convolution import Convolution
from symc.ops.families.winograd import TRANSFORMS, Tiles, WinogradProduct
from symc.passes import winograd
from symc.passes.layout import blocked_layout
from tests.codegen.llvm_running import guarded, load_function, pack, run_jobs, unpack

RANDOM = np.random.default_rng(3)
# batch, channels, output channels, height, width, rows of tiles in a chunk
CASES = [(1, 16, 16, 4, 4, 1), (1, 33, 40, 9, 7, 2), (2, 24, 48, 7, 7, 3), (3, 16, 33, 5, 2, 4), (1, 16, 32, 3, 140, 1),
         (1, 8, 16, 2, 255, 1), (2, 20, 64, 6, 1, 2), (1, 16, 16, 1, 9, 1), (1, 16, 112, 10, 11, 1),
         (1, 144, 80, 9, 9, 2)]


def random(*dims: int) -> np.ndarray:
    return RANDOM.standard_normal(dims).astype(np.float32)


def request_of(op: WinogradProduct, channels: int, residual: bool, planes: int = 0, taps: int = 0
               ) -> ContractionRequest:
    """planes, taps: of volumes."""
    filters, tiles, rank = op.shape[1], op.tiles, len(op.shape)
    points = tiles.transforms.points
    layouts = winograd.LAYOUTS[rank]
    chunks = (op.shape[0], planes, tiles.chunks_of_image) if planes else (tiles.chunks,)
    data = TensorType((*chunks, points, tiles.of_chunk, channels), DType.float32, layouts[0])
    weight = TensorType((filters, channels, *[taps] * (rank - 4), points), DType.float32, layouts[1])
    image = TensorType(op.shape, DType.float32, blocked_layout(rank))
    others = (EpilogueOperand(image, tuple(range(rank))),) if residual else ()
    bias = EpilogueOperand(TensorType((filters,), DType.float32), (1,))
    return ContractionRequest(op.contraction([data, weight]), data, weight, (image,), (bias, *others))


def without_places(data: np.ndarray, tiles: Tiles) -> np.ndarray:
    """`data` with NaN where no tile lies."""
    data = data.copy()
    data[..., tiles.rows * tiles.columns:, :] = np.nan
    left = tiles.all_rows - (tiles.chunks - 1) * tiles.rows
    if data.ndim == 4:
        data[-1, :, left * tiles.columns:] = np.nan
    return data


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
@pytest.mark.parametrize("batch, channels, filters, height, width, rows", CASES)
def test_products_of_tiles_become_pixels(size, batch, channels, filters, height, width, rows, level):
    check_product(size, batch, channels, filters, height, width, rows, level)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from(list(TRANSFORMS)), st.integers(1, 3), st.integers(1, 40), st.integers(9, 50),
       st.integers(1, 12), st.integers(2, 150), st.integers(1, 20), st.sampled_from(["x86-64-v3", "x86-64-v4"]))
def test_products_of_any_tiles(size, batch, channels, filters, height, width, rows, level):
    columns = -(-width // size)
    rows = min(rows, max(1, TRANSFORMS[size].tiles_of_job // columns), batch * -(-height // size))
    check_product(size, batch, channels, filters, height, width, rows, level)


def check_product(size, batch, channels, filters, height, width, rows, level):
    op = WinogradProduct(tile=size, rows=rows, shape=(batch, filters, height, width))
    check_request(op, request_of(op, channels, channels % 16 == 0), level)


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
@pytest.mark.parametrize("batch, channels, filters, planes, window, height, width", [
    (1, 16, 16, 4, (3, 1, 1), 12, 5), (2, 33, 40, 3, (3, 1, 1), 7, 9), (2, 16, 64, 5, (1, 1, 0), 4, 30),
    (1, 24, 33, 7, (3, 2, 1), 9, 12), (2, 16, 32, 2, (5, 1, 4), 6, 6), (1, 32, 48, 1, (3, 1, 1), 2, 255)])
def test_products_of_planes_of_volumes(size, batch, channels, filters, planes, window, height, width, level):
    """window: taps, stride and pad along planes."""
    taps, stride, pad = window
    shape = (batch, filters, (planes + 2 * pad - taps) // stride + 1, height, width)
    whole = -(-height // size)
    for rows in {1, whole} if whole * -(-width // size) <= TRANSFORMS[size].tiles_of_job else {1}:
        op = WinogradProduct(tile=size, rows=rows, shape=shape, stride=stride, pad=pad)
        check_request(op, request_of(op, channels, channels % 16 == 0, planes, taps), level)


def check_request(op, request, level):
    """A kernel against the operator's meaning, its jobs run in two ways."""
    residual = len(request.operands) > 1
    arrays = [random(*type.dims) for type in request.types[:-1]]
    expected = op.reference(*arrays[:3])
    expected = np.maximum(expected + arrays[3], 0) if residual else expected

    def epilogue(F, total, bias, *skip):
        return F.max_nan(total + bias + skip[0], F.const(0.0, total)) if skip else total + bias
    kernel = generate(op, request, "kernel", level, epilogue)
    function = load_function(kernel.text, "kernel", *[ctypes.c_void_p] * len(request.types), *[ctypes.c_int64] * 2)
    arrays[0] = without_places(arrays[0], op.tiles)
    inputs = [guarded(pack(array, type)) for array, type in zip(arrays, request.types, strict=False)]
    results = []
    for bounds in ([0, kernel.jobs], [*range(0, kernel.jobs, 3), kernel.jobs]):
        output = guarded(np.full(request.outputs[0].physical, 77, np.float32))
        run_jobs(function, [*inputs, output], bounds)
        results.append(unpack(output, request.outputs[0]))
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(results[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("channels", [64, 512])
@pytest.mark.parametrize("size", TRANSFORMS)
def test_sums_stay_in_registers(size, channels, level):
    op = WinogradProduct(tile=size, rows=4, shape=(1, 64, 14, 14))
    check_registers(op, request_of(op, channels, False), level)


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
def test_sums_of_planes_stay_in_registers(size, level):
    op = WinogradProduct(tile=size, rows=1, shape=(1, 64, 4, 14, 14), pad=1)
    check_registers(op, request_of(op, 64, False, planes=4, taps=3), level)


def check_registers(op, request, level):
    kernel = generate(op, request, "kernel", level, lambda F, total, bias: total + bias)
    loops = [block for block in assembly(kernel.text, level).split("\n.L") if "vsubps" not in block]   # not the pixels'
    multiplications = [line for block in loops for line in block.splitlines() if "vfmadd" in line]
    register = "%zmm" if LEVELS[level].core.vector_bytes == 64 else "%ymm"
    assert len(multiplications) > 48 and all(register in line for line in multiplications)
    stack = [line for line in multiplications if "rsp" in line or "rbp" in line]
    assert not stack, "spilled"


@pytest.mark.parametrize("tile, channels, filters, size, rows, jobs", [
    (2, 128, 128, 28, 2, 7 * 4),        # two blocks of channels a job
    (3, 64, 64, 56, 1, 19),             # four, for which a point stays in the first cache
    (3, 512, 512, 28, 5, 2 * 8),        # four, since each reads the chunk from beyond the second cache
    (3, 512, 528, 28, 5, 2 * 9),
    (3, 512, 256, 14, 5, 8)])           # two, since four would leave four jobs
def test_how_many_blocks_a_job_has(tile, channels, filters, size, rows, jobs):
    op = WinogradProduct(tile=tile, rows=rows, shape=(1, filters, size, size))
    kernel = generate(op, request_of(op, channels, False), "kernel", "x86-64-v4", lambda F, total, bias: total + bias)
    assert kernel.jobs == jobs
    narrow = generate(op, request_of(op, channels, False), "kernel", "x86-64-v3", lambda F, total, bias: total + bias)
    assert narrow.jobs == op.tiles.chunks * -(-filters // 16)


def convolved(x: np.ndarray, weight: np.ndarray, pad: int) -> np.ndarray:
    """In float64."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    height, width = x.shape[2] - 2, x.shape[3] - 2
    taps = [(i, j) for i in range(3) for j in range(3)]
    return np.sum([np.einsum("nchw,oc->nohw", x[:, :, i:i + height, j:j + width], weight[:, :, i, j].astype(np.float64))
                   for i, j in taps], axis=0)


def network(filters: int, pad: int) -> symc.sym.Symbol:
    return symc.sym.Convolution(symc.sym.var("data"), kernel=(3, 3), pad=(pad, pad), num_filter=filters, no_bias=True,
                                name="conv")


@pytest.mark.parametrize("dims, filters, pad", [((1, 64, 14, 15), 64, 1), ((2, 40, 9, 20), 33, 0)])
def test_errors_beside_those_of_the_sums_themselves(monkeypatch, dims, filters, pad):
    x, weight = random(*dims), random(filters, dims[1], 3, 3)
    expected, errors, nodes = convolved(x, weight, pad), {}, {}
    for size in (*TRANSFORMS, None):
        monkeypatch.setattr(winograd, "best_size", lambda *_, answer=size: answer)
        module = symc.compile(network(filters, pad), {"conv_weight": weight}, shapes={"data": dims})
        errors[size] = np.abs(np.asarray(module.forward(data=x)[0]) - expected).mean()
        nodes[size] = len(module.plan.kernels)
    assert {nodes[size] for size in TRANSFORMS} == {nodes[None] + 1}
    assert errors[2] < 1.1 * errors[None] and errors[3] < 1.8 * errors[None] and errors[4] < 3 * errors[None]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(1, 2), st.integers(1, 40), st.integers(14, 40), st.integers(9, 24), st.integers(9, 24),
       st.integers(0, 2))
def test_networks_with_fast_math(batch, channels, filters, height, width, pad):
    x, weight = random(batch, channels, height, width), random(filters, channels, 3, 3)
    expected = convolved(x, weight, pad)
    module = symc.compile(network(filters, pad), {"conv_weight": weight}, shapes={"data": x.shape},
                          options=Options(fast_math=True))
    found = np.asarray(module.forward(data=x)[0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_parameters_are_transformed_when_they_change():
    x, weight = random(1, 32, 8, 8), random(32, 32, 3, 3)
    executor = network(32, 1).simple_bind(symc.cpu(), grad_req="null", data=x.shape)
    for factor in (1, 2):
        executor.copy_params_from({"conv_weight": symc.nd.array(factor * weight)})
        (result,) = executor.forward(data=symc.nd.array(x))
        np.testing.assert_allclose(result.asnumpy(), factor * convolved(x, weight, 1), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", TRANSFORMS)
def test_parameters_of_volumes_are_transformed(size, monkeypatch):
    x, weight = random(2, 20, 4, 8, 11), random(33, 20, 3, 3, 3)
    convolution = Convolution(kernel=(3, 3, 3), stride=(2, 1, 1), pad=(1, 0, 1), num_filter=33, no_bias=True)
    expected = convolution.reference(x.astype(np.float64), weight.astype(np.float64))
    monkeypatch.setattr(winograd, "best_size", lambda *_: size)
    volume = symc.sym.Convolution(symc.sym.var("data"), kernel=(3, 3, 3), stride=(2, 1, 1), pad=(1, 0, 1),
                                  num_filter=33, no_bias=True, name="conv")
    executor = volume.simple_bind(symc.cpu(), grad_req="null", data=x.shape)
    executor.copy_params_from({"conv_weight": symc.nd.array(weight)})
    module = symc.compile(volume, {"conv_weight": weight}, shapes={"data": x.shape})
    for (result,) in (executor.forward(data=symc.nd.array(x)), module.forward(data=x)):
        np.testing.assert_allclose(result.asnumpy(), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert len(module.plan.kernels) == 4
