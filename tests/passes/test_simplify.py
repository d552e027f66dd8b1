"""Identities, views and transposes."""

import pytest

from symc.passes.simplify import Simplify

X = "%x: f32[2,3,4]    %i: i32[2,3,4]\n"


@pytest.mark.parametrize("operator", [
    "_copy(%x)", "BlockGrad(%x)", "_mul_scalar(%x) scalar=1.0", "_div_scalar(%x) scalar=1.0",
    "_power_scalar(%x) scalar=1.0", "_minus_scalar(%x) scalar=0.0", "Cast(%x) dtype=float32",
    "broadcast_to(%x) shape=(2,3,4)", "slice_axis(%x) axis=1 begin=0 end=3", "tile(%x) reps=(1,1)",
    "slice(%x) begin=(0,0) end=(2,3)", "Concat(%x) num_args=1", "Reshape(%x) shape=(2,3,-1)",
    "expand_dims(%x) axis=0", "transpose(%x) axes=(0,1,2)", "SwapAxis(%x) dim1=1 dim2=1",
])
def test_identity(check, operator):
    view = "%y = _reshape(%x) shape=(1,2,3,4)\n" if "expand" in operator else ""
    check(Simplify(), f"{X}%y = {operator}\n%z = relu(%y)\nheads %z",
          f"{view}%z = relu({'%y' if view else '%x'})\nheads %z")


@pytest.mark.parametrize("operator", [
    "_plus_scalar(%x) scalar=0.0", "_minus_scalar(%x) scalar=-0.0", "_mul_scalar(%x) scalar=2.0",
    "_rminus_scalar(%x) scalar=0.0", "Cast(%x) dtype=float16",
    "slice(%x) begin=(None,None) end=(None,None) step=(1,-1)",
    "slice_axis(%x) axis=1 begin=1 end=3", "relu(%x)", "transpose(%x) axes=(0,2,1)", "elemwise_add(%x, %x)",
    "_reshape(%x) shape=(24,)",
])
def test_no_identity(check, unchanged, operator):
    check(Simplify(), f"{X}%y = {operator}\nheads %y", unchanged)


def test_adding_zero_to_integers(check):
    check(Simplify(), f"{X}%y = _plus_scalar(%i) scalar=0.0\nheads %y", "heads %i")


def test_views_of_views(check):
    check(Simplify(), X + """
        %a = Flatten(%x)
        %b = Reshape(%a) shape=(4,-1)
        %c = expand_dims(%b) axis=1
        %d = squeeze(%c)
        %y = relu(%d)
        heads %y
    """, "%d = _reshape(%x) shape=(4,6)  # from a, b, c, d\n%y = relu(%d)\nheads %y")


def test_view_with_other_readers(check):
    check(Simplify(), X + "%a = Flatten(%x)\n%b = Reshape(%a) shape=(4,-1)\nheads %a, %b", """
        %a = _reshape(%x) shape=(2,12)
        %b = _reshape(%x) shape=(4,6)  # from a, b
        heads %a, %b
    """)


def test_transposes_compose(check):
    check(Simplify(), X + """
        %a = transpose(%x) axes=(1,2,0)
        %b = SwapAxis(%a) dim1=0 dim2=1
        heads %b
    """, "%b = transpose(%x) axes=(2,1,0)  # from a, b\nheads %b")


def test_transposes_cancel(check):
    check(Simplify(), X + "%a = transpose(%x)\n%b = relu(%x)\n%c = transpose(%a)\n%d = elemwise_add(%b, %c)\nheads %d",
          "%b = relu(%x)\n%d = elemwise_add(%b, %x)\nheads %d")


def test_transpose_of_unit_dimensions_is_a_view(check):
    check(Simplify(), """
        %x: f32[2,1,3,1]
        %a = transpose(%x) axes=(0,2,1,3)
        %b = transpose(%a) axes=(3,0,1,2)
        %c = Flatten(%b)
        heads %b, %c
    """, """
        %b = _reshape(%x) shape=(1,2,3,1)  # from a, b
        %c = _reshape(%x) shape=(1,6)  # from a, b, c
        heads %b, %c
    """)


def test_the_operator_below_takes_the_sources_over(check):
    check(Simplify(), X + "%a = relu(%x)\n%b = BlockGrad(%a)\n%c = _copy(%b)\nheads %c, %a",
          "%a = relu(%x)  # from a, b, c\nheads %a, %a")
