"""Which values lie in memory as bfloat16."""

import numpy as np
import pytest

from symc.interpreter import run_heads
from symc.passes.base import run_passes
from symc.passes.fuse import Fuse
from symc.passes.legalize import Legalize
from symc.passes.narrow_factors import NarrowFactors
from symc.passes.narrow_storage import NarrowStorage


def types(graph):
    return {node.name: " ".join(map(str, node.types)) for node in graph.nodes if node.op is not None}


def narrowed(graph, text, *parameters):
    names = frozenset(parameters)
    return run_passes(graph(text), [NarrowFactors(names), Fuse(names), NarrowStorage(names)], verify=True)


TWO_GROUPS = """
    %x: f32[1,2,4,4]
    %p = softmax(%x)
    %q = Pooling(%p) kernel=(3,3) pad=(1,1)
    heads %q
"""


def test_values_are_rounded_where_written_and_widened_where_read(check):
    check(lambda graph: run_passes(graph, [Legalize(), Fuse(), NarrowStorage()]), TWO_GROUPS, """
        %p: bf16[1,2,4,4] = group(%x) master=rows {
        ...
        %p = softmax(%in0)
        %p/bf16 = Cast(%p) dtype=bfloat16
        heads %p/bf16
        }
        %q: f32[1,2,4,4] = group(%p) master=window {
        ...
        %in0/f32 = Cast(%in0) dtype=float32
        %q = _pool(%in0/f32) kernel=(3,3) stride=(1,1) pad=(1,1) extent=(4,4) pool_type=max
        heads %q
        }
        heads %q
    """)


def test_contractions_read_their_factors_as_they_are(graph):
    made = narrowed(graph, """
        %x: f32[4,8]    %w: f32[8,8]
        %a = FullyConnected(%x, %w) num_hidden=8 no_bias=True
        %b = relu(%a)
        %c = FullyConnected(%b, %w) num_hidden=8 no_bias=True
        %d = elemwise_add(%c, %b)
        heads %d
    """, "w")
    assert types(made)["a_b_b/bf16"] == "bf16[4,8]", "the rounded result alone"
    last = made.heads[0].node
    assert [str(value.type) for value in last.inputs] == ["bf16[4,8]", "bf16[8,8]", "bf16[4,8]"]
    assert [node.op.name for node in last.op.graph.nodes if node.op] == ["FullyConnected", "Cast", "elemwise_add"]


@pytest.mark.parametrize("kept", [
    "%t = sum(%p) axis=1\n%q = exp(%t)",                                    # a sum reads it
    "%q = softmax(%p)",                                                     # the scores of a softmax
    "%s = topk(%p)\n%q = _copy(%s)",                                        # a sorting does
    "%i = FullyConnected(%x, %w, %p) num_hidden=4\n%q = _copy(%i)"])        # it is a bias
def test_sensitive_readers_keep_float32(graph, kept):
    shape = "4" if "FullyConnected" in kept else "4,4"
    made = run_passes(graph(f"""
        %x: f32[4,4]    %w: f32[4,4]    %y: f32[{shape}]
        %p = softmax(%y)
        {kept}
        heads %q
    """), [Legalize(), Fuse(), NarrowStorage()])
    assert types(made)["p"] == f"f32[{shape}]"


def test_rows_of_a_detector_stay_float32(graph):
    """Rows that one kernel of an operator takes for another: they hold numbers of classes."""
    made = run_passes(graph("""
        %scores: f32[2,3,8]    %offsets: f32[2,32]    %anchors: f32[1,8,4]
        %prob = softmax(%scores) axis=1
        %near = Pooling(%prob) kernel=(3,) pad=(1,)
        %again = softmax(%near) axis=1
        %found = _contrib_MultiBoxDetection(%again, %offsets, %anchors)
        %s = slice_axis(%found) axis=2 begin=0 end=1
        %e = softmax(%s)
        heads %e
    """), [Legalize(), Fuse(), NarrowStorage()])
    rows = {node.name: str(node.types[0]) for node in made.nodes if node.op and node.types[0].dtype.is_float}
    assert any("take_rows" in name for name in rows)
    assert rows.pop("prob") == "bf16[2,3,8]" and all(type.startswith("f32") for type in rows.values())


def test_what_the_user_holds_stays_float32(graph):
    made = run_passes(graph(TWO_GROUPS.replace("heads %q", "heads %q, %p")), [Legalize(), Fuse(), NarrowStorage()])
    assert types(made) == {"p": "f32[1,2,4,4]", "q": "f32[1,2,4,4]"}


def test_views_and_parts_are_of_one_dtype(graph):
    text = """
        %x: f32[1,4,4,4]
        %p = softmax(%x)
        %q = softmax(%x) axis=1
        %j = _joined(%p, %q) num_args=2
        %v = _reshape(%j) shape=(1,8,1,16)
        %e = Pooling(%v) kernel=(1,3) pad=(0,1)
        heads %e
    """
    made = run_passes(graph(text), [Legalize(), Fuse(), NarrowStorage()])
    assert set(types(made).values()) == {"bf16[1,4,4,4]", "bf16[1,8,4,4]", "bf16[1,8,1,16]", "f32[1,8,1,16]"}
    inputs = {"x": np.random.default_rng(1).standard_normal((1, 4, 4, 4)).astype(np.float32)}
    np.testing.assert_allclose(run_heads(made, inputs)[0], run_heads(graph(text), inputs)[0], rtol=2 ** -6)


def test_what_only_converts_goes(graph):
    made = narrowed(graph, """
        %x: f32[1,16,9,9]    %w: f32[16,16,1,1]
        %p = softmax(%x)
        %j = _piece(%p) axis=1 begin=0 end=16
        %y = Convolution(%j, %w) kernel=(1,1) num_filter=16 no_bias=True
        heads %y
    """, "w")
    assert [node.name for node in made.nodes if node.op] == ["p", "j", "w/bf16", "y"]
