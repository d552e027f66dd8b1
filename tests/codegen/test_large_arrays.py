"""Arrays of 2 GB and more, whose indices take 64 bits.  Pages that nobody touches cost no memory."""

import numpy as np
import pytest

import symc as mx
from symc.codegen.build import groups_of
from symc.codegen.lower import lower_group
from symc.codegen.lowered import Options, lower
from symc.frontend.reader import parse_graph
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE


def test_rows_of_a_large_table():
    table = np.zeros((2**21 + 8, 1024), np.uint8)
    table[-1] = 7
    module = mx.compile(mx.sym.take(mx.sym.var("table"), mx.sym.var("rows")), None,
                        {"table": table.shape, "rows": (2,)}, dtypes={"table": "uint8", "rows": "int32"})
    out, = module.forward(table=table, rows=np.array([2**21 + 7, 0], np.int32))
    np.testing.assert_array_equal(out.asnumpy()[:, :2], [[7, 7], [0, 0]])


@pytest.mark.parametrize("target, level", [("cpu", "x86-64-v3"), ("cuda", "cuda")])
@pytest.mark.parametrize("symbol", [mx.sym.take(mx.sym.var("x"), mx.sym.var("rows")), mx.sym.sort(mx.sym.var("x"))],
                         ids=["take", "sort"])
def test_kernels_are_made(symbol, target, level):
    shapes = {"x": (2**20, 513)} | ({"rows": (4,)} if "rows" in symbol.list_arguments() else {})
    lowered = lower(typed(parse_graph(symbol.tojson()), shapes, {}), INFERENCE, {}, (), Options(), target=target)
    assert all(lower_group(node.op.graph, "k", level).kernels for node in groups_of(lowered))
