"""The C interface for tests: programs built with the machine's C compiler, and symc.c as a library for ctypes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc
from symc.runtime.plan import storage_dtype

SOURCES = Path(symc.__file__).parent / "runtime" / "c"
STRICT = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{SOURCES}")
SANITIZED = ("-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")      # quick to compile
LIBRARIES = ("-ldl", "-lpthread", "-lm")
INPUT, OUTPUT, GRADIENT, HEAD_GRADIENT, STATE = range(5)
DTYPES = {0: "float32", 1: "float64", 2: "float16", 3: "uint8", 4: "int32", 5: "int8", 6: "int64", 7: "bool",
          12: "bfloat16"}
Build = Callable[..., Path]


class Array(ctypes.Structure):
    """symc_array."""

    _fields_ = [("name", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_int64)), ("bytes", ctypes.c_size_t),
                ("rank", ctypes.c_int32), ("dtype", ctypes.c_int32)]


class Shape(ctypes.Structure):
    """symc_shape."""

    _fields_ = [("name", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_int64)), ("rank", ctypes.c_int32)]


class Failed(Exception):
    """A function of symc.c returned `status`; the message is what symc_last_error says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Library:
    """Functions of symc.c that raise Failed, and executors over them."""

    def __init__(self, path: Path) -> None:
        self.path, self.handle = path, ctypes.CDLL(str(path))
        self.handle.symc_last_error.restype = ctypes.c_char_p

    def call(self, name: str, *arguments: object) -> None:
        status = getattr(self.handle, name)(*arguments)
        if status:
            raise Failed(status, self.handle.symc_last_error().decode())

    def open(self, source: Path | bytes) -> Module:
        handle = ctypes.c_void_p()
        if isinstance(source, bytes):
            self.call("symc_module_open_copy", source, ctypes.c_size_t(len(source)), ctypes.byref(handle))
        else:
            self.call("symc_module_open", str(source).encode(), ctypes.byref(handle))
        return Module(self, handle)


class Module:
    """A module and its executors; closed when it is forgotten."""

    def __init__(self, library: Library, handle: ctypes.c_void_p) -> None:
        self.library, self.handle = library, handle

    def __del__(self) -> None:
        self.library.handle.symc_module_close(self.handle)

    def executor(self, **shapes: Sequence[int]) -> Executor:
        handle = ctypes.c_void_p()
        self.library.call("symc_executor_create_for", self.handle, shapes_of(shapes), ctypes.c_size_t(len(shapes)),
                          ctypes.byref(handle))
        return Executor(self.library, handle)


def shapes_of(shapes: dict[str, Sequence[int]]) -> ctypes.Array[Shape]:
    rows = [Shape(name.encode(), (ctypes.c_int64 * len(dims))(*dims), len(dims)) for name, dims in shapes.items()]
    return (Shape * max(1, len(rows)))(*rows)


class Executor:
    """An executor by names; destroyed when it is forgotten."""

    def __init__(self, library: Library, handle: ctypes.c_void_p) -> None:
        self.library, self.handle = library, handle

    def __del__(self) -> None:
        self.library.handle.symc_executor_destroy(self.handle)

    def call(self, name: str, *arguments: object) -> None:
        self.library.call(name, self.handle, *arguments)

    def arrays(self, kind: int) -> dict[str, tuple[int, np.dtype, tuple[int, ...]]]:
        """Index, dtype and shape by name."""
        count, found = ctypes.c_size_t(), {}
        self.call("symc_count", kind, ctypes.byref(count))
        for index in range(count.value):
            array = Array()
            self.call("symc_describe", kind, ctypes.c_size_t(index), ctypes.byref(array))
            dtype = storage_dtype(DTYPES[array.dtype])
            found[array.name.decode()] = index, dtype, tuple(array.shape[:array.rank])
        return found

    def set(self, kind: int, name: str, value: np.ndarray) -> None:
        index, dtype, _ = self.arrays(kind)[name]
        array = np.ascontiguousarray(value, dtype)
        self.call("symc_set", kind, ctypes.c_size_t(index), array.ctypes.data_as(ctypes.c_void_p),
                  ctypes.c_size_t(array.nbytes))

    def get(self, kind: int, name: str) -> np.ndarray:
        index, dtype, shape = self.arrays(kind)[name]
        array = np.empty(shape, dtype)
        self.call("symc_get", kind, ctypes.c_size_t(index), array.ctypes.data_as(ctypes.c_void_p),
                  ctypes.c_size_t(array.nbytes))
        return array

    def reshape(self, **shapes: Sequence[int]) -> None:
        self.call("symc_reshape", shapes_of(shapes), ctypes.c_size_t(len(shapes)))

    def forward(self, is_train: bool = False, **inputs: np.ndarray) -> list[np.ndarray]:
        for name, value in inputs.items():
            self.set(INPUT, name, value)
        self.call("symc_forward", int(is_train))
        return [self.get(OUTPUT, name) for name in self.arrays(OUTPUT)]


@pytest.fixture(scope="session")
def build_c(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """`build_c(*sources, options=())`: the path of a program, all warnings errors.  Skips where there is no cc."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler here")

    def build(*sources: Path, options: Sequence[str] = ()) -> Path:
        target = tmp_path_factory.mktemp("c") / "program"
        command = ["cc", *STRICT, *options, *map(str, sources), "-o", str(target), *LIBRARIES]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return target
    return build


@pytest.fixture(scope="session")
def symc_c(build_c: Build) -> Library:
    """symc.c as it is, loaded into this process; programs are linked with it by its path."""
    return Library(build_c(SOURCES / "symc.c", options=["-shared", "-fPIC"]))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`compiled(symbol, params, shapes, **options)`: path of a package for any x86-64."""
    def compile_symbol(symbol: Any, params: Any, shapes: Any, **options: Any) -> Path:
        path = tmp_path_factory.mktemp("package") / "model.symc"
        symc.compile_package(path, symbol, params, shapes, **{"levels": ["x86-64"], **options})
        return path
    return compile_symbol


@pytest.fixture(scope="session")
def sanitized_symc(build_c: Build) -> Path:
    """The object of symc.c for programs built with SANITIZED."""
    return build_c(SOURCES / "symc.c", options=[*SANITIZED, "-c"])
