"""Digests are hashlib's, whichever code takes them."""

import hashlib
import sys

import pytest

from symc.runtime.sha256 import LARGE, sha256


@pytest.mark.parametrize("is_loaded", [True, False])
@pytest.mark.parametrize("size", [0, 1, 1000, LARGE - 1, LARGE])
def test_digests_are_those_of_hashlib(size, is_loaded, monkeypatch):
    data = bytes(range(256)) * (size // 256 + 1)
    if not is_loaded:
        monkeypatch.delitem(sys.modules, "hashlib")
    assert sha256(data[:size]) == sha256(memoryview(data)[:size]) == hashlib.sha256(data[:size]).hexdigest()
