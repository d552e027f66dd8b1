"""Comparing arrays within tolerances that depend on their dtypes.  MXNet: mx.test_utils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.runtime.ndarray import NDArray

Tolerance = float | Mapping[Any, float] | None
EXACT_TYPES = ("bool", "int8", "uint8", "int32", "uint32", "int64", "uint64")
SHOWN = 10      # mismatches that a message lists


# ---- tolerances ------------------------------------------------------------------------------------------------


def default_dtype() -> type:
    """The dtype of test arrays for which none is given."""
    return np.float32


def default_rtols() -> dict[np.dtype[Any], float]:
    """Relative tolerances by dtype."""
    return _tolerances(1e-2, 1e-4, 1e-5, exact=0)


def default_atols() -> dict[np.dtype[Any], float]:
    """Absolute tolerances by dtype."""
    return _tolerances(1e-1, 1e-3, 1e-20, exact=0)


def default_numeric_eps() -> dict[np.dtype[Any], float]:
    """Steps of finite differences by dtype: powers of two, so that adding them to an input loses no bits."""
    return _tolerances(2.0 ** -6, 2.0 ** -9, 2.0 ** -14)


def _tolerances(half: float, single: float, double: float, exact: float | None = None) -> dict[np.dtype[Any], float]:
    table: dict[np.dtype[Any], float] = {
        np.dtype("float16"): half, np.dtype("float32"): single, np.dtype("float64"): double}
    if exact is not None:
        table |= {np.dtype(name): exact for name in EXACT_TYPES}
    return table


def effective_dtype(dat: Any) -> np.dtype[Any]:
    """The dtype whose tolerance suits the values of an array; on a CPU its own."""
    return np.dtype(dat.dtype)


def get_tolerance(dat: Any, tol: Tolerance, default_tol: Mapping[np.dtype[Any], float]) -> float:
    """`tol` itself when it is a number, else its entry for the dtype of `dat`, else the default one."""
    if isinstance(tol, Number):
        return tol  # type: ignore[return-value]
    dtype = effective_dtype(dat)
    given = {np.dtype(key): value for key, value in (tol or {}).items()}  # type: ignore[union-attr]
    if dtype not in given and dtype not in default_tol:
        raise SymcError(f"no tolerance is known for arrays of dtype {dtype}", "give rtol and atol as numbers")
    return given.get(dtype, default_tol.get(dtype, 0.0))


def get_tols(x: Any, y: Any, rtol: Tolerance, atol: Tolerance) -> tuple[float, float]:
    """Relative and absolute tolerance for comparing two arrays: what is given, else the larger of their defaults."""
    arrays = [np.asarray(item) if isinstance(item, Number) else item for item in (x, y)]
    return (max(get_tolerance(item, rtol, default_rtols()) for item in arrays),
            max(get_tolerance(item, atol, default_atols()) for item in arrays))


def get_atol(atol: float | None = None, dtype: Any = np.float64) -> float:
    """`atol`, or the default of a dtype."""
    return default_atols()[np.dtype(dtype)] if atol is None else atol


def get_rtol(rtol: float | None = None, dtype: Any = np.float64) -> float:
    """`rtol`, or the default of a dtype."""
    return default_rtols()[np.dtype(dtype)] if rtol is None else rtol


def get_etol(etol: float | None = None) -> float:
    """`etol`, the part of the elements that may differ; 0 by default."""
    return 0 if etol is None else etol


# ---- tests -----------------------------------------------------------------------------------------------------


def same(a: Any, b: Any) -> bool:
    """Whether two arrays have the same shape and elements."""
    return np.array_equal(to_numpy(a), to_numpy(b))


def same_array(array1: Any, array2: Any) -> bool:
    """Whether two NDArrays are the same memory: a change of one shows in the other."""
    array1[:] += 1
    together = same(array1, array2)
    array1[:] -= 1
    return together and same(array1, array2)


def almost_equal(a: Any, b: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False,
                 use_broadcast: bool = True) -> bool:
    """Whether |a - b| <= atol + rtol |b| everywhere; the defaults are those of float64, whatever the dtypes."""
    if not use_broadcast:
        checkShapes(a, b)
    return np.allclose(to_numpy(a), to_numpy(b), get_rtol(rtol), get_atol(atol), equal_nan)


def almost_equal_ignore_nan(a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
    """As `almost_equal`, where neither array has a NaN."""
    return almost_equal(*_without_nans(a, b), rtol, atol)


def find_max_violation(a: Any, b: Any, rtol: float | None = None, atol: float | None = None) \
        -> tuple[tuple[Any, ...], float]:
    """Position and size of the largest violation: the difference in units of the tolerance there."""
    violation = _violation(to_numpy(a), to_numpy(b), get_rtol(rtol), get_atol(atol))
    position = np.unravel_index(np.argmax(violation), violation.shape)
    return position, violation[position]


def to_numpy(value: Any) -> np.ndarray:
    """The elements of an NDArray, NumPy array, nested list or number."""
    return value.asnumpy() if isinstance(value, NDArray) else np.asarray(value)


def _without_nans(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Copies with zeros where either has a NaN."""
    first, second = np.copy(to_numpy(a)), np.copy(to_numpy(b))
    either = np.isnan(first) | np.isnan(second)
    first[either] = second[either] = 0
    return first, second


def _violation(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """|a - b| in units of the tolerance; equal infinities do not differ."""
    with np.errstate(all="ignore"):
        difference = np.where(np.equal(a, b), 0.0, np.abs(_wide(a) - _wide(b)))
        return np.asarray(difference / (atol + rtol * np.abs(_wide(b)) + 1e-20))


def _wide(array: np.ndarray) -> np.ndarray:
    """Integers and booleans as float64, in which differences do not wrap around."""
    return array if array.dtype.kind == "f" else array.astype(np.float64)


# ---- assertions ------------------------------------------------------------------------------------------------


def assert_almost_equal(a: Any, b: Any, rtol: Tolerance = None, atol: Tolerance = None,
                        names: Sequence[str] = ("a", "b"), equal_nan: bool = False, use_broadcast: bool = True,
                        mismatches: Sequence[int] = (SHOWN, SHOWN)) -> None:
    """AssertionError unless |a - b| <= atol + rtol |b| everywhere.  a, b: NDArrays, NumPy arrays or numbers.

    rtol, atol: numbers, or mappings from dtypes; what is not given is the larger of both dtypes' defaults: float16
    1e-2 and 1e-1, float32 1e-4 and 1e-3, float64 1e-5 and 1e-20, integers 0.  Booleans must be equal.  The message
    lists the worst elements, at most mismatches[0], with their positions.
    """
    if not use_broadcast:
        checkShapes(a, b)
    rtol, atol = get_tols(a, b, rtol, atol)
    first, second = to_numpy(a), to_numpy(b)
    if first.dtype == bool and second.dtype == bool:
        np.testing.assert_equal(first, second)
    elif not np.allclose(first, second, rtol, atol, equal_nan):
        raise AssertionError(_message(first, second, rtol, atol, names, equal_nan, mismatches[0]))


def assert_allclose(a: Any, b: Any, rtol: Tolerance = 1e-07, atol: Tolerance = 0, equal_nan: bool = True) -> None:
    """`assert_almost_equal` with the defaults of NumPy's function of this name."""
    assert_almost_equal(a, b, rtol, atol, equal_nan=equal_nan)


def assert_almost_equal_with_err(a: Any, b: Any, rtol: Tolerance = None, atol: Tolerance = None,
                                 etol: float | None = None, names: Sequence[str] = ("a", "b"),
                                 equal_nan: bool = False, mismatches: Sequence[int] = (SHOWN, SHOWN)) -> None:
    """As `assert_almost_equal`, but the part `etol` of the elements may differ."""
    if not get_etol(etol):
        assert_almost_equal(a, b, rtol, atol, names, equal_nan, mismatches=mismatches)
        return
    rtol, atol = get_tols(a, b, rtol, atol)
    first, second = to_numpy(a), to_numpy(b)
    if 1 - np.isclose(first, second, rtol, atol, equal_nan).mean() > get_etol(etol):
        raise AssertionError(_message(first, second, rtol, atol, names, equal_nan, mismatches[0]))


def assert_almost_equal_ignore_nan(a: Any, b: Any, rtol: Tolerance = None, atol: Tolerance = None,
                                   names: Sequence[str] = ("a", "b")) -> None:
    """As `assert_almost_equal`, where neither array has a NaN."""
    assert_almost_equal(*_without_nans(a, b), rtol, atol, names)


def compare_ndarray_tuple(t1: Any, t2: Any, rtol: Tolerance = None, atol: Tolerance = None) -> None:
    """`assert_almost_equal` for all arrays of two nested tuples; None is like everything."""
    if t1 is None or t2 is None:
        return
    if not isinstance(t1, tuple):
        assert_almost_equal(t1, t2, rtol, atol)
        return
    for first, second in zip(t1, t2, strict=False):
        compare_ndarray_tuple(first, second, rtol, atol)


def checkShapes(a: Any, b: Any) -> None:
    """AssertionError: the shapes of two arrays differ."""
    if a.shape != b.shape:
        raise AssertionError(f"a.shape = {a.shape} and b.shape = {b.shape} are not equal")


def _message(a: np.ndarray, b: np.ndarray, rtol: float, atol: float, names: Sequence[str], equal_nan: bool,
             shown: int) -> str:
    """What differs, the worst elements first."""
    a, b = np.broadcast_arrays(a, b)
    violation = _violation(a, b, rtol, atol)
    wrong = np.flatnonzero(~np.isclose(a, b, rtol, atol, equal_nan))
    flat = violation.reshape(-1)
    worst = wrong[np.argsort(-np.nan_to_num(flat[wrong], nan=np.inf), kind="stable")]
    places = [tuple(int(i) for i in np.unravel_index(position, violation.shape)) for position in worst[:max(shown, 1)]]
    lines = [f"Error {violation[places[0]]:f} exceeds tolerance rtol={rtol:e}, atol={atol:e} "
             f"(mismatch {100 * len(wrong) / violation.size:f}%).",
             locationError(a, b, places[0], names, maxError=True)]
    lines += [f"{number:3d}: Error {violation[place]:f}  {_element(a, b, place, names)}"
              for number, place in enumerate(places[:shown], 1)]
    with np.printoptions(threshold=4, suppress=True):
        lines += [f" {name}: {array!r}" for name, array in zip(names, (a, b), strict=True)]
    return "\n" + "\n".join(lines)


def locationError(a: np.ndarray, b: np.ndarray, index: tuple[int, ...], names: Sequence[str],
                  maxError: bool = False) -> str:  # noqa: N803
    """The elements of two arrays at a position, in words."""
    return f"Location of {'maximum ' if maxError else ''}error: {_element(a, b, index, names)}"


def _element(a: np.ndarray, b: np.ndarray, index: tuple[int, ...], names: Sequence[str]) -> str:
    return f"{index}, {names[0]}={float(a[index]):.8f}, {names[1]}={float(b[index]):.8f}"
