"""A package is checked before its code is mapped: whatever is wrong with the file, one PackageError says it."""

import json
import os
import random
import zipfile
import zlib
from dataclasses import replace

import pytest

from symc.errors import PackageError
from symc.runtime.machine import this_machine
from symc.runtime.package import load_target, open_package

MEMBERS = ("manifest.json", "plan.json", "network.json", "graph.txt", "lib-x86-64.so", "weights.bin")


@pytest.fixture(scope="module")
def image(package_path):
    return package_path.read_bytes()


def opened(tmp_path, image):
    path = tmp_path / "changed.symc"
    path.write_bytes(image)
    return open_package(path)


def test_a_sound_package(package_path):
    package = open_package(package_path)
    assert package.plan.kernels[0].name == "scale" and package.text("graph.txt") == "heads %result"
    assert package.weights.nbytes == package.plan.weights_bytes
    with pytest.raises(PackageError, match="no member profile.txt"):
        package.text("profile.txt")


@pytest.mark.parametrize("name", MEMBERS)
def test_a_flipped_bit_in_any_member_is_found(tmp_path, image, package_path, name):
    with zipfile.ZipFile(package_path) as archive:
        item = archive.getinfo(name)
        start = image.index(archive.read(name)) if name != "network.json" else image.index(b'{"nodes": []}')
    choose = random.Random(name)
    for _ in range(25):
        place = start + choose.randrange(item.file_size)
        changed = bytearray(image)
        changed[place] ^= 1 << choose.randrange(8)
        with pytest.raises(PackageError, match=r"damaged: .*(checksum|zip)"):
            opened(tmp_path, changed)


def test_a_cut_file_is_found(tmp_path, image):
    choose = random.Random(0)
    for length in (0, 1, 22, 100, len(image) - 1, *(choose.randrange(len(image)) for _ in range(40))):
        with pytest.raises(PackageError):
            opened(tmp_path, image[:length])


def test_damage_between_members_is_found_or_harmless(tmp_path, image):
    """Headers and directory: flips there give a PackageError, or a package with the same contents."""
    choose = random.Random(1)
    expected = open_package_members(tmp_path, image)
    directory = image.rindex(b"PK\1\2" + image[image.index(b"PK\1\2") + 4:][:2])
    harmless = 0
    for _ in range(600):
        place = choose.choice((choose.randrange(200), choose.randrange(directory - 400, len(image))))
        changed = bytearray(image)
        changed[place] ^= 1 << choose.randrange(8)
        try:
            assert open_package_members(tmp_path, changed) == expected
            harmless += 1
        except PackageError:
            continue
    assert harmless < 500


def open_package_members(tmp_path, image):
    return {name: bytes(data) for name, data in opened(tmp_path, image).members.items()}


def repacked(package_path, tmp_path, changes, **options):
    """The package with some members replaced (None: left out), and the manifest's checksums made right again."""
    with zipfile.ZipFile(package_path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = {name: data for name, data in {**members, **changes}.items() if data is not None}
    path = tmp_path / "repacked.symc"
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def manifest_with(package_path, **changes):
    with zipfile.ZipFile(package_path) as archive:
        return json.dumps(json.loads(archive.read("manifest.json")) | changes).encode()


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "manifest.json"])
def test_a_missing_member(package_path, tmp_path, name):
    with pytest.raises(PackageError, match=f"member {name} is missing"):
        open_package(repacked(package_path, tmp_path, {name: None}))


def test_members_that_do_not_belong(package_path, tmp_path):
    for name, message in (("more.txt", "not in the manifest"), ("../evil", "has the name"), ("a/b", "has the name")):
        with pytest.raises(PackageError, match=message):
            open_package(repacked(package_path, tmp_path, {name: b"x"}))


def test_compressed_members(package_path, tmp_path):
    with pytest.raises(PackageError, match="not stored plainly"):
        open_package(repacked(package_path, tmp_path, {}, compression=zipfile.ZIP_DEFLATED))


def test_members_of_the_same_name(package_path, tmp_path):
    path = repacked(package_path, tmp_path, {})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("graph.txt", "again")
    with pytest.raises(PackageError, match="two members"):
        open_package(path)


@pytest.mark.parametrize("manifest, message", [
    (b"[]", "lacks a sound 'format'"), (b"{", "is not JSON"), (b"\xff", "is not JSON"), (b"[" * 10**5, "is not JSON"),
    (b'{"format": 2}', "has format 2, this symc reads format 1"), (b'{"format": 1}', "lacks a sound 'architecture'")])
def test_manifests_of_another_form(package_path, tmp_path, manifest, message):
    with pytest.raises(PackageError, match=message):
        open_package(repacked(package_path, tmp_path, {"manifest.json": manifest}))


def test_records_of_another_form(package_path, tmp_path):
    for changes, message in (({"targets": [{"level": 1}]}, "a target of manifest.json lacks a sound 'level'"),
                             ({"members": {"plan.json": 3}}, "plan.json in manifest.json lacks a sound 'bytes'")):
        with pytest.raises(PackageError, match=message):
            open_package(repacked(package_path, tmp_path, {"manifest.json": manifest_with(package_path, **changes)}))


def test_a_plan_that_is_not_sound(package_path, tmp_path):
    import hashlib
    with zipfile.ZipFile(package_path) as archive:
        manifest, plan = json.loads(archive.read("manifest.json")), json.loads(archive.read("plan.json"))
    plan["steps"][0]["buffers"] = [77, 78]
    data = json.dumps(plan).encode()
    manifest["members"]["plan.json"] = {"bytes": len(data), "crc32": zlib.crc32(data),
                                        "sha256": hashlib.sha256(data).hexdigest()}
    path = repacked(package_path, tmp_path, {"plan.json": data, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(PackageError, match="buffers that do not exist: 77, 78"):
        open_package(path)


def test_files_that_are_no_packages(tmp_path):
    with pytest.raises(PackageError, match="cannot read package .*: No such file"):
        open_package(tmp_path / "none.symc")
    with pytest.raises(PackageError, match="cannot read package .*: Is a directory"):
        open_package(tmp_path)
    (tmp_path / "text").write_text("hello, this is not a package")
    with pytest.raises(PackageError, match="not a zip archive"):
        open_package(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(PackageError, match="no manifest.json"):
        open_package(tmp_path / "zip")


def test_machines_that_cannot_run_it(package_path, tmp_path):
    here = this_machine()
    package = open_package(package_path)
    assert package.target_for(here).level == "x86-64"
    with pytest.raises(PackageError, match=r"built for linux on x86_64 \(64 bit\), this machine is linux on aarch64"):
        package.target_for(replace(here, architecture="aarch64"))
    with pytest.raises(PackageError, match="no library for the level asked for; it has x86-64"):
        package.target_for(here, "x86-64-v4")
    targets = [{"level": "new", "features": ["avx1024", "avx2048"], "library": "lib-x86-64.so"}]
    future = open_package(repacked(package_path, tmp_path,
                                   {"manifest.json": manifest_with(package_path, targets=targets)}))
    with pytest.raises(PackageError, match="needs a CPU of level new; this one lacks avx1024, avx2048\n  rebuild"):
        load_target(future)


def test_a_library_the_system_refuses(package_path, tmp_path):
    import hashlib
    data = b"\x7fELF" + bytes(1000)
    with zipfile.ZipFile(package_path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["members"]["lib-x86-64.so"] = {"bytes": len(data), "crc32": zlib.crc32(data),
                                            "sha256": hashlib.sha256(data).hexdigest()}
    path = repacked(package_path, tmp_path, {"lib-x86-64.so": data, "manifest.json": json.dumps(manifest).encode()})
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(PackageError, match="the system cannot load its library"):
        load_target(open_package(path))
    assert set(os.listdir("/proc/self/fd")) <= before
