"""Inference as the Symbol API shows it.  Expected results are those of MXNet 1.9.1."""

import warnings

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError, MXNetError

S = mx.sym
FC = S.FullyConnected(S.Variable("data"), num_hidden=3, name="fc")
BN = S.BatchNorm(S.Variable("data"), name="bn")
SUM = S.Variable("a") + S.Variable("b")
f16, f32 = np.float16, np.float32


@pytest.mark.parametrize(("symbol", "args", "kwargs", "result"), [
    (FC, (), {"data": (2, 4)}, ([(2, 4), (3, 4), (3,)], [(2, 3)], [])),
    (FC, ((2, 4),), {}, ([(2, 4), (3, 4), (3,)], [(2, 3)], [])),
    (FC, (), {"data": (0, 4)}, ([(0, 4), (3, 4), (3,)], [(0, 3)], [])),
    (FC, (None, (3, 4)), {}, ([(), (3, 4), ()], [()], [])),
    (FC, (), {}, ([(), (), ()], [()], [])),
    (BN, (), {"data": (2, 3, 4, 4)}, ([(2, 3, 4, 4), (3,), (3,)], [(2, 3, 4, 4)], [(3,), (3,)])),
    (SUM, (), {"a": (2, 0), "b": (0, 3)}, ([(2, 3), (2, 3)], [(2, 3)], [])),
    (SUM, (), {"a": (2, 0)}, ([(2, 0), (2, 0)], [(2, 0)], [])),
    (SUM, (), {"a": (-1, 2)}, ([(0, 2), (0, 2)], [(0, 2)], [])),
    (SUM, (), {"a": (), "b": (2,)}, ([(2,), (2,)], [(2,)], [])),
])
def test_partial_shapes(symbol: mx.Symbol, args: tuple, kwargs: dict, result: tuple) -> None:
    assert symbol.infer_shape_partial(*args, **kwargs) == result
    complete = all(shape and 0 not in shape for part in result for shape in part)
    if complete:
        assert symbol.infer_shape(*args, **kwargs) == result
    else:
        with pytest.warns(UserWarning, match="Cannot decide shape"):
            assert symbol.infer_shape(*args, **kwargs) == (None, None, None)


@pytest.mark.parametrize(("symbol", "kwargs", "result"), [
    (FC, {"data": "float16"}, ([f16, f16, f16], [f16], [])), (FC, {}, ([None, None, None], [None], [])),
    (BN, {"data": f16}, ([f16, f32, f32], [f16], [f32, f32])),
    (S.cast(S.Variable("x"), dtype="float16"), {}, ([None], [f16], [])),
    (S.zeros((2, 3)), {}, ([], [f32], [])),
])
def test_types(symbol: mx.Symbol, kwargs: dict, result: tuple) -> None:
    assert symbol.infer_type_partial(**kwargs) == result
    if not any(None in part for part in result):
        assert symbol.infer_type(**kwargs) == result
    else:
        with pytest.warns(UserWarning, match="Cannot decide type"):
            assert symbol.infer_type(**kwargs) == (None, None, None)


def test_a_variables_own_shape_and_type_yield_to_those_given() -> None:
    x = S.Variable("x", shape=(2, 3), dtype="float16") + 1
    assert x.infer_shape()[1] == [(2, 3)] and x.infer_type()[1] == [f16]
    assert x.infer_shape(x=(2, 4))[1] == [(2, 4)] and x.infer_type(x="float32")[1] == [f32]


def test_warnings_name_the_unknown() -> None:
    with pytest.warns(UserWarning, match=r"(?s)a: \(2, 0\).*b: \(2, 0\)"):
        SUM.infer_shape(a=(2, 0))


def test_wrong_requests() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(MXNetError, match="no argument 'dat'\n  did you mean 'data'"):
            FC.infer_shape(dat=(1, 2))
        with pytest.raises(InferenceError, match="fc_weight"):
            FC.infer_shape(data=(2, 4), fc_weight=(3, 5))
        with pytest.raises(InferenceError, match="^1 problem"):
            FC.infer_shape(data=(2, 4), fc_weight=(3, 5), fc_bias=(4,))
        with pytest.raises(InferenceError, match="float16"):
            SUM.infer_type(a="float16", b="float32")
        for wrong in ({"data": [2, 4]}, {"data": 3}):
            with pytest.raises(TypeError, match="tuple"):
                FC.infer_shape(**wrong)
        with pytest.raises(ValueError, match="positional or kwargs"):
            FC.infer_shape((2, 4), data=(2, 4))
        with pytest.raises(MXNetError, match="4 values are given for 3 arguments"):
            FC.infer_shape((2, 4), None, None, None)
        with pytest.raises(TypeError):
            FC.infer_type(data="complex64")


def test_splits_are_inferred_from_one_part() -> None:
    part = S.SliceChannel(S.var("a", shape=(0, 15, 0)), num_outputs=3)[1] + S.var("c", shape=(3, 5, 2))
    assert part.infer_shape()[0] == [(3, 15, 2), (3, 5, 2)]
    part = S.SliceChannel(S.var("a", shape=(0, 10)), num_outputs=10, squeeze_axis=True)[1] + S.var("c", shape=(5,))
    assert part.infer_shape()[0] == [(5, 10), (5,)]
