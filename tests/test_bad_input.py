"""Damaged files, strange arrays and values: right results or errors of the user, never a trace or a crash."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symc
from symc import cli, compiler, runtime
from symc.errors import SymcError
from symc.frontend import params as params_file
from symc.frontend.reader import parse_graph, print_graph
from symc.interpreter import run
from symc.passes.inference_heads import UseInferenceForms
from symc.runtime.ndarray import array, from_numpy, zeros
from tests.conftest import parse
from tests.random_graphs import compare

NETWORK = """
    %data, %w, %b, %gamma, %beta, %mean, %var, %label: ?[*]
    %fc = FullyConnected(%data, %w, %b) num_hidden=3
    %bn = BatchNorm(%fc, %gamma, %beta, %mean, %var) fix_gamma=False {__mood__="good"}
    %r = Activation(%bn) act_type=relu
    %softmax = SoftmaxOutput(%r, %label) normalization=batch
    heads %softmax
"""
SHAPES = {"data": (2, 4)}
PARAMETERS = {"w": np.ones((3, 4), np.float32), **{name: np.ones(3, np.float32) for name in
                                                  ("b", "gamma", "beta", "mean", "var")}}
EXAMPLES = int(os.environ.get("SYMC_EXAMPLES", 60))
quick = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def symbol():
    """The network as JSON."""
    return print_graph(parse(NETWORK)).encode()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The parameters as a file's bytes."""
    path = tmp_path_factory.mktemp("params") / "net.params"
    params_file.write(path, {f"arg:{name}": value for name, value in PARAMETERS.items()})
    return path.read_bytes()


def lowered(symbol, params):
    """As far as the kernels: everything that looks at the files."""
    graph = parse_graph(symbol)
    arrays = params if isinstance(params, dict) else params_file.read(params).as_dict()
    return compiler.prepare(graph, arrays, SHAPES, (), False, "cpu", None, compiler.Options())


@st.composite
def damages(draw):
    """How bytes are damaged: cut, bits turned, bytes left out, doubled or overwritten."""
    kind = draw(st.sampled_from(("cut", "turn", "drop", "double", "overwrite")))
    places = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=3))
    return kind, places, draw(st.integers(0, 255))


def damaged(data: bytes, damage) -> bytes:
    kind, places, number = damage
    for place in places:
        at = int(place * len(data))
        data = {"cut": data[:at], "turn": data[:at] + bytes([data[at] ^ (1 << number % 8)]) + data[at + 1:],
                "drop": data[:at] + data[at + 1 + number % 16:], "double": data[:at] + data[at // 2:],
                "overwrite": data[:at] + bytes([number]) * 4 + data[at + 4:]}[kind] if data else data
    return data


# ---- damaged files -------------------------------------------------------------------------------------------------


@quick
@given(damage=damages())
def test_damaged_symbols(symbol, damage):
    with contextlib.suppress(SymcError):
        lowered(damaged(symbol, damage), PARAMETERS)


@quick
@given(damage=damages())
def test_damaged_parameters(saved, symbol, damage):
    with contextlib.suppress(SymcError):
        lowered(symbol, damaged(saved, damage))


@quick
@given(data=st.data())
def test_symbols_with_strange_values(symbol, data):
    """Valid JSON in which one value has become another."""
    document = json.loads(symbol)
    places = [place for place in _places(document) if place]
    place = data.draw(st.sampled_from(places))
    strange = st.sampled_from([None, -1, 0, 10**30, 1.5, True, "", "nonsense", [], {}, [[]], "(1,", "1e400", "\x00"])
    _replace(document, place, data.draw(strange))
    with contextlib.suppress(SymcError):
        lowered(json.dumps(document), PARAMETERS)


def _places(value, before=()):
    yield before
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*before, key))


def _replace(document, place, value):
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = value


@pytest.mark.parametrize("content", [b"", b"\x00", b"PK\x03\x04", b"{", b"[]", b"null", b"\xff\xfe", b'{"nodes": 3}'])
def test_files_of_another_kind(tmp_path, monkeypatch, capsys, content):
    """By the command line, for each kind of file."""
    (tmp_path / "file").write_bytes(content)
    file = str(tmp_path / "file")
    for arguments in (["inspect", file], ["compile", file], ["run", file]):
        monkeypatch.setattr(sys, "argv", ["symc", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        error = capsys.readouterr().err
        assert end.value.code == 1 and "Traceback" not in error and error.strip()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "net.symc"
    symc.compile(parse(NETWORK), PARAMETERS, SHAPES).save(path, levels=["x86-64-v3"])
    return path.read_bytes()


@quick
@given(damage=damages())
def test_damaged_packages(package, tmp_path_factory, damage):
    path = tmp_path_factory.mktemp("damaged") / "net.symc"
    path.write_bytes(damaged(package, damage))
    try:
        module = runtime.load(path)
    except SymcError:
        return
    np.testing.assert_allclose(module.forward(data=np.ones((2, 4)))[0].asnumpy(), 1 / 3, rtol=1e-5)


def test_several_unknown_operators_at_once(symbol):
    document = json.loads(symbol)
    for node, name in zip([n for n in document["nodes"] if n["op"] != "null"], ("Foo", "Bar", "Activation", "Foo"),
                          strict=True):
        node["op"] = name
    with pytest.raises(SymcError) as caught:
        lowered(json.dumps(document), PARAMETERS)
    assert all(word in str(caught.value) for word in ("Foo", "Bar", "'fc'", "'bn'", "'softmax'"))
    assert "'r'" not in str(caught.value)


def test_several_shape_conflicts_at_once():
    graph = parse("""
        %x, %y: ?[*]
        %a = FullyConnected(%x, %w) num_hidden=3 no_bias=True
        %b = FullyConnected(%y, %v) num_hidden=3 no_bias=True
        heads %a, %b
    """.replace("%x, %y: ?[*]", "%x, %y, %w, %v: ?[*]"))
    arrays = {"w": np.zeros((3, 5), np.float32), "v": np.zeros((4, 2), np.float32)}
    with pytest.raises(SymcError) as caught:
        symc.compile(graph, arrays, {"x": (2, 4), "y": (2, 2)})
    text = str(caught.value)
    assert "2 problems" in text and "node 'a' (FullyConnected)" in text and "node 'b' (FullyConnected)" in text
    assert "weight (3, 5) float32 comes from 'w'" in text and "weight (4, 2) float32 comes from 'v'" in text


# ---- strange values ------------------------------------------------------------------------------------------------


EVERYTHING = ["relu({x})", "Activation({x}) act_type=relu", "softmax({x})", "log_softmax({x})", "max({x}) axis=(1,)",
              "min({x}) axis=(1,)", "sum({x}) axis=(1,)", "mean({x})", "exp({x})", "tanh({x})", "sigmoid({x})",
              "LeakyReLU({x}) act_type=leaky", "clip({x}) a_min=-1 a_max=1", "argmax({x}) axis=1", "sort({x})",
              "FullyConnected({x}, %w) num_hidden=3 no_bias=True", "norm({x}) axis=(1,)",
              "broadcast_maximum({x}, %row)",
              "sign({x})", "sqrt({x})", "log({x})", "round({x})", "_equal({x}, {x})", "nansum({x}) axis=(1,)",
              "BlockGrad({x})", "elemwise_add({x}, {x})", "LayerNorm({x}, %g, %b)", "square({x})"]
IMAGES = ["Pooling({x}) kernel=(2,2) pool_type=max", "Pooling({x}) kernel=(2,2) pool_type=avg",
          "Pooling({x}) global_pool=True pool_type=max", "Convolution({x}, %k) kernel=(3,3) num_filter=4 no_bias=True",
          "UpSampling({x}) scale=2 sample_type=nearest num_args=1", "BatchNorm({x}, %g, %b, %m, %v)"]
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 1.0, -2.0], np.float32)


def network_of(calls, shape):
    heads = [f"%n{i} = {call.format(x='%x')}" for i, call in enumerate(calls)]
    dims = ",".join(map(str, shape))
    declared = f"%x: f32[{dims}]\n%w: f32[3,{shape[1]}]\n%row: f32[1,{shape[1]}]\n%k: f32[4,{shape[1]},3,3]\n" \
               f"%g, %b, %m, %v: f32[{shape[1]}]"
    return "\n".join([declared, *heads, "heads " + ", ".join(f"%n{i}" for i in range(len(calls)))])


@pytest.fixture(scope="module", params=["matrix", "image"])
def many(request):
    """An executor over one operator of each kind, its graph, and the shape of its input."""
    calls, shape = (EVERYTHING, (6, 20)) if request.param == "matrix" else (IMAGES, (2, 5, 6, 6))
    graph = parse(network_of(calls, shape))
    executor = compiler.simple_bind(graph, symc.cpu(), {}, {}, {})
    for name, value in (executor.arg_dict | executor.aux_dict).items():
        value[:] = np.linspace(0.1, 1, value.size).reshape(value.shape)
        assert name
    return executor, UseInferenceForms()(graph), calls


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), all_nan=st.booleans())
def test_special_values_go_where_the_reference_says(many, seed, all_nan):
    executor, graph, calls = many
    generator = np.random.default_rng(seed)
    shape = executor.arg_dict["x"].shape
    x = np.where(generator.random(shape) < 0.2, generator.choice(SPECIAL, shape),
                 generator.uniform(-2, 2, shape)).astype(np.float32)
    x = np.full_like(x, np.nan) if all_nan else x
    found = [out.asnumpy() for out in executor.forward(x=x)]
    arrays = {name: value.asnumpy() for name, value in (executor.arg_dict | executor.aux_dict).items()}
    for call, out, right in zip(calls, found, run(graph, arrays).heads, strict=True):
        np.testing.assert_array_equal(np.isnan(out), np.isnan(right), err_msg=call)
        np.testing.assert_allclose(out, right, rtol=2e-5, atol=1e-5, err_msg=call)


EMPTY = ["%y = relu(%x)", "%y = FullyConnected(%x, %w) num_hidden=3 no_bias=True", "%y = softmax(%x)",
         "%y = sum(%x) axis=(1,)", "%y = transpose(%x)", "%y = broadcast_add(%x, %row)",
         "%y = Reshape(%x) shape=(-1,2)",
         "%y = Concat(%x, %x) num_args=2 dim=0", "%y = dot(%x, %w) transpose_b=True", "%y = sum(%x) axis=(0,)",
         "%y = slice_axis(%x) axis=1 begin=1 end=3"]


@pytest.mark.parametrize("line", EMPTY)
def test_empty_batches(line):
    text = f"%x: f32[0,4]\n%w: f32[3,4]\n%row: f32[1,4]\n{line}\nheads %y"
    for training in (False, True):
        assert compare(text, random.Random(0), training) == ""


def test_an_empty_batch_of_images():
    assert compare("""
        %x: f32[0,3,8,8]    %w: f32[16,3,3,3]
        %c = Convolution(%x, %w) kernel=(3,3) num_filter=16 no_bias=True
        %r = relu(%c)
        %p = Pooling(%r) kernel=(2,2) stride=(2,2) pool_type=max
        heads %p
    """, random.Random(0), False) == ""


# ---- strange arrays ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def module():
    text = "%x: f32[3,5]    %w: f32[2,5]\n%y = FullyConnected(%x, %w) num_hidden=2 no_bias=True\nheads %y"
    return symc.compile(parse(text), {"w": W})


W = np.arange(10, dtype=np.float32).reshape(2, 5)
X = np.arange(15, dtype=np.float32).reshape(3, 5)


def misaligned(x, by):
    block = np.zeros(x.nbytes + by, np.uint8)
    block[by:] = np.frombuffer(x.tobytes(), np.uint8)
    return block[by:].view(x.dtype).reshape(x.shape)


FORMS = {
    "contiguous": X, "order F": np.asfortranarray(X), "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "negative strides": X[::-1, ::-1].copy()[::-1, ::-1], "float64": X.astype(np.float64), "int8": X.astype(np.int8),
    "bool": (X > 3), "big endian": X.astype(">f4"), "float16": X.astype(np.float16), "read only": X.copy(),
    "list": X.tolist(), "broadcast": np.broadcast_to(X[0], (3, 5)), "masked": np.ma.masked_array(X),
    **{f"misaligned by {by}": misaligned(X, by) for by in (1, 2, 3, 4, 7)}}
FORMS["read only"].flags.writeable = False


@pytest.mark.parametrize("form", FORMS)
def test_arrays_of_modules(module, form):
    x = np.asarray(FORMS[form], dtype=np.float32)
    np.testing.assert_allclose(module.forward(x=FORMS[form])[0].asnumpy(), x @ W.T, rtol=1e-6)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "list"])
def test_arrays_fed_to_executors(form):
    executor = EXECUTORS.setdefault("fed", bound(array(X), array(W)))
    x = np.asarray(FORMS[form], dtype=np.float32)
    np.testing.assert_allclose(executor.forward(x=FORMS[form])[0].asnumpy(), x @ W.T, rtol=1e-6)


EXECUTORS: dict[str, symc.Executor] = {}


def bound(x, w):
    graph = parse("%x: ?[*]    %w: ?[*]\n%y = FullyConnected(%x, %w) num_hidden=2 no_bias=True\nheads %y")
    return compiler.bind(graph, symc.cpu(), {"x": x, "w": w}, {}, {}, {})


@pytest.mark.parametrize("value, message", [
    (X[:2], r"shape \(2, 5\), expected \(3, 5\)"), (X.astype(complex), "complex"), (None, "x"), ("text", "x"),
    (np.array(["a"] * 15).reshape(3, 5), "does not convert"), (np.full((3, 5), None), "object"), ([[1, 2], [3]], "x"),
    (X.astype("datetime64[s]"), "datetime64")])
def test_arrays_that_modules_refuse(module, value, message):
    with pytest.raises(SymcError, match=message):
        module.forward(x=value)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8", "int64", "bool"])
def test_executors_on_arrays_of_other_dtypes(dtype):
    """One graph, whose dtype follows the arrays; mixed ones are refused."""
    values = array(X % 2, dtype=dtype), array(W % 2, dtype=dtype)
    with pytest.raises(SymcError, match=dtype):
        bound(values[0], array(W))
    try:
        executor = bound(*values)
    except SymcError:
        assert dtype in ("bool",)
        return
    right = (X % 2).astype(dtype) @ (W % 2).astype(dtype).T
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), right, rtol=1e-3)


def test_misaligned_memory_of_executors():
    executor = bound(from_numpy(misaligned(X, 1)), array(W))
    with pytest.raises(SymcError, match="'x' is not contiguous and aligned"):
        executor.forward()


def test_overlapping_arguments():
    """The same array bound twice, and as argument and gradient."""
    graph = parse("%a, %b: f32[4]\n%y = elemwise_mul(%a, %b)\nheads %y")
    a = array([1, 2, 3, 4])
    executor = compiler.bind(graph, symc.cpu(), {"a": a, "b": a}, {"a": (d := zeros(4)), "b": d},
                             {"a": "write", "b": "null"}, {})
    np.testing.assert_array_equal(executor.forward(is_train=True)[0].asnumpy(), [1, 4, 9, 16])
    executor.backward(array([1, 1, 1, 1]))
    np.testing.assert_array_equal(d.asnumpy(), [1, 2, 3, 4])
