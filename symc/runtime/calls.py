"""Calls of libraries in place of steps of a plan.  The steps stay what a reader runs that has no such library, or whose
library refuses.

Of all calls: library: 'cublaslt', 'cudnn'.  steps: the kernel steps, of one node, that the call stands for; `rest`,
steps behind all other ranges, follows it.  compute: 'float32', or 'tf32': factors of float32 may be rounded to 10 bits.
epilogue: what becomes of sums, in this order: 'bias', an element for each row or channel is added; 'relu', max(x, 0),
which is 0 of NaN.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

Range = tuple[int, int]
ITEM_SIZES = {"float32": 4, "float16": 2, "bfloat16": 2}        # dtypes that libraries compute
COMPUTE = ("float32", "tf32")


class ProductCall(NamedTuple):
    """D = A·B, or a stack of such products.

    buffers: of A, B, D, and the bias if there is one.  dtypes: of both factors, and of D and the bias.
    sizes: rows and columns of D, terms of its sums, matrices of the stack.
    leading, strides, begins: three numbers of elements each, of A, B and D, which lie by columns: element (i, j) of
    matrix c is number begin + c·stride + j·leading + i of its buffer, of a factor that is `transposed` (0 or 1) element
    (j, i).
    """

    library: str
    steps: Range
    buffers: tuple[int, ...]
    dtypes: tuple[str, ...]
    sizes: tuple[int, ...]
    leading: tuple[int, ...]
    strides: tuple[int, ...]
    begins: tuple[int, ...]
    transposed: tuple[int, ...]
    compute: str
    epilogue: tuple[str, ...] = ()
    rest: Range = (0, 0)

    @property
    def title(self) -> str:
        """For people."""
        rows, columns, terms, count = self.sizes
        return f"{f'{count} times ' if count > 1 else ''}{rows}x{terms} by {terms}x{columns}, {self.dtypes[0]}"


class ConvolutionCall(NamedTuple):
    """A convolution of two spatial dimensions, as MXNet's Convolution.

    buffers: of image, weight and result, dense, and of the bias if there is one.  dtype: of all of them.
    image, weight, result: shapes, channels before space.  pad, stride, dilate: of height and width.
    """

    library: str
    steps: Range
    buffers: tuple[int, ...]
    dtype: str
    image: tuple[int, ...]
    weight: tuple[int, ...]
    result: tuple[int, ...]
    pad: tuple[int, ...]
    stride: tuple[int, ...]
    dilate: tuple[int, ...]
    groups: int
    compute: str
    epilogue: tuple[str, ...] = ()
    rest: Range = (0, 0)

    @property
    def title(self) -> str:
        """For people."""
        return f"{_times(self.image)} by {_times(self.weight)}, {self.dtype}"


def _times(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


Call = ProductCall | ConvolutionCall
CALL_NAMES: dict[str, type[Call]] = {"product": ProductCall, "convolution": ConvolutionCall}
EPILOGUES: dict[type[Call], tuple[tuple[str, ...], ...]] = {
    ProductCall: ((), ("bias",), ("relu",), ("bias", "relu")), ConvolutionCall: ((), ("bias", "relu"))}


def problem_of(call: Call, sizes: Sequence[int]) -> str | None:
    """What contradicts the above; sizes: bytes of the buffers of the plan."""
    dtypes = call.dtypes if isinstance(call, ProductCall) else (call.dtype,)
    lengths, expected = _lengths(call)
    if lengths != expected or len(call.buffers) != 3 + ("bias" in call.epilogue):
        return "has too many or too few numbers"
    if max(call.buffers) >= len(sizes):
        return "names buffers that do not exist"
    if call.epilogue not in EPILOGUES[type(call)] or call.compute not in COMPUTE or not set(dtypes) <= set(ITEM_SIZES):
        return f"computes what is not known: {', '.join((call.compute, *call.epilogue, *dtypes))}"
    if isinstance(call, ConvolutionCall) and not _fits(call):
        return "has shapes that do not fit"
    needs = _product_bytes(call) if isinstance(call, ProductCall) else _convolution_bytes(call)
    leaves = any(need > sizes[number] for need, number in zip(needs, call.buffers, strict=True))
    return "leaves its buffers" if leaves else None


def _lengths(call: Call) -> tuple[list[int], list[int]]:
    """How many numbers its fields have, and should."""
    if isinstance(call, ProductCall):
        fields: tuple[Sequence[object], ...] = (call.dtypes, call.sizes, call.leading, call.strides, call.begins,
                                                call.transposed)
        return list(map(len, fields)), [2, 4, 3, 3, 3, 2]
    fields = (call.image, call.weight, call.result, call.pad, call.stride, call.dilate)
    return list(map(len, fields)), [4, 4, 4, 2, 2, 2]


def _product_bytes(call: ProductCall) -> list[int]:
    """How many bytes each buffer must have."""
    rows, columns, terms, count = call.sizes
    shapes = [(rows, terms), (terms, columns), (rows, columns)]
    lying = [shape[::-1] if turned else shape for shape, turned in zip(shapes, (*call.transposed, 0), strict=True)]
    ends = [begin + (count - 1) * stride + (shape[1] - 1) * leading + shape[0] for shape, begin, stride, leading
            in zip(lying, call.begins, call.strides, call.leading, strict=True)]
    factor, result = (ITEM_SIZES[name] for name in call.dtypes)
    return [ends[0] * factor, ends[1] * factor, ends[2] * result, *[rows * result] * ("bias" in call.epilogue)]


def _convolution_bytes(call: ConvolutionCall) -> list[int]:
    counts = [*map(math.prod, (call.image, call.weight, call.result)), *[call.result[1]] * ("bias" in call.epilogue)]
    return [ITEM_SIZES[call.dtype] * count for count in counts]


def _fits(call: ConvolutionCall) -> bool:
    """Whether the result has the shape that follows from the others."""
    if min(*call.stride, *call.dilate, *call.weight, call.groups) < 1:
        return False
    space = [(extent + 2 * pad - dilate * (kernel - 1) - 1) // stride + 1 for extent, kernel, pad, stride, dilate in
             zip(call.image[2:], call.weight[2:], call.pad, call.stride, call.dilate, strict=True)]
    return (call.result == (call.image[0], call.weight[0], *space) and call.image[1] == call.weight[1] * call.groups
            and call.weight[0] % call.groups == 0)
