"""The small modules: engine, features of the runtime, and what lies outside."""

import pickle

import pytest

import symc as mx
from symc.errors import MXNetError, OutsideError, SymcError
from symc.runtime import Features, feature_list


def test_bulk_sizes():
    before = mx.engine.set_bulk_size(7)
    with mx.engine.bulk(3):
        assert mx.engine.set_bulk_size(4) == 3
    assert mx.engine.set_bulk_size(before) == 7


def test_features():
    features = mx.runtime.Features()
    assert features is Features() and len(features) == len(feature_list()) >= 30
    assert not features.is_enabled("cuda") and features.is_enabled("INT64_TENSOR_SIZE")
    assert "✖ CUDA" in repr(features)
    with pytest.raises(RuntimeError, match="Feature 'CUDO' is unknown"):
        features.is_enabled("CUDO")


@pytest.mark.parametrize("name", ["FeedForward", "BatchEndParam"])
def test_models_that_train_themselves(name):
    with pytest.raises(SymcError, match=f"(?s)model.{name} lies outside.*simple_bind"):
        getattr(mx.model, name)(symbol=None)


@pytest.mark.parametrize("name", ["callback", "lr_scheduler", "profiler", "log", "libinfo"])
def test_modules_that_lie_outside(name):
    with pytest.raises(OutsideError, match=f"(?s)symc has no '{name}': .*what serves instead: "):
        getattr(mx, name).something()


def test_what_of_contrib_lies_outside():
    assert mx.contrib.sym is mx.sym.contrib and mx.contrib.nd is mx.nd.contrib
    with pytest.raises(OutsideError, match="contrib.quantization lies outside"):
        mx.contrib.quantization.quantize_model()


def test_what_lies_outside_can_be_imported_but_not_used():
    """As files of tests do, most of which need it in a few places only."""
    names: dict = {}
    exec("from symc import autograd\nimport symc.kvstore as kv", names)
    for module in (names["autograd"], names["kv"], mx.autograd):
        assert not hasattr(module, "__wrapped__")
        with pytest.raises(OutsideError, match="what serves instead: "):
            module.record()
    with pytest.raises(ModuleNotFoundError, match="(?s)symc has no 'autograd'.*what serves instead: "):
        exec("from symc.autograd import record", {})


@pytest.mark.parametrize(("module", "name"), [
    ("metric", "EvalMetric"), ("optimizer", "Optimizer"), ("lr_scheduler", "LRScheduler"), ("io", "DataIter")])
def test_classes_may_be_derived_from_what_lies_outside_but_not_made(module, name):
    """As files do that define a network beside a metric of their own."""
    names = {"mx": mx}
    exec(f"from symc.{module} import {name} as Base\nclass Own(mx.{module}.{name}): pass", names)
    assert issubclass(names["Own"], names["Base"])
    with pytest.raises(OutsideError, match=f"(?s)symc has no '{module}': .*what serves instead: "):
        names["Own"]()
    with pytest.raises(OutsideError, match=f"symc has no '{module}'"):
        getattr(mx, module).create("own")


def test_numpy_semantics_of_arrays():
    assert not mx.util.is_np_array()
    with pytest.raises(MXNetError, match="NumPy semantics of arrays"):
        mx.util.set_np()
    mx.util.set_np(array=False)
    assert mx.is_np_shape()
    mx.util.reset_np()
    assert not mx.is_np_shape()
    with pytest.raises(SymcError, match="use_np lies outside"):
        mx.test_utils.use_np(len)([])
    mx.util.use_np(len)     # decorated functions that nobody calls do no harm


# ---- pickles ---------------------------------------------------------------------------------------------------


def test_symbols_and_arrays_survive_pickling():
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    assert pickle.loads(pickle.dumps(net)).tojson() == net.tojson()
    array = pickle.loads(pickle.dumps(mx.nd.ones((2, 3), dtype="float16")))
    assert array.shape == (2, 3) and array.dtype == mx.nd.ones(1, dtype="float16").dtype


@pytest.mark.parametrize("state", [
    {}, {"handle": None}, {"handle": 7}, {"handle": b"\xff"}, [], {"handle": "[]"}, {"handle": '{"nodes":'},
    {"handle": '{"nodes": [{"op": "os.system", "name": "x", "inputs": []}], "heads": [[0, 0, 0]]}'}])
def test_a_hostile_pickle_is_refused(state):
    with pytest.raises(SymcError):
        mx.Symbol.__new__(mx.Symbol).__setstate__(state)


def test_nothing_of_the_json_is_executed(tmp_path):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    order = f"__import__('pathlib').Path('{tmp_path / 'done'}').touch()"
    with pytest.raises(SymcError, match="num_hidden"):
        mx.Symbol.__new__(mx.Symbol).__setstate__({"handle": net.tojson().replace('"3"', f'"{order}"')})
    assert not (tmp_path / "done").exists()
