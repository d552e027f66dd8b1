"""Digests are hashlib's, whichever code takes them."""

import hashlib

import pytest

from symc.runtime.sha256 import LARGE, sha256


@pytest.mark.parametrize("size", [0, 1, 1000, LARGE - 1, LARGE])
def test_digests_are_those_of_hashlib(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert sha256(data[:size]) == sha256(memoryview(data)[:size]) == hashlib.sha256(data[:size]).hexdigest()
