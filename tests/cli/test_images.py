"""Images beside what MXNet 1.9.1 made of the same files: its numbers lie in tests/data/images/mxnet.npz."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symc.cli.images import EXACT, Preparation, decode, read_images, resized, shorter_side
from symc.cli.preparation import preparation
from symc.errors import MissingPackageError, SymcError

DATA = Path(__file__).parent.parent / "data" / "images"
RIGHT = np.load(DATA / "mxnet.npz")
COLOUR = (DATA / "colour.png").read_bytes()


def encoded(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["colour", "alpha", "deep", "grey", "palette"])
def test_decoding(name):
    content = (DATA / f"{name}.png").read_bytes()
    np.testing.assert_array_equal(decode(name, content, 3)[0], RIGHT[name])
    if name != "colour":
        grey = decode(name, content, 1)[0].astype(int)
        assert np.abs(grey - RIGHT[f"{name}_grey"]).max() <= 1      # libpng's own conversion rounds down


@pytest.mark.parametrize("length", [16, 25, 37, 50])
def test_resizing_is_opencvs_to_the_bit(length):
    pixels, right = RIGHT["colour"], RIGHT[f"shorter_{length}"]
    assert shorter_side(pixels.shape[:2], length) == right.shape[:2]
    np.testing.assert_array_equal(resized(pixels, right.shape[:2]), right)


def test_stretching():
    batch, told = read_images("data", [(1, 3, 23, 19)], [("x", COLOUR)], Preparation(resize=EXACT))
    np.testing.assert_array_equal(batch[0].transpose(1, 2, 0), RIGHT["exact_19x23"])
    assert batch.dtype == np.uint8 and told == [{
        "input": "data", "image": "x", "size": "53x37", "done": ["resized to 19x23", "RGB",
                                                                 "pixels 0 to 255 as they are"]}]


def test_imagenet_is_gluons():
    steps = preparation("32", True, "imagenet", "", "", 1, False)
    batch, _ = read_images("data", [(1, 3, 24, 24)], [("x", COLOUR)], steps)
    np.testing.assert_allclose(batch[0], RIGHT["gluon"], rtol=1e-6)


def test_mean_deviation_and_scale_are_those_of_record_iterators():
    steps = preparation("32", True, None, "123.68,116.78,103.94", "58.4,57.1,57.4", 0.5, False)
    batch, _ = read_images("data", [(1, 3, 24, 24)], [("x", COLOUR)], steps)
    np.testing.assert_allclose(batch, RIGHT["record"], rtol=1e-5, atol=1e-6)


def test_channels_last_batches_and_their_order():
    steps = Preparation(resize=EXACT, bgr=True, mean=(1, 2, 3))
    batch, told = read_images("data", [("N", 8, 8, 3)], [("x", COLOUR), ("y", COLOUR)], steps)
    assert batch.shape == (2, 8, 8, 3) and [one["image"] for one in told] == ["x", "y"]
    np.testing.assert_array_equal(batch[1], (resized(RIGHT["colour"], (8, 8)) - np.float32([1, 2, 3]))[:, :, ::-1])


def test_of_several_sizes_the_one_of_the_image():
    shapes = [(1, 3, 24, 24), (2, 3, 37, 53), (1, 3, 37, 53), (1, 3, 25, 35)]
    for steps, shape in ((Preparation(), shapes[2]), (Preparation(resize=25), shapes[3]),
                         (Preparation(resize=30, crop=True), shapes[0])):
        assert read_images("data", shapes, [("x", COLOUR)], steps)[0].shape == shape


def test_photographs_are_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(np.repeat(np.arange(40, dtype=np.uint8)[:, None] * 5, 16, 1), exif=exif)
    pixels, words = decode("x", content, 1)
    assert pixels.shape == (16, 40, 1) and words == ["40x16", "turned upright"]
    assert pixels[0, 0, 0] > pixels[0, -1, 0]


@pytest.mark.parametrize("shape, message", [
    ((1, 784), "takes no images"), ((1, 5, 24, 24), "takes no images"), ((2, 3, 24, 24), "2 images at once, not 1"),
    ((1, 3, 24, 24), "53x37 pixels, input 'data' takes 24x24"), ((1, 3, 64, 64), "takes 64x64")])
def test_inputs_that_an_image_does_not_fit(shape, message):
    with pytest.raises(SymcError, match=message):
        read_images("data", [shape], [("x", COLOUR)], Preparation(crop=shape[2:] == (64, 64)))


def test_damaged_images():
    for content in (COLOUR[:200], b"\x89PNG\r\n\x1a\n", b"BM" + bytes(60), b"\xff\xd8\xff" + bytes(100)):
        with pytest.raises(SymcError, match="cannot read the image x"):
            decode("x", content, 3)


def test_floating_point_pixels_are_refused():
    with pytest.raises(SymcError, match="floating-point"):
        decode("x", encoded(np.zeros((4, 4), np.float32), "TIFF"), 3)


def test_decompression_bombs_are_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(SymcError, match="bomb"):
        decode("x", COLOUR, 3)


def test_three_means_for_a_grey_input():
    with pytest.raises(SymcError, match="one number each"):
        read_images("data", [(1, 1, 37, 53)], [("x", COLOUR)], Preparation(imagenet=True))


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingPackageError, match=r"symc\[image\]"):
        decode("x", COLOUR, 3)


@pytest.mark.parametrize("options, message", [
    (("0", False, None, "", "", 1, False), "--resize 0"), (("big", False, None, "", "", 1, False), "--resize big"),
    ((None, False, "vgg", "", "", 1, False), "--preprocess vgg"),
    ((None, False, "imagenet", "1", "", 1, False), "leave these out"),
    ((None, False, None, "1,2", "", 1, False), "--mean 1,2"), ((None, False, None, "", "x", 1, False), "--std x"),
    ((None, False, None, "", "0", 1, False), "divides by zero"),
    ((None, False, None, "", "", float("nan"), False), "not finite")])
def test_options_that_say_nonsense(options, message):
    with pytest.raises(SymcError, match=message):
        preparation(*options)
