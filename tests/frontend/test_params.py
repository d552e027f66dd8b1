"""Parameter files.  tests/data/params: written by MXNet 1.9.1, but v0 and v1, which follow the source of older
releases and which 1.9.1 reads as stated here."""

import gzip
import math
import struct
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.errors import SymcError
from symc.frontend import params

DATA = Path(__file__).parents[1] / "data" / "params"
SMALL = ["dtypes", "one_element", "unnamed", "bool", "bfloat16", "np_shape", "sparse", "v0", "v1"]


def content(name: str) -> bytes:
    return (DATA / f"{name}.params").read_bytes()


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", ["dtypes", "one_element", "unnamed"])
def test_reads_what_mxnet_wrote_and_writes_it_equal(name: str, tmp_path: Path) -> None:
    found = params.read(DATA / f"{name}.params")
    expected = np.load(DATA / f"{name}.npz")
    names = found.names or tuple(map(str, range(len(found.arrays))))
    assert list(names) == expected.files
    assert all(same(array, expected[key]) for key, array in zip(names, found.arrays, strict=True))
    params.write(tmp_path / "copy.params", found.as_dict() if found.names else found.arrays)
    assert (tmp_path / "copy.params").read_bytes() == content(name)


def test_arrays_are_writable_and_their_own() -> None:
    array = params.read(DATA / "v0.params").as_dict()["arg:a"]
    assert array.flags.writeable and array.flags.owndata or array.base is not None and array.base.flags.owndata


@pytest.mark.parametrize("name", SMALL)
def test_a_mapped_file_has_the_same_arrays(name: str) -> None:
    path = DATA / f"{name}.params"
    own, mapped = params.read(path), params.read(path, mapped=True)
    assert own.names == mapped.names
    assert all(map(same, own.arrays, mapped.arrays))
    assert name != "dtypes" or not any(array.flags.writeable for array in mapped.arrays)


@pytest.mark.parametrize("name", ["dtypes.params", "v0.params", "dtypes.npz"])
def test_what_gzip_compressed_is_the_same(name: str, tmp_path: Path) -> None:
    own = params.read(DATA / name)
    (tmp_path / "x.params.gz").write_bytes(gzip.compress((DATA / name).read_bytes()))
    for mapped in (False, True):
        found = params.read(tmp_path / "x.params.gz", mapped=mapped)
        assert found.names == own.names and all(map(same, found.arrays, own.arrays))


def test_what_unpacks_to_too_much_is_refused_before_it_is_held() -> None:
    packed = gzip.compress(bytes(64 << 20), 9)
    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SYMC_LIMITS", "bytes=1M")
        with pytest.raises(SymcError, match="unpacks to more than 1048576 bytes, of 6.* packed\n.*SYMC_LIMITS=bytes"):
            params.read(packed)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("end", [0, 1, 5, 40])
def test_what_gzip_compressed_is_damaged(end: int) -> None:
    data = gzip.compress(content("dtypes"))
    with pytest.raises(SymcError, match="cut short|damaged"):
        params.read(data[:20 + end])
    with pytest.raises(SymcError, match="damaged|cut short"):
        params.read(data[:-8 - end] + b"\xff" + data[-7 - end:])


def test_what_begins_like_compressed_parameters() -> None:
    assert params.is_compressed(gzip.compress(content("dtypes"))[:512])
    assert not any(map(params.is_compressed, (b"", b"\x1f\x8b", b"\x1f\x8b\x09", gzip.compress(b"x" * 600))))


@pytest.mark.parametrize("name", ["v0", "v1"])
def test_reads_old_forms_saved_from_a_gpu(name: str) -> None:
    arrays = params.read(DATA / f"{name}.params").as_dict()
    assert same(arrays["arg:a"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert same(arrays["aux:b"], np.array([1, -2], np.int32))


def test_reads_bool_and_bfloat16() -> None:
    assert same(params.read(DATA / "bool.params").arrays[0], np.array([True, False, True]))
    found = params.read(DATA / "bfloat16.params")
    assert same(found.arrays[0], np.array([1.5, -2.25, 3], np.float32))
    assert found.notes == ("array 'b' was bfloat16 and is float32 now",)


def test_reads_scalars_and_empty_arrays_of_numpy_shape_semantics() -> None:
    shapes = {name: array.shape for name, array in params.read(DATA / "np_shape.params").as_dict().items()}
    assert shapes == {"s": (), "z": (0, 3), "a": (2,)}


def test_leaves_out_arrays_without_a_value() -> None:
    empty, full = struct.pack("<Ii", 0xF993FAC8, 0), content("v1")[24:84]
    names = struct.pack("<QQ1sQ1s", 2, 1, b"n", 1, b"a")
    found = params.read(struct.pack("<QQQ", 0x112, 0, 2) + empty + full + names)
    assert found.names == ("a",) and found.arrays[0].shape == (2, 3)
    assert found.notes == ("array 'n' has no value and is left out",)


def test_sparse_arrays_become_dense() -> None:
    found = params.read(DATA / "sparse.params")
    arrays = found.as_dict()
    np.testing.assert_array_equal(arrays["rs"], [[1, 2], [0, 0], [3, 4], [0, 0]])
    np.testing.assert_array_equal(arrays["csr"], np.eye(3))
    assert found.notes == ("array 'rs' was row_sparse and is dense now", "array 'csr' was csr and is dense now")


def sparse(storage: int, shape: tuple[int, ...], values: Sequence[float], *indices: Sequence[int],
           row: tuple[int, ...] = ()) -> bytes:
    """A file of one sparse array; row: what each of the values is, where they are rows."""
    extents = (len(values) // max(1, math.prod(row)), *row)
    parts = [struct.pack("<QQQIii", 0x112, 0, 1, 0xF993FAC9, storage, len(extents)), np.int64(extents).tobytes(),
             struct.pack("<i", len(shape)), np.int64(shape).tobytes(), struct.pack("<iii", 1, 0, 0),
             *(struct.pack("<iiq", 6, 1, len(array)) for array in indices), np.float32(values).tobytes(),
             *(np.int64(array).tobytes() for array in indices), struct.pack("<Q", 0)]
    return b"".join(parts)


def test_sparse_arrays() -> None:
    rows, = params.read(sparse(1, (4, 2), [1, 2, 3, 4], [1, 3], row=(2,))).arrays
    np.testing.assert_array_equal(rows, [[0, 0], [1, 2], [0, 0], [3, 4]])
    places, = params.read(sparse(2, (3, 4), [1, 2, 3], [0, 1, 1, 3], [2, 0, 3])).arrays
    np.testing.assert_array_equal(places, [[0, 0, 1, 0], [0, 0, 0, 0], [2, 0, 0, 3]])
    for empty in (sparse(1, (3, 2), [], [], row=(2,)), sparse(2, (3, 2), [], [], [])):
        np.testing.assert_array_equal(params.read(empty).arrays[0], np.zeros((3, 2)))


@pytest.mark.parametrize("data", [
    sparse(1, (4, 2), [1, 2], [4], row=(2,)), sparse(1, (4, 2), [1, 2], [-1], row=(2,)), sparse(1, (4, 2), [1], [0]),
    sparse(1, (4, 2), [1, 2], [], row=(2,)), sparse(1, (4, 2), [1, 2], [0, 1], row=(2,)), sparse(1, (), [1], [0]),
    sparse(2, (2, 2), [1], [0, 1], [0]), sparse(2, (2, 2), [1], [0, 1, 1], [2]), sparse(2, (2, 2), [1], [0, 2, 1], [0]),
    sparse(2, (2, 2), [1], [0, 1, 2], [0]), sparse(2, (2, 2), [1], [1, 1, 2], [0]), sparse(2, (2,), [1], [0, 1], [0]),
    sparse(2, (2, 2), [1], [0, 1, 1], []), sparse(2, (3, 2), [1, 1], [0, 2, 1, 2], [0, 1])])
def test_sparse_arrays_with_other_indices(data: bytes) -> None:
    with pytest.raises(SymcError, match="array 0: expected the indices of a (row_sparse|csr) array"):
        params.read(data)


@pytest.mark.parametrize("shape", [(2**40, 2), (2**31, 2**20), (2**13, 2**14)])
def test_sparse_arrays_that_are_huge_when_dense(shape: tuple[int, ...]) -> None:
    with pytest.raises(SymcError, match="row_sparse arrays before it take .* more than 268435456\n.*SYMC_LIMITS=bytes"):
        params.read(sparse(1, shape, [], [], row=(shape[1],)))


@pytest.mark.parametrize(("start", "message"), [
    (b"", "byte 0, header: expected the header"),
    (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    (b"\x1f\x8b\x08" + bytes(40), "invalid stored block lengths\n  the file is damaged"),
    (b"\x1f\x8b\x09" + bytes(40), "unknown compression method"),
    (gzip.compress(b"x" * 257 + b"ustar"), "looks like an archive; name the file in it, as ARCHIVE!MEMBER"),
    (b"DJL@\0\0\0\1", "looks like parameters in the format of DJL's own blocks"),
    (struct.pack("<QQQ", 0x113, 0, 0), "expected the list magic 0x112, found 0x113"),
    (struct.pack("<QQQ", 0x112, 0, 2**60), f"byte 16, header: expected a number of arrays that fits .* found {2**60}"),
    (struct.pack("<QQQI", 0x112, 0, 1, 0xDEADBEEF), "byte 24, array 0: expected an array .* found 0xdeadbeef"),
    (struct.pack("<QQQIii", 0x112, 0, 1, 0xF993FAC9, 0, 99), "at most 32 dimensions, found 99"),
    (struct.pack("<QQQIiiqiii", 0x112, 0, 1, 0xF993FAC9, 0, 1, 4, 1, 0, 9), r"found 9 \(uint16\)"),
    (struct.pack("<QQQIiiqiii", 0x112, 0, 1, 0xF993FAC9, 0, 1, 2**40, 1, 0, 0),
     f"byte 56, array 0: expected {2**40} elements float32"),
    (struct.pack("<QQQIiiqqiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 0, 2**62, 1, 0, 0), "less than 2⁶³ bytes"),
])
def test_says_where_a_file_is_damaged(start: bytes, message: str) -> None:
    with pytest.raises(SymcError, match=message):
        params.read(start)


def test_missing_and_empty_files_are_user_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.params").touch()
    for name, message in (("absent", "cannot read .*absent.params"), ("empty", "empty.params: byte 0, header")):
        with pytest.raises(SymcError, match=message):
            params.read(tmp_path / f"{name}.params")


def read_or_refuse(data: bytes) -> None:
    try:
        params.read(data)
    except SymcError:
        return


@pytest.mark.parametrize("name", SMALL)
def test_every_truncation_is_refused(name: str) -> None:
    data = content(name)
    for end in range(len(data)):
        with pytest.raises(SymcError):
            params.read(data[:end])


@given(name=st.sampled_from([f"{name}.params" for name in SMALL] + ["dtypes.npz"]), data=st.data())
@settings(max_examples=400, deadline=2000)
def test_flipped_bits_read_or_are_refused_within_the_size_of_the_file(name: str, data: st.DataObject) -> None:
    damaged = bytearray((DATA / name).read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(damaged) * 8 - 1), min_size=1, max_size=4)):
        damaged[position // 8] ^= 1 << position % 8
    tracemalloc.start()
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SYMC_LIMITS", "unchecked=1M")           # sparse arrays may be so large when dense
            read_or_refuse(bytes(damaged))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_npz_is_known_by_its_content(tmp_path: Path) -> None:
    arrays = {"file": np.arange(6.0).reshape(2, 3).T, "arg:w": np.ones((), ">f4"), "b": np.array([True])}
    params.write(tmp_path / "a.npz", arrays)
    (tmp_path / "a.npz").rename(tmp_path / "a.params")
    found = params.read(tmp_path / "a.params").as_dict()
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert found["arg:w"].dtype == np.dtype("=f4")


def test_npz_without_pickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(SymcError, match="'x'.*no dtype object"):
        params.read(tmp_path / "a.npz")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "w.params"
    params.write(path, {"a": np.ones(3, np.float32)})
    before = path.read_bytes()
    for wrong, message in ((np.ones(2, np.uint16), "'b' is uint16"), (np.float32(1), "'b' has no dimensions")):
        with pytest.raises(SymcError, match=message):
            params.write(path, {"a": np.zeros(3, np.float32), "b": wrong})
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == ["w.params"]
    with pytest.raises(SymcError, match="cannot write"):
        params.write(tmp_path / "no" / "w.params", {})


@given(st.lists(st.tuples(st.sampled_from(["float32", "float64", "float16", "uint8", "int8", "int32", "int64", "bool"]),
                          st.lists(st.integers(0, 4), min_size=1, max_size=5)), max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, kinds: list) -> None:
    path = tmp_path_factory.mktemp("params") / "x.params"
    random = np.random.default_rng(0)
    arrays = {f"arg:{i}é": (random.random(shape) * 100).astype(dtype) for i, (dtype, shape) in enumerate(kinds)}
    params.write(path, arrays)
    found = params.read(path).as_dict()
    assert list(found) == list(arrays) and all(same(found[name], arrays[name]) for name in arrays)


def test_split() -> None:
    one, two = np.ones(1), np.ones(2)
    module = params.NamedArrays("f", (one, two), ("arg:w", "aux:m"))
    assert params.split(module) == ({"w": one}, {"m": two})
    gluon = params.NamedArrays("f", (one, two), ("w", "m"))
    assert params.split(gluon) == ({"w": one, "m": two}, {})
    assert params.split(gluon, auxiliary=["m"]) == ({"w": one}, {"m": two})
    with pytest.raises(SymcError, match="with and without the prefix 'arg'"):
        params.split(params.NamedArrays("f", (one, two), ("arg:w", "w")))
    with pytest.raises(SymcError, match="two arrays of the name 'w'"):
        params.split(params.NamedArrays("f", (one, two), ("w", "w")))
    with pytest.raises(SymcError, match="without names"):
        params.split(params.NamedArrays("f", (one,)))
