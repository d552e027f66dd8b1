"""The colours of images (H, W, C), C = 1 or 3, red first: brightness, contrast, saturation, hue, lighting.

All arithmetic is float32; results are truncated and, as uint8, kept within 0 and 255.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.elementwise import Elementwise
from symc.ops.families.image import ImageOperator
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, Variadic, operator
from symc.ops.parameters import Floats
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

GRAY = (0.299, 0.587, 0.114)            # shares of red, green, blue
EPSILON = float(np.finfo(np.float32).eps)
# Rows: red, green, blue; the principal components of ImageNet's colours, times their deviations
LIGHT = np.array([[55.46 * -0.5675, 4.794 * 0.7192, 1.148 * 0.4009],
                  [55.46 * -0.5808, 4.794 * -0.0045, 1.148 * -0.8140],
                  [55.46 * -0.5836, 4.794 * -0.6948, 1.148 * 0.4203]], np.float32)
# For each sixth of the circle of hues: what red, green and blue are of (high, low, falling, rising)
SECTORS = ((0, 3, 1), (2, 0, 1), (1, 0, 3), (1, 2, 0), (3, 1, 0), (0, 1, 2))
Kind = Literal["brightness", "contrast", "saturation", "hue", "lighting"]


def single(F: Any, value: Any) -> Any:
    return value if F.dtype(value) is DType.float32 else F.cast(value, DType.float32)


def saturated(F: Any, value: Any, dtype: DType) -> Any:
    """A float32 as a pixel of type `dtype`."""
    if dtype is DType.uint8:
        low = F.where(value > 0, value, F.const(0, value))
        value = F.where(low < 255, low, F.const(255, value))
    return value if dtype is DType.float32 else F.cast(value, dtype)


class Pixels(Elementwise):
    """Base of hidden expressions of pixels, whose type is that of the outputs, and of float32 numbers behind them."""

    broadcasts = True

    @property
    def pixels(self) -> int:
        """How many inputs are pixels."""
        return 1

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (*t.inputs[:self.pixels], *t.outputs):
            slot.unify(t.inputs[0].dtype)
        for slot in t.inputs[self.pixels:]:
            slot.unify(DType.float32)


@operator("_image_scaled", hidden=True)
class Scaled(Pixels):
    """data·factor + offset."""

    inputs = ("data", "factor", "offset")

    def expression(self, F: Any, *inputs: Any) -> Any:
        data, factor, offset = inputs
        return saturated(F, single(F, data) * factor + offset, F.dtype(data))


@operator("_image_hue_turned", hidden=True)
class HueTurned(Pixels):
    """Red, green and blue with their hue turned by `turn`, 1 being the whole circle."""

    inputs = ("red", "green", "blue", "turn")
    pixels = 3      # type: ignore[assignment]
    outputs = ("new_red", "new_green", "new_blue")

    def expression(self, F: Any, *inputs: Any) -> Any:
        *colours, turn = inputs
        hue, light, saturation = self.to_hls(F, *(single(F, colour) / 255.0 for colour in colours))
        turned = self.from_hls(F, hue + turn * 360.0, light, saturation)
        return tuple(saturated(F, colour * 255.0, F.dtype(colours[0])) for colour in turned)

    def to_hls(self, F: Any, red: Any, green: Any, blue: Any) -> tuple[Any, Any, Any]:
        """Hue in degrees, lightness and saturation."""
        high, low = red, red
        for colour in (green, blue):
            high, low = F.where(colour > high, colour, high), F.where(colour < low, colour, low)
        spread, light = high - low, (high + low) * 0.5
        zero = F.const(0, red)
        grey = F.logical_not(spread > EPSILON)
        saturation = F.where(light < 0.5, spread / (high + low), spread / (2.0 - high - low))
        step = 60.0 / spread
        hue = F.where(high == red, (green - blue) * step,
                      F.where(high == green, (blue - red) * step + 120.0, (red - green) * step + 240.0))
        hue = hue + F.where(hue < 0, F.const(360, red), zero)
        return F.where(grey, zero, hue), light, F.where(grey, zero, saturation)

    def from_hls(self, F: Any, hue: Any, light: Any, saturation: Any) -> list[Any]:
        """Red, green and blue."""
        high = F.where(light <= 0.5, light * (1 + saturation), light + saturation - light * saturation)
        low = 2.0 * light - high
        sixths = hue * float(np.float32(1 / 60))
        sixths = sixths - 6.0 * F.trunc(sixths * (1 / 6))
        sixths = F.where(sixths < 0, sixths + 6.0, F.where(sixths >= 6, sixths - 6.0, sixths))
        sector = F.floor(sixths)
        share = sixths - sector
        shades = (high, low, low + (high - low) * (1 - share), low + (high - low) * share)
        result = []
        for choices in zip(*SECTORS, strict=True):
            colour = shades[choices[-1]]
            for number in range(4, -1, -1):
                colour = F.where(sector == number, shades[choices[number]], colour)
            result.append(F.where(saturation == 0, light, colour))
        return result


@operator("_image_gray_mean", hidden=True)
class GrayMean(Operator):
    """The mean lightness of an image, float32[1], summed pixel by pixel: MXNet's rounding decides whole numbers."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.float32)

    def reference(self, data: np.ndarray) -> np.ndarray:
        terms = NumPyMath.cast(data, DType.float32)
        if data.shape[2] == 3:
            terms = terms * np.array(GRAY, np.float32)
        count = data.shape[0] * data.shape[1]
        return np.add.accumulate(terms.reshape(-1), dtype=np.float32)[-1:] / np.float32(count)  # type: ignore[no-any-return]

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data,), (result,) = inputs, outputs
        height, width, channels = data.shape
        with k.jobs(1):
            total = k.cell(DType.float32, 0)
            with k.loop(height) as y, k.loop(width) as x:
                for c in range(channels):
                    value = single(k.F, data[y, x, c])
                    total.set(total.get() + (value * float(np.float32(GRAY[c])) if channels == 3 else value))
            k.store(result, (0,), total.get() / float(height * width))


@operator("_image_adjust", hidden=True)
class Adjust(ImageOperator):
    """An image with its brightness, contrast, saturation or hue changed by factor, float32[1]; or lit by a factor for
    each principal component, float32[3]."""

    kind: Kind
    inputs = ("data", "factor")

    def rewrite(self, g: Any, data: Value, factor: Value) -> list[Value]:
        gray = data.type.dims[2] == 1
        if self.kind == "brightness":
            return [g._image_scaled(data, factor, g.constant([0], DType.float32))]
        if self.kind == "contrast":
            return [g._image_scaled(data, factor, g.elemwise_mul(self._rest(g, factor), g._image_gray_mean(data)))]
        if gray:
            return [data]
        return [getattr(self, f"_{self.kind}")(g, data, factor)]

    def _rest(self, g: Any, factor: Value) -> Value:
        return g._rminus_scalar(factor, scalar=1.0)  # type: ignore[no-any-return]

    def _saturation(self, g: Any, data: Value, factor: Value) -> Value:
        """MXNet's gray is its share of blue alone."""
        blue = g.Cast(g.slice_axis(data, axis=2, begin=2, end=3), dtype="float32")
        gray = g.broadcast_mul(g._mul_scalar(blue, scalar=GRAY[2]),
                               g.reshape(self._rest(g, factor), (1, 1, 1)))
        return g._image_scaled(data, factor, gray)  # type: ignore[no-any-return]

    def _hue(self, g: Any, data: Value, factor: Value) -> Value:
        colours = [g.slice_axis(data, axis=2, begin=c, end=c + 1) for c in range(3)]
        turned = g.node(HueTurned(), (*colours, factor)).outputs
        return g.Concat(*turned, num_args=3, dim=2)  # type: ignore[no-any-return]

    def _lighting(self, g: Any, data: Value, factor: Value) -> Value:
        parts = g.broadcast_mul(g.constant(LIGHT, DType.float32), g.reshape(factor, (1, 3)))
        return g._image_scaled(data, g.constant([1], DType.float32), g.sum(parts, axis=(1,)))  # type: ignore[no-any-return]

    def reference(self, data: np.ndarray, factor: np.ndarray) -> np.ndarray:
        one = np.ones(1, np.float32)
        if self.kind == "brightness":
            return Scaled().reference(data, factor, 0 * one)  # type: ignore[return-value]
        if self.kind == "contrast":
            return Scaled().reference(data, factor, (one - factor) * GrayMean().reference(data))  # type: ignore
        if data.shape[2] == 1:
            return data
        if self.kind == "hue":
            return np.concatenate(HueTurned().reference(*(data[:, :, c:c + 1] for c in range(3)), factor), 2)
        if self.kind == "lighting":
            return Scaled().reference(data, one, (LIGHT * factor).sum(1, dtype=np.float32))  # type: ignore[return-value]
        blue = NumPyMath.cast(data[:, :, 2:], DType.float32) * np.float32(GRAY[2])
        return Scaled().reference(data, factor, blue * (one - factor))  # type: ignore[return-value]


# ---- MXNet's operators -------------------------------------------------------------------------------------------


@operator("_image_adjust_lighting")
class AdjustLighting(ImageOperator):
    """An image lit by `alpha` of each principal component of ImageNet's colours.  MXNet: image.adjust_lighting."""

    alpha: Floats

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        if len(self.alpha) != 3:
            raise Conflict(f"alpha={self.alpha} must have 3 values")

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g._image_adjust(data, g.constant(self.factors(), DType.float32), kind="lighting")]

    def factors(self) -> np.ndarray:
        return np.array(self.alpha, np.float32)

    def reference(self, data: np.ndarray) -> np.ndarray:
        return Adjust("lighting").reference(data, self.factors())


class RandomAdjustment(ImageOperator):
    """Base of the adjustments by a factor drawn between min_factor and max_factor."""

    kind: Kind
    min_factor: float
    max_factor: float
    is_random = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        if not 0 <= self.min_factor <= self.max_factor:
            raise Conflict(f"min_factor={self.min_factor} and max_factor={self.max_factor} must rise from 0 on")

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        factor = g._draw_uniform(seed, low=self.min_factor, high=self.max_factor, count=1, dtype="float32", salt=salt)
        return [g._image_adjust(data, factor, kind=self.kind)]


@operator("_image_random_brightness")
class RandomBrightness(RandomAdjustment):
    """All pixels times a random factor.  MXNet: image.random_brightness."""

    min_factor: float
    max_factor: float
    kind = "brightness"


@operator("_image_random_contrast")
class RandomContrast(RandomAdjustment):
    """Distances from the mean lightness times a random factor.  MXNet: image.random_contrast."""

    min_factor: float
    max_factor: float
    kind = "contrast"


@operator("_image_random_saturation")
class RandomSaturation(RandomAdjustment):
    """Distances from gray (MXNet's: a share of blue) times a random factor.  MXNet: image.random_saturation."""

    min_factor: float
    max_factor: float
    kind = "saturation"


@operator("_image_random_hue")
class RandomHue(RandomAdjustment):
    """The hue turned by a random part of the circle.  MXNet: image.random_hue."""

    min_factor: float
    max_factor: float
    kind = "hue"


@operator("_image_random_lighting")
class RandomLighting(ImageOperator):
    """An image lit by normally distributed parts of the principal components.  MXNet: image.random_lighting."""

    alpha_std: float = 0.05
    is_random = True

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        factors = g._draw_normal(seed, loc=0.0, scale=self.alpha_std, count=3, dtype="float32", salt=salt)
        return [g._image_adjust(data, factors, kind="lighting")]


@operator("_image_random_color_jitter")
class RandomColorJitter(ImageOperator):
    """Brightness, contrast, saturation and hue changed in random order, by up to the given shares (0: not at all).

    MXNet: image.random_color_jitter.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float
    is_random = True

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        kinds = [kind for kind in ("brightness", "contrast", "saturation", "hue") if getattr(self, kind) > 0]
        if not kinds:
            return [data]
        draws = g._draw_uniform(seed, low=0.0, high=1.0, count=2 * len(kinds), dtype="float32", salt=salt)
        shares = tuple(getattr(self, kind) for kind in kinds)
        return [g._image_jitter(data, draws, kinds=",".join(kinds), shares=shares)]


@operator("_image_jitter", hidden=True)
class Jitter(ImageOperator):
    """The adjustments `kinds` in the order that the first half of draws has, by factors from the second half."""

    kinds: str
    shares: Floats
    inputs = ("data", "draws")

    def each(self) -> list[tuple[str, float]]:
        return list(zip(self.kinds.split(","), self.shares, strict=True))

    def rewrite(self, g: Any, data: Value, draws: Value) -> list[Value]:
        count = len(self.shares)
        places = [g.slice_axis(draws, axis=0, begin=i, end=i + 1) for i in range(2 * count)]
        factors = [g._plus_scalar(g._mul_scalar(draw, scalar=2 * share),
                                  scalar=(kind != "hue") - share)
                   for (kind, share), draw in zip(self.each(), places[count:], strict=True)]
        for turn in range(count):
            adjusted = [g._image_adjust(data, factor, kind=kind)
                        for (kind, _), factor in zip(self.each(), factors, strict=True)]
            data = g._image_choose(*adjusted, *places[:count], turn=turn, count=count)
        return [data]

    def reference(self, data: np.ndarray, draws: np.ndarray) -> np.ndarray:
        order, units = np.split(draws, 2)
        for place in np.argsort(order, kind="stable"):
            kind, share = self.each()[place]
            factor = units[place:place + 1] * np.float32(2 * share) + np.float32((kind != "hue") - share)
            data = Adjust(kind).reference(data, factor)  # type: ignore[arg-type]
        return data

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [dy, None]


@operator("_image_choose", hidden=True)
class Choose(Pixels):
    """Of `count` images the one whose place (behind the images) is number `turn` in rising order."""

    turn: int
    count: int
    inputs = (Variadic("image", "count"),)

    @property
    def pixels(self) -> int:
        return self.count

    def argument_names(self) -> list[str]:
        return [f"{name}{i}" for name in ("image", "place") for i in range(self.count)]

    def expression(self, F: Any, *inputs: Any) -> Any:
        images, places = inputs[:self.count], inputs[self.count:]
        chosen = images[-1]
        for number in range(self.count - 1):
            before = [F.cast(F.logical_or(place < places[number], place == places[number]) if i < number
                             else place < places[number], DType.int32) for i, place in enumerate(places) if i != number]
            chosen = F.where(sum(before[1:], before[0]) == self.turn, images[number], chosen)
        return chosen
