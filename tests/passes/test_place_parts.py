"""What becomes part of what."""

import pytest

from symc.passes.place_parts import PlaceParts

PASS = PlaceParts()
CONVOLVED = """
    %x: f32[1,16,4,4]:aBcd16b
    %w: f32[16,16,1,1]:ABcd16b16a
    %a: f32[1,16,4,4]:aBcd16b = Convolution(%x, %w) kernel=(1,1) num_filter=16 no_bias=True
    %b: f32[1,16,4,4]:aBcd16b = Convolution(%a, %w) kernel=(1,1) num_filter=16 no_bias=True
"""


def test_a_chain_of_joins(check):
    made = check(PASS, f"""{CONVOLVED}
        %c: f32[1,32,4,4]:aBcd16b = Concat(%a, %b) num_args=2 dim=1
        %d: f32[1,16,4,4]:aBcd16b = relu(%a)
        %e: f32[1,48,4,4]:aBcd16b = Concat(%c, %d) num_args=2 dim=1
        %y: f32[1,48,4,4]:aBcd16b = relu(%e)
        heads %y
    """, """
        %a = Convolution(%x, %w) kernel=(1,1) num_filter=16 no_bias=True
        %b = Convolution(%a, %w) kernel=(1,1) num_filter=16 no_bias=True
        %c: f32[1,32,4,4]:aBcd16b = _joined(%a, %b) num_args=2
        %d = relu(%a)
        %e: f32[1,48,4,4]:aBcd16b = _joined(%c, %d) num_args=2
        %y = relu(%e)
        heads %y
    """)
    assert [node.op.offsets([value.type for value in node.inputs], list(node.types))
            for node in made.nodes if node.op and node.op.name == "_joined"] == [[0, 1024], [0, 2048]]


@pytest.mark.parametrize("heads", [
    "%c: f32[1,32,4,4]:aBcd16b = Concat(%a, %b) num_args=2 dim=1\nheads %c",
    "%c: f32[1,32,4,4]:aBcd16b = Concat(%a, %b) num_args=2 dim=1\n%y: f32[1,32,4,4]:aBcd16b = relu(%c)\nheads %y, %a",
    "%c: f32[1,32,4,4]:aBcd16b = Concat(%a, %a) num_args=2 dim=1\n%y: f32[1,32,4,4]:aBcd16b = relu(%c)\nheads %y",
    "%c: f32[1,32,4,4]:aBcd16b = Concat(%a, %x) num_args=2 dim=1\n%y: f32[1,32,4,4]:aBcd16b = relu(%c)\nheads %y",
    "%c: f32[1,16,4,8]:aBcd16b = Concat(%a, %b) num_args=2 dim=3\n%y: f32[1,16,4,8]:aBcd16b = relu(%c)\nheads %y",
])
def test_what_must_be_moved(check, heads):
    """Results of the user, the same part twice, inputs, and parts in several pieces."""
    check(PASS, CONVOLVED + heads, None)


def test_a_value_is_part_of_one_other(check):
    check(PASS, f"""{CONVOLVED}
        %c: f32[1,32,4,4]:aBcd16b = Concat(%a, %b) num_args=2 dim=1
        %d: f32[1,32,4,4]:aBcd16b = Concat(%b, %a) num_args=2 dim=1
        %y: f32[1,32,4,4]:aBcd16b = elemwise_add(%c, %d)
        heads %y
    """, """
        ...
        %c = _joined(%a, %b) num_args=2
        %d = Concat(%b, %a) num_args=2
        ...
    """)


def test_elementwise_operators_are_joined_in_one_kernel(check):
    check(PASS, """
        %x: f32[1,8]
        %a = relu(%x)
        %b = sigmoid(%x)
        %c = Concat(%a, %b) num_args=2 dim=1
        %y = relu(%c)
        heads %y
    """, None)


def test_borders_of_blocks(check):
    def joined(first, last):
        return f"""
            %x: f32[1,16,4,4]:aBcd16b
            %a: f32[1,16,4,4]:aBcd16b = relu(%x)
            %v: f32[16,16,1,1]:ABcd16b16a
            %b: f32[1,{first},4,4]:aBcd16b = Convolution(%a, %v1) kernel=(1,1) num_filter={first} no_bias=True
            %c: f32[1,{last},4,4]:aBcd16b = Convolution(%a, %v2) kernel=(1,1) num_filter={last} no_bias=True
            %y: f32[1,{first + last},4,4]:aBcd16b = Concat(%b, %c) num_args=2 dim=1
            %z: f32[1,{first + last},4,4]:aBcd16b = relu(%y)
            heads %z
        """.replace("%v: f32[16,16,1,1]:ABcd16b16a",
                    f"%v1: f32[{first},16,1,1]:ABcd16b16a\n%v2: f32[{last},16,1,1]:ABcd16b16a")
    check(PASS, joined(24, 16), None)
    check(PASS, joined(16, 24), "...\n%y = _joined(%b, %c) num_args=2\n...")


def test_pieces(check):
    text = """
        %x: f32[1,16]
        %w: f32[24,16]
        %v: f32[4,8]
        %a = FullyConnected(%x, %w) num_hidden=24 no_bias=True
        %b = SliceChannel(%a) num_outputs=3 axis=1
        %c = FullyConnected(%b#1, %v) num_hidden=4 no_bias=True
        %d = elemwise_add(%b, %b#2)
        heads %c, %d
    """
    check(PASS, text, """
        %a = FullyConnected(%x, %w) num_hidden=24 no_bias=True
        %b.1: f32[1,8] = _piece(%a) axis=1 begin=8 end=16
        %c = FullyConnected(%b.1, %v) num_hidden=4 no_bias=True
        %b: f32[1,8] = _piece(%a) axis=1 begin=0 end=8
        %b.2: f32[1,8] = _piece(%a) axis=1 begin=16 end=24
        %d = elemwise_add(%b, %b.2)
        heads %c, %d
    """)
    check(PASS, text.replace("f32[1,16]", "f32[2,16]"), None)
