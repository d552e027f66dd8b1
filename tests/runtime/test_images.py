"""Members with code for GPUs: what is packed comes back, what is damaged is refused."""

from __future__ import annotations

import json
import struct

import pytest

from symc.errors import PackageError
from symc.runtime.images import ALIGNMENT, Image, ImageKernel, pack_images, unpack_images

IMAGES = [Image((ImageKernel("k_0", 32, 0, 1024), ImageKernel("k_1", 8, 4, 0)), b"\x7fELF" + bytes(100)),
          Image((ImageKernel("ptx"),), b".entry ptx\0")]


def test_images_come_back():
    data = pack_images(IMAGES)
    assert unpack_images("x.symc", data) == IMAGES == unpack_images("x.symc", memoryview(data))
    assert all(data.index(image.code) % ALIGNMENT == 0 for image in IMAGES)
    assert unpack_images("x.symc", pack_images([])) == []


def with_index(index):
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text)) + text + bytes(256)


@pytest.mark.parametrize("data", [
    b"", b"1234567", struct.pack("<Q", 2**63) + b"[]", struct.pack("<Q", 3) + b"[[]", with_index({}), with_index([1]),
    with_index([{"at": 0, "bytes": 10**6, "kernels": []}]), with_index([{"at": 1, "bytes": 1, "kernels": []}]),
    with_index([{"at": 0, "bytes": 65, "kernels": []}, {"at": 64, "bytes": 1, "kernels": []}]),
    with_index([{"at": 0, "bytes": 64, "kernels": []}] * 2),
    with_index([{"at": -64, "bytes": 1, "kernels": []}]), with_index([{"at": 0, "bytes": True, "kernels": []}]),
    with_index([{"at": 0, "bytes": 1, "kernels": [{"name": 1}]}]), with_index([{"at": 0, "bytes": 1}]),
    with_index([{"at": 0, "bytes": 1, "kernels": [{"name": "k", "registers": "many"}]}]),
    struct.pack("<Q", 10**5) + b"[" * 10**5])
def test_damage_is_refused(data):
    with pytest.raises(PackageError, match="x.symc is damaged: its images for GPUs have no sound index"):
        unpack_images("x.symc", data)
