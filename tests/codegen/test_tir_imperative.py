"""Imperative operators, compiled and run, against the references."""

import numpy as np
import pytest

from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.operator import Operator, make


class PrefixMaximum(Operator):
    """Running maxima from the right, in two kernels: a copy, then a loop that reads what it wrote."""

    name = "prefix_maximum"

    def imperative(self, k, inputs, outputs):
        (x,), (y,) = inputs, outputs
        rows, columns = x.shape
        with k.jobs(rows) as row, k.loop(columns) as column:
            k.store(y, (row, column), x[row, column])
        with k.jobs(rows) as row, k.loop((1, columns)) as step:
            here = columns - 1 - step
            with k.when(y[row, here] < y[row, here + 1]):
                k.store(y, (row, here), y[row, here + 1])

    def reference(self, x):
        return np.maximum.accumulate(x[:, ::-1], axis=1)[:, ::-1]

    def printed(self):
        return ""


def test_several_kernels_reads_of_what_was_written_and_branches(groups):
    type = TensorType((5, 20), DType.float32)
    x = Value(variable("x", type))
    compiled = groups.check(Graph((Value(Node("y", PrefixMaximum(), (x,), (type,))),)))
    assert [kernel.jobs for kernel in compiled.code.kernels] == [5, 5]


class Shifted(Operator):
    """exp of the next element but one, in place: what a vector reads is not yet written; and a gather."""

    name = "shifted"

    def imperative(self, k, inputs, outputs):
        (x, places), (y,) = inputs, outputs
        rows, columns = x.shape
        with k.jobs(rows) as row:
            k.vectors(columns, x.dtype, lambda i: k.store(y, (row, i), x[row, i]))
            k.vectors(columns - 2, x.dtype, lambda i: k.store(
                y, (row, i), k.F.exp(y[row, i + 2]) + x[row, k.index(places[i])]))

    def reference(self, x, places):
        return np.concatenate([np.exp(x[:, 2:]) + x[:, places[:-2]], x[:, -2:]], 1)

    def printed(self):
        return ""


@pytest.mark.parametrize("columns", [3, 18, 49])
def test_vectors(groups, columns):
    type = TensorType((2, columns), DType.float32)
    x, places = Value(variable("x", type)), Value(variable("places", TensorType((columns,), DType.int32)))
    inputs = np.random.default_rng(7).standard_normal(type.dims).astype(np.float32), np.arange(columns, dtype=np.int32)
    groups.check(Graph((Value(Node("y", Shifted(), (x, places), (type,))),)), [inputs[0], inputs[1][::-1].copy()])


@pytest.mark.parametrize("text", [
    "%d: f32[2,7,40]\n%i: f32[7]\n%y = _backward_take(%d, %i) extent=6\nheads %y",
    "%x: f32[3,5,4]\n%y = _cumulative_sum(%x)\nheads %y",
    "%x: f32[3,37]\n%y = _argsort(%x)\nheads %y",
    "%x: f32[3,37]\n%r = relu(%x)\n%y = _argsort(%r)\n%z = Cast(%y) dtype=float32\n%w = elemwise_add(%z, %r)\nheads %w",
])
def test_operators(graph, groups, text):
    groups.check(graph(text))


def test_bounds_of_loops_that_nothing_is_known_of(groups):
    places = np.array([[4, 2, 7, 1]], np.int32), np.array([[1, 0, 1, 0]], np.int32)
    order, kept = (Value(variable(name, TensorType((1, 4), DType.int32))) for name in ("order", "kept"))
    compact = Node("y", make("_compact", count=7, cyclic=True), (order, kept), (TensorType((1, 7), DType.int32),))
    groups.check(Graph((Value(compact),)), places)
