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
