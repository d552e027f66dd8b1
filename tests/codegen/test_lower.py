"""From a group to its kernels: which generator, and in which order parameters come."""

import pytest

from symc.codegen import lower
from symc.codegen.lower import lower_group
from symc.codegen.pack import pack_rule
from symc.passes.fuse import Fuse

LEVEL = "x86-64-v3"


def group_of(graph, text):
    """The nested graph of the only group of a text."""
    (node,) = [node for node in Fuse()(graph(text)).nodes if node.op is not None]
    return node.op.graph


@pytest.fixture
def products(monkeypatch):
    """The requests that the contraction generator got."""
    seen = []
    original = lower.generate
    monkeypatch.setattr(lower, "generate", lambda request, *rest: (seen.append(request), original(request, *rest))[1])
    return seen


def test_a_product_and_its_epilogue_are_one_kernel(graph, products):
    group = group_of(graph, """
        %x, %skip: f32[4,16]    %w: f32[16,16]    %b: f32[16]
        %y = FullyConnected(%x, %w, %b) num_hidden=16
        %s = elemwise_add(%skip, %y)
        %r = relu(%s)
        heads %r, %s
    """)
    code = lower_group(group, "name", LEVEL)
    (kernel,) = code.kernels
    variables = [node.types[0].dims for node in group.variables]
    kinds = [(kind, variables[position] if kind == "input" else group.heads[position].node.name)
             for kind, position in kernel.parameters]
    assert kinds == [("input", (4, 16)), ("input", (16, 16)), ("input", (16,)), ("input", (4, 16)), ("output", "s"),
                     ("output", "r")]
    assert kernel.symbol == "name_0" and kernel.flops >= 2 * 4 * 16 * 16 and code.object[:4] == b"\x7fELF"
    (request,) = products
    assert [operand.along for operand in request.operands] == [(1,), (0, 1)]


def test_operands_that_are_read_twice_are_passed_twice(graph, products):
    group = group_of(graph, "%x: f32[4,4]\n%y = dot(%x, %x)\n%z = elemwise_add(%y, %x)\nheads %z")
    (kernel,) = lower_group(group, "name", LEVEL).kernels
    assert kernel.parameters == (("input", 0), ("input", 0), ("input", 0), ("output", 0)) and products


def test_numbers_of_the_epilogue_are_in_the_code(graph, products):
    group = group_of(graph, """
        %x, %w: f32[4,4]    %half: f32[1,1] = const [0.5]
        %y = dot(%x, %w)
        %z = broadcast_mul(%y, %half)
        heads %z
    """)
    (kernel,) = lower_group(group, "name", LEVEL).kernels
    assert len(kernel.parameters) == 3 and products


@pytest.mark.parametrize("text", [
    "%x: f32[4]\n%y = exp(%x)\nheads %y", "%x: f32[4,9]\n%y = softmax(%x)\nheads %y",
    "%x, %w: f16[4,4]\n%y = dot(%x, %w)\nheads %y"], ids=["elementwise", "rows", "half precision"])
def test_everything_else_is_tir(graph, products, text):
    code = lower_group(group_of(graph, text), "name", LEVEL)
    assert code.kernels[0].symbol.startswith("name") and not products


@pytest.mark.parametrize("dtype, packs", [("f32", True), ("f16", False), ("i32", False)])
def test_weights_are_packed_for_the_generator_alone(graph, dtype, packs):
    node = graph(f"""
        %x: {dtype}[4,64]    %w: {dtype}[64,64]
        %y = FullyConnected(%x, %w) num_hidden=64 no_bias=True
        heads %y
    """).heads[0].node
    assert (pack_rule(node) is not None) == packs
