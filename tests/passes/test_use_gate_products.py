"""Products in front of gates."""

from symc.passes.base import run_passes
from symc.passes.legalize import Legalize
from symc.passes.use_gate_products import UseGateProducts

STEP = """
    %x, %h: f32[2,5]    %w: f32[64,5]    %v: f32[64,5]    %b: f32[64]
    %p = FullyConnected(%x, %w, %b) num_hidden=64
    %q = FullyConnected(%h, %v) num_hidden=64 no_bias=True
    %s = elemwise_add(%p, %q)
    %g = SliceChannel(%s) num_outputs=4
    """
PARAMETERS = UseGateProducts(frozenset("wvb"))


def test_weights_are_seen_by_gates(check):
    check(PARAMETERS, """
        %x: f32[2,5]    %w: f32[64,5]    %b: f32[64]
        %p = FullyConnected(%x, %w, %b) num_hidden=64
        %g = SliceChannel(%p) num_outputs=4
        %y = elemwise_mul(%g, %g#3)
        heads %y
    """, """
        %p/reshape1: f32[4,16,5] = _reshape(%w) shape=(4,16,5)
        %p = _gate_product(%x, %p/reshape1, %b) gates=4
        %g = SliceChannel(%p) num_outputs=4
        %y = elemwise_mul(%g, %g#3)
        heads %y
    """)


def test_of_several_products_the_one_that_comes_last(check):
    for first, second in (("%x", "%r"), ("%r", "%x")):
        inputs = STEP.replace("FullyConnected(%x", f"FullyConnected({first}").replace(
            "FullyConnected(%h", f"FullyConnected({second}").replace("%p =", "%r = relu(%h)\n%p =")
        found = check(PARAMETERS, inputs + "%y = relu(%g)\nheads %y", "...\nheads %y")
        (product,) = [node for node in found.nodes if node.op and node.op.name == "_gate_product"]
        assert product.name == ("q" if second == "%r" else "p")


def test_only_for_elementwise_gates_of_parameters_and_batches(check, unchanged):
    kept = STEP + "%y = elemwise_add(%g, %g#1)\nheads %y"
    check(UseGateProducts(), kept, unchanged)                                       # weights are no parameters
    check(PARAMETERS, STEP + "%y = sum(%g) axis=(0,)\nheads %y", unchanged)         # what reads gates is a reduction
    check(PARAMETERS, kept.replace("f32[2,", "f32[500,"), unchanged)
    check(PARAMETERS, kept.replace("f32", "f64"), unchanged)
    check(PARAMETERS, kept.replace("64", "68"), unchanged)                          # 17 units fill no blocks
    check(PARAMETERS, STEP.replace("=4", "=4 axis=0").replace("[2,5]", "[4,5]") + "%y = relu(%g)\nheads %y", unchanged)


def test_weights_of_a_loop_are_its_constants(graph):
    net = graph("""%data: f32[3,2,4]    %parameters: f32[1408]    %state, %cell: f32[1,2,16]
        %y = RNN(%data, %parameters, %state, %cell) mode=lstm state_size=16 num_layers=1
        heads %y""")
    (scan,) = [node for node in run_passes(Legalize()(net), [UseGateProducts()]).nodes
               if node.op and node.op.name == "_scan"]
    assert [node.op.name for node in scan.op.body.nodes if node.op].count("_gate_product") == 1
