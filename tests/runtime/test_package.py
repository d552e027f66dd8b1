"""A package is checked before its code is mapped: whatever is wrong with the file, one PackageError says it."""

import hashlib
import json
import os
import random
import re
import zipfile
import zlib
from itertools import product

import pytest

from symc.errors import PackageError
from symc.runtime.archive import Entry, directory, is_member_name, local_header, read_archive, write_archive
from symc.runtime.machine import this_machine
from symc.runtime.module import load
from symc.runtime.package import check_everything, open_package

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
    assert package.weights().nbytes == package.plan.weights_bytes
    with pytest.raises(PackageError, match="no member profile.txt"):
        package.text("profile.txt")


@pytest.mark.parametrize("name", MEMBERS)
def test_a_flipped_bit_in_any_member_is_found(tmp_path, image, package_path, name):
    with zipfile.ZipFile(package_path) as archive:
        item = archive.getinfo(name)
        start = image.index(archive.read(name))
    choose = random.Random(name)
    for _ in range(25):
        place = start + choose.randrange(item.file_size)
        changed = bytearray(image)
        changed[place] ^= 1 << choose.randrange(8)
        with pytest.raises(PackageError, match=r"damaged: .*(checksum|zip)"):
            assert opened(tmp_path, changed).weights().size


def test_a_cut_file_is_found(tmp_path, image):
    choose = random.Random(0)
    for length in (0, 1, 22, 100, len(image) - 1, *(choose.randrange(len(image)) for _ in range(40))):
        with pytest.raises(PackageError):
            opened(tmp_path, image[:length])


def test_nothing_but_data_is_free(tmp_path, image, package_path):
    """Every bit of headers, padding and directory is checked."""
    free = set()
    with zipfile.ZipFile(package_path) as archive:
        for item in archive.infolist():
            start = image.index(archive.read(item))
            free |= set(range(start, start + item.file_size))
    mapped = bytearray(image)
    for place in set(range(len(image))) - free:
        for bit in range(8):
            mapped[place] ^= 1 << bit
            with pytest.raises(PackageError):
                read_archive("it", memoryview(mapped))
            mapped[place] ^= 1 << bit
    assert len(read_archive("it", memoryview(mapped))) == len(MEMBERS)


def test_names_of_members():
    rule = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
    names = ["".join(letters) for count in range(4) for letters in product("aZ9_.-/ $é²\n", repeat=count)]
    for name in (*names, 255 * "a", 256 * "a"):
        assert is_member_name(name) == (rule.fullmatch(name) is not None)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sums(data):
    return {"bytes": len(data), "crc32": zlib.crc32(data), "sha256": hashlib.sha256(data).hexdigest()}


def written(tmp_path, members):
    """A package of these members, as they are."""
    path = tmp_path / "repacked.symc"
    with path.open("wb") as file:
        write_archive(file, [(name, [data], zlib.crc32(data)) for name, data in members.items()])
    return path


def repacked(package_path, tmp_path, changes):
    """The package with some members replaced (None: left out)."""
    members = {**contents(package_path), **changes}
    return written(tmp_path, {name: data for name, data in members.items() if data is not None})


def resealed(package_path, tmp_path, changes):
    """The same, with the checksums of the manifest made right."""
    manifest = json.loads(contents(package_path)["manifest.json"])
    manifest["members"] |= {name: sums(data) for name, data in changes.items()}
    return repacked(package_path, tmp_path, {**changes, "manifest.json": json.dumps(manifest).encode()})


def manifest_with(package_path, **changes):
    return json.dumps(json.loads(contents(package_path)["manifest.json"]) | changes).encode()


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "manifest.json"])
def test_a_missing_member(package_path, tmp_path, name):
    with pytest.raises(PackageError, match=f"member {name} is missing"):
        open_package(repacked(package_path, tmp_path, {name: None}))


def test_members_that_do_not_belong(package_path, tmp_path):
    for name, message in (("more.txt", "not in the manifest"), ("../evil", "has the name"), ("a/b", "has the name")):
        with pytest.raises(PackageError, match=message):
            open_package(repacked(package_path, tmp_path, {name: b"x"}))


def test_archives_of_other_programs(package_path, tmp_path):
    members, path = contents(package_path), tmp_path / "other.symc"
    for method, message in ((zipfile.ZIP_DEFLATED, "not stored plainly"), (zipfile.ZIP_STORED, "is not where, or not")):
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with pytest.raises(PackageError, match=message):
            open_package(path)


def test_members_of_the_same_name(tmp_path, package_path):
    members = [*contents(package_path).items(), ("graph.txt", b"again")]
    with (tmp_path / "twice").open("wb") as file:
        write_archive(file, [(name, [data], zlib.crc32(data)) for name, data in members])
    with pytest.raises(PackageError, match="two members"):
        open_package(tmp_path / "twice")


@pytest.mark.parametrize("manifest, message", [
    (b"[]", "is not a record"), (b"{", "is not JSON"), (b"\xff", "is not JSON"), (b"[" * 10**5, "is not JSON"),
    (b'{"format": 3}', "has format 3, this symc reads formats 1 and 2"), (b'{"format": 1}', "lacks a sound 'inputs'")])
def test_manifests_of_another_form(package_path, tmp_path, manifest, message):
    with pytest.raises(PackageError, match=message):
        open_package(repacked(package_path, tmp_path, {"manifest.json": manifest}))


def test_records_of_another_form(package_path, tmp_path):
    for changes, message in (({"targets": [{"level": 1}]}, r"lacks a sound 'targets\[0\].level'"),
                             ({"members": {"plan.json": 3}}, "lacks a sound 'members.plan.json'"),
                             ({"weights": {"member": "network.json"}}, "lacks a sound 'weights.member'")):
        with pytest.raises(PackageError, match=message):
            open_package(repacked(package_path, tmp_path, {"manifest.json": manifest_with(package_path, **changes)}))


def test_a_plan_that_is_not_sound(package_path, tmp_path):
    plan = json.loads(contents(package_path)["plan.json"])
    plan["steps"][0]["buffers"] = [77, 78]
    with pytest.raises(PackageError, match="buffers that do not exist: 77, 78"):
        open_package(resealed(package_path, tmp_path, {"plan.json": json.dumps(plan).encode()}))


def test_a_second_plan_with_more_weights_than_there_are(package_path, tmp_path):
    """Its pointers would lead out of the block."""
    members = contents(package_path)
    plan = json.loads(members["plan.json"])
    plan["weights_bytes"] += 4096
    manifest = json.loads(members["manifest.json"])
    first, = manifest["plans"]
    more = first | {"member": "plan-1.json", "run": "symc_run_1", "weights_bytes": plan["weights_bytes"]}
    manifest |= {"plans": [first, more], "memory": manifest["memory"] | {"weights_bytes": plan["weights_bytes"]}}
    data = json.dumps(plan).encode()
    manifest["members"] |= {"plan-1.json": sums(data)}
    with pytest.raises(PackageError, match="weights.bin has .* bytes, the plans"):
        open_package(repacked(package_path, tmp_path,
                              {"plan-1.json": data, "manifest.json": json.dumps(manifest).encode()}))


def test_sizes_beyond_what_a_directory_can_say():
    """A member of 2^64 - 100 bytes whose directory would lie behind it."""
    entry = Entry("manifest.json", 2**64 - 200, 0, 0)
    image = bytearray(local_header(entry) + directory([entry], 2**63))
    place = image.rindex((2**63).to_bytes(8, "little"))
    image[place:place + 8] = (entry.data + entry.size).to_bytes(8, "little")
    with pytest.raises(PackageError, match="damaged"):
        read_archive("it", memoryview(image))


def test_a_manifest_that_contradicts_its_plan(package_path, tmp_path):
    manifest = json.loads(contents(package_path)["manifest.json"])
    for change in ({"arena_bytes": 64}, {"inputs": [{"name": "date", "dtype": "float32", "shape": [1000]}]}):
        plans = [manifest["plans"][0] | change]
        with pytest.raises(PackageError, match="damaged: .*plan.* manifest.json|damaged: 'memory'"):
            open_package(repacked(package_path, tmp_path,
                                  {"manifest.json": manifest_with(package_path, plans=plans)}))


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
        package.target_for(here._replace(architecture="aarch64"))
    with pytest.raises(PackageError, match="no library for the level asked for; it has x86-64"):
        package.target_for(here, "x86-64-v4")
    own, = json.loads(contents(package_path)["manifest.json"])["targets"]
    targets = [own | {"level": "new", "features": ["avx1024", "avx2048"]}]
    future = open_package(repacked(package_path, tmp_path,
                                   {"manifest.json": manifest_with(package_path, targets=targets)}))
    with pytest.raises(PackageError, match="needs a CPU of level new; this one lacks avx1024, avx2048\n  rebuild"):
        future.target_for(this_machine())


@pytest.mark.parametrize("permitted", [True, False])
def test_tiles_that_the_system_refuses(package_path, tmp_path, monkeypatch, permitted):
    """The next library is taken; where there is none, the reason is said."""
    asked, here = [], this_machine()._replace(features=frozenset({"amx_tile"}))
    monkeypatch.setattr("symc.runtime.package.permits", lambda features: "amx_tile" not in features or (
        asked.append(features) or permitted))
    own, = json.loads(contents(package_path)["manifest.json"])["targets"]
    best = own | {"level": "tiles", "features": ["amx_tile"]}
    for targets, level in (([best, own | {"features": []}], "tiles" if permitted else own["level"]),
                           ([best], "tiles" if permitted else None)):
        package = open_package(repacked(package_path, tmp_path,
                                        {"manifest.json": manifest_with(package_path, targets=targets)}))
        if level is not None:
            assert package.target_for(here).level == level
        else:
            with pytest.raises(PackageError, match="needs the tiles of AMX for level tiles, which the system"):
                package.target_for(here)
    assert asked == [("amx_tile",)] * 2


def test_a_library_the_system_refuses(package_path, tmp_path):
    path = resealed(package_path, tmp_path, {"lib-x86-64.so": b"\x7fELF" + bytes(1000)})
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(PackageError, match="the system cannot load its library"):
        load(path)
    assert set(os.listdir("/proc/self/fd")) <= before


def test_everything_is_checked(package_path, tmp_path):
    check_everything(open_package(package_path))
    manifest = json.loads(contents(package_path)["manifest.json"])
    manifest["members"]["weights.bin"]["sha256"] = "0" * 64
    for changes, message in (({"heads": [{"node": "fc", "output": 0}]}, "network.json is not what"),
                             ({"source": "0" * 64}, "network.json is not what"),
                             ({"members": manifest["members"]}, "checksum of weights.bin")):
        package = open_package(repacked(package_path, tmp_path,
                                        {"manifest.json": manifest_with(package_path, **changes)}))
        with pytest.raises(PackageError, match=message):
            check_everything(package)
