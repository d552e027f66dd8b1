"""The gradient."""

import numpy as np
import pytest

from symc.errors import UnsupportedOperatorError
from symc.interpreter import run
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.families.activation import relu
from symc.passes.gradient import Differentiate


def of(**requests):
    return Differentiate(tuple(requests.items()))


def test_gradients_meet_in_one_sum(check):
    check(of(x="write", w="add"), """
        %x, %w: f32[2,3]
        %y = sigmoid(%x)
        %z = tanh(%y)
        %s = elemwise_add(%z, %w)
        %t = elemwise_add(%s, %y)
        heads %t, %y
    """, """
        ...
        %y/backward/elemwise_add1 = elemwise_add(%_head_gradient1, %_head_gradient0)
        %z/backward/backward_tanh1 = _backward_tanh(%z, %_head_gradient0)  # from z
        %y/backward/elemwise_add2 = elemwise_add(%y/backward/elemwise_add1, %z/backward/backward_tanh1)
        %y/backward/backward_sigmoid1 = _backward_sigmoid(%y, %y/backward/elemwise_add2)  # from y
        heads %t, %y
        gradient %x = %y/backward/backward_sigmoid1
        gradient %w += %_head_gradient0
    """)


def test_only_what_is_wanted(check):
    g = check(of(w="write", x="null"), "%x, %w: f32[2]\n%a = sigmoid(%x)\n%y = elemwise_add(%a, %w)\nheads %y",
              "%a = sigmoid(%x)\n%y = elemwise_add(%a, %w)\nheads %y\ngradient %w = %_head_gradient0")
    assert str(g.heads[0].type) == str(g.gradients[0].value.type)


def test_nothing_wanted(check, unchanged):
    check(of(x="null", other="write"), "%x: f32[2]\n%y = relu(%x)\nheads %y", unchanged)


def test_loss_heads_take_no_head_gradient_and_push_even_when_blocked(check):
    check(of(x="write"), """
        %x, %label: f32[2]
        %y = test_loss(%x, %label)
        %b = BlockGrad(%y)
        heads %b
    """, """
        %y = test_loss(%x, %label)
        %b = BlockGrad(%y)
        %y/backward/elemwise_sub1 = elemwise_sub(%x, %label)
        heads %b
        gradient %x = %y/backward/elemwise_sub1
    """)


def test_blocked_variables_get_zeros(check):
    check(of(x="write", s="add"), "%x: f32[2]\n%s: f32[1]\n%a = BlockGrad(%x)\n%b = BlockGrad(%s)\n"
          "heads %a, %b, %x", """
        ...
        heads %a, %b, %x
        gradient %x = %_head_gradient2
        gradient %s += %s/backward/const1
    """)
    check(of(x="write"), "%x: f32[2]\n%a = BlockGrad(%x)\nheads %a", """
        %a = BlockGrad(%x)
        %x/backward/zeros1 = _zeros() shape=(2,)  # from x
        heads %a
        gradient %x = %x/backward/zeros1
    """)


def test_a_head_twice_takes_the_gradient_of_the_last(graph):
    g = of(x="write")(graph("%x: f32[2]\n%y = sigmoid(%x)\nheads %y, %y"))
    assert [node.name for node in g.variables] == ["x", "_head_gradient1"]


def test_states_are_updated_by_what_a_wanted_variable_feeds(check):
    text = "%x: f32[2]\n%w: f32[2]\n%m: f32[1]\n%y = test_running_mean(%x, %m)\n%z = elemwise_mul(%y, %w)\nheads %z"
    check(of(x="write"), text, "...\ngradient %x = %z/backward/backward_elemwise_mul_lhs1\n"
          "update backward %m = %y/backward/mean1")
    check(of(x="write"), text.replace("elemwise_mul(%y, %w)", "BlockGrad(%y)"),
          "...\ngradient %x = %x/backward/zeros1\nupdate backward %m = %y/backward/mean1")
    check(of(w="write"), text, "...\nheads %z\ngradient %w = %z/backward/backward_elemwise_mul_rhs2")


def test_a_shared_state_is_updated_by_the_last_operator_first(graph):
    """MXNet: BatchNorms that share statistics each move them in backward."""
    layers = "".join(f"%y{i} = BatchNorm(%x, %g, %b, %m, %v) fix_gamma=False momentum={momentum}\n"
                     for i, momentum in enumerate((0.5, 0.75)))
    g = of(x="write")(graph(f"%x: f32[2,1]\n%g, %b, %m, %v: f32[1]\n{layers}heads %y0, %y1"))
    given = {name: np.full(1, value, np.float32) for name, value in (("g", 1), ("b", 0), ("m", 8), ("v", 1))}
    heads = {f"_head_gradient{i}": np.ones((2, 1), np.float32) for i in range(2)}
    result = run(g, {"x": np.array([[1], [3]], np.float32), **given, **heads})
    np.testing.assert_allclose(result.updates["m"], (8 * 0.75 + 2 * 0.25) * 0.5 + 2 * 0.5)


def test_several_outputs_one_of_them_used(graph):
    g = of(x="write")(graph("%x: f32[2,2]\n%s = SliceChannel(%x) num_outputs=2\n%y = sigmoid(%s#1)\nheads %y"))
    dx = run(g, {"x": np.zeros((2, 2), np.float32), "_head_gradient0": np.ones((2, 1), np.float32)}).gradients["x"]
    np.testing.assert_array_equal(dx, [[0, 0.25], [0, 0.25]])


def test_operators_without_gradient_are_all_named(graph):
    g = graph("%x, %w: f32[2]\n%a = test_opaque(%x)\n%b = test_opaque(%x)\n%c = elemwise_add(%a, %b)\n"
              "%d = test_opaque(%w)\n%e = BlockGrad(%d)\nheads %c, %e")
    with pytest.raises(UnsupportedOperatorError, match="test_opaque has no gradient; needed by 'a', 'b'\n"):
        of(x="write")(g)
    assert of(w="write")(g).gradients[0].value.node.op.name == "_zeros"   # BlockGrad lies behind d


def test_long_chain():
    value = Value(variable("x", TensorType((2,), DType.float32)))
    for i in range(20_000):
        value = Value(Node(f"n{i}", relu(), (value,), value.node.types, sources=(Source(f"n{i}"),)))
    g = of(x="write")(Graph((value,)))
    assert len(g.nodes) == 40_002
    ones = np.ones(2, np.float32)
    np.testing.assert_array_equal(run(g, {"x": ones, "_head_gradient0": 3 * ones}).gradients["x"], [3, 3])


def test_a_value_with_thousands_of_readers():
    x = Value(variable("x", TensorType((2,), DType.float32)))
    heads = tuple(Value(Node(f"n{i}", relu(), (x,), x.node.types, sources=(Source(f"n{i}"),))) for i in range(2000))
    g = of(x="write")(Graph(heads))
    assert sum(node.op is not None and node.op.name == "elemwise_add" for node in g.nodes) == 1999
    inputs = {node.name: np.ones(2, np.float32) for node in g.variables}
    np.testing.assert_array_equal(run(g, inputs).gradients["x"], [2000, 2000])
