"""Shared libraries: self-contained, the same bytes every time, and refused when something is missing."""

import shutil
import subprocess

import numpy as np
import pytest

from symc.codegen import link
from symc.codegen.elf import read_symbols
from symc.errors import SymcError
from symc.runtime.library import DESCRIPTOR, EXPORTS, Library
from symc.runtime.memory import address_of


def run(library, plan, shift):
    size = plan.buffers[0].shape[0]
    data, doubled, result = np.arange(size, dtype=np.float32), np.zeros(size, np.float32), np.zeros(size, np.float32)
    arrays = (data, doubled, shift.view(np.float32), result)
    pointers = np.array([address_of(array) for array in arrays], np.uintp)
    assert library.run(address_of(pointers), 0, 0, 2, None) == 0
    return result


LINKERS = [["ld"], ["cc", "-nostdlib"], ["ld.lld"]]


@pytest.mark.parametrize("linker", LINKERS, ids=lambda command: command[0])
def test_links_with_every_linker(native, tmp_path, monkeypatch, linker):
    if not shutil.which(linker[0]):
        pytest.skip(f"no {linker[0]} here")
    monkeypatch.setattr(link, "find_linker", lambda architecture: linker)
    plan = native.affine()
    objects = native.objects(plan)
    link.link_shared(objects, tmp_path / "one.so")
    (tmp_path / "elsewhere").mkdir()
    link.link_shared(objects, tmp_path / "elsewhere" / "two.so")
    image = (tmp_path / "one.so").read_bytes()
    assert image == (tmp_path / "elsewhere" / "two.so").read_bytes()
    symbols = read_symbols(image)
    assert symbols.defined == {*EXPORTS, DESCRIPTOR} - {"symc_fold"} and symbols.undefined <= link.ALLOWED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "one.so"]
    library = Library.load(str(tmp_path / "one.so"), "one")
    np.testing.assert_array_equal(run(library, plan, native.affine_weights(plan)), 3 * np.arange(1000))


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs readelf")
def test_needs_libc_and_libm_of_any_version_and_no_executable_stack(native, tmp_path):
    link.link_shared(native.objects(native.affine()), tmp_path / "one.so")
    text = subprocess.run(["readelf", "-dlVW", tmp_path / "one.so"], capture_output=True, text=True).stdout
    assert text.count("(NEEDED)") == 2 and all(f"[{name}]" in text for name in link.NEEDED)
    assert "Version needs section" not in text and "BIND_NOW" in text
    stack = next(line for line in text.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack


def test_no_linker(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SymcError, match="no linker for x86_64"):
        link.find_linker("x86_64")


def test_a_failing_linker_says_why(native, tmp_path, monkeypatch):
    monkeypatch.setattr(link, "find_linker", lambda architecture: ["ld", "--no-such-option"])
    with pytest.raises(SymcError, match="no-such-option"):
        link.link_shared(native.objects(native.affine()), tmp_path / "one.so")
    assert not list(tmp_path.iterdir())


def test_a_kernel_that_calls_what_no_machine_has_is_a_bug(native):
    from symc.codegen.llvm_compile import compile_object
    objects = native.objects(native.affine())
    text = "declare void @TVMThrow()\ndefine void @scale() {\n call void @TVMThrow()\n ret void\n}"
    objects[0] = compile_object(text, "x86-64")
    with pytest.raises(AssertionError, match=r"object 0 \(scale\) calls TVMThrow"):
        link.check_objects(objects)
