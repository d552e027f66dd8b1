"""Initialisers of parameters."""

import json
import logging

import numpy as np
import pytest

import symc as mx
from symc import init
from symc.errors import MXNetError


def filled(initializer: init.Initializer, shape: tuple[int, ...], name: str = "fc_weight", dtype: str = "float32",
           **attrs: str) -> np.ndarray:
    array = mx.nd.full(shape, 7, dtype=dtype)
    initializer(init.InitDesc(name, attrs), array)
    assert np.dtype(array.dtype) == dtype
    return array.asnumpy()


def test_names_say_how_to_fill() -> None:
    shape = (2, 2)
    assert (filled(init.One(), shape) == 1).all() and (filled(init.One(), shape, "fc_bias") == 0).all()
    assert (filled(init.Zero(), shape, "bn_gamma") == 1).all() and (filled(init.One(), shape, "bn_beta") == 0).all()
    assert (filled(init.One(), shape, "q_min") == 0).all() and (filled(init.Zero(), shape, "q_max") == 1).all()
    assert len(np.unique(filled(init.Zero(), shape, "w_weight_quantize"))) == 1
    with pytest.raises(ValueError, match="Unknown initialization pattern for bn_moving_mean"):
        filled(init.One(), shape, "bn_moving_mean")


def test_attributes_of_variables_come_first() -> None:
    assert (filled(init.One(), (3,), "anything", __init__='["constant", {"value": 0.25}]') == 0.25).all()
    symbol = mx.sym.BatchNorm(mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=4, name="fc", weight=mx.sym.var(
        "w", init=init.Constant(2))), name="bn")
    attrs = symbol.attr_dict()
    values = {name: filled(init.Xavier(), (4, 4), name, **attrs.get(name, {}))
              for name in (*symbol.list_arguments()[1:], *symbol.list_auxiliary_states())}
    assert {name: value.ravel()[0] for name, value in values.items()} == {
        "w": 2, "fc_bias": 0, "bn_gamma": 1, "bn_beta": 0, "bn_moving_mean": 0, "bn_moving_var": 1}


def test_plain_strings_are_deprecated() -> None:
    array = mx.nd.zeros((3,))
    with pytest.warns(DeprecationWarning):
        init.Zero()("bn_moving_var", array)
    assert (array.asnumpy() == 1).all()
    array = mx.nd.zeros((6,))
    with pytest.warns(DeprecationWarning):
        init.Zero()("stn_loc_bias", array)
    assert array.asnumpy().tolist() == [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(("initializer", "text"), [
    (init.Xavier(), '["xavier", {"rnd_type": "uniform", "factor_type": "avg", "magnitude": 3}]'),
    (init.Normal(0.5), '["normal", {"sigma": 0.5}]'), (init.Zero(), '["zero", {}]'),
    (init.Bilinear(), '["bilinear", {}]'),
    (init.MSRAPrelu(), '["msraprelu", {"factor_type": "avg", "slope": 0.25}]'),
    (init.Orthogonal(), '["orthogonal", {"scale": 1.414, "rand_type": "uniform"}]'),
    (init.Constant(1), '["constant", {"value": 1}]'),
    (init.FusedRNN(None, 2, 1, "lstm"), '["fusedrnn", {"init": null, "num_hidden": 2, "num_layers": 1, "mode": "lstm", '
                                        '"bidirectional": false, "forget_bias": 1.0}]'),
])
def test_json_is_mxnets_and_reads_back(initializer: init.Initializer, text: str) -> None:
    assert initializer.dumps() == text
    assert init.create(text) == initializer and init.create(text) is not initializer
    assert mx.sym.var("w", init=initializer).attr("__init__") == text


def test_constants_of_arrays() -> None:
    values = np.arange(6.0).reshape(2, 3)
    for value in (values, mx.nd.array(values)):
        initializer = init.Constant(value)
        np.testing.assert_array_equal(filled(initializer, (2, 3)), values)
        assert json.loads(initializer.dumps()) == ["constant", {"value": values.tolist()}]


def test_create() -> None:
    xavier = init.Xavier()
    assert init.create(xavier) is xavier and init.create("zeros") == init.Zero() and init.create("Ones") == init.One()
    assert init.create("normal", sigma=2) == init.create({"initializer": "normal", "sigma": 2})
    assert init.Normal(1) != init.Normal(2) and init.Zero() != init.One()
    with pytest.raises(MXNetError, match="'xavir'; did you mean 'xavier'"):
        init.create("xavir")
    with pytest.raises(TypeError, match="already"):
        init.create(xavier, 1)


def test_own_classes() -> None:
    @init.register
    @init.alias("mine")
    class OfThisTest(init.Initializer):
        def _init_weight(self, name: str, arr: mx.nd.NDArray) -> None:
            arr[:] = 3
    assert (filled(init.create("mine"), (2,)) == 3).all() and type(init.create("ofthistest")) is OfThisTest
    with pytest.warns(UserWarning, match="takes the name mine"):
        init.alias("mine")(OfThisTest)
    with pytest.raises(NotImplementedError, match="fc_weight"):
        filled(init.Initializer(), (2,))


# ---- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("initializer", "deviation"), [
    (init.Uniform(0.5), 0.5 / 3**0.5), (init.Normal(2), 2), (init.Xavier(), (1 / 140) ** 0.5),
    (init.Xavier(factor_type="in", magnitude=6), (2 / 40) ** 0.5),
    (init.Xavier("gaussian", "out", 2), (2 / 240) ** 0.5), (init.MSRAPrelu("in", 0), (2 / 40) ** 0.5),
])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_deviations(initializer: init.Initializer, deviation: float, dtype: str) -> None:
    mx.random.seed(1)
    values = filled(initializer, (60, 10, 2, 2), dtype=dtype).astype(np.float64)
    assert abs(values.std() / deviation - 1) < 0.05 and abs(values.mean()) < 0.1 * deviation
    mx.random.seed(1)
    np.testing.assert_array_equal(filled(initializer, (60, 10, 2, 2), dtype=dtype), values.astype(dtype))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    for kind in ("uniform", "normal"):
        w = filled(init.Orthogonal(2.0, kind), shape).reshape(shape[0], -1)
        small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(small, 4 * np.eye(min(w.shape)), atol=1e-5)


def test_bilinear() -> None:
    line = np.array([0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(filled(init.Bilinear(), (2, 1, 4, 4))[1, 0], np.outer(line, line))


def test_parts_of_recurrent_networks() -> None:
    assert filled(init.LSTMBias(2), (8,), "lstm_bias", __init__=init.LSTMBias(2).dumps()).tolist() == [
        0, 0, 2, 2, 0, 0, 0, 0]
    cell = mx.rnn.FusedRNNCell(3, 2, "lstm", prefix="")
    array = mx.nd.zeros((4 * 3 * (5 + 3) + 4 * 3 * (3 + 3) + 2 * 2 * 4 * 3,))
    init.FusedRNN(init.One(), 3, 2, "lstm", forget_bias=5)(init.InitDesc("w_weight"), array)
    parts = cell.unpack_weights({"parameters": array})
    for name, part in parts.items():
        expected = 5 if name.endswith("_f_bias") else 0 if name.endswith("bias") else 1
        assert (part.asnumpy() == expected).all(), name


def test_vectors_have_no_fans() -> None:
    with pytest.raises(ValueError, match="cannot be applied to vector fc_weight"):
        filled(init.Xavier(), (3,))
    with pytest.raises(ValueError, match="Incorrect factor type 'both'"):
        filled(init.Xavier(factor_type="both"), (3, 3))
    with pytest.raises(ValueError, match="Unknown random type"):
        filled(init.Xavier("cauchy"), (3, 3))


# ---- of several --------------------------------------------------------------------------------------------------


def test_mixed() -> None:
    mixed = init.Mixed(["fc1_.*", ".*bias"], [init.One(), init.Constant(4)])
    array = mx.nd.zeros((2, 2))
    mixed(init.InitDesc("fc1_weight"), array)
    assert (array.asnumpy() == 1).all()
    with pytest.raises(ValueError, match="did not match any pattern"):
        mixed(init.InitDesc("fc2_weight"), array)
    with pytest.raises(ValueError, match="1 patterns and 0 initializers"):
        init.Mixed([".*"], [])


def test_load(tmp_path) -> None:
    path = str(tmp_path / "some.params")
    mx.nd.save(path, {"arg:w_weight": mx.nd.full((2,), 5)})
    for source in (path, {"arg:w_weight": mx.nd.full((2,), 5)}):
        load = init.Load(source, default_init=init.One())
        array = mx.nd.zeros((2,))
        load(init.InitDesc("w_weight"), array)
        assert array.asnumpy().tolist() == [5, 5]
        load(init.InitDesc("v_weight"), array)
        assert array.asnumpy().tolist() == [1, 1]
    with pytest.raises(MXNetError, match="Shape mismatch"):
        load(init.InitDesc("w_weight"), mx.nd.zeros((3,)))
    with pytest.raises(MXNetError, match="no default Initializer"):
        init.Load({})(init.InitDesc("x"), array)


def test_verbosity(caplog) -> None:
    with caplog.at_level(logging.INFO):
        init.One().set_verbosity(True)(init.InitDesc("w_weight"), mx.nd.zeros((4,)))
        init.One().set_verbosity(True, lambda array: "mine")(init.InitDesc("w_bias"), mx.nd.zeros((4,)))
    assert [record.getMessage() for record in caplog.records] == [
        "Initialized w_weight as weight: 1.0", "Initialized w_bias as bias: mine"]
