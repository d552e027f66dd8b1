"""Updates of several weights at once: MXNet's recorded results, symbols, arrays."""

from __future__ import annotations

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from tests.golden import Case, differences, each_case

RANDOM = np.random.default_rng(7)


@each_case("multi_update")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def test_inputs_and_states() -> None:
    symbol = mx.sym.multi_mp_sgd_mom_update(lrs=(0.1, 0.2), wds=(0, 0), num_weights=2, name="u")
    assert symbol.list_arguments() == ["u_weight_0", "u_grad_0", "u_weight_1", "u_grad_1"]
    assert symbol.list_auxiliary_states() == ["u_mom_0", "u_weight32_0", "u_mom_1", "u_weight32_1"]
    assert symbol.list_outputs() == ["u_output0", "u_output1"]
    shapes = symbol.infer_shape(u_weight_0=(2, 3), u_grad_1=(4,))
    assert shapes[1:] == ([(2, 3), (4,)], [(2, 3), (2, 3), (4,), (4,)])
    types = symbol.infer_type(u_weight_0="float16", u_weight_1="float16")
    assert types[1:] == ([np.float16] * 2, [np.float32] * 4)


def test_arrays_are_updated_as_one_by_one() -> None:
    together, apart = [], []
    for arrays in (together, apart):
        random = np.random.default_rng(7)
        arrays += [mx.nd.array(random.standard_normal(shape)) for shape in ((3, 2), (3, 2), (5,), (5,))]
    mx.nd.multi_sgd_update(*together, lrs=(0.1, 0.2), wds=(0.3, 0), num_weights=2, out=together[::2])
    for (weight, grad), lr, wd in zip((apart[:2], apart[2:]), (0.1, 0.2), (0.3, 0), strict=True):
        mx.nd.sgd_update(weight, grad, lr=lr, wd=wd, out=weight)
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


@pytest.mark.parametrize("scale", [0.0, np.inf, np.nan])
def test_adamw_changes_nothing_for_a_scale_that_is_none(scale: float) -> None:
    arrays = [mx.nd.array(RANDOM.uniform(1, 2, 3)) for _ in range(4)]
    before = [x.asnumpy() for x in arrays]
    made = mx.nd.contrib.multi_adamw_update(*([x] for x in arrays), scale, lrs=[0.1], wds=[0.1], etas=[1])
    np.testing.assert_array_equal(made.asnumpy(), before[0])
    for x, y in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x.asnumpy(), y)


def test_numbers_for_each_weight() -> None:
    symbol = mx.sym.multi_sgd_update(lrs=(0.1,), wds=(0, 0), num_weights=2, name="u")
    with pytest.raises(InferenceError, match="lrs has 1 numbers, num_weights is 2"):
        symbol.infer_shape(u_weight_0=(2,), u_weight_1=(2,))


def test_functions_of_lists() -> None:
    weight, grad, mean, var = (RANDOM.uniform(1, 2, 3) for _ in range(4))
    plain, narrow = ([[mx.nd.array(x, dtype=dtype)] for x in (weight, grad)] for dtype in ("float32", "float16"))
    parameters = {"step_count": [2], "lrs": [0.1], "wds": [0.1]}
    states, others = ([[mx.nd.array(x)] for x in (mean, var)] for _ in range(2))
    mx.nd.contrib.multi_lamb_update(*plain, *states, out=plain[0], **parameters)
    copy = mx.nd.array(weight)
    made = mx.nd.contrib.multi_mp_lamb_update(*narrow, *others, [copy], **parameters)
    np.testing.assert_allclose(copy.asnumpy(), plain[0][0].asnumpy(), rtol=1e-3)
    np.testing.assert_array_equal(made.asnumpy(), copy.asnumpy().astype(np.float16))


def test_reset_arrays() -> None:
    arrays = [mx.nd.ones((2, 3)), mx.nd.ones(4)]
    assert mx.nd.reset_arrays(*arrays, num_arrays=2) == [] and not any(x.asnumpy().any() for x in arrays)
    with pytest.raises(ValueError, match="1 arrays are given"):
        mx.nd.reset_arrays(arrays[0], num_arrays=2)
