"""Which operator each function of mx.sym.random and mx.nd.random calls, and with what."""

import inspect
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.frontend.random_functions import sampling_functions


class Recorder:
    """Operators that only tell how they were called."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: (name, args, kwargs)


FUNCTIONS = sampling_functions(str, Recorder(), on_arrays=False)  # type: ignore[arg-type]   # strings stand for symbols


@pytest.mark.parametrize(("name", "args", "kwargs", "called"), [
    ("uniform", (), {"shape": 2}, ("_random_uniform", (0, 1), {"shape": 2})),
    ("normal", (1, 2, (3,), "float64"), {}, ("_random_normal", (1, 2), {"shape": (3,), "dtype": "float64"})),
    ("normal", ("mean", "width"), {"shape": 2}, ("_sample_normal", ("mean", "width"), {"shape": 2})),
    ("gamma", (), {"alpha": 2, "out": "y"}, ("_random_gamma", (2, 1), {"out": "y"})),
    ("exponential", (4,), {}, ("_random_exponential", (0.25,), {})),
    ("randint", (0, 5), {"shape": (2,), "dtype": None}, ("_random_randint", (0, 5), {"shape": (2,)})),
    ("randn", (2, 3), {"scale": 2}, ("_random_normal", (0, 2), {"shape": (2, 3)})),
    ("multinomial", ("p",), {}, ("_sample_multinomial", ("p",), {"get_prob": True, "dtype": "int32"})),
    ("shuffle", ("x",), {}, ("_shuffle", ("x",), {})),
])
def test_calls(name: str, args: tuple, kwargs: dict, called: tuple) -> None:
    assert FUNCTIONS[name](*args, **kwargs) == called


def test_numbers_and_symbols_do_not_mix() -> None:
    with pytest.raises(TypeError, match="uniform: parameters must be all numbers"):
        FUNCTIONS["uniform"](0, "high")
    with pytest.raises(ValueError, match="not NoneType"):
        FUNCTIONS["uniform"](None, 3)
    with pytest.raises(ValueError, match="randint"):
        FUNCTIONS["randint"](1)
    with pytest.raises(TypeError, match="at most 6 positional"):
        FUNCTIONS["uniform"](*range(7))


def test_signatures_are_shown() -> None:
    assert str(inspect.signature(mx.sym.random.normal)).startswith("(loc=0, scale=1, shape=None")


# ---- on arrays ---------------------------------------------------------------------------------------------------


def test_shapes_and_targets() -> None:
    assert mx.nd.random.uniform().shape == (1,) and mx.nd.random.normal(shape=3).shape == (3,)
    assert mx.nd.random.randn(2, 3, loc=5).shape == (2, 3) and mx.random.randint(0, 5).dtype == np.int32
    target = mx.nd.zeros((4, 2), dtype="float64")
    assert mx.nd.random.gamma(2, 3, out=target) is target and target.asnumpy().min() > 0
    assert mx.nd.random.normal(mx.nd.zeros((2, 3)), mx.nd.ones((2, 3)), shape=(4, 5)).shape == (2, 3, 4, 5)
    assert mx.nd.random.poisson_like(mx.nd.zeros((2, 3), dtype="float16")).dtype == np.float16
    assert len(mx.nd.random.multinomial(mx.nd.array([0.5, 0.5]), 7, get_prob=True)) == 2


def test_seeds_repeat_sequences() -> None:
    def draws() -> list[np.ndarray]:
        return [mx.nd.random.uniform(shape=5).asnumpy() for _ in range(3)]
    mx.random.seed(3)
    first = draws()
    mx.random.seed(3)
    again = draws()
    mx.random.seed(4)
    other = draws()
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(np.concatenate([*first, *other]))) == 30


def test_each_context_has_its_sequence() -> None:
    def draw(context: mx.Context) -> np.ndarray:
        return mx.nd.random.uniform(shape=5, ctx=context).asnumpy()
    mx.random.seed(3)
    apart = draw(mx.cpu(0)), draw(mx.cpu(1))
    mx.random.seed(3, ctx=mx.cpu(0))
    mx.random.seed(3, ctx=mx.cpu(1))
    alike = draw(mx.cpu(0)), draw(mx.cpu(1))
    assert (apart[0] != apart[1]).all() and (alike[0] == alike[1]).all()


def test_candidates_of_sampled_losses() -> None:
    true = mx.nd.array([3, 0, 19])
    sampled, expected_true, expected_sampled = mx.nd.contrib.rand_zipfian(true, 4000, 20)
    chance = np.log((np.arange(20) + 2) / (np.arange(20) + 1)) / np.log(21)
    np.testing.assert_allclose(expected_true.asnumpy(), 4000 * chance[[3, 0, 19]])
    np.testing.assert_allclose(expected_sampled.asnumpy(), 4000 * chance[sampled.asnumpy()])
    np.testing.assert_allclose(np.bincount(sampled.asnumpy(), minlength=20) / 4000, chance, atol=0.03)
    group = mx.sym.Group(mx.sym.contrib.rand_zipfian(mx.sym.var("t"), 10, 20))
    assert [out.shape for out in group.bind(mx.cpu(), {"t": true}).forward()] == [(10,), (3,), (10,)]


# ---- in executors ------------------------------------------------------------------------------------------------


def test_backward_meets_what_forward_drew() -> None:
    x = mx.sym.var("x")
    y = mx.sym.random.normal(shape=(50,)) * x
    executor = y.bind(mx.cpu(), {"x": mx.nd.ones(50)}, {"x": mx.nd.zeros(50)})
    seen = []
    for _ in range(2):
        out = executor.forward(is_train=True)[0].asnumpy()
        executor.backward(mx.nd.ones(50))
        np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), out)
        seen.append(out)
    assert (seen[0] != seen[1]).all()
    mx.random.seed(9)
    trained = executor.forward(is_train=True)[0].asnumpy()
    mx.random.seed(9)
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), trained)
