"""Which entry computes what."""

from symc.ops.operator import find
from symc.passes.partition import (
    BACKWARD,
    FORWARD,
    PARAMETER_NAMES,
    PREPARE,
    parameter_variables,
    partition,
    stable_nodes,
)

NETWORK = """
    %x: f32[2,4]    %w: f32[3,4]    %b: f32[3]    %dy: f32[2,3]    %c: f32[3,4] = const
    %p = elemwise_mul(%w, %c)
    %q = exp(%c)
    %y = FullyConnected(%x, %p, %b) num_hidden=3
    %d = dot(%dy, %p)
    heads %y
    gradient %x = %d
"""


def entries(graph, parameters):
    return {node.name: entry for node, entry in partition(graph, parameters).items() if node.op is not None}


def test_entries(graph):
    assert entries(graph(NETWORK), ()) == {"p": FORWARD, "y": FORWARD, "d": BACKWARD}
    assert entries(graph(NETWORK), {"w", "b"}) == {"p": PREPARE, "y": FORWARD, "d": BACKWARD}


def test_roots_are_not_prepared(graph):
    """Their memory is the user's, and every run writes it."""
    g = graph("%w: f32[4]\n%p = exp(%w)\n%q = exp(%p)\nheads %q, %p")
    assert entries(g, {"w"}) == {"p": FORWARD, "q": FORWARD}


def test_what_depends_on_nothing_is_not_stable(graph):
    """Random numbers and the like have no inputs."""
    g = graph("%w: f32[4]\n%z = _zeros() shape=(4,)\n%s = elemwise_add(%w, %z)\n%y = exp(%s)\nheads %y")
    assert {node.name for node in stable_nodes(g, {"w"})} == {"w"}


def test_parameters_are_known_by_the_inputs_they_feed(graph):
    g = graph("""
        %x: f32[2,3]    %weight: f32[3,3]    %shared: f32[3,3]    %label: f32[2]
        %a = FullyConnected(%x, %weight) num_hidden=3 no_bias=True
        %b = FullyConnected(%a, %shared) num_hidden=3 no_bias=True
        %c = dot(%b, %shared)
        %s = SoftmaxOutput(%c, %label)
        heads %s
    """)
    assert parameter_variables(g) == {"weight"}
    assert not parameter_variables(graph(NETWORK))      # it has gradients: every run changes its parameters


def test_the_names_are_those_of_operators(graph):
    graph("heads")
    known = {name for block in ("Convolution", "BatchNorm", "LayerNorm", "FullyConnected", "_batch_norm_inference",
                                "_contrib_SyncBatchNorm") for name in (*find(block).inputs, *find(block).auxiliary)
             for name in [getattr(name, "name", name)]}
    assert known & PARAMETER_NAMES >= {"weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "mean"}
