"""Random networks: text that grows from templates of calls of common operators."""

from __future__ import annotations

import math
from random import Random

from symc.errors import SymcError
from tests.random_graphs.values import parse

EXTENTS = (1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 33)
LARGEST = 4000          # elements of a value

# {a}, {b}: values made before, {b} of the shape of {a}; {r}: rank, {i}, {j}: axes, {n}: extent of axis {i};
# {w[...]}: a new variable of that shape, {u[...]}: another, {c[...]}: of 0 and 1, {k[n; ...]}: integers below n
UNARY = ["relu({a})", "sigmoid({a})", "tanh({a})", "exp({a})", "negative({a})", "square({a})", "abs({a})", "erf({a})",
         "softsign({a})", "Activation({a}) act_type=softrelu", "_mul_scalar({a}) scalar=0.5", "sin({a})", "sign({a})",
         "_rminus_scalar({a}) scalar=1.0", "_maximum_scalar({a}) scalar=0.1", "LeakyReLU({a}) act_type=elu",
         "LeakyReLU({a}) slope=0.3", "clip({a}) a_min=-0.5 a_max=0.5", "BlockGrad({a})", "_copy({a})",
         "_greater_scalar({a}) scalar=0.0", "Cast({a}) dtype=float32", "smooth_l1({a}) scalar=1.0", "zeros_like({a})"]
BINARY = ["elemwise_add({a}, {b})", "elemwise_mul({a}, {b})", "elemwise_sub({a}, {b})", "_maximum({a}, {b})",
          "add_n({a}, {b}, {a}) num_args=3", "where({c[{s}]}, {a}, {b})", "broadcast_greater({a}, {b})",
          "Concat({a}, {b}) num_args=2 dim={i}", "stack({a}, {b}) num_args=2 axis={i}"]
BROADCAST = ["broadcast_add({a}, {w[{o}]})", "broadcast_mul({w[{o}]}, {a})", "broadcast_sub({a}, {w[{o}]})",
             "broadcast_maximum({a}, {w[{o}]})"]
REDUCE = ["sum({a}) axis=({i},)", "mean({a}) axis=({i},) keepdims=True", "max({a}) axis=({i},)", "sum({a})",
          "min({a}) axis=({i},) keepdims=True", "norm({a}) ord=2 axis=({i},)", "sum({a}) axis=({i},) exclude=True",
          "argmax({a}) axis={i}", "prod({a}) axis=({i},)", "mean({a}) axis=({i},) exclude=True keepdims=True"]
NORMALIZE = ["softmax({a}) axis={i}", "log_softmax({a}) axis={i}", "LayerNorm({a}, {w[{n}]}, {u[{n}]}) axis={i}",
             "L2Normalization({a}) mode=instance", "softmax({a}) axis=-1 temperature=2.0",
             "BatchNorm({a}, {w[{n}]}, {u[{n}]}, {m[{n}]}, {v[{n}]}) axis={i} fix_gamma=False",
             "BatchNorm({a}, {w[{n}]}, {u[{n}]}, {m[{n}]}, {v[{n}]}) axis={i}"]
SHAPE = ["Reshape({a}) shape=(-1,)", "Reshape({a}) shape=(-1,{n})", "transpose({a})", "SwapAxis({a}) dim1={i} dim2={j}",
         "expand_dims({a}) axis={i}", "Flatten({a})", "slice_axis({a}) axis={i} begin=0 end=-1",
         "slice_axis({a}) axis={i} begin=1 end=None", "reverse({a}) axis=({i},)", "repeat({a}) repeats=2 axis={i}",
         "tile({a}) reps=(2,)", "SliceChannel({a}) num_outputs=1 axis={i}", "squeeze({a})", "Flatten({a})"]
MATRIX = ["FullyConnected({a}, {w[5,{e}]}, {u[5]}) num_hidden=5",
          "FullyConnected({a}, {w[17,{l}]}) num_hidden=17 no_bias=True flatten=False", "dot({a}, {w[{l},7]})",
          "dot({a}, {w[6,{l}]}) transpose_b=True", "dot({a}, {a}) transpose_a=True"]
RANK_3 = ["batch_dot({a}, {a}) transpose_b=True", "batch_dot({a}, {a}) transpose_a=True",
          "Convolution({a}, {w[4,{d1},3]}, {u[4]}) kernel=(3,) pad=(1,) num_filter=4",
          "Pooling({a}) kernel=(2,) stride=(2,) pool_type=max"]
RANK_4 = ["Convolution({a}, {w[6,{d1},3,3]}, {u[6]}) kernel=(3,3) pad=(1,1) num_filter=6",
          "Convolution({a}, {w[16,{d1},1,1]}) kernel=(1,1) num_filter=16 no_bias=True",
          "Convolution({a}, {w[17,{d1},3,3]}) kernel=(3,3) stride=(2,2) pad=(1,1) num_filter=17 no_bias=True",
          "Convolution({a}, {w[{d1},1,3,3]}) kernel=(3,3) pad=(1,1) num_filter={d1} num_group={d1} no_bias=True",
          "Deconvolution({a}, {w[{d1},3,2,2]}) kernel=(2,2) stride=(2,2) num_filter=3",
          "Pooling({a}) kernel=(2,2) stride=(2,2) pool_type=max", "Pooling({a}) global_pool=True pool_type=avg",
          "Pooling({a}) kernel=(3,3) stride=(2,2) pad=(1,1) pool_type=max pooling_convention=full",
          "Pooling({a}) kernel=(3,3) pad=(1,1) pool_type=avg", "UpSampling({a}) scale=2 sample_type=nearest num_args=1",
          "Pad({a}) mode=constant pad_width=(0,0,0,0,1,2,2,1)", "LRN({a}) nsize=3"]
# images of many channels, which lie in blocks of 16
IMAGE = ["Convolution({a}, {w[32,{d1},3,3]}, {u[32]}) kernel=(3,3) pad=(1,1) num_filter=32", *RANK_4,
         "Convolution({a}, {w[24,{d1},1,1]}, {u[24]}) kernel=(1,1) stride=(2,2) num_filter=24",
         "Convolution({a}, {w[{d1},1,2,2]}) kernel=(2,2) dilate=(2,2) num_filter={d1} num_group={d1} no_bias=True",
         "Convolution({a}, {w[16,{d1},5,5]}) kernel=(5,5) pad=(2,2) num_filter=16 no_bias=True",
         "Convolution({a}, {w[32,{d1},2,3]}) kernel=(2,3) pad=(1,0) num_filter=32 no_bias=True",
         "Deconvolution({a}, {w[{d1},16,4,4]}) kernel=(4,4) stride=(2,2) pad=(1,1) num_filter=16",
         "Concat({a}, {b}) num_args=2 dim=1", "Concat({a}, {b}, {a}) num_args=3 dim=1", "elemwise_add({a}, {b})",
         "broadcast_add({a}, {w[1,{d1},1,1]})", "broadcast_mul({a}, {w[{s0},{d1},1,1]})",
         "LeakyReLU({a}, {w[{d1}]}) act_type=prelu", "SliceChannel({a}) num_outputs=2 axis=1", "relu({a})",
         "BatchNorm({a}, {w[{d1}]}, {u[{d1}]}, {m[{d1}]}, {v[{d1}]}) fix_gamma=False", "softmax({a}) axis=1",
         "Pooling({a}) kernel=(2,2) stride=(2,2) pool_type=avg", "Pooling({a}) kernel=(3,3) pool_type=max",
         "Pooling({a}) global_pool=True pool_type=max", "Flatten({a})", "sum({a}) axis=(2,3)",
         "transpose({a}) axes=(0,2,3,1)", "mean({a}) axis=(1,) keepdims=True",
         "InstanceNorm({a}, {w[{d1}]}, {u[{d1}]})", "slice_axis({a}) axis=1 begin=1 end=None"]
INDEX = ["take({a}, {k[{d0}; 4]})", "Embedding({k[9; {d0},2]}, {w[9,5]}) input_dim=9 output_dim=5",
         "one_hot({k[4; {d0}]}) depth=4", "topk({a}) axis={i} k=1 ret_typ=value", "sort({a}) axis={i}"]
LOSS = ["SoftmaxOutput({a}, {k[{l}; {b1}]})", "LinearRegressionOutput({a}, {w[{s}]})", "MakeLoss({a})",
        "LogisticRegressionOutput({a}, {w[{s}]})"]
ANY_RANK = [UNARY, UNARY, BINARY, BROADCAST, REDUCE, NORMALIZE, SHAPE, SHAPE, MATRIX, INDEX]


class Variables(dict):
    """Variables made on the way: `{w[3,4]}` in a format string."""

    def __init__(self, kind: str, maker: Maker) -> None:
        self.kind, self.maker = kind, maker

    def __getitem__(self, key: str) -> str:
        return self.maker.variable(self.kind, key)


class Maker:
    """Grows the text of a graph line by line."""

    def __init__(self, random: Random, dtype: str = "f32", images: bool = False) -> None:
        self.random = random
        self.dtype = dtype
        self.images = images
        self.lines: list[str] = []
        self.declared: list[str] = []
        self.shapes: dict[str, tuple[int, ...]] = {}     # of values

    def variable(self, kind: str, shape: str) -> str:
        """kind: w, u anything; m, v statistics; c 0 or 1; k integers below n, 'n; shape'."""
        limit, _, dims = shape.rpartition("; ")
        name = f"%{kind}{limit}_{len(self.declared)}"
        self.declared.append(f"{name}: {self.dtype}[{dims}]")
        return name

    def declare(self, shape: tuple[int, ...]) -> None:
        name = self.variable("x", ",".join(map(str, shape)))
        self.shapes[name] = shape

    def grow(self) -> None:
        """One more operator on values there are, if it fits and does not grow too large."""
        random = self.random
        a = random.choice([*self.shapes, *list(self.shapes)[-2:], *list(self.shapes)[-1:]])
        shape = self.shapes[a]
        own = {3: [RANK_3] * 2, 4: [IMAGE] * 40 if self.images else [RANK_4] * 6}
        tables = ANY_RANK + own.get(len(shape), [])
        self.add(random.choice(random.choice(tables)), a)

    def add(self, template: str, a: str) -> None:
        shape, random = self.shapes[a], self.random
        if not shape and ("{i}" in template or "{l}" in template or "{d0}" in template):
            return
        like = [name for name, other in self.shapes.items() if other == shape]
        i = random.randrange(max(len(shape), 1))
        text = ",".join(map(str, shape))
        before = len(self.declared)
        call = _nested(template, {
            "a": a, "b": random.choice(like), "s": text, "i": i, "j": random.randrange(max(len(shape), 1)),
            "n": shape[i] if shape else 1, "o": ",".join(str(random.choice((1, d))) for d in shape),
            "l": shape[-1] if shape else 1, "e": math.prod(shape[1:]), "b1": ",".join(map(str, shape[:-1])),
            "s0": random.choice((1, *shape[:1])), "d0": shape[0] if shape else 1,
            "d1": shape[1] if len(shape) > 1 else 1}, self)
        name = f"%n{len(self.lines)}"
        try:
            made = parse("\n".join([*self.declared, *self.lines, f"{name} = {call}", f"heads {name}"])).heads[0].type
        except (SymcError, AssertionError):
            del self.declared[before:]
            return
        if math.prod(made.dims) > LARGEST * (1 + 4 * self.images) or len(made.dims) > 5:
            del self.declared[before:]
            return
        self.lines.append(f"{name} = {call}")
        self.shapes[name] = made.dims

    def text(self) -> str:
        """The graph; the last value and perhaps another are its heads."""
        heads = [list(self.shapes)[-1], *self.random.sample(list(self.shapes), self.random.choice((0, 0, 1)))]
        return "\n".join([*self.declared, *self.lines, f"heads {', '.join(heads)}"])


def _nested(template: str, fields: dict[str, object], maker: Maker) -> str:
    """`template` with its fields; `{w[...]}` may hold fields itself."""
    for key, value in fields.items():
        template = template.replace(f"{{{key}}}", str(value))
    while "{" in template:
        before, _, rest = template.partition("{")
        inside, _, after = rest.partition("}")
        kind, _, shape = inside.removesuffix("]").partition("[")
        template = before + maker.variable(kind, shape) + after
    return template


def random_text(random: Random, loss: bool = False, dtype: str = "f32", images: bool = False) -> str:
    """A graph of one or two inputs and up to eleven operators.  images: mostly of convolutional networks."""
    maker = Maker(random, dtype, images)
    rank = random.choice((1, 2, 2, 3, 4, 4))
    shape = tuple(random.choice(EXTENTS if rank < 4 else EXTENTS[:9]) for _ in range(rank))
    if images:
        shape = tuple(map(random.choice, ((1, 2, 3), (3, 8, 16, 17, 32, 40), (5, 8), (4, 7))))
    maker.declare(shape)
    maker.declare(tuple(random.choice((1, d)) for d in shape))
    for _ in range(random.randrange(3, 11)):
        maker.grow()
    if loss:
        maker.add(random.choice(LOSS), list(maker.shapes)[-1])
    return maker.text()
