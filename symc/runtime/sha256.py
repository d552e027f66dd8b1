"""SHA-256.  OpenSSL's, which hashlib takes, is the fastest and takes 5 ms to load: longer than to hash a small package
with the code that Python brings along for builds without OpenSSL.  Compilers have loaded it."""

from __future__ import annotations

import sys

try:
    if sys.version_info >= (3, 12):
        from _sha2 import sha256 as _of_python
    else:
        from _sha256 import sha256 as _of_python  # type: ignore[import-not-found]
except ImportError:
    from hashlib import sha256 as _of_python

LARGE = 2**20       # bytes; from here on OpenSSL is sooner done, loading included


def sha256(data: bytes | memoryview) -> str:
    """The digest of bytes, in hexadecimal digits."""
    if len(data) < LARGE and "hashlib" not in sys.modules:
        return _of_python(data).hexdigest()
    import hashlib

    return hashlib.sha256(data).hexdigest()
