"""Equal computations."""

from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.families.activation import relu
from symc.passes.common_subexpressions import MergeCommonSubexpressions


def test_chains_merge(check):
    check(MergeCommonSubexpressions(), """
        %x: f32[2]
        %a = relu(%x)
        %b = relu(%x)
        %c = sigmoid(%a)
        %d = sigmoid(%b)
        %y = elemwise_mul(%c, %d)
        heads %y, %d
    """, """
        %a = relu(%x)  # from a, b
        %c = sigmoid(%a)  # from c, d
        %y = elemwise_mul(%c, %c)
        heads %y, %c
    """)


def test_parameters_inputs_and_types_tell_apart(check, unchanged):
    check(MergeCommonSubexpressions(), """
        %x: f32[2,2]
        %z: f32[2,2]
        %a = _plus_scalar(%x) scalar=0.0
        %b = _plus_scalar(%x) scalar=-0.0
        %c = _plus_scalar(%z) scalar=0.0
        %d = SliceChannel(%x) num_outputs=2
        %e = relu(%d)
        %f = relu(%d#1)
        %g = elemwise_sub(%x, %z)
        %h = elemwise_sub(%z, %x)
        heads %a, %b, %c, %e, %f, %g, %h
    """, unchanged)


def test_constants(check):
    check(MergeCommonSubexpressions(), """
        %a: f32[2] = const [1.0, 2.0]
        %b: f32[2] = const [1.0, 2.0]
        %c: i32[2] = const [1, 2]
        %s = elemwise_add(%a, %b)
        heads %s, %c
    """, """
        %a: f32[2] = const [1.0, 2.0]  # from a, b
        %s = elemwise_add(%a, %a)
        %c: i32[2] = const [1, 2]
        heads %s, %c
    """)


def test_written_values_follow(check):
    g = check(MergeCommonSubexpressions(), """
        %x: f32[2]
        %s: f32[2]
        %a = relu(%x)
        %b = relu(%x)
        heads %a
        gradient %x = %b
        update backward %s = %b
    """, "%a = relu(%x)  # from a, b\nheads %a\ngradient %x = %a\nupdate backward %s = %a")
    assert [node.name for node in g.unread_variables] == ["s"]


def test_random_operators_stay(check, unchanged):
    check(MergeCommonSubexpressions(), "%x: f32[2]\n%a = test_noise(%x)\n%b = test_noise(%x)\n"
          "heads %a, %b", unchanged)


def test_long_chains():
    x = Value(variable("x", TensorType((2,), DType.float32)))
    heads = []
    for branch in "ab":
        value = x
        for i in range(10_000):
            value = Value(Node(f"{branch}{i}", relu(), (value,), x.node.types, sources=(Source(f"{branch}{i}"),)))
        heads.append(value)
    merged = MergeCommonSubexpressions()(Graph(tuple(heads)))
    assert len(merged.nodes) == 10_001 and merged.heads[0] == merged.heads[1]
