"""Images as inputs of networks, made as MXNet's pipelines made them (mx.image, ImageRecordIter, gluon's transforms).

Decoding and resizing give the numbers of MXNet 1.9.1, which does both by OpenCV: three channels, alpha dropped, 16 bits
cut to 8; bilinear sampling between half-pixel centres in fixed point and without antialiasing, which Pillow's own
`resize` would add.  Unlike MXNet, photographs are turned upright as their EXIF orientation says.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from symc.errors import MissingPackageError, SymcError, counted

# What files begin with, by Pillow's name of the format: those that OpenCV reads too.
FORMATS: dict[str, bytes | tuple[bytes, ...]] = {
    "PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "BMP": b"BM", "WEBP": b"RIFF",
    "TIFF": (b"II*\0", b"MM\0*"), "PPM": (b"P5", b"P6")}
IMAGENET = "imagenet"
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)    # gluon's, of pixels / 255
EXACT: Literal["exact"] = "exact"      # what --resize says of images that are stretched to the network's size
COEFFICIENT_BITS = 11       # OpenCV's: INTER_RESIZE_COEF_BITS
ORIENTATION = 0x0112        # EXIF's; 1 is upright
MOST_PIXELS = 178_956_970   # where Pillow calls an image a decompression bomb
Shape = Sequence[int | str]
Told = dict[str, Any]       # input, image, size, done: what was made of one image
Size = tuple[int, int]      # height, width


@dataclass(frozen=True)
class Preparation:
    """What is done to images.  resize: the shorter side, or `exact`.  crop: the middle, of the network's size.

    Pixels, 0 to 255, become (pixel - mean) / deviation * scale, as ImageRecordIter has it; mean and deviation are those
    of red, green and blue whatever the order in which the network takes these, or one number for all.
    """

    resize: int | Literal["exact"] | None = None
    crop: bool = False
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    scale: float = 1
    imagenet: bool = False
    bgr: bool = False

    @property
    def colours(self) -> int:
        """How many channels the numbers are for, 1 where they are for any."""
        return 3 if self.imagenet else max(1, len(self.mean), len(self.deviation))

    @property
    def keeps_pixels(self) -> bool:
        return not (self.mean or self.deviation or self.imagenet or self.scale != 1)


@dataclass(frozen=True)
class Place:
    """Where images go: an input (batch, channels, height, width), or with the channels last."""

    name: str
    channels: int
    size: Size
    channels_last: bool


def is_image(head: bytes) -> bool:
    """Whether a file that begins so is an image that symc reads."""
    return any(head.startswith(magic) for magic in FORMATS.values())


def read_images(name: str, shapes: Sequence[Shape], files: Sequence[tuple[str, bytes]],
                preparation: Preparation) -> tuple[np.ndarray, list[Told]]:
    """The batch for an input from (name, content) of each image, and what was done to each.

    shapes: those that the input may have; of several the one is taken that the first image has, or else the first.
    uint8 where no arithmetic was asked for, else float32.  SymcError: the input takes no images, an image cannot be
    read, or has another size.
    """
    fitting = [shape for shape in shapes if shape and shape[0] in (len(files), str(shape[0]))]
    places = [place_of(name, shape, len(files)) for shape in fitting or shapes[:1]]
    if places[0].channels == 1 and preparation.colours == 3:
        raise SymcError(f"input '{name}' is grey, what is subtracted and divided by is of red, green and blue",
                        "give --mean and --std one number each")
    images = [decode(file, content, places[0].channels) for file, content in files]
    place = _place_for(places, images[0][0], preparation)
    arrays, told = [], list[Told]()
    for (file, _), (pixels, words) in zip(files, images, strict=True):
        pixels, moved = fitted(file, pixels, place, preparation)
        arrays.append(normalised(pixels, preparation))
        told.append({"input": name, "image": file, "size": words[0],
                     "done": [*words[1:], *moved, *_arithmetic(place, preparation)]})
    batch = np.stack(arrays)
    return np.ascontiguousarray(batch if place.channels_last else batch.transpose(0, 3, 1, 2)), told


def _place_for(places: Sequence[Place], pixels: np.ndarray, preparation: Preparation) -> Place:
    size = _size(pixels)
    if isinstance(preparation.resize, int):
        size = shorter_side(size, preparation.resize)
    return next((place for place in places if place.size == size), places[0])


def place_of(name: str, shape: Shape, count: int) -> Place:
    """The place for that many images in an input of this shape.  SymcError: it is not one of images, or of others."""
    shown = f"input '{name}' of shape ({', '.join(map(str, shape))})"
    if len(shape) != 4 or not any(shape[axis] in (1, 3) for axis in (1, 3)):
        raise SymcError(f"{shown} takes no images", "those that do are (batch, 1 or 3 channels, height, width), or "
                                                    "with the channels last; give others as .npy")
    batch, *rest = shape
    if isinstance(batch, int) and batch != count:
        raise SymcError(f"{shown} takes {counted(batch, 'image')} at once, not {count}",
                        "compile the network with --shape NAME=N,... for batches of any size")
    sizes = [extent for extent in rest if isinstance(extent, int)]
    if len(sizes) != 3:
        raise SymcError(f"{shown} has no fixed size for images", "compile the network for a height and a width")
    channels_last = sizes[0] not in (1, 3)
    channels, height, width = [sizes[2], *sizes[:2]] if channels_last else sizes
    return Place(name, channels, (height, width), channels_last)


def decode(file: str, content: bytes, channels: int) -> tuple[np.ndarray, list[str]]:
    """Pixels uint8[height, width, channels] of an image, upright, its size in words, and how it was changed."""
    module, operations = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", module.DecompressionBombWarning)
            image = module.open(io.BytesIO(content), formats=tuple(FORMATS))
            if channels == 1:
                image.draft("L", image.size)        # JPEG: its own brightness, as OpenCV takes it
            was = image.mode
            upright = operations.exif_transpose(image)
            upright.load()
            orientation = image.getexif().get(ORIENTATION, 1)
    except Exception as problem:        # decoders raise what they like on damaged data
        raise SymcError(f"cannot read the image {file}: {problem}") from None
    pixels = _pixels(file, upright, channels)
    words = [f"{pixels.shape[1]}x{pixels.shape[0]}"]
    words += ["turned upright"] if orientation != 1 else []
    words += ["alpha dropped"] if was in ("RGBA", "LA", "PA") else []
    return pixels, words


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise MissingPackageError("images need the Python package Pillow, which is missing",
                                  "install it: pip install 'symc[image]'; or give .npy files") from None
    return Image, ImageOps


def _pixels(file: str, image: Any, channels: int) -> np.ndarray:
    """In the channels of the network, converted as OpenCV does."""
    grey: np.ndarray
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I"):
        grey = (np.asarray(image, np.int64) >> 8).clip(0, 255)
    elif image.mode == "F":
        raise SymcError(f"cannot read the image {file}: its pixels are floating-point numbers")
    elif image.mode in ("1", "L", "LA"):
        grey = np.asarray(image.convert("L"))
    else:
        colours = np.asarray(image.convert("RGB"))
        if channels == 3:
            return colours
        grey = (colours @ np.array([4899, 9617, 1868], np.int64) + 8192) >> 14
    return np.repeat(grey.astype(np.uint8)[:, :, None], channels, 2)


def fitted(file: str, pixels: np.ndarray, place: Place, preparation: Preparation) -> tuple[np.ndarray, list[str]]:
    """Pixels of the network's size, and how they were made so.  SymcError: nothing was asked for that makes them so."""
    told = []
    if preparation.resize is not None:
        to = shorter_side(_size(pixels), preparation.resize) if isinstance(preparation.resize, int) else place.size
        if to[0] * to[1] > MOST_PIXELS:
            raise SymcError(f"{file} would have {to[1]}x{to[0]} pixels after --resize {preparation.resize}")
        pixels = resized(pixels, to)
        told.append(f"resized to {to[1]}x{to[0]}")
    (height, width), (wanted_height, wanted_width) = _size(pixels), place.size
    if preparation.crop and height >= wanted_height and width >= wanted_width:
        top, left = (height - wanted_height) // 2, (width - wanted_width) // 2
        pixels = pixels[top:top + wanted_height, left:left + wanted_width]
        told.append(f"cropped to {wanted_width}x{wanted_height}")
    if _size(pixels) != place.size:
        after = " after --resize" if told else ""
        raise SymcError(f"{file} has {width}x{height} pixels{after}, input '{place.name}' takes "
                        f"{wanted_width}x{wanted_height}",
                        f"images are resized and cropped: --resize {max(place.size) * 8 // 7} --crop keeps the "
                        f"middle, --resize {EXACT} stretches all of it")
    return pixels, told


def _size(pixels: np.ndarray) -> Size:
    return pixels.shape[0], pixels.shape[1]


def shorter_side(size: Size, length: int) -> Size:
    """The size of the same proportions whose shorter side is that long, cut as mx.image.resize_short cuts it."""
    height, width = size
    return (length * height // width, length) if height > width else (length, length * width // height)


def resized(pixels: np.ndarray, size: Size) -> np.ndarray:
    """cv::resize with INTER_LINEAR, to the bit: sums of two columns, then of two rows, in fixed point."""
    left, right, of_left, of_right = _taps(pixels.shape[1], size[1])
    wide = pixels.astype(np.int32)
    columns = wide[:, left] * of_left[:, None] + wide[:, right] * of_right[:, None]
    upper, lower, of_upper, of_lower = _taps(pixels.shape[0], size[0])
    rows = ((columns[upper] >> 4) * of_upper[:, None, None] >> 16) + ((columns[lower] >> 4) * of_lower[:, None, None]
                                                                      >> 16)
    return ((rows + 2) >> 2).clip(0, 255).astype(np.uint8)


def _taps(length: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each new element the two that it lies between, the same at edges, and their weights."""
    at = ((np.arange(wanted) + 0.5) * (1 / (wanted / length)) - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    share = at - first.astype(np.float32)
    weights = [np.rint(part * np.float32(2 ** COEFFICIENT_BITS)).astype(np.int32)
               for part in (np.float32(1) - share, share)]
    return first.clip(0, length - 1), (first + 1).clip(0, length - 1), *weights


def normalised(pixels: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Numbers of pixels, red first until the end."""
    if preparation.imagenet:
        pixels = (pixels.astype(np.float32) / np.float32(255) - _float32(IMAGENET_MEAN)) / _float32(IMAGENET_DEVIATION)
    elif not preparation.keeps_pixels:
        pixels = pixels.astype(np.float32) - _float32(preparation.mean or (0,))
        pixels = pixels / _float32(preparation.deviation or (1,)) * np.float32(preparation.scale)
    return pixels[:, :, ::-1] if preparation.bgr else pixels


def _float32(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, np.float32)


def _arithmetic(place: Place, preparation: Preparation) -> list[str]:
    """What the numbers that the network gets are, in words."""
    told = ["grey" if place.channels == 1 else "BGR" if preparation.bgr else "RGB"]
    if preparation.imagenet:
        return [*told, f"(pixel/255 - {_numbers(IMAGENET_MEAN)}) / {_numbers(IMAGENET_DEVIATION)}"]
    if preparation.keeps_pixels:
        return [*told, "pixels 0 to 255 as they are"]
    text = f"(pixel - {_numbers(preparation.mean)})" if preparation.mean else "pixel"
    text += f" / {_numbers(preparation.deviation)}" if preparation.deviation else ""
    return [*told, text + (f" * {preparation.scale:g}" if preparation.scale != 1 else "")]


def _numbers(values: Sequence[float]) -> str:
    return "[" + " ".join(f"{value:g}" for value in values) + "]" if len(values) > 1 else f"{values[0]:g}"
