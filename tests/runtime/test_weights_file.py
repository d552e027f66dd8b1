"""Weights in a file of their own: for several packages and processes, in memory once."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from symc.codegen import link, package
from symc.codegen.checksums import Checked
from symc.errors import PackageError, SymcError
from symc.runtime.module import load
from symc.runtime.package import check_everything, open_package

SIZE = 2_000_000


@pytest.fixture(scope="module")
def contents(native, tmp_path_factory):
    plan, library = native.affine(SIZE), tmp_path_factory.mktemp("library") / "lib.so"
    link.link_shared(native.objects(plan), library)
    return package.Contents([plan], '{"nodes": [], "heads": []}', Checked([native.affine_weights(plan).data]),
                            {"x86-64": library.read_bytes()}, weights_file="shared.weights")


@pytest.fixture
def folder(contents, tmp_path):
    """Two packages of the same weights."""
    package.write(tmp_path / "one.symc", contents)
    package.write(tmp_path / "two.symc", replace(contents, graphs=["heads"]))
    return tmp_path


def test_packages_share_a_file(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["one.symc", "shared.weights", "two.symc"]
    assert (folder / "one.symc").stat().st_size < 100_000 < (folder / "shared.weights").stat().st_size
    one, two = (load(folder / name) for name in ("one.symc", "two.symc"))
    assert one.weights is not two.weights and one.weights.ctypes.data == two.weights.ctypes.data
    found = one.forward(data=np.ones(SIZE))[0].asnumpy()
    assert found[1000] == 1002
    check_everything(open_package(folder / "one.symc"))


def test_the_file_is_found_by_an_argument(folder, tmp_path):
    (folder / "elsewhere").mkdir()
    moved = (folder / "shared.weights").rename(folder / "elsewhere" / "w")
    with pytest.raises(PackageError, match=r"needs its weights, shared.weights, and there is no .*\n.*weights=PATH"):
        load(folder / "one.symc")
    assert load(folder / "one.symc", weights=moved).weights.size == 4 * SIZE
    open_package(folder / "one.symc")       # what it says can be read without


def test_other_weights_are_refused(folder, contents):
    data = bytearray((folder / "shared.weights").read_bytes())
    data[5000] ^= 1
    (folder / "shared.weights").write_bytes(data)
    with pytest.raises(PackageError, match="shared.weights is damaged: the checksum"):
        load(folder / "one.symc")
    with pytest.raises(SymcError, match="shared.weights holds other weights"):
        package.write(folder / "three.symc", contents)
    (folder / "shared.weights").write_bytes(data[:-64])
    with pytest.raises(PackageError, match="checksum of weights"):
        check_everything(open_package(folder / "two.symc"))
    assert not (folder / "three.symc").exists()


@pytest.mark.parametrize("name", ["a/b", "..", "", "three.symc"])
def test_names_that_are_refused(tmp_path, contents, name):
    with pytest.raises(SymcError, match="cannot be named"):
        package.write(tmp_path / "three.symc", replace(contents, weights_file=name))
    assert not list(tmp_path.iterdir())


PROCESS = """
import re, sys
from symc.runtime import load
module = load(sys.argv[1])
module.weights.sum()
again = load(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
parts = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", open("/proc/self/smaps").read())
own = [part for part in parts if sys.argv[2] in part.partition("\\n")[0]]
print(sum(int(re.search(r"Rss: +(\\d+)", part)[1]) for part in own),
      sum(int(re.search(r"Pss: +(\\d+)", part)[1]) for part in own), flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("is_apart", [True, False], ids=["file", "member"])
def test_two_processes_have_the_weights_in_memory_once(folder, contents, is_apart):
    """By what the kernel says: each process has all pages mapped, and half of them is its share."""
    if not is_apart:
        package.write(folder / "one.symc", replace(contents, weights_file=None))
    name = "shared.weights" if is_apart else "one.symc"
    command = [sys.executable, "-c", PROCESS, str(folder / "one.symc"), name]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
        for process in both:
            process.stdin.write("\n")
            process.stdin.flush()
            resident, share = map(int, process.stdout.readline().split())
            assert 4 * SIZE <= 1024 * resident < 4 * SIZE + 300_000 and share < 0.55 * resident
    finally:
        for process in both:
            process.communicate("\n", timeout=30)
