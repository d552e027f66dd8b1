"""Attention and what stands around it, compiled after all passes, against the interpreter."""

import numpy as np
import pytest

import symc
from symc import interpreter
from symc.codegen.lowered import Options
from symc.passes.base import run_passes
from symc.passes.pipeline import inference_pipeline

TYPES = "%x: f32[{b},{t},{c}]    %q, %k, %v, %o: f32[{c},{c}]    %g, %e: f32[{c}]    %m: f32[{b},1,1,{t}]\n"
PROJECTED = "".join(f"""%{n} = FullyConnected(%x, %{w}) num_hidden={{c}} flatten=False no_bias=True
    %{n}1 = Reshape(%{n}) shape=(0,0,{{h}},-1)
    %{n}2 = transpose(%{n}1) axes=(0,2,1,3)
    """ for n, w in (("qs", "q"), ("ks", "k"), ("vs", "v")))
FLAT = "".join(f"%{n}3 = Reshape(%{n}2) shape=(-3,-2)\n" for n in ("qs", "ks", "vs"))
BACK = """%r2 = transpose(%r1) axes=(0,2,1,3)
    %r3 = Reshape(%r2) shape=(0,0,-3)
    %y = FullyConnected(%r3, %o) num_hidden={c} flatten=False no_bias=True
    %s = elemwise_add(%x, %y)
    %z = LayerNorm(%s, %g, %e)
    heads %z"""
MASKED = TYPES + PROJECTED + FLAT + """%p = batch_dot(%qs3, %ks3) transpose_b=True
    %a = Reshape(%p) shape=({b},{h},{t},{t})
    %w = _mul_scalar(%a) scalar=0.125
    %n = broadcast_add(%w, %m)
    %n1 = softmax(%n)
    %n2 = Reshape(%n1) shape=(-3,-2)
    %r = batch_dot(%n2, %vs3)
    %r1 = Reshape(%r) shape=({b},{h},{t},-1)
    """ + BACK
STACKED = TYPES + PROJECTED + """%p = batch_dot(%qs2, %ks2) transpose_b=True
    %n1 = softmax(%p)
    %r1 = batch_dot(%n1, %vs2)
    """ + BACK
INTERLEAVED = """%x: f32[{t},{b},{c}]    %q: f32[{d},{c}]
    %p = FullyConnected(%x, %q) num_hidden={d} flatten=False no_bias=True
    %a = _contrib_interleaved_matmul_selfatt_qk(%p) heads={h}
    %w = softmax(%a)
    %r = _contrib_interleaved_matmul_selfatt_valatt(%p, %w) heads={h}
    heads %r"""
# as GluonNLP masks it: %x (queries, batch, ·), %y (keys, batch, ·), %m (batch, queries, keys)
BETWEEN = """%x: f32[{t},{b},{c}]    %y: f32[{s},{b},{d}]    %m: f32[{b},{t},{s}]
    %a = _contrib_interleaved_matmul_encdec_qk(%x, %y) heads={h}
    %e = expand_dims(%m) axis=1
    %f = broadcast_axis(%e) axis=(1,) size=({h},)
    %g = Reshape(%f) shape=(-3,-2)
    %o = ones_like(%a)
    %n = _mul_scalar(%o) scalar=-1e18
    %u = where(%g, %a, %n)
    %w = softmax(%u)
    %v = elemwise_mul(%w, %g)
    %r = _contrib_interleaved_matmul_encdec_valatt(%y, %v) heads={h}
    heads %r"""
ACROSS = """%x: f32[{b},{h},{c},{t}]    %y: f32[{b},{t},{h},{c}]
    %u = transpose(%y) axes=(0,2,3,1)
    %p = batch_dot(%x, %u) transpose_a=True
    %q = batch_dot(%u, %x) transpose_b=True
    heads %p, %q"""


@pytest.mark.parametrize("text", [MASKED, STACKED, INTERLEAVED, ACROSS])
@pytest.mark.parametrize("b, t, c, h", [(1, 18, 32, 2), (2, 5, 24, 3), (3, 1, 16, 2), (2, 33, 40, 1)])
def test_as_interpreted(graph, text: str, b: int, t: int, c: int, h: int) -> None:
    network = graph(text.format(b=b, t=t, c=c, h=h, d=3 * c))
    generator = np.random.default_rng(0)
    values = {node.name: generator.uniform(-1, 1, node.types[0].dims).astype(np.float32) for node in network.variables}
    found = symc.compile(network, {n: a for n, a in values.items() if n != "x"}, shapes={"x": values["x"].shape}
                         ).forward(x=values["x"])
    wanted = interpreter.run(run_passes(network, inference_pipeline()), values).heads
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("b, t, s, c, h", [(1, 20, 33, 24, 2), (3, 70, 130, 16, 4), (2, 16, 16, 10, 1)])
def test_masked_as_gluonnlp_does(graph, b: int, t: int, s: int, c: int, h: int) -> None:
    """Also rows without a key that counts, whose softmax is uniform, and their mixture 0."""
    network = graph(BETWEEN.format(b=b, t=t, s=s, c=c, h=h, d=2 * c))
    generator = np.random.default_rng(0)
    values = {node.name: generator.uniform(-1, 1, node.types[0].dims).astype(np.float32) for node in network.variables}
    values["m"] = (generator.uniform(size=(b, t, s)) < 0.5).astype(np.float32)
    values["m"][0, 3] = 0
    module = symc.compile(network, {}, shapes={n: a.shape for n, a in values.items()})
    assert len(module.plan.kernels) <= 3      # the values may be moved
    (wanted,) = interpreter.run(network, values).heads
    np.testing.assert_allclose(np.asarray(module.forward(**values)[0]), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, -1e30])
@pytest.mark.parametrize("keys", [40, 150])
def test_special_scores(graph, special: float, keys: int) -> None:
    """In single scores, and in all of a row, as the separate operators make of them."""
    network = graph(f"""%q: f32[2,20,8]    %k: f32[2,{keys},8]    %v: f32[2,{keys},9]    %m: f32[2,20,{keys}]
        %p = batch_dot(%q, %k) transpose_b=True
        %s = broadcast_add(%p, %m)
        %w = softmax(%s)
        %y = batch_dot(%w, %v)
        heads %y""")
    generator = np.random.default_rng(0)
    values = {node.name: generator.standard_normal(node.types[0].dims).astype(np.float32) for node in network.variables}
    values["m"][0, 3], values["m"][0, 5, ::2], values["m"][1, :, :keys // 2], values["m"][1, 4, -1] = [special] * 4
    module = symc.compile(network, {}, shapes={n: a.shape for n, a in values.items()})
    assert len(module.plan.kernels) == 1
    (wanted,) = interpreter.run(network, values).heads
    np.testing.assert_allclose(np.asarray(module.forward(**values)[0]), wanted, rtol=1e-5, atol=1e-6)


def test_in_bfloat16(graph) -> None:
    network = graph(INTERLEAVED.format(b=2, t=33, c=40, h=2, d=120))
    generator = np.random.default_rng(0)
    values = {node.name: generator.uniform(-1, 1, node.types[0].dims).astype(np.float32) for node in network.variables}
    found = symc.compile(network, {n: a for n, a in values.items() if n != "x"}, shapes={"x": values["x"].shape},
                         options=Options(precision="bf16")).forward(x=values["x"])
    (wanted,) = interpreter.run(run_passes(network, inference_pipeline()), values).heads
    np.testing.assert_allclose(np.asarray(found[0]), wanted, atol=0.02 * np.abs(wanted).max())


@pytest.mark.parametrize("element", ["f16", "f64", "i32"])
def test_other_dtypes(graph, element: str) -> None:
    network = graph(f"""%x: {element}[2,5,3,4]    %y: {element}[6,4,7]
        %t = transpose(%x) axes=(0,2,1,3)
        %a = _reshape(%t) shape=(6,5,4)
        %p = batch_dot(%a, %y)
        heads %p""")
    generator = np.random.default_rng(0)
    values = {node.name: generator.integers(-4, 5, node.types[0].dims).astype(node.types[0].element.numpy)
              for node in network.variables}
    (found,) = symc.compile(network, {}, shapes={n: a.shape for n, a in values.items()}).forward(**values)
    np.testing.assert_array_equal(np.asarray(found), interpreter.run(network, values).heads[0])
