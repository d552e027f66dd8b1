"""Which operator each function of mx.sym.random and mx.nd.random calls, and with what."""

from typing import Any

import pytest

from symc.frontend.random_functions import sampling_functions


class Recorder:
    """Operators that only tell how they were called."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: (name, args, kwargs)


FUNCTIONS = sampling_functions(str, Recorder(), with_log=True)  # type: ignore[arg-type]   # strings stand for symbols


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
    for args in ((0, "high"), (None, 3)):
        with pytest.raises(TypeError, match="uniform"):
            FUNCTIONS["uniform"](*args)
    with pytest.raises(TypeError, match="randint"):
        FUNCTIONS["randint"](1)
