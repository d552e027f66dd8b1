"""Expressions specialised for dtypes give what they give over NumPyMath, bit by bit."""

import dataclasses

import numpy as np
import pytest

from symc.ir.types import DType
from symc.ops.elementwise import Elementwise
from symc.ops.families.binary import BINARY
from symc.ops.math import NumPyMath, quietly
from symc.ops.registry import REGISTRY
from symc.ops.specialise import specialised

BLOCKS = sorted(name for name, block in REGISTRY.items() if issubclass(block, Elementwise) and name == block.name
                and block.function and all(isinstance(key, str) for key in block.inputs)
                and not any(f.default is dataclasses.MISSING and f.type not in (float, "float")
                            for f in dataclasses.fields(block)))
F32 = np.dtype(np.float32)


def samples(dtype: DType, count: int) -> list[np.ndarray]:
    """Arrays with zeros, negative numbers and, of floats, a NaN among them."""
    values = np.random.default_rng(0).normal(0, 3, (count, 3, 5)).astype(np.float32)
    values[:, 0, :2] = 0, np.nan if dtype.is_float else 1
    return [NumPyMath.cast(value, dtype) for value in values]


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8"])
def test_every_expression(name: str, dtype: str) -> None:
    block = REGISTRY[name]
    op = block(**{f.name: 0.7 for f in dataclasses.fields(block) if f.default is dataclasses.MISSING})
    operands = samples(DType[dtype], len(block.inputs))
    expected = quietly(op.expression, NumPyMath, *operands)
    function = specialised(op.expression, [value.dtype for value in operands])
    if function is not None:
        np.testing.assert_array_equal(quietly(function, *operands), expected, strict=True)


def test_one_call_is_the_function_of_numpy_itself() -> None:
    assert specialised(BINARY["add"].function, [F32, F32]) is np.add
    assert specialised(REGISTRY["exp"]().expression, [F32]) is np.exp


@pytest.mark.parametrize("key", BINARY)
def test_in_place(key: str) -> None:
    left, right = samples(DType.float32, 2)
    function = specialised(BINARY[key].function, [F32, F32], in_place=True)
    expected = quietly(BINARY[key].function, NumPyMath, left, right)
    assert function is not None
    quietly(function, left, right, left)
    np.testing.assert_array_equal(left, expected)


def test_no_function_without_a_call() -> None:
    assert specialised(lambda F, x: x, [F32]) is None
    assert specialised(lambda F, x: F.const(0, x), [F32]) is None
    assert specialised(lambda F, x: F.cast(x, DType.int32), [F32], in_place=True) is None


def test_calls_that_nobody_needs_are_left_out() -> None:
    function = specialised(lambda F, x: (F.exp(x), x * 2)[1], [F32])
    assert function is not None and len(function.__code__.co_varnames) == 1


def test_expressions_do_not_branch_on_values() -> None:
    with pytest.raises(TypeError, match="cannot branch"):
        specialised(lambda F, x: x if x > 0 else -x, [F32])
