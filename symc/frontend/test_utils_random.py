"""Random shapes and arrays for tests, and tests of random generators.  MXNet: mx.test_utils."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.frontend import nd_ops as nd
from symc.frontend.test_utils_compare import default_dtype
from symc.runtime.context import Context
from symc.runtime.ndarray import NDArray, arange, array

Generator = Callable[[int], Any]


# ---- shapes and arrays -----------------------------------------------------------------------------------------


def rand_shape_2d(dim0: int = 10, dim1: int = 10, allow_zero_size: bool = False) -> tuple[int, int]:
    """A shape with extents from 1 (or 0) to those given."""
    low = 0 if allow_zero_size else 1
    return int(np.random.randint(low, dim0 + 1)), int(np.random.randint(low, dim1 + 1))


def rand_shape_3d(dim0: int = 10, dim1: int = 10, dim2: int = 10,
                  allow_zero_size: bool = False) -> tuple[int, int, int]:
    """A shape with extents from 1 (or 0) to those given."""
    low = 0 if allow_zero_size else 1
    return (*rand_shape_2d(dim0, dim1, allow_zero_size), int(np.random.randint(low, dim2 + 1)))


def rand_shape_nd(num_dim: int, dim: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """A shape of `num_dim` extents from 1 (or 0) to `dim`."""
    return tuple(np.random.randint(0 if allow_zero_size else 1, dim + 1, size=num_dim).tolist())


def rand_coord_2d(x_low: int, x_high: int, y_low: int, y_high: int) -> tuple[np.integer, np.integer]:
    """Two indices of [x_low, x_high) and [y_low, y_high)."""
    return np.random.randint(x_low, x_high, dtype=np.int64), np.random.randint(y_low, y_high, dtype=np.int64)


def random_arrays(*shapes: Sequence[int]) -> Any:
    """Normally distributed float32 arrays of NumPy; of one shape the array itself, else a list."""
    arrays: list[np.ndarray] = [np.asarray(np.random.standard_normal(shape), default_dtype()) for shape in shapes]
    return arrays[0] if len(arrays) == 1 else arrays


def random_uniform_arrays(*shapes: Sequence[int], low: float = 0.0, high: float = 1.0,
                          dtype: Any = np.float32) -> list[np.ndarray]:
    """Arrays of NumPy with values between low and high."""
    return [np.asarray(np.random.uniform(low, high, size=shape), dtype) for shape in shapes]


def random_sample(population: Sequence[Any], k: int) -> list[Any]:
    """k different elements of a list, in a random order."""
    assert 0 <= k <= len(population), f"{k} elements of {len(population)} are asked for"
    shuffled = population[:]
    np.random.shuffle(shuffled)  # type: ignore[arg-type]
    return list(shuffled[:k])


def rand_ndarray(shape: Sequence[int], stype: str = "default", density: float | None = None, dtype: Any = None,
                 modifier_func: Any = None, shuffle_csr_indices: bool = False, distribution: Any = None,
                 ctx: Context | None = None) -> NDArray:
    """A normally distributed NDArray.  SymcError for a sparse `stype`, the one that the other arguments are for."""
    if stype != "default":
        raise SymcError(f"rand_ndarray: storage type '{stype}' is not supported", "symc has dense arrays: 'default'")
    return array(random_arrays(tuple(shape)), ctx, dtype)


def create_vector(size: int, dtype: Any = np.int64) -> NDArray:
    """0, 1, ..., size - 1."""
    return arange(0, size, dtype=dtype)


def create_2d_tensor(rows: int, columns: int, dtype: Any = np.int64) -> NDArray:
    """A matrix whose row i is filled with i."""
    return array(np.repeat(np.arange(rows), columns).reshape(rows, columns), dtype=dtype)


def get_identity_mat(size: int) -> NDArray:
    """The identity matrix, float32."""
    return nd.eye(size)


def get_identity_mat_batch(size: int) -> NDArray:
    """Two identity matrices, float32."""
    return array(np.stack([np.eye(size)] * 2))


# ---- NumPy on arrays -------------------------------------------------------------------------------------------


def np_reduce(dat: np.ndarray, axis: int | Sequence[int] | None, keepdims: bool,
              numpy_reduce_func: Callable[..., np.ndarray]) -> np.ndarray:
    """Apply a function such as numpy.sum, which reduces one axis, to one axis after the other."""
    axes = range(dat.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    result = dat
    for position in sorted(axes, reverse=True):
        result = numpy_reduce_func(result, axis=position)
    kept = [1 if i in axes or i - dat.ndim in axes else extent for i, extent in enumerate(dat.shape)]
    return np.asarray(result).reshape(kept) if keepdims else result


def collapse_sum_like(a: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The sum of `a` over the axes along which `shape` was broadcast to it."""
    assert a.ndim >= len(shape), f"{a.shape} is no broadcast form of {tuple(shape)}"
    new = a.ndim - len(shape)
    axes = [i for i in range(a.ndim) if i < new or shape[i - new] != a.shape[i]]
    assert all(shape[i - new] == 1 for i in axes[new:]), f"{a.shape} is no broadcast form of {tuple(shape)}"
    return np.sum(a, axis=tuple(axes)).reshape(shape) if a.size else np.zeros(shape, a.dtype)


def assign_each(the_input: np.ndarray, function: Callable[[Any], Any] | None) -> np.ndarray:
    """`function` of each element, as float64; a copy when there is none."""
    return np.array(the_input) if function is None else _each(function, the_input)


def assign_each2(input1: np.ndarray, input2: np.ndarray, function: Callable[[Any, Any], Any] | None) -> np.ndarray:
    """`function` of each pair of elements, as float64; a copy of the first array when there is none."""
    assert function is None or input1.shape == input2.shape, f"shapes {input1.shape} and {input2.shape} differ"
    return np.array(input1) if function is None else _each(function, input1, input2)


def _each(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    values = [function(*elements) for elements in zip(*(array.flat for array in arrays), strict=True)]
    return np.array(values, np.float64).reshape(arrays[0].shape)


# ---- matrices --------------------------------------------------------------------------------------------------


def new_matrix_with_real_eigvals_2d(n: int) -> np.ndarray:
    """An n × n matrix with real eigenvalues in [-10, 10) whose eigenvectors have a condition number below 3."""
    while True:
        direction = np.random.uniform(-1.0, 1.0, (n, 1))
        direction /= np.linalg.norm(direction)
        vectors = (np.eye(n) - 2 * direction @ direction.T) @ np.diag(np.random.uniform(-1.0, 1.0, n))
        if np.linalg.cond(vectors) < 3:
            return _with_eigenvectors(vectors, np.linalg.inv(vectors))


def new_sym_matrix_with_real_eigvals_2d(n: int) -> np.ndarray:
    """A symmetric n × n matrix with eigenvalues in [-10, 10)."""
    vectors = new_orthonormal_matrix_2d(n)
    return _with_eigenvectors(vectors.T, vectors)


def _with_eigenvectors(vectors: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """The matrix with these eigenvectors and random eigenvalues."""
    return vectors @ np.diag(np.random.uniform(-10.0, 10.0, len(vectors))) @ inverse


def new_orthonormal_matrix_2d(n: int) -> np.ndarray:
    """An orthonormal n × n matrix."""
    factor = np.random.randn(n, n)
    return np.linalg.qr(factor.T @ factor)[0]


def new_matrix_with_real_eigvals_nd(shape: Sequence[int]) -> np.ndarray:
    """As `new_matrix_with_real_eigvals_2d`, for the last two axes."""
    return _batch_of(new_matrix_with_real_eigvals_2d, shape)


def new_sym_matrix_with_real_eigvals_nd(shape: Sequence[int]) -> np.ndarray:
    """As `new_sym_matrix_with_real_eigvals_2d`, for the last two axes."""
    return _batch_of(new_sym_matrix_with_real_eigvals_2d, shape)


def _batch_of(make: Callable[[int], np.ndarray], shape: Sequence[int]) -> np.ndarray:
    return np.array([make(shape[-1]) for _ in range(math.prod(shape[:-2]))]).reshape(shape)


# ---- random generators -----------------------------------------------------------------------------------------


def gen_buckets_probs_with_ppf(ppf: Callable[[float], float], nbuckets: int) \
        -> tuple[list[tuple[float, float]], list[float]]:
    """Buckets that a distribution with the quantile function `ppf` hits equally often, and those probabilities."""
    assert nbuckets > 0, "at least one bucket is needed"
    edges = [ppf(i / nbuckets) for i in range(nbuckets + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True)), [1.0 / nbuckets] * nbuckets


def mean_check(generator: Generator, mu: float, sigma: float, nsamples: int = 1000000) -> bool:
    """Whether the mean of so many samples lies within three standard errors of mu."""
    return bool(abs(np.mean(generator(nsamples)) - mu) < 3 * sigma / math.sqrt(nsamples))


def var_check(generator: Generator, sigma: float, nsamples: int = 1000000) -> bool:
    """Whether the variance of so many samples lies within three standard errors of sigma², for a normal
    distribution."""
    error = 3 * math.sqrt(2 * sigma ** 4 / (nsamples - 1))
    return bool(abs(np.var(generator(nsamples), ddof=1) - sigma ** 2) < error)


def chi_square_check(generator: Generator, buckets: list[Any], probs: Sequence[float], nsamples: int = 1000000) \
        -> tuple[float, np.ndarray, np.ndarray]:
    """Pearson's chi-square test: the p value, how often the buckets were hit, and how often was expected.

    generator: gives so many independent samples.  buckets: pairs (from, to) in ascending order that do not overlap,
    or single values.  probs: the probability of each.
    """
    assert isinstance(buckets, list) and len(probs) == len(buckets), "a probability is needed for each bucket"
    samples = np.asarray(generator(nsamples)).reshape(-1)
    expected = (nsamples * np.array(probs, np.float32)).astype(np.int32)
    observed = _hits(samples, buckets)
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    return chi_square_tail(statistic, len(buckets) - 1), observed, expected


def _hits(samples: np.ndarray, buckets: Sequence[Any]) -> np.ndarray:
    """How many samples fall into each bucket."""
    if not isinstance(buckets[0], list | tuple):
        return np.array([np.count_nonzero(samples == value) for value in buckets])
    edges = np.array(buckets, np.float32).reshape(-1)
    assert np.all(edges[:-1] <= edges[1:]), f"buckets must ascend and not overlap: {buckets}"
    numbers = np.searchsorted(edges, samples, side="right") // 2
    return np.array([np.count_nonzero(numbers == number) for number in range(len(buckets))])


def chi_square_tail(statistic: float, degrees: int) -> float:
    """The probability that a chi-square variable of so many degrees of freedom exceeds `statistic`.

    By the recurrence Q(a + 1, x) = Q(a, x) + xᵃ e⁻ˣ / Γ(a + 1) of the upper incomplete gamma function.
    """
    assert degrees > 0, "at least two buckets are needed"
    x = statistic / 2
    if x <= 0:
        return 1.0
    a, tail = (1.0, math.exp(-x)) if degrees % 2 == 0 else (0.5, math.erfc(math.sqrt(x)))
    while a < degrees / 2:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1))
        a += 1
    return tail


def verify_generator(generator: Generator, buckets: list[Any], probs: Sequence[float], nsamples: int = 1000000,
                     nrepeat: int = 5, success_rate: float = 0.2, alpha: float = 0.05) -> list[float]:
    """The p values of `nrepeat` chi-square tests.  AssertionError: less than the part `success_rate` exceeds alpha."""
    results = [chi_square_check(generator, buckets, probs, nsamples) for _ in range(nrepeat)]
    values = [p for p, _, _ in results]
    if sum(p > alpha for p in values) < nrepeat * success_rate:
        raise AssertionError(f"Generator test fails, Chi-square p={values}, obs_freq={[r[1] for r in results]}, "
                             f"expected_freq={[r[2] for r in results]}.\nbuckets={buckets}, probs={probs}")
    return values
