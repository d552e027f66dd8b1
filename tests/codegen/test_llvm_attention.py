"""Attention as a kernel: against float64, for any lengths and depths, and wherever queries, keys and values lie."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen.llvm_attention import AttentionRequest, generate
from symc.codegen.llvm_compile import LEVELS, assembly
from symc.ops.families.blocked_attention import BlockedAttention, Strides
from tests.codegen.llvm_running import guarded, load_function, run_jobs
from tests.codegen.test_assembly import carried_slots, innermost_loops

RANDOM = np.random.default_rng(5)
# heads, queries, keys, depth, columns
CASES = [(1, 16, 16, 8, 8), (2, 64, 64, 64, 64), (2, 70, 64, 16, 9), (3, 129, 65, 7, 24), (1, 1, 200, 5, 3),
         (2, 17, 1, 1, 1), (1, 65, 131, 33, 40)]


def request_of(heads: int, rows: int, keys: int, depth: int, columns: int, query: str = "amk", key: str = "ank",
               value: str = "anv", result: str = "amv",
               mask: str = "") -> tuple[AttentionRequest, list[tuple[int, ...]]]:
    """A request, and the shapes of its arrays.  mask: the axes of an operand that is added to the scores."""
    op = BlockedAttention(
        axes="amnkv", extents=(heads, rows, keys, depth, columns), query=query, key=key, value=value, result=result,
        query_begin=(0, 0, 0), key_begin=(0, 0, 0), value_begin=(0, 0, 0))
    names = [query, key, value, *([mask] if mask else []), result]
    shapes = [tuple(op.sizes[name] for name in walked) for walked in names]
    strides = tuple(Strides.of(walked, shape) for walked, shape in zip(names, shapes, strict=True))
    return AttentionRequest(op, strides, lambda F, score, *mask: score * 0.5 + mask[0] if mask else score * 0.5), shapes


def expected(request: AttentionRequest, names: list[str], arrays: list[np.ndarray]) -> np.ndarray:
    wide = [array.astype(np.float64) for array in arrays]
    scores = 0.5 * np.einsum(f"{names[0]},{names[1]}->amn", *wide[:2])
    if len(names) == 5:
        scores += np.einsum(f"{names[3]},amn->amn", wide[3], np.ones(scores.shape))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum(f"amn,{names[2]}->{names[-1]}", weights / weights.sum(-1, keepdims=True), wide[2])


def check(level: str, sizes: tuple[int, ...], **names: str) -> None:
    request, shapes = request_of(*sizes, **names)
    arrays = [RANDOM.standard_normal(shape).astype(np.float32) for shape in shapes[:-1]]
    op = request.op
    walked = [op.query, op.key, op.value, *([names["mask"]] if "mask" in names else []), op.result]
    text, jobs = generate(request, "kernel", level)
    function = load_function(text, "kernel", *[ctypes.c_void_p] * len(shapes), ctypes.c_int64, ctypes.c_int64)
    found = []
    for bounds, at_end in (((0, jobs), True), (range(jobs + 1), False)):
        memory = [*(guarded(array, at_end) for array in arrays), guarded(np.full(shapes[-1], 7, np.float32), at_end)]
        run_jobs(function, memory, list(bounds))
        found.append(memory[-1])
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], expected(request, walked, arrays), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("sizes", CASES)
def test_any_lengths(sizes, level):
    check(level, sizes)


@pytest.mark.parametrize("names", [
    {"query": "mak", "key": "nak", "value": "nav", "result": "mav"}, {"query": "akm", "key": "akn"},
    {"mask": "n"}, {"mask": "amn"}, {"mask": "am"}, {"mask": "mn"}, {"query": "kam", "mask": "nm", "result": "mav"}])
@pytest.mark.parametrize("sizes", CASES[1:5])
def test_wherever_arrays_lie(sizes, names):
    check("x86-64-v3", sizes, **names)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.integers(1, 150), st.integers(1, 150), st.integers(1, 40), st.integers(1, 40),
       st.sampled_from(["x86-64-v3", "x86-64-v4"]), st.sampled_from(["n", "mn", "amn"]))
def test_any_attention(heads, rows, keys, depth, columns, level, mask):
    check(level, (heads, rows, keys, depth, columns), mask=mask)


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "x86-64"])
def test_sums_stay_in_registers(level):
    text, _ = generate(request_of(12, 128, 128, 64, 64)[0], "kernel", level)
    for loop in innermost_loops(assembly(text, level).splitlines()):
        assert not carried_slots(loop), "\n".join(loop)
