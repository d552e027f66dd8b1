"""MXNet's helpers for tests: `from symc.test_utils import *`.

What needs things that symc leaves outside (downloads, sparse arrays, data iterators, optimizers, Gluon) can be
imported, so that test files can, and raises when it is called.
"""

from __future__ import annotations

import json  # noqa: F401
import logging  # noqa: F401
import os  # noqa: F401
import platform  # noqa: F401
import sys  # noqa: F401
import time  # noqa: F401

import numpy as np  # noqa: F401
import numpy.random as rnd  # noqa: F401
import numpy.testing as npt  # noqa: F401

import symc as mx  # noqa: F401
from symc.frontend.outside import refusal
from symc.frontend.symbol import Symbol  # noqa: F401
from symc.frontend.test_utils_check import (  # noqa: F401
    _parse_aux_states,
    _parse_location,
    check_consistency,
    check_numeric_gradient,
    check_speed,
    check_symbolic_backward,
    check_symbolic_forward,
    numeric_grad,
    same_symbol_structure,
    simple_forward,
)
from symc.frontend.test_utils_compare import (  # noqa: F401
    almost_equal,
    almost_equal_ignore_nan,
    assert_allclose,
    assert_almost_equal,
    assert_almost_equal_ignore_nan,
    assert_almost_equal_with_err,
    checkShapes,
    compare_ndarray_tuple,
    default_atols,
    default_dtype,
    default_numeric_eps,
    default_rtols,
    effective_dtype,
    find_max_violation,
    get_atol,
    get_etol,
    get_rtol,
    get_tolerance,
    get_tols,
    locationError,
    same,
    same_array,
)
from symc.frontend.test_utils_process import (  # noqa: F401
    EnvManager,
    assert_exception,
    default_context,
    discard_stderr,
    environment,
    has_tvm_ops,
    is_aarch64_run,
    is_cd_run,
    is_op_runnable,
    list_gpus,
    retry,
    set_default_context,
    set_env_var,
)
from symc.frontend.test_utils_random import (  # noqa: F401
    assign_each,
    assign_each2,
    chi_square_check,
    collapse_sum_like,
    create_2d_tensor,
    create_vector,
    gen_buckets_probs_with_ppf,
    get_identity_mat,
    get_identity_mat_batch,
    mean_check,
    new_matrix_with_real_eigvals_2d,
    new_matrix_with_real_eigvals_nd,
    new_orthonormal_matrix_2d,
    new_sym_matrix_with_real_eigvals_2d,
    new_sym_matrix_with_real_eigvals_nd,
    np_reduce,
    rand_coord_2d,
    rand_ndarray,
    rand_shape_2d,
    rand_shape_3d,
    rand_shape_nd,
    random_arrays,
    random_sample,
    random_uniform_arrays,
    var_check,
    verify_generator,
)
from symc.frontend.util import getenv, setenv, use_np  # noqa: F401
from symc.runtime.context import Context, current_context  # noqa: F401
from symc.runtime.ndarray import array  # noqa: F401

_FILES = "fetch the file yourself, and read it with NumPy"
_SPARSE = "symc has dense arrays: rand_ndarray"
_REFUSED = {
    "download": _FILES, "download_model": "fetch the model yourself: symc.model.load_checkpoint reads it",
    "get_mnist": _FILES, "get_mnist_pkl": _FILES, "get_mnist_ubyte": _FILES, "get_cifar10": _FILES,
    "get_zip_data": _FILES, "get_bz2_data": _FILES, "get_mnist_iterator": "symc has no data iterators: NumPy arrays",
    "get_im2rec_path": "symc has no record files: any image library", "DummyIter": "NumPy arrays, used again",
    "rand_sparse_ndarray": _SPARSE, "create_sparse_array": _SPARSE, "create_sparse_array_zd": _SPARSE,
    "shuffle_csr_column_indices": _SPARSE,
    "compare_optimizer": "symc has no optimizer classes: compare_ndarray_tuple on the arrays",
    "check_gluon_hybridize_consistency": "symc has no Gluon blocks: check_consistency of symbols",
}


globals().update({name: refusal("test_utils", name, instead) for name, instead in _REFUSED.items()})
_HELPERS = [name for name, value in globals().items()
            if getattr(value, "__module__", "").startswith(__name__) and not name.startswith("_")]
# What MXNet's own module happens to import, which test files that begin with `import *` rely on.
_BROUGHT_ALONG = ("Context", "Symbol", "array", "current_context", "getenv", "json", "logging", "mx", "np", "npt", "os",
                  "platform", "rnd", "setenv", "sys", "time", "use_np")
__all__ = sorted({*_HELPERS, *_REFUSED, *_BROUGHT_ALONG})
