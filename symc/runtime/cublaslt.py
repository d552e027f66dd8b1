"""Products of matrices by cuBLASLt, by ctypes; names and numbers are those of NVIDIA's cublasLt.h of CUDA 12 and 13."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from symc.runtime.c_library import ALIGNMENT, CLibrary, Owned
from symc.runtime.calls import ITEM_SIZES, Call, ProductCall
from symc.runtime.libraries import LibraryProblem

TYPES = {"float32": 0, "float16": 2, "bfloat16": 14}        # cudaDataType_t
COMPUTE = {"float32": 68, "tf32": 77}       # CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32
SCALE = TYPES["float32"]                    # of alpha and beta
NO_EPILOGUE, EPILOGUES = 1, {"relu": 2, "bias": 4}
TRANSPOSE_A, TRANSPOSE_B, EPILOGUE, BIAS_POINTER = 3, 4, 7, 8       # attributes of CUBLASLT_MATMUL_DESC
BATCH_COUNT, BATCH_OFFSET = 5, 6                                    # of CUBLASLT_MATRIX_LAYOUT
MOST_WORKSPACE, ALIGNMENTS = 1, (5, 6, 7, 8)                        # of CUBLASLT_MATMUL_PREF
STATUSES = {1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH", 11: "MAPPING_ERROR",
             13: "EXECUTION_FAILED", 14: "INTERNAL_ERROR", 15: "NOT_SUPPORTED", 16: "LICENSE_ERROR"}
WORKSPACE = 32 << 20    # bytes that a product may need at most: what NVIDIA advises for its largest GPUs


class _Algorithm(ctypes.Structure):
    _fields_ = (("data", c_uint64 * 8),)


class _Heuristic(ctypes.Structure):
    _fields_ = (("algorithm", _Algorithm), ("workspace", c_size_t), ("state", c_int), ("waves", c_float),
                ("reserved", c_int * 4))


_OUT = POINTER(c_void_p)
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cublasLtCreate": (_OUT,),
    "cublasLtMatmulDescCreate": (_OUT, c_int, c_int),
    "cublasLtMatmulDescSetAttribute": (c_void_p, c_int, c_void_p, c_size_t),
    "cublasLtMatmulDescDestroy": (c_void_p,),
    "cublasLtMatrixLayoutCreate": (_OUT, c_int, c_uint64, c_uint64, c_int64),
    "cublasLtMatrixLayoutSetAttribute": (c_void_p, c_int, c_void_p, c_size_t),
    "cublasLtMatrixLayoutDestroy": (c_void_p,),
    "cublasLtMatmulPreferenceCreate": (_OUT,),
    "cublasLtMatmulPreferenceSetAttribute": (c_void_p, c_int, c_void_p, c_size_t),
    "cublasLtMatmulPreferenceDestroy": (c_void_p,),
    "cublasLtMatmulAlgoGetHeuristic": (*[c_void_p] * 7, c_int, POINTER(_Heuristic), POINTER(c_int)),
    "cublasLtMatmul": (*[c_void_p] * 14, c_size_t, c_void_p),
}


class CublasLt(CLibrary):
    """The library on the device whose context is that of the thread that makes this.  It lives as long as the process.
    """

    title = "cuBLASLt"

    def __init__(self, library: ctypes.CDLL) -> None:
        """LibraryProblem: it lacks functions, or does not work with the device's driver."""
        super().__init__(library, FUNCTIONS, "cublasLtGetVersion")
        self.handle = self.make("cublasLtCreate")

    def status(self, number: int) -> str:
        return f"CUBLAS_STATUS_{STATUSES.get(number, number)}"

    def ready(self, call: Call) -> ReadyProduct:
        """LibraryProblem: it does not compute this."""
        if not isinstance(call, ProductCall):
            raise LibraryProblem("cuBLASLt computes products alone")
        return ReadyProduct(self, call)


class _Part(Owned):
    """A description, layout or preference."""

    def __init__(self, library: CublasLt, kind: str, *arguments: Any) -> None:
        super().__init__(library, f"cublasLt{kind}Create", f"cublasLt{kind}Destroy", *arguments)
        self.kind = kind

    def set(self, attribute: int, value: Any) -> None:
        self.library(f"cublasLt{self.kind}SetAttribute", self.handle, attribute, byref(value), ctypes.sizeof(value))


class ReadyProduct:
    """A call with its descriptors and algorithm.  One thread uses it at a time."""

    def __init__(self, library: CublasLt, call: ProductCall) -> None:
        if not set(call.dtypes) <= set(TYPES):
            raise LibraryProblem(f"cuBLASLt is not asked for products of {', '.join(call.dtypes)}")
        self.library, self.call = library, call
        self.description = _Part(library, "MatmulDesc", COMPUTE[call.compute], SCALE)
        for attribute, turned in zip((TRANSPOSE_A, TRANSPOSE_B), call.transposed, strict=True):
            self.description.set(attribute, c_int32(turned))
        self.description.set(EPILOGUE, c_int32(sum(EPILOGUES[name] for name in call.epilogue) or NO_EPILOGUE))
        if "bias" in call.epilogue:
            self.description.set(BIAS_POINTER, c_void_p(ALIGNMENT))     # its alignment is what counts until it is known
        dtypes = (call.dtypes[0], *call.dtypes)
        self.layouts = [self._layout(number, TYPES[dtype]) for number, dtype in enumerate(dtypes)]
        self.begins = [begin * ITEM_SIZES[dtype] for begin, dtype in zip(call.begins, dtypes, strict=True)]
        found = library.chosen(call._replace(steps=(0, 0), rest=(0, 0), buffers=(), begins=()), self.ask)
        self.algorithm, self.workspace = found.algorithm, found.workspace
        self._factors = c_float(1), c_float(0)

    def _layout(self, number: int, dtype: int) -> _Part:
        """Of A, B or D as it lies in memory."""
        rows, columns, terms, count = self.call.sizes
        shape = [(rows, terms), (terms, columns), (rows, columns)][number]
        turned = (*self.call.transposed, 0)[number]
        layout = _Part(self.library, "MatrixLayout", dtype, *(shape[::-1] if turned else shape),
                        self.call.leading[number])
        if count > 1:
            layout.set(BATCH_COUNT, c_int32(count))
            layout.set(BATCH_OFFSET, c_int64(self.call.strides[number]))
        return layout

    def ask(self) -> _Heuristic:
        """The library's choice.  LibraryProblem: it has none."""
        preference = _Part(self.library, "MatmulPreference")
        preference.set(MOST_WORKSPACE, c_uint64(WORKSPACE))
        for attribute in ALIGNMENTS:
            preference.set(attribute, c_uint32(ALIGNMENT))
        found, count = _Heuristic(), c_int()
        a, b, d = (layout.handle for layout in self.layouts)
        self.library("cublasLtMatmulAlgoGetHeuristic", self.library.handle, self.description.handle, a, b, d, d,
                     preference.handle, 1, byref(found), byref(count))
        if not count.value or found.state:
            raise LibraryProblem(f"cuBLASLt {self.library.version} has no algorithm for this product")
        return found

    def fits(self, pointers: Sequence[int]) -> bool:
        """See `libraries.Ready`."""
        return not any(place % ALIGNMENT for place in (*self._places(pointers), *pointers[3:]))

    def _places(self, pointers: Sequence[int]) -> list[int]:
        """Where A, B and D begin."""
        return [pointer + begin for pointer, begin in zip(pointers, self.begins, strict=False)]

    def __call__(self, pointers: Sequence[int], workspace: int, stream: int | None) -> None:
        """See `libraries.Ready`."""
        if "bias" in self.call.epilogue:
            self.description.set(BIAS_POINTER, c_void_p(pointers[3]))
        a, b, d = self._places(pointers)
        layout_a, layout_b, layout_d = (layout.handle for layout in self.layouts)
        alpha, beta = self._factors
        self.library("cublasLtMatmul", self.library.handle, self.description.handle, byref(alpha), a, layout_a, b,
                     layout_b, byref(beta), d, layout_d, d, layout_d, byref(self.algorithm), workspace, self.workspace,
                     stream)
