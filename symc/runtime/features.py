"""What this build and machine can do, under the names that MXNet has for its own.  MXNet: mx.runtime."""

from __future__ import annotations

from typing import NamedTuple

from symc.runtime.machine import this_machine

# MXNet's CPU features → the machine's
_CPU = {"CPU_SSE": "sse", "CPU_SSE2": "sse2", "CPU_SSE3": "pni", "CPU_SSE4_1": "sse4_1", "CPU_SSE4_2": "sse4_2",
        "CPU_SSE4A": "sse4a", "CPU_AVX": "avx", "CPU_AVX2": "avx2", "F16C": "f16c"}
_ABSENT = ("CUDA", "CUDNN", "NCCL", "CUDA_RTC", "TENSORRT", "OPENMP", "SSE", "JEMALLOC", "BLAS_OPEN", "BLAS_ATLAS",
           "BLAS_MKL", "BLAS_APPLE", "LAPACK", "MKLDNN", "OPENCV", "CAFFE", "PROFILER", "DIST_KVSTORE", "CXX14",
           "SIGNAL_HANDLER", "DEBUG", "TVM_OP")
_PRESENT = ("INT64_TENSOR_SIZE",)


class Feature(NamedTuple):
    """A feature and whether it is there."""

    name: str
    enabled: bool

    def __repr__(self) -> str:
        return f"{'✔' if self.enabled else '✖'} {self.name}"


def feature_list() -> list[Feature]:
    """All of MXNet's features; symc has those of the machine, and arrays of more than 2³¹ elements."""
    here = this_machine().features
    return [*(Feature(name, False) for name in _ABSENT), *(Feature(name, flag in here) for name, flag in _CPU.items()),
            *(Feature(name, True) for name in _PRESENT)]


class Features(dict[str, Feature]):
    """The features by name; there is one such object."""

    _instance: Features | None = None

    def __new__(cls) -> Features:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            dict.__init__(cls._instance, {feature.name: feature for feature in feature_list()})
        return cls._instance

    def __init__(self) -> None:
        """Filled when made."""

    def __repr__(self) -> str:
        return str(list(self.values()))

    def is_enabled(self, feature_name: str) -> bool:
        """Whether a feature is there.  RuntimeError: MXNet has none of that name."""
        name = feature_name.upper()
        if name not in self:
            raise RuntimeError(f"Feature '{feature_name}' is unknown, known features are: {list(self)}")
        return self[name].enabled
