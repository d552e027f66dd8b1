"""Injective groups, compiled and run, against the references."""

import numpy as np
import pytest


@pytest.mark.parametrize("text", [
    "%x: f32[8,100]\n%y = relu(%x)\nheads %y",
    "%x: f32[1003]\n%y = sigmoid(%x)\nheads %y",
    "%x: f32[2,3,5,7]\n%b: f32[1,3,1,1]\n%y = broadcast_add(%x, %b)\n%z = relu(%y)\nheads %z",
    "%x: f32[40,33]\n%b: f32[1,33]\n%y = broadcast_mul(%x, %b)\nheads %y",
    "%x: f32[40,33]\n%b: f32[40,1]\n%y = broadcast_sub(%x, %b)\nheads %y",
    "%x: f32[5000]\n%y = relu(%x)\n%z = sigmoid(%y)\n%w = elemwise_add(%y, %z)\nheads %z, %w",
    "%x: f32[70,50]\n%y = transpose(%x)\n%z = relu(%y)\nheads %z",
    "%x: f32[1]\n%y = relu(%x)\nheads %y",
    "%x: f32[0,3]\n%y = relu(%x)\nheads %y",
    "%x: f32[6,4]\n%y = Reshape(%x) shape=(3,8)\n%z = relu(%y)\nheads %z",
])
def test_small_groups(graph, groups, text):
    groups.check(graph(text))


@pytest.mark.parametrize("layouts", [("aBcd16b", "aBcd16b"), ("aBcd16b", None), (None, "aBcd16b")])
@pytest.mark.parametrize("channels", [32, 24, 7])
def test_blocked_layouts(graph, groups, layouts, channels):
    source, target = (f":{layout}" if layout else "" for layout in layouts)
    shape = f"f32[2,{channels},3,5]"
    groups.check(graph(f"""
        %x: {shape}{source}
        %s: f32[1,{channels},1,1]
        %r: {shape}{source} = relu(%x)
        %y: {shape}{target} = broadcast_mul(%r, %s)
        heads %y
    """))


def test_code_is_vectorised(graph, groups):
    compiled = groups.compile(graph("%x: f32[100000]\n%y = relu(%x)\nheads %y"))
    (kernel,) = compiled.code.kernels
    assert kernel.jobs == 25 and kernel.parameters == (("input", 0), ("output", 0))


def test_nan_passes(graph, groups):
    compiled = groups.compile(graph("%x: f32[20]\n%y = relu(%x)\nheads %y"))
    x = np.array([np.nan, -1, 0, 1] * 5, np.float32)
    np.testing.assert_array_equal(compiled(x)[0], np.array([np.nan, 0, 0, 1] * 5, np.float32))


def test_reads_whose_guard_follows_from_what_they_read(graph, groups):
    groups.check(graph("""
        %x: f64[2,40]
        %m: f64[2,40,40]
        %y: f64[2,40]
        %d = _linalg_makediag(%x)
        %t = transpose(%m) axes=(0,2,1)
        %i = _inverse_distances(%y)
        %p = broadcast_mul(%t, %i)
        %s = broadcast_add(%d, %p)
        heads %s"""))


@pytest.mark.parametrize("layout", ["", ":aBcd16b"])
@pytest.mark.parametrize("channels", [(32, 16), (16, 24, 8), (12, 12, 12), (40, 7, 33), (5,) * 9])
@pytest.mark.parametrize("batch", [1, 2])
def test_joined_channels(graph, groups, layout, channels, batch):
    operands = [f"%x{i}: f32[{batch},{count},3,5]{layout}" for i, count in enumerate(channels)]
    names = ",".join(f"%x{i}" for i in range(len(channels)))
    shape = f"f32[{batch},{sum(channels)},3,5]{layout}"
    groups.check(graph("\n".join([*operands, f"""
        %s: f32[1,{sum(channels)},1,1]
        %c: {shape} = Concat({names}) num_args={len(channels)} dim=1
        %m: {shape} = broadcast_mul(%c, %s)
        %y: {shape} = relu(%m)
        heads %c, %y
    """])))


@pytest.mark.parametrize("text", [
    "%a: f32[70,9]\n%b: f32[70,40]\n%y = Concat(%a,%b) num_args=2 dim=1\nheads %y",
    "%a: f64[3,7000]\n%b: f64[3,90]\n%y = Concat(%a,%b) num_args=2 dim=1\nheads %y",
    "%a: f32[3,40]\n%b: f32[0,40]\n%c: f32[5,40]\n%y = Concat(%a,%b,%c) num_args=3 dim=0\nheads %y",
    "%a: u8[2,3,20]\n%b: u8[2,1,20]\n%y = Concat(%a,%b,%a) num_args=3 dim=1\n%z = Reshape(%y) shape=(2,14,10)\n"
    "%w = transpose(%z) axes=(0,2,1)\nheads %w",
    "%a: f32[2,16,6,7]:aBcd16b\n%y: f32[2,16,9,8]:aBcd16b = Pad(%a) mode=constant pad_width=(0,0,0,0,1,2,0,1)\n"
    "heads %y",
    "%a: f32[2,3,4,5,6]\n%y = Pad(%a) mode=reflect pad_width=(0,0,0,0,1,2,0,1,3,2)\nheads %y",
    "%a: f32[9,40]\n%y = slice(%a) begin=(1,30) end=(8,2) step=(2,-3)\nheads %y",
    "%a: f32[1,8,5,8]:aBcd16b\n%b: f32[1,8,5,8] = _relayout(%a)\n"
    "%y = _backward_slice(%b) shape=(1,8,5,8) begin=(0,0,0,0) step=(1,1,1,1)\nheads %y",
    "%a: f32[5000]\n%y = slice(%a) begin=(17) end=(4800)\n%b: f32[217]\n"
    "%z = Concat(%y,%b) num_args=2 dim=0\n%w = relu(%z)\nheads %w",
])
def test_conditions_part_the_loops(graph, groups, text):
    groups.check(graph(text))


def test_as_many_parts_as_operands_up_to_a_limit(graph, groups):
    def code(count):
        operands = "\n".join(f"%x{i}: f32[{i % 3 + 1},33]" for i in range(count))
        names = ",".join(f"%x{i}" for i in range(count))
        return groups.check(graph(f"{operands}\n%y = Concat({names}) num_args={count} dim=0\nheads %y")).code
    assert code(60).kernels[0].jobs == 60
    assert code(70).kernels[0].jobs == 2


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16", "u8", "i64", "b1"])
@pytest.mark.parametrize("shape", ["64,64", "33,70", "3,100", "100,5", "9,8", "0,4", "17,2048"])
def test_matrices_are_turned(graph, groups, dtype, shape):
    groups.check(graph(f"%x: {dtype}[{shape}]\n%y = transpose(%x)\nheads %y"))


@pytest.mark.parametrize("text", [
    "%x: f32[2,16,9,11]\n%y: f32[2,16,9,11]:aBcd16b = _relayout(%x)\nheads %y",
    "%x: f32[2,24,9,11]\n%y: f32[2,24,9,11]:aBcd16b = _relayout(%x)\n%z: f32[2,24,9,11]:aBcd16b = relu(%y)\nheads %z",
    "%x: f32[2,24,9,11]:aBcd16b\n%y: f32[2,24,9,11] = _relayout(%x)\n%z = exp(%y)\nheads %y, %z",
    "%x: f32[2,33,5,40]\n%y = transpose(%x) axes=(0,2,3,1)\n%b: f32[33]\n%z = broadcast_add(%y, %b)\nheads %z",
    "%x: f32[2,33,5,40]\n%y = transpose(%x) axes=(0,3,1,2)\n%r: f32[2,40,33,5]\n%z = elemwise_add(%y, %r)\nheads %z",
    "%x: f32[40,30]\n%y = transpose(%x)\n%r: f32[30,1]\n%z = broadcast_mul(%y, %r)\nheads %z",
    "%x: f32[40,30]\n%v: f32[9,30]\n%c = Concat(%x,%v) num_args=2 dim=0\n%y = transpose(%c)\nheads %y",
    "%x: f32[6,10,12,9]\n%y = transpose(%x) axes=(3,2,1,0)\nheads %y",
])
def test_what_is_read_across(graph, groups, text):
    groups.check(graph(text))
