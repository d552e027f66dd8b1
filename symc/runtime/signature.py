"""Detached signatures of packages: PACKAGE.sig beside it, ed25519 by the package `cryptography` (symc[sign]).

docs/package-format.md says what is signed.  Keys are PEM files as `openssl genpkey -algorithm ed25519` writes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from typing import Any

from symc.errors import MissingPackageError, PackageError, SymcError
from symc.runtime.archive import map_file

FORMAT, ALGORITHM = 1, "ed25519"
SUFFIX = ".sig"
MOST_BYTES = 4096           # of a signature file


def sign(path: str | os.PathLike[str], key: str | os.PathLike[str]) -> str:
    """Sign a package with a private key; the file written, whole or not at all.

    SymcError: the key or the package cannot be read.  MissingPackageError: `cryptography` is not there.
    """
    title = os.fspath(path)
    private = private_key(key)
    digest = hashlib.sha256(map_file(title)).hexdigest()
    public = private.public_key().public_bytes_raw()
    record = {"format": FORMAT, "algorithm": ALGORITHM, "sha256": digest,
              "key": hashlib.sha256(public).hexdigest(), "signature": private.sign(message(digest)).hex()}
    temporary = f"{title}{SUFFIX}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    os.replace(temporary, title + SUFFIX)
    return title + SUFFIX


def private_key(path: str | os.PathLike[str]) -> Any:
    """The key in a PEM file, to sign with.  SymcError, MissingPackageError: as those of `sign`."""
    return _key(path, "private")


def message(digest: str) -> bytes:
    """The bytes that are signed, for the SHA-256 of a package in hexadecimal digits."""
    return f"symc package signature {FORMAT}\nsha256 {digest}\n".encode("ascii")


def check_signature(title: str, digest: str, trust: str | os.PathLike[str]) -> None:
    """PackageError: the package of this SHA-256 has no signature beside it, or none by the public key `trust`."""
    public = _key(trust, "public")
    record = _record(title)
    if record["sha256"] != digest:
        raise PackageError(f"package {title} is not what {title}{SUFFIX} signs: it was changed",
                           "get the package and its signature again from who made them")
    if record["key"] != hashlib.sha256(public.public_bytes_raw()).hexdigest():
        raise PackageError(f"package {title} is signed with another key than {os.fspath(trust)}",
                           "trust the key of who made it, or do not use it")
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(bytes.fromhex(record["signature"]), message(digest))
    except InvalidSignature as error:
        raise PackageError(f"the signature {title}{SUFFIX} is forged or damaged: it is not by the key "
                           f"{os.fspath(trust)}", "get it again from who made the package") from error


def _record(title: str) -> dict[str, Any]:
    """What the file of the signature says, checked for its form."""
    path = title + SUFFIX
    if not os.path.exists(path):
        raise PackageError(f"package {title} has no signature: there is no {path}",
                           "sign it with symc sign, or load it without --trust")
    data = bytes(map_file(path, "signature")[:MOST_BYTES + 1])
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        record = None
    if len(data) > MOST_BYTES or not isinstance(record, dict) or not _is_sound(record):
        raise PackageError(f"{path} is no signature of format {FORMAT}", "sign the package again with symc sign")
    return record


def _is_sound(record: dict[str, Any]) -> bool:
    digits = {"sha256": 64, "key": 64, "signature": 128}
    return (record.keys() == {"format", "algorithm", *digits} and record["algorithm"] == ALGORITHM
            and type(record["format"]) is int and record["format"] == FORMAT
            and all(isinstance(record[name], str) and re.fullmatch(f"[0-9a-f]{{{count}}}", record[name])
                    for name, count in digits.items()))


def _key(path: str | os.PathLike[str], kind: str) -> Any:
    """The private or public key in a PEM file."""
    ed25519, load = _cryptography(kind)
    title = os.fspath(path)
    try:
        with open(title, "rb") as file:
            key = load(file.read(MOST_BYTES))
    except OSError as error:
        raise SymcError(f"cannot read the key {title}: {error.strerror}") from error
    except (ValueError, TypeError) as error:        # TypeError: it has a password
        raise SymcError(f"{title} holds no {kind} key that is read without a password", _how_to_make(kind)) from error
    if not isinstance(key, ed25519):
        raise SymcError(f"{title} holds a key of another kind than {ALGORITHM}", _how_to_make(kind))
    return key


def _how_to_make(kind: str) -> str:
    return ("openssl genpkey -algorithm ed25519 -out KEY.pem" if kind == "private" else
            "openssl pkey -in KEY.pem -pubout -out PUB.pem")


def _cryptography(kind: str) -> tuple[type, Callable[[bytes], Any]]:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ImportError as error:
        raise MissingPackageError("signatures need the package cryptography", "pip install 'symc[sign]'") from error
    if kind == "private":
        return ed25519.Ed25519PrivateKey, lambda data: load_pem_private_key(data, None)
    return ed25519.Ed25519PublicKey, load_pem_public_key
