"""Packages are signed and checked by whole files; a wrong signature stops a package before anything is mapped."""

import json
import shutil
import subprocess
import sys
import zlib

import numpy as np
import pytest

from symc.codegen import link, package
from symc.codegen.checksums import Checked
from symc.errors import PackageError, SymcError
from symc.runtime import load
from symc.runtime.package import open_package
from symc.runtime.signature import message, sign

serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization", reason="symc[sign] is missing")
ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
PEM, PUBLIC = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


def keys(folder, name):
    """A new pair of keys: the files of the private and the public one."""
    key = ed25519.Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(PEM, PUBLIC))
    return private, public


@pytest.fixture
def signed(tmp_path, package_path):
    """A signed package and the public key."""
    path = shutil.copy(package_path, tmp_path / "net.symc")
    private, public = keys(tmp_path, "own")
    assert sign(path, private) == f"{path}.sig"
    return path, public


def test_a_signed_package_runs(signed):
    path, public = signed
    x = np.ones(1000, np.float32)
    np.testing.assert_array_equal(load(path, trust=public).forward(data=x)[0].asnumpy(),
                                  load(path).forward(data=x)[0].asnumpy())


def test_another_key_and_no_signature(signed, tmp_path):
    path, public = signed
    with pytest.raises(PackageError, match="is signed with another key than .*other.pub"):
        open_package(path, trust=keys(tmp_path, "other")[1])
    (tmp_path / "net.symc.sig").unlink()
    with pytest.raises(PackageError, match="has no signature: there is no .*net.symc.sig"):
        open_package(path, trust=public)


def test_a_changed_package(signed, monkeypatch):
    """One bit of the weights, whose checksum loading would find later, and a valid package in its place."""
    path, public = signed
    image = bytearray(path.read_bytes())
    place = image.index(open_package(path).members["weights.bin"])
    image[place] ^= 1
    path.write_bytes(image)
    monkeypatch.setattr("symc.runtime.package.read_manifest", lambda *_: pytest.fail("it was read before"))
    with pytest.raises(PackageError, match="is not what .*net.symc.sig signs: it was changed"):
        open_package(path, trust=public)


def test_a_forged_signature(signed, tmp_path):
    path, public = signed
    record = json.loads((tmp_path / "net.symc.sig").read_text())
    forged = record | {"signature": ("0" if record["signature"][0] != "0" else "1") + record["signature"][1:]}
    for other, problem in ((json.dumps(forged), "forged or damaged"), ("[]", "no signature of format 1"),
                           (json.dumps(record | {"format": 2}), "no signature"), ("x" * 9999, "no signature"),
                           (json.dumps(record | {"signature": "00"}), "no signature"), ("", "no signature")):
        (tmp_path / "net.symc.sig").write_text(other)
        with pytest.raises(PackageError, match=problem):
            open_package(path, trust=public)


def test_what_is_hashed_is_what_is_used(signed):
    """Who writes into the file after it was opened reaches neither manifest, nor plan, nor code."""
    path, public = signed
    opened = open_package(path, trust=public)
    before = {name: bytes(data) for name, data in opened.members.items() if name != "weights.bin"}
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert {name: bytes(data) for name, data in opened.members.items() if name != "weights.bin"} == before


def test_weights_in_a_file_of_their_own(native, tmp_path):
    """Changed so that their CRC-32 stays: by a multiple of its polynomial."""
    plan, library = native.affine(1024), tmp_path / "lib.so"
    link.link_shared(native.objects(plan), library)
    package.write(tmp_path / "net.symc", package.Contents(
        [plan], '{"nodes": [], "heads": []}', Checked([native.affine_weights(plan).data]),
        {"x86-64": library.read_bytes()}, weights_file="shared.weights"))
    private, public = keys(tmp_path, "own")
    sign(tmp_path / "net.symc", private)
    assert load(tmp_path / "net.symc", trust=public).weights.size == 4096
    weights = (tmp_path / "shared.weights").read_bytes()
    changed = (int.from_bytes(weights, "little") ^ 0x1DB710641).to_bytes(len(weights), "little")
    assert zlib.crc32(changed) == zlib.crc32(weights) and changed != weights
    (tmp_path / "shared.weights").write_bytes(changed)
    assert load(tmp_path / "net.symc").weights.size == 4096
    with pytest.raises(PackageError, match="not the file of weights that the signed package names"):
        load(tmp_path / "net.symc", trust=public)


def test_keys_that_are_none(signed, tmp_path):
    path, public = signed
    with pytest.raises(SymcError, match="holds no private key"):
        sign(path, public)
    with pytest.raises(SymcError, match="cannot read the key .*No such file"):
        open_package(path, trust=tmp_path / "none.pem")
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    (tmp_path / "ec.pub").write_bytes(rsa.generate_private_key(rsa.SECP256R1()).public_key().public_bytes(PEM, PUBLIC))
    with pytest.raises(SymcError, match="a key of another kind than ed25519"):
        open_package(path, trust=tmp_path / "ec.pub")


def test_without_the_optional_package(signed, monkeypatch):
    path, public = signed
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)
    with pytest.raises(SymcError, match="signatures need the package cryptography\n  pip install 'symc\\[sign\\]'"):
        open_package(path, trust=public)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_makes_the_keys_and_checks_the_signature(tmp_path, package_path):
    path = shutil.copy(package_path, tmp_path / "net.symc")
    private, public = tmp_path / "key.pem", tmp_path / "pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    sign(path, private)
    assert open_package(path, trust=public).is_signed
    record = json.loads((tmp_path / "net.symc.sig").read_text())
    (tmp_path / "message").write_bytes(message(record["sha256"]))
    (tmp_path / "raw").write_bytes(bytes.fromhex(record["signature"]))
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", tmp_path / "message",
                    "-sigfile", tmp_path / "raw"], check=True, capture_output=True)
