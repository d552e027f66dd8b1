"""How the command line says what is done to images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from symc.errors import SymcError

if TYPE_CHECKING:
    from symc.cli.images import Preparation

GROUP = "Images"
Resize = Annotated[str | None, typer.Option("--resize", rich_help_panel=GROUP, help=(
    "Length of the shorter side; or exact: stretch to the size of the network's input. Bilinear, as OpenCV in "
    "MXNet."))]
Crop = Annotated[bool, typer.Option("--crop", rich_help_panel=GROUP, help="Keep the middle, of the size of the "
                                                                          "network's input.")]
Preprocess = Annotated[str | None, typer.Option("--preprocess", rich_help_panel=GROUP, help=(
    "imagenet: (pixel/255 - mean) / std of gluon's model zoo; none, as by default: pixels from 0 to 255."))]
Mean = Annotated[str, typer.Option("--mean", rich_help_panel=GROUP, help=(
    "Subtracted from pixels of 0 to 255: of red, green and blue as 123.68,116.78,103.94, or one number."))]
Deviation = Annotated[str, typer.Option("--std", rich_help_panel=GROUP, help="Pixels less their mean are divided by "
                                                                             "it.")]
Scale = Annotated[float, typer.Option("--scale", rich_help_panel=GROUP, help="Factor at the end, as 0.00392157.")]
Bgr = Annotated[bool, typer.Option("--bgr/--rgb", rich_help_panel=GROUP, help="Order of the channels; --mean and "
                                                                              "--std name red first in any case.")]


def preparation(resize: str | None, crop: bool, preprocess: str | None, mean: str, deviation: str, scale: float,
                bgr: bool) -> Preparation:
    """What the options say.  SymcError: they say nonsense, or contradict each other."""
    from symc.cli.images import EXACT, IMAGENET, Preparation

    if preprocess not in (None, "none", IMAGENET):
        raise SymcError(f"--preprocess {preprocess} is unknown", f"there are none and {IMAGENET}")
    if preprocess and (mean or deviation or scale != 1):
        raise SymcError(f"--preprocess {preprocess} says what --mean, --std and --scale are", "leave these out")
    if resize not in (None, EXACT) and not (resize.isdecimal() and 0 < int(resize) <= 65535):
        raise SymcError(f"--resize {resize} is no number of pixels", f"write --resize 256, or --resize {EXACT}")
    if not math.isfinite(scale):
        raise SymcError(f"--scale {scale} is not finite")
    deviations = _colours(deviation, "--std")
    if 0 in deviations:
        raise SymcError(f"--std {deviation} divides by zero")
    length = None if resize is None else EXACT if resize == EXACT else int(resize)
    return Preparation(length, crop, _colours(mean, "--mean"), deviations, scale, preprocess == IMAGENET, bgr)


def _colours(text: str, option: str) -> tuple[float, ...]:
    """Three numbers or one; none of an empty text."""
    if not text:
        return ()
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise SymcError(f"{option} {text} is neither three numbers nor one",
                        f"write {option} 123.68,116.78,103.94 for red, green and blue")
    return numbers
