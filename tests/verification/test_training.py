"""Training packages whose passes lose or change something: what the rule for gradients behind jumps lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from symc import compiler
from symc.codegen import lowered
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.errors import DifferentError
from symc.ir.graph import Node, Value
from symc.ops.builder import GraphBuilder
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass

NETWORK = """
    %data, %w1, %gamma, %beta, %mean, %var, %w2, %b2: ?[*]
    %conv = Convolution(%data, %w1) kernel=(3,3) pad=(1,1) num_filter=8 no_bias=True
    %bn = BatchNorm(%conv, %gamma, %beta, %mean, %var) fix_gamma=False
    %act = relu(%bn)
    %sum = elemwise_add(%act, %conv)
    %fc = FullyConnected(%sum, %w2, %b2) num_hidden=5
    heads %fc
"""
SHAPES = {"w1": (8, 8, 3, 3), "gamma": (8,), "beta": (8,), "mean": (8,), "var": (8,), "w2": (5, 288), "b2": (5,)}

Damage = Callable[[GraphBuilder, Node], Sequence[Value]]


@record
class Damaged(Pass):
    """What the operators of one kind compute, made something else."""

    kind: str
    damage: Damage
    name = "damage"

    def __call__(self, graph):
        def visit(node):
            if node.op is None or operation(node).name != self.kind:
                return None
            return self.damage(GraphBuilder(f"{node.name}/damaged", node.sources), node)
        damaged = graph.rewrite(visit)
        assert damaged is not graph
        return damaged


def factor(g, node):
    return [g._mul_scalar(Value(node), scalar=1.002)]


def dropped(_, node):
    return [node.inputs[1]] if node.name.startswith("conv/backward") else None


def wrong_sign(g, node):
    *others, sums, products = node.inputs
    return [Value(g.node(node.op, [*others, g.negative(sums), products]))]


def stale(g, node):
    return [g._mul_scalar(node.inputs[0], scalar=1.0)]


@pytest.mark.parametrize(("kind", "damage", "wrong"), [
    ("_backward_convolution_weight", factor, "gradient 'w1'"), ("elemwise_add", dropped, "gradient 'w1'"),
    ("_backward_normalize", wrong_sign, "gradient 'w1'"), ("_moving_average", stale, "state 'mean'")])
def test_what_passes_do_to_backward_is_found(graph, tmp_path, monkeypatch, kind, damage, wrong):
    genuine = lowered.passes_of

    def damaged(*arguments, **options):
        passes = genuine(*arguments, **options)
        after = next(number for number, step in enumerate(passes) if step.name == "differentiate") + 1
        return [*passes[:after], Damaged(kind, damage), *passes[after:]]
    monkeypatch.setattr(lowered, "passes_of", damaged)
    draws = np.random.default_rng(5)
    parameters = {name: draws.uniform(0.1, 0.5, shape).astype(np.float32) for name, shape in SHAPES.items()}
    with pytest.raises(DifferentError) as caught:
        compiler.compile_package(tmp_path / "net.symc", graph(NETWORK), parameters, {"data": (4, 8, 6, 6)}, train=True,
                                 levels=[host_level()], options=Options())
    assert wrong in caught.value.message and "each kernel computes what its node" in caught.value.message
    assert caught.value.message.count("gradient '") + caught.value.message.count("state '") == 1
