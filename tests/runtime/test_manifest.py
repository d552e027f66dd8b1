"""Every single bit of a manifest: flipped it is refused, or what the package computes stays the same."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from symc.errors import PackageError
from symc.runtime.archive import MANIFEST, read_archive, write_archive
from symc.runtime.machine import this_machine
from symc.runtime.manifest import MOST_BYTES, read_manifest
from symc.runtime.module import CompiledModule
from symc.runtime.package import open_package


@pytest.fixture(scope="module")
def members(package_path):
    return {name: bytes(data) for name, (_, data) in
            read_archive("it", memoryview(package_path.read_bytes())).items()}


def flipped(data):
    """The bytes with each of their bits flipped."""
    changed = bytearray(data)
    for place in range(len(data)):
        for bit in range(8):
            changed[place] ^= 1 << bit
            yield bytes(changed)
            changed[place] ^= 1 << bit


def test_the_checksum_sees_every_bit(members):
    right = zlib.crc32(members[MANIFEST])
    assert all(zlib.crc32(changed) != right for changed in flipped(members[MANIFEST]))


def test_bits_that_the_checksum_does_not_see(members, tmp_path):
    """With the checksum made right: what the rules let pass is loaded and run."""
    path, data = tmp_path / "changed.symc", np.linspace(-1, 1, 1000, dtype=np.float32)
    passed, ran = 0, 0
    for changed in flipped(members[MANIFEST]):
        try:
            read_manifest("it", memoryview(changed))
        except PackageError:
            continue
        passed += 1
        with path.open("wb") as file:
            write_archive(file, [(name, [content], zlib.crc32(content))
                                 for name, content in {**members, MANIFEST: changed}.items()])
        try:
            package = open_package(path)
            library = package.library(package.target_for(this_machine()))
            module = CompiledModule(package.plan, library, package.weights(library))
        except PackageError:
            continue
        ran += 1
        if ran % 8 == 0:
            found = module.forward(data=data)[0].asnumpy()
            np.testing.assert_allclose(found, 2 * data + np.arange(1000), rtol=1e-6)
        assert set(package.targets[0].features) <= this_machine().features
    assert passed < len(members[MANIFEST]) * 4 and ran > 0


@pytest.mark.parametrize("change", [
    {"plans": []}, {"plans": None}, {"format": True}, {"format": 1.0}, {"targets": []}, {"symbols": [{"name": "N"}]},
    {"symbols": [{"name": "N", "input": "data", "axis": 1}]}, {"symbols": [{"name": "N", "input": "it", "axis": 0}]},
    {"inputs": [{"name": "data", "dtype": "float32", "shape": ["N"]}]}, {"memory": {"arena_bytes": 4032}},
    {"inputs": [{"name": "data", "dtype": "float3", "shape": [1000]}]}, {"source": "a" * 63},
    {"inputs": [{"name": "data", "dtype": "float32", "shape": [2**63]}]}, {"entries": ["forward"]},
    {"inputs": [{"name": "data", "dtype": "float32", "shape": [-1]}]}, {"weights": {"file": "../w"}},
    {"weights": {"file": "w", "bytes": 0, "crc32": 2**32, "sha256": "0" * 64}}, {"versions": {"symc": 1}},
    {"verification": []}, {"options": [1]}, {"heads": [{"node": "a", "output": -1}]},
    {"options": {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}])
def test_values_out_of_range(members, change):
    manifest = json.loads(members[MANIFEST]) | change
    with pytest.raises(PackageError, match="damaged"):
        read_manifest("it", memoryview(json.dumps(manifest).encode()))


@pytest.mark.parametrize("data", [b'{"format": 1, "format": 1}', b'{"format": NaN}', b'{"format": 1e999}', b"1",
                                  b'{"a": ' * 5000 + b"1" + b"}" * 5000, b'{"format": ' + b"9" * 5000 + b"}",
                                  b" " * (MOST_BYTES + 1)])
def test_texts_that_are_no_manifest(data):
    with pytest.raises(PackageError, match="damaged"):
        read_manifest("it", memoryview(data))


def test_symbols_and_fields_of_later_versions(members):
    manifest = json.loads(members[MANIFEST]) | {"new": 1}
    manifest["symbols"] = [{"name": "N", "input": "data", "axis": 0, "sizes": [1, 8]}]
    manifest["inputs"][0]["shape"] = ["N"]
    assert read_manifest("it", memoryview(json.dumps(manifest).encode())) == manifest
