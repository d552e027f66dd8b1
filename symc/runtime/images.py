"""Code for GPUs as packages hold it: one member for each architecture, with an image for each group of kernels.

A member begins with the size of its index (8 bytes, little-endian) and the index, which is JSON; the images follow,
each at a multiple of ALIGNMENT.  docs/package-format.md describes it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from symc.errors import PackageError

ALIGNMENT = 64
MOST_IMAGES = 2**20


class ImageKernel(NamedTuple):
    """A kernel's name; registers of a thread, bytes of its spilled registers, bytes of static shared memory of a block.

    None: not known, as of PTX.
    """

    name: str
    registers: int | None = None
    spilled_bytes: int | None = None
    shared_bytes: int | None = None


class Image(NamedTuple):
    """What a driver loads at once: a cubin, or PTX, and the kernels in it."""

    kernels: tuple[ImageKernel, ...]
    code: bytes


def pack_images(images: Sequence[Image]) -> bytes:
    """The member that holds these images."""
    rows, at = [], 0
    for image in images:
        rows.append({"at": at, "bytes": len(image.code), "kernels": [_said(kernel) for kernel in image.kernels]})
        at = _aligned(at + len(image.code))
    index = json.dumps(rows, separators=(",", ":"), sort_keys=True).encode()
    data = bytearray(struct.pack("<Q", len(index)) + index)
    for image in images:
        data += bytes(_aligned(len(data)) - len(data)) + image.code
    return bytes(data)


def _said(kernel: ImageKernel) -> dict[str, Any]:
    return {key: value for key, value in kernel._asdict().items() if value is not None}


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT


def unpack_images(title: str, data: bytes | memoryview) -> list[Image]:
    """The images of a member; title: of the file, for errors.  PackageError: it is damaged."""
    view = memoryview(data)
    try:
        size, = struct.unpack_from("<Q", view)
        if size > len(view):
            raise ValueError(f"it has {size} bytes")
        start = _aligned(8 + size)
        return [_image(row, view, start) for row in _apart(_rows(json.loads(bytes(view[8:8 + size]))))]
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise PackageError(f"{title} is damaged: its images for GPUs have no sound index ({problem})",
                           "compile the network again") from problem


def _rows(index: Any) -> list[Any]:
    if not isinstance(index, list) or len(index) > MOST_IMAGES:
        raise ValueError("it is no list")
    return index


def _apart(rows: list[Any]) -> Iterator[Any]:
    """The rows, whose images lie behind each other: a small file that names one part again and again would fill the
    memory."""
    end = 0
    for row in rows:
        if _count(row["at"]) < end:
            raise ValueError(f"an image lies at {row['at']}, within another")
        end = row["at"] + _count(row["bytes"])
        yield row


def _image(row: Any, view: memoryview, start: int) -> Image:
    first, count = start + _count(row["at"]), _count(row["bytes"])
    code = bytes(view[first:first + count])
    if len(code) != count or first % ALIGNMENT:
        raise ValueError(f"an image lies at {first}, which is not within")
    kernels = tuple(ImageKernel(_name(kernel["name"]), *(None if kernel.get(key) is None else _count(kernel[key])
                                                         for key in ImageKernel._fields[1:]))
                    for kernel in _rows(row["kernels"]))
    return Image(kernels, code)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no count")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError(f"{value!r} is no name")
    return value
