"""The kernel cache: keys, damage, concurrent writers."""

import importlib.metadata
import os
import subprocess
import sys
import textwrap

import pytest

from symc.codegen import cache
from symc.codegen.group_code import GroupCode, KernelCode
from symc.errors import SymcError

CODE = GroupCode((KernelCode("k_0", (("input", 0), ("scratch", 0)), 3, 17), KernelCode("k_1", (("output", 0),), 1)),
                 (64, 128), b"\x7fELF and so on")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_names_and_sources_do_not_count(graph):
    one = cache.canonical_text(graph("""
        %x, %y: f32[4]
        %a = exp(%x)  # from first@7
        %b = elemwise_add(%a, %y)
        heads %b
    """))
    other = cache.canonical_text(graph("""
        %data, %weight: f32[4]
        %c = exp(%data) {__lr_mult__="2"}
        %d = elemwise_add(%c, %weight)
        heads %d
    """))
    assert one == other


@pytest.mark.parametrize("text", [
    "%x: f32[5]\n%y = _mul_scalar(%x) scalar=2\nheads %y", "%x: f64[4]\n%y = _mul_scalar(%x) scalar=2\nheads %y",
    "%x: f32[4]\n%y = _mul_scalar(%x) scalar=2.5\nheads %y", "%x: f32[4]\n%y = _plus_scalar(%x) scalar=2\nheads %y",
    "%x: f32[4]\n%y = _mul_scalar(%x) scalar=2\nheads %y, %y", "%x, %y: f32[4]\n%z = elemwise_add(%x, %y)\nheads %z",
    "%x: f32[4]\n%c: f32[1] = const [2]\n%y = broadcast_mul(%x, %c)\nheads %y",
    "%x: f32[4]\n%c: f32[1] = const [3]\n%y = broadcast_mul(%x, %c)\nheads %y"])
def test_everything_else_counts(graph, text):
    keys = {cache.key_of(cache.canonical_text(graph(one)), level)
            for one in ("%x: f32[4]\n%y = _mul_scalar(%x) scalar=2\nheads %y", text) for level in ("x86-64-v3", "v4")}
    assert len(keys) == 4


def test_layouts_count(graph):
    texts = {cache.canonical_text(graph(f"%x: f32[1,16,2,2]{tag}\n%y: f32[1,16,2,2]{tag} = relu(%x)\nheads %y"))
             for tag in ("", ":aBcd16b")}
    assert len(texts) == 2


def test_order_of_operands_counts(graph):
    texts = {cache.canonical_text(graph(f"%x, %y: f32[4]\n%a = exp(%x)\n%b = elemwise_sub({ab})\nheads %b"))
             for ab in ("%a, %y", "%y, %a")}
    assert len(texts) == 2


def test_versions_count(monkeypatch):
    before = cache.key_of("text", "x86-64-v3")
    monkeypatch.setattr(cache, "_versions", lambda: ("changed",))
    assert cache.key_of("text", "x86-64-v3") != before


def test_sources_are_known_by_their_states(tmp_path, monkeypatch):
    """Also where a file changes that keeps its size and its time."""
    monkeypatch.setattr(cache, "GENERATORS", ("ops", "te.py"))
    (tmp_path / "ops" / "families").mkdir(parents=True)
    (tmp_path / "te.py").write_text("a = 1")
    (tmp_path / "ops" / "families" / "b.py").write_text("b = 1")
    before = cache._sources_hash(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_bytes", lambda *_: pytest.fail("it is not remembered"))
        assert cache._sources_hash(tmp_path) == before
    for file in ("te.py", "ops/families/b.py"):
        path = tmp_path / file
        status = path.stat()
        path.write_text(path.read_text().replace("1", "2"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        after = cache._sources_hash(tmp_path)
        assert after != before
        before = after


def test_the_generators_are_there():
    from pathlib import Path

    import symc

    root = Path(symc.__file__).parent
    assert all((root / part).exists() for part in cache.GENERATORS)
    used = {path.name for pattern in ("te.py", "te_*.py") for path in (root / "frontend").glob(pattern)}
    assert used == {part.removeprefix("frontend/") for part in cache.GENERATORS if part.startswith("frontend/")}


def test_what_is_written_is_read():
    assert cache.read("0123") is None
    cache.write("0123", CODE)
    assert cache.read("0123") == CODE
    cache.write("0123", GroupCode((), (), b""))
    assert cache.read("0123") == GroupCode((), (), b"")


def test_a_damaged_file_counts_as_absent(folder):
    cache.write("0123", CODE)
    path = cache.path_of("kernels", "0123")
    whole = path.read_bytes()
    for size in (0, 4, 8, 11, 12, 40, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert cache.read("0123") is None, size
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1:])
        assert cache.read("0123") is None, position


def test_no_temporary_file_is_left(folder, monkeypatch):
    cache.write("0123", CODE)
    monkeypatch.setattr(cache.os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cache.write("0123", CODE)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["23"]


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(SymcError, match="kernel cache .*/file cannot be written: Not a dir.*\n.*SYMC_CACHE_DIR"):
        cache.write("0123", CODE)


def test_versions_are_those_that_packages_are_installed_in():
    assert dict(cache.pins()) == {name: importlib.metadata.version(name) for name in cache.PINNED}


def test_a_package_that_is_not_beside_its_module(monkeypatch):
    monkeypatch.setitem(cache.PINNED, "pytest", "symc")
    monkeypatch.setattr(cache, "pins", cache.pins.__wrapped__)
    assert dict(cache.pins())["pytest"] == pytest.__version__


def test_without_the_compiler(monkeypatch):
    monkeypatch.setattr(cache, "PINNED", {"no-such-compiler": "no_such_compiler"})
    with pytest.raises(SymcError, match=r"compiling needs the package no-such-compiler.*\n.*symc\[compile\]"):
        cache.pins.__wrapped__()


def test_concurrent_writers_leave_one_whole_file(folder):
    script = textwrap.dedent("""
        import sys
        from symc.codegen import cache
        from symc.codegen.group_code import GroupCode
        for i in range(100):
            code = GroupCode((), (), bytes([i]) * 100_000)
            cache.write("0123", code)
            found = cache.read("0123")
            assert found is not None and len(set(found.object)) == 1 and len(found.object) == 100_000
    """)
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
