"""Products in front of gates, and all that is made of these, in one kernel."""

import numpy as np
import pytest

import symc as mx
from symc import interpreter
from symc.codegen import llvm_compile, lower
from symc.codegen.llvm_gates import GateRequest
from symc.ir.types import DType, TensorType
from symc.ops.families.gate_product import GateProduct
from symc.passes.base import run_passes
from symc.passes.pipeline import inference_pipeline, typed
from symc.runtime.plan import KernelStep, LoopStep
from tests import group_code

LSTM = """%h: f32[{n},{k}]    %w: f32[4,{u},{k}]:Bac16b    %x: f32[{n},{all}]    %c: f32[{n},{u}]    %m: f32[{n},1]
    %p = _gate_product(%h, %w) gates=4 no_bias=True
    %s = elemwise_add(%p, %x)
    %i = SliceChannel(%s) num_outputs=4
    %a = sigmoid(%i)
    %b = tanh(%i#2)
    %ab = elemwise_mul(%a, %b)
    %d = sigmoid(%i#1)
    %dc = elemwise_mul(%d, %c)
    %new = elemwise_add(%ab, %dc)
    %t = tanh(%new)
    %e = sigmoid(%i#3)
    %y = elemwise_mul(%e, %t)
    %kept = _keep_inside(%y, %c, %m)
    heads %new, %y, %kept, %s"""
GRU = """%h: f32[{n},{k}]    %w: f32[3,{u},{k}]:Bac16b    %b: f32[{all}]    %x: f32[{n},{all}]    %old: f32[{n},{u}]
    %p = _gate_product(%h, %w, %b) gates=3
    %hr = SliceChannel(%p) num_outputs=3
    %xr = SliceChannel(%x) num_outputs=3
    %r1 = elemwise_add(%xr, %hr)
    %r = sigmoid(%r1)
    %rn = elemwise_mul(%r, %hr#2)
    %n1 = elemwise_add(%xr#2, %rn)
    %n = tanh(%n1)
    %z1 = elemwise_add(%xr#1, %hr#1)
    %z = sigmoid(%z1)
    %o = _rminus_scalar(%z) scalar=1.0
    %on = elemwise_mul(%o, %n)
    %zh = elemwise_mul(%z, %old)
    %y = elemwise_add(%on, %zh)
    heads %y"""
ALONE = """%h: f32[{n},{k}]    %w: f32[2,{u},{k}]:Bac16b    %b: f32[{all}]
    %p = _gate_product(%h, %w, %b) gates=2
    heads %p"""
# rows, hidden units, summed: also fewer units than a block, tails of blocks, shares of rows, sums in rounds
SIZES = [(8, 32, 32), (1, 48, 16), (5, 1, 3), (3, 21, 7), (19, 16, 5), (33, 40, 9), (130, 17, 6), (9, 16, 3000)]


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("text, gates", [(LSTM, 4), (GRU, 3), (ALONE, 2)])
def test_kernels_of_a_level(text, gates, level, graph, groups, monkeypatch):
    """The code of levels that this machine lacks is compiled for its own."""
    monkeypatch.setattr(lower, "compile_object",
                        lambda text, _, optimise=False: llvm_compile.compile_object(text, groups.native, optimise))
    monkeypatch.setattr(group_code, "lower_group", lower.lower_group)
    for rows, units, depth in SIZES:
        group = graph(text.format(n=rows, u=units, k=depth, all=gates * units))
        groups.check(group, level=level, rtol=1e-4, atol=1e-4)


def test_jobs_are_shares_of_rows_where_units_are_few():
    def request(rows, units):
        types = [TensorType(dims, DType.float32) for dims in ((rows, 8), (4, units, 8), (rows, units))]
        return GateRequest(GateProduct(gates=4, no_bias=True).contraction(types[:2]), *types[:2], (), types[2:])
    found = {size: (request(*size).rows_of_job, request(*size).chunks) for size in ((8, 512), (8, 32), (64, 64),
                                                                                  (256, 512), (1, 16))}
    assert found == {(8, 512): (8, 1), (8, 32): (8, 1), (64, 64): (16, 4), (256, 512): (128, 2), (1, 16): (1, 1)}


def values_of(graph, seed=1):
    random = np.random.default_rng(seed)
    return {node.name: random.uniform(-0.5, 0.5, node.types[0].dims).astype(np.float32) for node in graph.variables}


def compiled(symbol, **shapes):
    """The compiled network, its outputs, and those of the interpreter."""
    network = typed(symbol.graph, shapes)
    values = values_of(network)
    module = mx.compile(symbol, {n: a for n, a in values.items() if n not in shapes}, shapes=shapes)
    found = module.forward(**{name: values[name] for name in shapes})
    return module, found, interpreter.run(run_passes(network, inference_pipeline()), values).heads


@pytest.mark.parametrize("mode", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("time, batch, width, units, options", [
    (4, 3, 5, 20, {}), (3, 1, 7, 16, {"bidirectional": True}), (2, 17, 4, 33, {"num_layers": 2}), (1, 2, 3, 5, {})])
def test_layers_are_one_kernel_a_step(mode, time, batch, width, units, options):
    net = mx.sym.RNN(mx.sym.Variable("data"), mode=mode, state_size=units, name="rnn", state_outputs=True,
                     **{"num_layers": 1, **options})
    module, found, wanted = compiled(net, data=(time, batch, width))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-4, atol=1e-5)
    steps = module.plan.steps
    if units % 16 == 0 or mode == "rnn_tanh":
        assert all(step.body[1] - step.body[0] == 1 for step in steps if isinstance(step, LoopStep))


@pytest.mark.parametrize("cell", [mx.rnn.LSTMCell, mx.rnn.GRUCell])
def test_unrolled_cells_are_one_kernel_a_step(cell):
    steps = 5
    outputs, _ = cell(32, prefix="cell_").unroll(steps, mx.sym.Variable("data"), merge_outputs=True)
    module, found, wanted = compiled(outputs, data=(2, steps, 7))
    np.testing.assert_allclose(np.asarray(found[0]), wanted[0], rtol=1e-4, atol=1e-5)
    kernels = [step for step in module.plan.steps[slice(*module.plan.entries["infer"])] if isinstance(step, KernelStep)]
    of_states = [step for step in kernels if any("h2h" in name for name in step.nodes)]
    assert len(of_states) == steps - 1 and all(len(step.nodes) > 5 for step in of_states)   # the first state is zero
