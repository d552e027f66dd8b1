"""Blocked images and packed weights."""

import numpy as np
import pytest

from symc.ir.layouts import to_logical
from symc.ir.types import DType
from symc.passes.fold_constants import FoldConstants
from symc.passes.layout import AssignLayouts
from symc.passes.narrow_factors import NarrowFactors
from symc.passes.pack_constants import PackConstants


def pack(node):
    return "ABcd16b16a" if len(node.inputs[1].type.dims) == 4 else "Ab16a"


def assign(parameters=()):
    return AssignLayouts(pack, frozenset(parameters))


def test_an_island_of_blocked_images(check):
    check(assign({"w", "v"}), """
        %x: f32[1,3,8,8]    %w: f32[16,3,3,3]    %v: f32[32,16,1,1]
        %c = Convolution(%x, %w) kernel=(3,3) num_filter=16 no_bias=True
        %r = relu(%c)
        %p = _pool(%r) kernel=(2,2) stride=(2,2) pad=(0,0) extent=(3,3) pool_type=max
        %d = Convolution(%p, %v) kernel=(1,1) num_filter=32 no_bias=True
        %s = sum(%d) axis=(2,3)
        heads %s
    """, """
        %w/relayout.ABcd16b16a: f32[16,3,3,3]:ABcd16b16a = _relayout(%w)  # from w
        %c: f32[1,16,6,6]:aBcd16b = Convolution(%x, %w/relayout.ABcd16b16a) kernel=(3,3) num_filter=16 no_bias=True
        %r: f32[1,16,6,6]:aBcd16b = relu(%c)
        %p: f32[1,16,3,3]:aBcd16b = _pool(%r) kernel=(2,2) stride=(2,2) pad=(0,0) extent=(3,3) pool_type=max
        %v/relayout.ABcd16b16a: f32[32,16,1,1]:ABcd16b16a = _relayout(%v)  # from v
        %d: f32[1,32,3,3]:aBcd16b = Convolution(%p, %v/relayout.ABcd16b16a) kernel=(1,1) num_filter=32 no_bias=True
        %s: f32[1,32] = sum(%d) axis=(2,3)
        heads %s
    """)


def test_roots_and_other_operators_are_plain(check):
    check(assign(), """
        %x: f32[1,3,8,8]    %w: f32[16,3,3,3]
        %c = Convolution(%x, %w) kernel=(3,3) num_filter=16 no_bias=True
        %t = transpose(%c) axes=(0,2,3,1)
        heads %c, %t
    """, """
        %w/relayout.ABcd16b16a = _relayout(%w)
        %c: f32[1,16,6,6]:aBcd16b = Convolution(%x, %w/relayout.ABcd16b16a) kernel=(3,3) num_filter=16 no_bias=True
        %c/relayout: f32[1,16,6,6] = _relayout(%c)
        %t: f32[1,6,6,16] = transpose(%c/relayout) axes=(0,2,3,1)
        heads %c/relayout, %t
    """)


def test_a_matrix_is_packed_only_if_it_seldom_changes(check, unchanged):
    text = """
        %x: f32[4,8]    %w: f32[16,8]
        %c = FullyConnected(%x, %w) num_hidden=16 no_bias=True
        heads %c
    """
    check(assign(), text, unchanged)
    check(assign({"w"}), text, """
        %w/relayout.Ab16a: f32[16,8]:Ab16a = _relayout(%w)  # from w
        %c = FullyConnected(%x, %w/relayout.Ab16a) num_hidden=16 no_bias=True
        heads %c
    """)


def test_a_large_weight_that_changes_is_read_as_it_lies(check):
    check(assign(), """
        %x: f32[64,256]    %w: f32[512,256]    %b: f32[512]
        %y = FullyConnected(%x, %w, %b) num_hidden=512
        %r = relu(%y)
        %s = softmax(%r)
        heads %s
    """, """
        %x/relayout.ba: f32[64,256]:ba = _relayout(%x)  # from x
        %y: f32[64,512]:ba = FullyConnected(%x/relayout.ba, %w, %b) num_hidden=512
        %r: f32[64,512]:ba = relu(%y)
        %r/relayout: f32[64,512] = _relayout(%r)
        %s: f32[64,512] = softmax(%r/relayout)
        heads %s
    """)


@pytest.mark.parametrize(("rows", "hidden"), [(24, 512), (256, 512), (64, 128)])
def test_other_weights_that_change_are_packed(graph, rows, hidden):
    """Rows that fill no vectors, or are many, or a weight that is not larger than what is read and written."""
    text = f"""
        %x: f32[{rows},256]    %w: f32[{hidden},256]
        %y = FullyConnected(%x, %w) num_hidden={hidden} no_bias=True
        heads %y
    """
    product = assign()(graph(text)).heads[0].node
    assert [value.type.layout for value in (*product.inputs, *product.outputs)] == [None, "Ab16a", None]


def test_a_long_sum_reads_both_operands_rearranged(check, unchanged):
    text = """
        %d: f32[{0},192]    %x: f32[{0},144]
        %w = dot(%d, %x) transpose_a=True
        heads %w
    """
    check(assign(), text.format(511), unchanged)
    check(assign(), text.format(512), """
        %d/relayout.Ba16b: f32[512,192]:Ba16b = _relayout(%d)
        %x/relayout.ba: f32[512,144]:ba = _relayout(%x)
        %w: f32[192,144] = dot(%d/relayout.Ba16b, %x/relayout.ba) transpose_a=True
        heads %w
    """)


def test_constants_are_packed_by_the_compiler(check):
    result = check(PackConstants(), """
        %w: f32[20,8] = const
        %p: f32[20,8]:Ab16a = _relayout(%w)
        %x: f32[4,8]
        %c = FullyConnected(%x, %p) num_hidden=20 no_bias=True
        heads %c
    """, """
        %p: f32[20,8]:Ab16a = const
        %c = FullyConnected(%x, %p) num_hidden=20 no_bias=True
        heads %c
    """)
    packed = next(node for node in result.nodes if node.is_constant)
    assert packed.value.shape == (2, 8, 16) and (packed.value[1, :, 4:] == 0).all()


def test_scaled_weights_are_packed_as_they_are_scaled(graph):
    """`FoldConstants` leaves large ones, so that their product is not written to memory for its own sake."""
    text = """
        %w: f32[160,128] = const
        %gamma: f32[2] = const [2.0, 3.0]
        %half = _mul_scalar(%gamma) scalar=0.5
        %tall = tile(%half) reps=(80,)
        %factor = _reshape(%tall) shape=(160,1)
        %scaled = broadcast_mul(%w, %factor)
        %x: f32[4,128]
        %c = FullyConnected(%x, %scaled) num_hidden=160 no_bias=True
        heads %c
    """
    left = FoldConstants(leave_scaled_weights=True)(graph(text))
    assert [node.name for node in left.nodes if node.op] == ["scaled", "c"]
    assert [node.name for node in FoldConstants()(graph(text)).nodes if node.op] == ["c"]
    packed = PackConstants()(AssignLayouts(lambda node: "Ab16a")(left))
    w, made = (next(node for node in g.nodes if node.is_constant) for g in (left, packed))
    assert [node.name for node in packed.nodes if node.op] == ["c"] and made.value.shape == (10, 128, 16)
    factors = np.tile(np.float32([1, 1.5]), 80)[:, None]
    assert (to_logical(made.value, (160, 128), "Ab16a") == w.value * factors).all()
    assert {source.name for source in made.sources} == {"w", "gamma", "half", "tall", "factor", "scaled"}


def test_stacks_of_matrices_are_no_images(check, unchanged):
    check(assign(), """
        %a: f32[4,32,16]    %b: f32[4,16,8]
        %c = batch_dot(%a, %b)
        heads %c
    """, unchanged)


def test_a_stack_that_would_be_read_across_its_rows_is_packed(check):
    check(AssignLayouts(lambda node: "aBc16b"), """
        %a: f32[4,32,16]    %b: f32[4,8,16]
        %c = batch_dot(%a, %b) transpose_b=True
        heads %c
    """, """
        %b/relayout.aBc16b: f32[4,8,16]:aBc16b = _relayout(%b)
        %c: f32[4,32,8] = batch_dot(%a, %b/relayout.aBc16b) transpose_b=True
        heads %c
    """)


def test_a_stack_that_few_rows_read_is_not_packed(check, unchanged):
    check(AssignLayouts(lambda node: "aBc16b"), """
        %a: f32[4,2,16]    %b: f32[4,8,16]
        %c = batch_dot(%a, %b) transpose_b=True
        heads %c
    """, unchanged)


def test_joined_channels_stay_in_blocks(graph):
    """Also where a part ends within a block: moving the parts is faster than changing the layout of all."""
    made = assign()(graph("""
        %x: f32[1,16,4,4]
        %w: f32[12,16,1,1]
        %v: f32[16,24,1,1]
        %a = Convolution(%x, %w) kernel=(1,1) num_filter=12 no_bias=True
        %b = Convolution(%x, %w) kernel=(1,1) num_filter=12 no_bias=True
        %c = Concat(%a, %b) num_args=2 dim=1
        %y = Convolution(%c, %v) kernel=(1,1) num_filter=16 no_bias=True
        heads %y
    """))
    (joined,) = (node for node in made.nodes if node.name == "c")
    assert joined.types[0].layout == "aBcd16b" == joined.inputs[0].type.layout


def test_images_whose_groups_lie_across_blocks_are_plain(check):
    groups = "num_group=2 no_bias=True"
    check(assign({"w", "v"}), f"""
        %x: f32[1,96,8,8]    %w: f32[24,48,1,1]    %v: f32[64,12,1,1]
        %c = Convolution(%x, %w) kernel=(1,1) num_filter=24 {groups}
        %d = Convolution(%c, %v) kernel=(1,1) num_filter=64 {groups}
        heads %d
    """, f"""
        %x/relayout.aBcd16b: f32[1,96,8,8]:aBcd16b = _relayout(%x)  # from x
        %w/relayout.ABcd16b16a: f32[24,48,1,1]:ABcd16b16a = _relayout(%w)  # from w
        %c: f32[1,24,8,8] = Convolution(%x/relayout.aBcd16b, %w/relayout.ABcd16b16a) kernel=(1,1) num_filter=24 {groups}
        %v/relayout.ABcd16b16a: f32[64,12,1,1]:ABcd16b16a = _relayout(%v)  # from v
        %d: f32[1,64,8,8]:aBcd16b = Convolution(%c, %v/relayout.ABcd16b16a) kernel=(1,1) num_filter=64 {groups}
        %d/relayout: f32[1,64,8,8] = _relayout(%d)
        heads %d/relayout
    """)


def test_a_join_takes_the_layout_that_moves_less(check):
    check(assign(), """
        %x: f32[1,3,8,8]    %w: f32[64,3,3,3]    %v: f32[16,96,1,1]    %y: f32[1,32,6,6]
        %c = Convolution(%x, %w) kernel=(3,3) num_filter=64 no_bias=True
        %j = Concat(%c, %y) num_args=2 dim=1
        %d = Convolution(%j, %v) kernel=(1,1) num_filter=16 no_bias=True
        %s = sum(%d) axis=(2,3)
        heads %s
    """, """
        %w/relayout.ABcd16b16a: f32[64,3,3,3]:ABcd16b16a = _relayout(%w)
        %c: f32[1,64,6,6]:aBcd16b = Convolution(%x, %w/relayout.ABcd16b16a) kernel=(3,3) num_filter=64 no_bias=True
        %y/relayout.aBcd16b: f32[1,32,6,6]:aBcd16b = _relayout(%y)
        %j: f32[1,96,6,6]:aBcd16b = Concat(%c, %y/relayout.aBcd16b) num_args=2
        %v/relayout.ABcd16b16a: f32[16,96,1,1]:ABcd16b16a = _relayout(%v)
        %d: f32[1,16,6,6]:aBcd16b = Convolution(%j, %v/relayout.ABcd16b16a) kernel=(1,1) num_filter=16 no_bias=True
        %s: f32[1,16] = sum(%d) axis=(2,3)
        heads %s
    """)


def test_an_image_is_rearranged_before_it_grows(check):
    check(assign(), """
        %x: f32[1,16,4,4]    %w: f32[16,16,1,1]
        %u = UpSampling(%x) num_args=1 scale=2 sample_type=nearest
        %d = Convolution(%u, %w) kernel=(1,1) num_filter=16 no_bias=True
        %s = sum(%d) axis=(2,3)
        heads %s
    """, """
        %x/relayout.aBcd16b: f32[1,16,4,4]:aBcd16b = _relayout(%x)
        %u: f32[1,16,8,8]:aBcd16b = UpSampling(%x/relayout.aBcd16b) sample_type=nearest num_args=1 scale=2
        %w/relayout.ABcd16b16a: f32[16,16,1,1]:ABcd16b16a = _relayout(%w)
        %d: f32[1,16,8,8]:aBcd16b = Convolution(%u, %w/relayout.ABcd16b16a) kernel=(1,1) num_filter=16 no_bias=True
        %s: f32[1,16] = sum(%d) axis=(2,3)
        heads %s
    """)


def test_images_without_elements_stay_plain(check, unchanged):
    check(assign(), """
        %x: f32[0,16,3,3]
        %r = relu(%x)
        heads %r
    """, unchanged)


def test_an_image_is_rearranged_to_be_read_across_its_rows(check):
    check(assign(), """
        %x: f32[1,16,4,4]    %p: i32[8,2]    %s: f32[8,2]
        %y: f32[1,16,4,8] = _resample(%x, %p, %s) axis=3 has_gaps=False dtype=float32
        heads %y
    """, """
        %x/relayout.aBcd16b: f32[1,16,4,4]:aBcd16b = _relayout(%x)
        %y: f32[1,16,4,8]:aBcd16b = _resample(%x/relayout.aBcd16b, %p, %s) axis=3 has_gaps=False dtype=float32
        %y/relayout: f32[1,16,4,8] = _relayout(%y)
        heads %y/relayout
    """)


@pytest.mark.parametrize("dtype", [DType.float16, DType.bfloat16])
def test_constants_are_converted_by_the_compiler(graph, dtype):
    """However small they are."""
    narrow = NarrowFactors(frozenset(), dtype, by_pairs=False)(graph("""
        %w: f32[2,3] = const [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        %x: f32[4,3]
        %c = FullyConnected(%x, %w) num_hidden=2 no_bias=True
        heads %c
    """))
    assert [node.name for node in narrow.nodes if node.op] == [f"x/{dtype.short}", f"w/{dtype.short}", "c"]
    made = PackConstants()(narrow)
    assert [node.name for node in made.nodes if node.op] == [f"x/{dtype.short}", "c"]
    assert next(node for node in made.nodes if node.is_constant).types[0].dtype is dtype
