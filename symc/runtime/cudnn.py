"""Convolutions by cuDNN, by ctypes; names and numbers are those of NVIDIA's headers of cuDNN 9."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p
from typing import Any

from symc.runtime.c_library import ALIGNMENT, CLibrary, Owned
from symc.runtime.calls import Call, ConvolutionCall
from symc.runtime.libraries import LibraryProblem

TYPES = {"float32": 0, "float16": 2}        # cudnnDataType_t
FLOAT = TYPES["float32"]                    # in which sums are made
NCHW = 0                                    # cudnnTensorFormat_t
CROSS_CORRELATION = 1                       # cudnnConvolutionMode_t: kernels are not turned
RELU, NOT_PROPAGATE_NAN = 1, 0
# cudnnMathType_t: CUDNN_FMA_MATH, no rounding of factors; CUDNN_DEFAULT_MATH, which may; CUDNN_TENSOR_OP_MATH
EXACT, ROUNDED, TENSOR_CORES = 3, 0, 1
ALGORITHMS = 8                              # CUDNN_CONVOLUTION_FWD_ALGO_COUNT
WORKSPACE = 64 << 20                        # bytes that a convolution may need at most


class _Performance(ctypes.Structure):
    _fields_ = (("algorithm", c_int), ("status", c_int), ("time", c_float), ("memory", c_size_t),
                ("determinism", c_int), ("math", c_int), ("reserved", c_int * 3))


_OUT = POINTER(c_void_p)
_FORWARD = (*[c_void_p] * 7, c_int, c_void_p, c_size_t)     # what both functions begin with
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cudnnCreate": (_OUT,),
    "cudnnSetStream": (c_void_p, c_void_p),
    "cudnnCreateTensorDescriptor": (_OUT,),
    "cudnnSetTensor4dDescriptor": (c_void_p, *[c_int] * 6),
    "cudnnDestroyTensorDescriptor": (c_void_p,),
    "cudnnCreateFilterDescriptor": (_OUT,),
    "cudnnSetFilter4dDescriptor": (c_void_p, *[c_int] * 6),
    "cudnnDestroyFilterDescriptor": (c_void_p,),
    "cudnnCreateConvolutionDescriptor": (_OUT,),
    "cudnnSetConvolution2dDescriptor": (c_void_p, *[c_int] * 8),
    "cudnnSetConvolutionGroupCount": (c_void_p, c_int),
    "cudnnSetConvolutionMathType": (c_void_p, c_int),
    "cudnnDestroyConvolutionDescriptor": (c_void_p,),
    "cudnnCreateActivationDescriptor": (_OUT,),
    "cudnnSetActivationDescriptor": (c_void_p, c_int, c_int, c_double),
    "cudnnDestroyActivationDescriptor": (c_void_p,),
    "cudnnGetConvolutionForwardAlgorithm_v7": (*[c_void_p] * 5, c_int, POINTER(c_int), POINTER(_Performance)),
    "cudnnGetConvolutionForwardWorkspaceSize": (*[c_void_p] * 5, c_int, POINTER(c_size_t)),
    "cudnnConvolutionForward": (*_FORWARD, *[c_void_p] * 3),
    "cudnnConvolutionBiasActivationForward": (*_FORWARD, *[c_void_p] * 8),
}


class Cudnn(CLibrary):
    """The library on the device whose context is that of the thread that makes this.  It lives as long as the process.

    Its handle has one stream at a time, so calls of several threads begin one after the other.
    """

    title = "cuDNN"

    def __init__(self, library: ctypes.CDLL) -> None:
        """LibraryProblem: it lacks functions, or does not work with the device's driver."""
        super().__init__(library, FUNCTIONS, "cudnnGetVersion")
        self.handle = self.make("cudnnCreate")

    def status(self, number: int) -> str:
        text = self.library.cudnnGetErrorString
        text.argtypes, text.restype = (c_int,), c_char_p
        return str(text(number).decode())

    def ready(self, call: Call) -> ReadyConvolution:
        """LibraryProblem: it does not compute this."""
        if not isinstance(call, ConvolutionCall):
            raise LibraryProblem("cuDNN is asked for convolutions alone")
        return ReadyConvolution(self, call)


class _Descriptor(Owned):
    def __init__(self, library: Cudnn, kind: str, setter: str, *values: Any) -> None:
        super().__init__(library, f"cudnnCreate{kind}Descriptor", f"cudnnDestroy{kind}Descriptor")
        library(setter, self.handle, *values)


class ReadyConvolution:
    """A call with its descriptors and algorithm."""

    def __init__(self, library: Cudnn, call: ConvolutionCall) -> None:
        if call.dtype not in TYPES:
            raise LibraryProblem(f"cuDNN is not asked for convolutions of {call.dtype}")
        self.library, self.call, dtype = library, call, TYPES[call.dtype]
        self.image, self.result, self.bias = (
            _Descriptor(library, "Tensor", "cudnnSetTensor4dDescriptor", NCHW, dtype, *shape)
            for shape in (call.image, call.result, (1, call.result[1], 1, 1)))
        self.weight = _Descriptor(library, "Filter", "cudnnSetFilter4dDescriptor", dtype, NCHW, *call.weight)
        self.convolution = _Descriptor(library, "Convolution", "cudnnSetConvolution2dDescriptor", *call.pad,
                                       *call.stride, *call.dilate, CROSS_CORRELATION, FLOAT)
        library("cudnnSetConvolutionGroupCount", self.convolution.handle, call.groups)
        library("cudnnSetConvolutionMathType", self.convolution.handle, self._math())
        self.relu = _Descriptor(library, "Activation", "cudnnSetActivationDescriptor", RELU, NOT_PROPAGATE_NAN, 0.0)
        self.algorithm, self.workspace = library.chosen(call._replace(steps=(0, 0), rest=(0, 0), buffers=()), self.ask)
        self._factors = c_float(1), c_float(0)

    def _math(self) -> int:
        """With which instructions it may multiply."""
        if self.call.dtype == "float32":
            return ROUNDED if self.call.compute == "tf32" else EXACT
        return TENSOR_CORES

    def _described(self) -> tuple[Any, ...]:
        parts = (self.image, self.weight, self.convolution, self.result)
        return (self.library.handle, *(part.handle for part in parts))

    def ask(self) -> tuple[int, int]:
        """The algorithm that the library takes for the best, of those that need little memory, and what it needs.

        LibraryProblem: it has none.
        """
        found, count = (_Performance * ALGORITHMS)(), c_int()
        self.library("cudnnGetConvolutionForwardAlgorithm_v7", *self._described(), ALGORITHMS, byref(count), found)
        for one in found[:count.value]:
            if one.status == 0 and one.memory <= WORKSPACE:
                size = c_size_t()
                self.library("cudnnGetConvolutionForwardWorkspaceSize", *self._described(), one.algorithm, byref(size))
                return one.algorithm, size.value
        raise LibraryProblem(f"cuDNN {self.library.version} has no algorithm for this convolution")

    def fits(self, pointers: Sequence[int]) -> bool:
        """See `libraries.Ready`."""
        return not any(pointer % ALIGNMENT for pointer in pointers)

    def __call__(self, pointers: Sequence[int], workspace: int, stream: int | None) -> None:
        """See `libraries.Ready`."""
        image, weight, result, *bias = pointers
        alpha, beta = self._factors
        begin = (self.library.handle, byref(alpha), self.image.handle, image, self.weight.handle, weight,
                 self.convolution.handle, self.algorithm, workspace, self.workspace, byref(beta), self.result.handle)
        with self.library.lock:
            self.library("cudnnSetStream", self.library.handle, stream)
            if bias:
                self.library("cudnnConvolutionBiasActivationForward", *begin, result, self.bias.handle, bias[0],
                             self.relu.handle, self.result.handle, result)
            else:
                self.library("cudnnConvolutionForward", *begin, result)
