"""The interpreter."""

import numpy as np
import pytest

from symc.errors import InferenceError, SymcError
from symc.interpreter import run
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.families.activation import relu

X = np.array([-1, 2], np.float32)


def test_heads_gradients_and_updates(graph):
    results = run(graph("""
        %x: f32[2]
        %state: f32[2]
        %y = relu(%x)
        %d = elemwise_mul(%y, %y)
        heads %y, %x
        gradient %x += %d
        update backward %state = %y
    """), {"x": X, "state": X, "unused": X})
    np.testing.assert_array_equal(results.heads, [[0, 2], X])
    np.testing.assert_array_equal(results.gradients["x"], [0, 4])
    np.testing.assert_array_equal(results.updates["state"], [0, 2])
    assert results.internals == {}


def test_internals_have_mxnet_names(graph):
    g = graph("%x: f32[2,2]\n%s = SliceChannel(%x) num_outputs=2 squeeze_axis=True\n%y = relu(%s#1)\nheads %y")
    internals = run(g, {"x": np.arange(4, dtype=np.float32).reshape(2, 2)}, keep_internals=True).internals
    assert list(internals) == ["x", "s_output0", "s_output1", "y_output"]
    np.testing.assert_array_equal(internals["s_output1"], [1, 3])


def test_constants(graph):
    g = graph("%x: f32[2]\n%c: f32[2] = const [1.0, 2.0]\n%y = elemwise_add(%x, %c)\nheads %y")
    np.testing.assert_array_equal(run(g, {"x": X}).heads[0], [0, 4])


def test_blocked_constants_are_read_as_logical_arrays(graph):
    c = np.zeros((1, 1, 1, 1, 16), np.float32)
    c[..., :2] = X
    node = Node("c", types=(TensorType((1, 2, 1, 1), DType.float32, "aBcd16b"),), sources=(Source("c"),), value=c)
    np.testing.assert_array_equal(run(Graph((Value(node),)), {}).heads[0].ravel(), X)


def test_nested_graphs():
    inner = Graph((Value(Node("r", relu(), (Value(variable("a")),), sources=(Source("r"),))),))

    class Nested(relu):
        subgraphs = (inner,)

        def reference(self, run, x):
            return run(inner, {"a": x})[0] + 1

    outer = Graph((Value(Node("n", Nested(), (Value(variable("x")),), sources=(Source("n"),))),))
    np.testing.assert_array_equal(run(outer, {"x": X}).heads[0], [1, 3])


def test_long_chain_frees_what_it_has_used():
    value = Value(variable("x"))
    for i in range(20_000):
        value = Value(Node(f"n{i}", relu(), (value,), sources=(Source(f"n{i}"),)))
    big = np.ones(20_000, np.float32)   # 1.6 GB if all were kept
    assert run(Graph((value,)), {"x": big}).heads[0].sum() == big.size


def test_missing_inputs(graph):
    g = graph("%x, %y: f32[2]\n%s = elemwise_add(%x, %y)\nheads %s")
    with pytest.raises(SymcError, match="no value is given for 'x', 'y'"):
        run(g, {"data": X})


@pytest.mark.parametrize("array, message", [(np.zeros(3, np.float32), r"'x' is \(3,\), expected \(2,\)"),
                                            (np.zeros((2, 1), np.float32), r"'x' is \(2, 1\), expected \(2,\)"),
                                            (np.zeros(2), "'x' is float64, expected float32")])
def test_wrong_inputs(graph, array, message):
    with pytest.raises(InferenceError, match=message):
        run(graph("%x: f32[2]\n%y = relu(%x)\nheads %y"), {"x": array})
