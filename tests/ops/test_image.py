"""Operators on images: recorded cases, colours, flips, sizes, compiled kernels."""

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ops.families.image_color import Adjust, Jitter
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case

KINDS = ("brightness", "contrast", "saturation", "hue")


@each_case("image")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def image(*shape: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, shape).astype(dtype)


def compiled(name: str, data: np.ndarray, **parameters: Any) -> np.ndarray:
    symbol = getattr(mx.sym.image, name)(mx.sym.var("x"), **parameters)
    executor = symbol.bind(mx.cpu(), {"x": mx.nd.array(data, dtype=data.dtype)}, grad_req="null")
    return executor.forward()[0].asnumpy()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("interp", range(5))
@pytest.mark.parametrize("size", [(7, 3), (3, 4), (5, 9)])
def test_resizing_compiled(size: tuple[int, int], interp: int, dtype: str) -> None:
    data = image(6, 8, 3, dtype=dtype)
    (expected,) = run_reference(make("_image_resize", size=size, interp=interp), [data])
    halves = 1 if dtype == "uint8" and interp == 3 else 1e-3      # whole numbers rounded from sums in other orders
    result = compiled("resize", data, size=size, interp=interp).astype(float)
    np.testing.assert_allclose(result, expected.astype(float), 1e-5, halves)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_colours_compiled(kind: str, dtype: str) -> None:
    data = image(4, 5, 3, dtype=dtype)
    expected = Adjust(kind).reference(data, np.array([0.75], np.float32))
    result = compiled(f"random_{kind}", data, min_factor=0.75, max_factor=0.75)
    np.testing.assert_allclose(result, expected, 1e-5, 1e-3)


@pytest.mark.parametrize(("size", "keep_ratio", "shape"), [((4,), False, (4, 4)), ((4,), True, (8, 4)),
                                                           ((4, 2), True, (2, 4))])
def test_sizes(size: tuple[int, ...], keep_ratio: bool, shape: tuple[int, int]) -> None:
    (y,) = run_reference(make("_image_resize", size=size, keep_ratio=keep_ratio), [image(12, 6, 3)])
    assert y.shape == (*shape, 3)


def test_jitter_has_an_order_and_seeds() -> None:
    data = image(3, 4, 3, dtype="float32")
    op = Jitter("contrast,saturation", (0.5, 0.5))
    forth, back = (op.reference(data, np.array([*order, 0.9, 0.2], np.float32)) for order in ((0, 1), (1, 0)))
    assert not np.allclose(forth, back)
    drawn = []
    for seed in (3, 3, 4):
        mx.random.seed(seed)
        drawn.append(compiled("random_color_jitter", data, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])


def test_flips_happen_half_of_the_time() -> None:
    data = image(2, 3, 3)
    results = [mx.nd.image.random_flip_left_right(mx.nd.array(data, dtype="uint8")).asnumpy() for _ in range(40)]
    mirrored = [np.array_equal(result, data[:, ::-1]) for result in results]
    assert 5 < sum(mirrored) < 35
    assert all(flag or np.array_equal(result, data) for flag, result in zip(mirrored, results, strict=True))


def test_gradients() -> None:
    check_derivative(make("_image_normalize", mean=(0.1, 0.2, 0.3), std=(2, 3, 4)), distinct(2, 3, 2, 2))
    check_derivative(make("_image_crop", x=1, y=0, width=2, height=3), distinct(3, 4, 1))


@pytest.mark.parametrize(("name", "shape", "parameters", "message"), [
    ("flip_left_right", (1, 2, 2, 3), {}, "must have 3 dimensions"),
    ("random_hue", (2, 2, 4), {"min_factor": 0, "max_factor": 1}, "it must be 1 or 3"),
    ("crop", (4, 4, 3), {"x": 2, "y": 0, "width": 3, "height": 1}, "go beyond data"),
    ("normalize", (3, 2, 2), {"mean": (1, 2)}, "must have 1 or 3 values"),
    ("resize", (4, 4, 3), {"size": 0}, "one or two positive numbers"),
    ("adjust_lighting", (4, 4, 3), {"alpha": (1, 2)}, "must have 3 values"),
])
def test_refusals(name: str, shape: tuple[int, ...], parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        getattr(mx.nd.image, name)(mx.nd.ones(shape), **parameters)
