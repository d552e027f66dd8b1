"""Random samples of the distributions of `ops.distributions`, in three forms each:

_random_X       parameters are numbers; shape and dtype are given
_random_X_like  the same, with the type of an input
_sample_X       parameters are tensors; each of their elements gives a block of samples

`SeedRandom` turns them into `_draw_X` and `_draw_each_X`, pure functions of the seed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.distributions import DISTRIBUTIONS, WIDE, Distribution
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.random import NumPyDraws
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

FloatType = Literal["None", "float16", "float32", "float64"]
CHUNK = 256         # samples of a job that draws by loops


class Sampling(Operator):
    """Base: what an operator that samples a distribution, and no gradient, has."""

    distribution: ClassVar[Distribution]
    is_random = True

    def numbers(self) -> list[float]:
        """The parameters of the distribution.  Conflict when one is out of its range."""
        values = [getattr(self, name) for name in self.distribution.parameters]
        for problem, holds in self.distribution.forbidden(*values):
            if holds:
                raise Conflict(f"{problem}: {', '.join(map(str, values))}")
        return values

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None] * len(node.inputs)


class RandomSampling(Sampling):
    """Base of _random_X.  A dimension of 0 in `shape` is unknown and follows from the readers."""

    inputs = ()
    reads_types = True
    shape: Dims | None
    dtype: str

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        self.numbers()
        if self.shape:
            s.output.unify(tuple(extent or None for extent in self.shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.float32 if self.dtype == "None" else DType[self.dtype])

    def seeded(self, g: Any, seed: Value, salt: int, *, types: list[TensorType]) -> list[Value]:
        return [drawn(g, self, seed, salt, types[0])]


class LikeSampling(Sampling):
    """Base of _random_X_like."""

    inputs = ("data",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        self.numbers()
        s.unify_all()

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()
        if t.data.known and not t.data.dtype.is_float:
            raise Conflict(f"data is {t.data.dtype.name}; samples are float16, float32 or float64")

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        return [drawn(g, self, seed, salt, data.type)]


def drawn(g: Any, op: Sampling, seed: Value, salt: int, type: TensorType) -> Value:
    parameters = dict(zip(op.distribution.parameters, map(float, op.numbers()), strict=True))
    flat = g.op(f"_draw_{op.distribution.name}", seed, count=math.prod(type.dims), dtype=type.element.name, salt=salt,
                **parameters)
    return g.reshape(flat, type.dims)  # type: ignore[no-any-return]


class EachSampling(Sampling):
    """Base of _sample_X: the parameters are tensors of one shape, to which `shape` is appended."""

    shape: Dims
    dtype: str

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        own = self.shape
        if not all(own):
            raise Conflict(f"shape={own} has a dimension of 0")
        for _ in range(2):
            for a, b in zip(s.inputs, s.inputs[::-1], strict=True):
                a.unify(b.shape)
        if s.inputs[0].rank is not None:
            s.output.unify((*s.inputs[0].shape, *own))
        elif s.output.rank is not None and s.output.rank >= len(own):
            s.inputs[0].unify(s.output.shape[:s.output.rank - len(own)])

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for a, b in zip(t.inputs, t.inputs[::-1], strict=True):
            a.unify(b.dtype)
        t.output.unify(DType.float32 if self.dtype == "None" else DType[self.dtype])

    def seeded(self, g: Any, seed: Value, salt: int, *parameters: Value) -> list[Value]:
        dims = parameters[0].type.dims
        flat = [g.reshape(value, (math.prod(dims),)) for value in parameters]
        dtype = "float32" if self.dtype == "None" else self.dtype
        made = g.op(f"_draw_each_{self.distribution.name}", *flat, seed, count=math.prod(self.shape), dtype=dtype,
                    salt=salt)
        return [g.reshape(made, (*dims, *self.shape))]


# ---- as pure functions -------------------------------------------------------------------------------------------


class Drawn(Operator):
    """Base: `count` samples of each set of parameters, in rows."""

    distribution: ClassVar[Distribution]
    count: int
    dtype: str
    salt: int

    @property
    def computed(self) -> DType:
        """The dtype in which a sample is made."""
        return WIDE if self.distribution.by_loops or self.dtype == "float64" else DType.float32

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.output.unify(DType[self.dtype])

    def rows(self, inputs: Sequence[Any]) -> int:
        return 1

    def gradient(self, g: Any, node: Node, *dy: Value) -> list[Value | None]:
        return [None] * len(node.inputs)        # as of the operators they are made of

    def sample(self, draws: Any, parameters: Sequence[Any]) -> Any:
        """The value of an element in the dtype of the result."""
        dtype = DType[self.dtype]
        value = self.distribution.draw(draws, dtype, *parameters)
        if dtype is DType.float16:      # as kernels do, which have no conversion from float64
            value = draws.F.cast(value, DType.float32)
        return draws.F.cast(value, dtype)

    def typed(self, te: Any, inputs: Sequence[Any], row: Any) -> list[Any]:
        """The parameters of a row, as values."""
        raise NotImplementedError

    def elements(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        """The lowering of distributions that need no loops."""
        def element(*index: Any) -> Any:
            row, column = index if len(index) == 2 else (0, *index)
            draws = te.draws(inputs[-1][0], self.salt, row * self.count + column)
            return self.sample(draws, self.typed(te, inputs, row))
        return [te.tensor(outputs[0].dims, element, DType[self.dtype])]

    def loops(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """The lowering of the others."""
        total = math.prod(outputs[0].shape)
        with k.jobs(-(-total // CHUNK)) as job, k.loop((job * CHUNK, k.clamp(job * CHUNK + CHUNK, 0, total))) as i:
            row = i // self.count
            value = self.sample(k.draws(inputs[-1][0], self.salt, i), self.typed(k, inputs, row))
            k.store(outputs[0], (row, i % self.count)[-len(outputs[0].shape):], value)


class DrawnOnce(Drawn):
    """Base of _draw_X: parameters are numbers."""

    inputs: ClassVar[tuple[str, ...]] = ("seed",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        s.output.unify((self.count,))

    def numbers(self) -> list[float]:
        return [getattr(self, name) for name in self.distribution.parameters]

    def typed(self, te: Any, inputs: Sequence[Any], row: Any) -> list[Any]:
        return [te.number(value, self.computed) for value in self.numbers()]

    def reference(self, seed: np.ndarray) -> np.ndarray:
        parameters = [np.asarray(value, self.computed.numpy) for value in self.numbers()]
        sampled = self.sample(NumPyDraws(int(seed[0]), self.salt, np.arange(self.count)), parameters)
        return np.broadcast_to(sampled, (self.count,))


class DrawnEach(Drawn):
    """Base of _draw_each_X: parameters are vectors."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        if s.inputs[0].rank is not None:
            s.output.unify((s.inputs[0][0], self.count))

    def typed(self, te: Any, inputs: Sequence[Any], row: Any) -> list[Any]:
        return [te.F.cast(value[row], self.computed) for value in inputs[:-1]]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        parameters = [np.repeat(value.astype(self.computed.numpy), self.count) for value in inputs[:-1]]
        elements = np.arange(len(inputs[0]) * self.count)
        sampled = self.sample(NumPyDraws(int(inputs[-1][0]), self.salt, elements), parameters)
        return np.broadcast_to(sampled, elements.shape).reshape(-1, self.count)


# ---- registration ------------------------------------------------------------------------------------------------

# In MXNet's words: operator → what its parameters are called where they are tensors, if otherwise.
TENSOR_NAMES = {"normal": ("mu", "sigma")}
ALIASES = {"uniform": ("uniform",), "normal": ("normal",)}


def _register(distribution: Distribution) -> None:
    name, title = distribution.name, distribution.name.replace("_", " ")
    tensors = TENSOR_NAMES.get(name, tuple(distribution.parameters))
    shaped = {"shape": (Dims | None, None), "ctx": (str, ""), "dtype": (FloatType, "None")}
    listed = ", ".join(distribution.parameters)
    _block(RandomSampling, f"_random_{name}", distribution, {**_numbers(distribution), **shaped}, (),
           f"Samples of the {title} distribution with parameters {listed}.",
           (f"random_{name}", *ALIASES.get(name, ())))
    _block(LikeSampling, f"_random_{name}_like", distribution, _numbers(distribution), ("data",),
           f"Samples of the {title} distribution with parameters {listed}, in the shape and dtype of data.")
    _block(EachSampling, f"_sample_{name}", distribution, {"shape": (Dims, ()), "dtype": (FloatType, "None")}, tensors,
           f"For each element of the parameters, samples of the {title} distribution in the given shape.",
           (f"sample_{name}",))
    hidden = {"count": (int, dataclasses.MISSING), "dtype": (str, "float32"), "salt": (int, 0)}
    scalars = dict.fromkeys(distribution.parameters, (float, dataclasses.MISSING))
    _block(DrawnOnce, f"_draw_{name}", distribution, {**scalars, **hidden}, ("seed",),
           f"Samples of the {title} distribution for a seed.")
    _block(DrawnEach, f"_draw_each_{name}", distribution, hidden, (*tensors, "seed"),
           f"Rows of samples of the {title} distribution for a seed, one for each element of the parameters.")


def _numbers(distribution: Distribution) -> dict[str, tuple[Any, Any]]:
    return {key: (type(default), default) for key, default in distribution.parameters.items()}


def _block(base: type[Operator], name: str, distribution: Distribution, fields: dict[str, tuple[Any, Any]],
           inputs: tuple[str, ...], doc: str, aliases: tuple[str, ...] = ()) -> None:
    body: dict[str, Any] = {"__doc__": doc, "__module__": __name__, "inputs": inputs, "distribution": distribution,
                            "__annotations__": {key: hint for key, (hint, _) in fields.items()}}
    body |= {key: default for key, (_, default) in fields.items() if default is not dataclasses.MISSING}
    if issubclass(base, Drawn):
        body |= {"imperative": base.loops} if distribution.by_loops else {"compute": base.elements}
    operator(name, aliases=aliases, hidden=issubclass(base, Drawn))(type(name, (base,), body))


for _distribution in DISTRIBUTIONS.values():
    _register(_distribution)
