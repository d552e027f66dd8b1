"""The package writer: aligned, stored, deterministic, complete."""

import hashlib
import json
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest

from symc.codegen import link, package
from symc.codegen.build import host_crc32
from symc.codegen.checksums import LARGE, LONG, Checked


@pytest.fixture(scope="module")
def pieces(native, tmp_path_factory):
    plan = native.affine()
    library = tmp_path_factory.mktemp("library") / "lib.so"
    link.link_shared(native.objects(plan), library)
    return package.Contents([plan], '{"nodes": [], "heads": []}', Checked([native.affine_weights(plan).data]),
                            {"x86-64": library.read_bytes()}, graphs=["%data"], versions={"symc": "0.1.0"})


def test_members_are_stored_and_aligned(pieces, tmp_path):
    path = tmp_path / "model.symc"
    package.write(path, pieces)
    image = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "plan.json", "network.json", "graph.txt", "lib-x86-64.so",
                                      "weights.bin"]
        for item in archive.infolist():
            assert item.compress_type == zipfile.ZIP_STORED
            start = image.index(archive.read(item)) if item.file_size > 8 else None
            if start is not None and item.filename != "weights.bin":
                assert start % 64 == 0
        assert image.index(bytes(pieces.weights.pieces[0])) % 4096 == 0


def test_equal_contents_give_equal_bytes(pieces, tmp_path):
    for name in ("one", "two"):
        package.write(tmp_path / name, pieces)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["one", "two"]


def test_weights_that_come_to_lie_elsewhere_are_written_again(pieces, tmp_path, monkeypatch):
    """As when the manifest ends in front of another page than with the longest checksums."""
    package.write(tmp_path / "model.symc", pieces)
    monkeypatch.setattr(package, "LONGEST_SUMS", {"crc32": 0, "sha256": 9999 * "0"})
    package.write(tmp_path / "moved.symc", pieces)
    assert (tmp_path / "moved.symc").read_bytes() == (tmp_path / "model.symc").read_bytes()


def test_large_members_have_the_same_checksums():
    """Which threads take."""
    pieces = [bytes(LARGE), b"", b"end"]
    whole = b"".join(pieces)
    assert Checked(pieces).sums == {"bytes": LARGE + 3, "crc32": zlib.crc32(whole),
                                    "sha256": hashlib.sha256(whole).hexdigest()}


def test_checksums_of_long_pieces_are_joined():
    """Those of zlib, and of code for this machine."""
    draws = np.random.default_rng(0)
    pieces = [draws.bytes(size) for size in (LONG, LONG + 1, 3 * LONG + 7, 0, 5, LARGE)]
    for function in (zlib.crc32, host_crc32()):
        member = Checked(pieces)
        member.take_crc32(function)
        assert member.sums["crc32"] == zlib.crc32(b"".join(pieces))


def test_checksums_are_those_of_the_members(pieces, tmp_path):
    package.write(tmp_path / "model.symc", pieces)
    with zipfile.ZipFile(tmp_path / "model.symc") as archive:
        for name, sums in json.loads(archive.read("manifest.json"))["members"].items():
            data = archive.read(name)
            assert sums == {"bytes": len(data), "crc32": zlib.crc32(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_manifest_says_what_it_is(pieces, tmp_path):
    package.write(tmp_path / "model.symc", pieces)
    with zipfile.ZipFile(tmp_path / "model.symc") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["inputs"] == [{"name": "data", "shape": [1000], "dtype": "float32"}]
    assert manifest["outputs"][0]["name"] == "result" and manifest["entries"] == ["infer"]
    plan, = manifest["plans"]
    assert plan["member"] == "plan.json" and plan["run"] == "symc_run" and plan["inputs"] == manifest["inputs"]
    assert manifest["targets"] == [{"level": "x86-64", "features": [], "library": "lib-x86-64.so", "pointer_bits": 64,
                                    "architecture": "x86_64", "system": "linux"}]
    assert manifest["memory"] == {"arena_bytes": 4032, "weights_bytes": 4032} and manifest["weights"] == {
        "member": "weights.bin"}
    assert manifest["versions"] == {"symc": "0.1.0"} and manifest["symbols"] == []
    assert set(manifest["members"]) == {"plan.json", "network.json", "graph.txt", "lib-x86-64.so", "weights.bin"}


def test_best_level_comes_first(pieces, tmp_path):
    image = pieces.libraries["x86-64"]
    package.write(tmp_path / "m", replace(pieces, libraries=dict.fromkeys(("x86-64-v3", "x86-64", "x86-64-v4"), image)))
    with zipfile.ZipFile(tmp_path / "m") as archive:
        targets = json.loads(archive.read("manifest.json"))["targets"]
    assert [target["level"] for target in targets] == ["x86-64-v4", "x86-64-v3", "x86-64"]
    assert [target["features"] for target in targets] == [[], [], []]       # of code for any x86-64


def test_a_failed_write_leaves_nothing(pieces, tmp_path, monkeypatch):
    monkeypatch.setattr(package, "write_archive", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        package.write(tmp_path / "model.symc", pieces)
    assert not list(tmp_path.iterdir())


def test_weights_must_fit_the_plan(pieces, tmp_path):
    with pytest.raises(AssertionError):
        package.write(tmp_path / "m", replace(pieces, weights=Checked([np.zeros(4, np.uint8).data])))
