"""Groups with reductions, compiled and run, against the references."""

import numpy as np
import pytest


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min", "prod", "argmax", "argmin", "norm"])
@pytest.mark.parametrize("shape,axis", [
    ("40,100", "1"), ("40,101", "0"), ("5,7", "1"), ("2,3,11", "1"), ("3,200,5", "1"), ("6,1", "1")])
def test_one_axis(graph, groups, kind, shape, axis):
    axis = f"({axis},)" if not kind.startswith("arg") else axis
    groups.check(graph(f"%x: f32[{shape}]\n%y = {kind}(%x) axis={axis}\nheads %y"), rtol=1e-4)


@pytest.mark.parametrize("shape,axes", [
    ("4,6,5,7", "(2,3)"), ("4,6,5,7", "(0,2,3)"), ("4,6,5,7", "(1,)"), ("4,6,5,7", "(0,1,2,3)"), ("4,6,5,7", "(0,2)"),
    ("1000", "(0,)"), ("0,3", "(0,)"), ("3,0", "(0,)")])
def test_several_axes(graph, groups, shape, axes):
    largest = f"%m = max(%x) axis={axes} keepdims=True" if "0" not in shape.split(",") else "%m = relu(%y)"
    groups.check(graph(f"%x: f32[{shape}]\n%y = sum(%x) axis={axes}\n{largest}\nheads %y, %m"))


@pytest.mark.parametrize("channels", [32, 24, 7])
@pytest.mark.parametrize("axes", ["(0,2,3)", "(2,3)", "(1,)"])
def test_blocked(graph, groups, channels, axes):
    groups.check(graph(f"%x: f32[2,{channels},5,7]:aBcd16b\n%y = sum(%x) axis={axes}\nheads %y"))


@pytest.mark.parametrize("shape,axis", [("33,100", -1), ("4,10", -1), ("3,5,70", 1), ("2,1000", -1), ("40,21", -1)])
@pytest.mark.parametrize("kind", ["softmax", "log_softmax"])
def test_softmax(graph, groups, kind, shape, axis):
    compiled = groups.check(graph(f"%x: f32[{shape}]\n%y = {kind}(%x) axis={axis}\nheads %y"))
    assert len(compiled.code.kernels) == 1 and not compiled.code.scratch


def test_row_statistics_share_a_kernel(graph, groups):
    compiled = groups.check(graph("""
        %x: f32[50,300]
        %r = relu(%x)
        %m = mean(%r) axis=(1,) keepdims=True
        %d = broadcast_sub(%r, %m)
        %s = elemwise_mul(%d, %d)
        %v = mean(%s) axis=(1,) keepdims=True
        %w = rsqrt(%v)
        %y = broadcast_mul(%d, %w)
        heads %y, %m, %v
    """), rtol=1e-3, atol=1e-3)
    assert len(compiled.code.kernels) == 1


def test_statistics_of_channels_then_elementwise(graph, groups):
    """Small: one kernel; large: parts of the means, the means, the elementwise rest."""
    for side, kernels in ((6, 1), (130, 3)):
        compiled = groups.check(graph(f"""
            %x: f32[2,24,{side},{side}]:aBcd16b
            %m = mean(%x) axis=(0,2,3) keepdims=True
            %y: f32[2,24,{side},{side}]:aBcd16b = broadcast_sub(%x, %m)
            heads %y
        """), atol=1e-4)
        assert len(compiled.code.kernels) == kernels and len(compiled.code.scratch) == kernels - 1


@pytest.mark.parametrize("layout", ["", ":aBcd16b"])
@pytest.mark.parametrize("pool", ["max", "avg", "sum"])
@pytest.mark.parametrize("window", ["kernel=(3,3) stride=(2,2) pad=(1,1) extent=(4,5)", "kernel=(2,2) stride=(2,2) "
                                    "pad=(0,0) extent=(4,5)", "kernel=(8,10) stride=(8,10) pad=(0,0) extent=(1,1)"])
def test_pooling(graph, groups, pool, window, layout):
    extent = window.split("extent=(")[1][:-1]
    groups.check(graph(f"""
        %x: f32[2,20,8,10]{layout}
        %y: f32[2,20,{extent}]{layout} = _pool(%x) {window} pool_type={pool}
        heads %y
    """))


@pytest.mark.parametrize("dtype", ["f64", "f16", "i32", "i8", "u8", "i64"])
@pytest.mark.parametrize("axis", [0, 1])
def test_dtypes(graph, groups, dtype, axis):
    groups.check(graph(f"%x: {dtype}[30,50]\n%y = sum(%x) axis=({axis},)\n%m = max(%x) axis=({axis},)\nheads %y, %m"))


def test_nan(graph, groups):
    compiled = groups.compile(graph("%x: f32[3,100]\n%y = max(%x) axis=(1,)\n%a = argmax(%x) axis=1\nheads %y, %a"))
    x = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    x[1, 37], x[1, 80], x[2] = np.nan, np.nan, -np.inf
    largest, place = compiled(x)
    np.testing.assert_array_equal(largest, x.max(1))
    np.testing.assert_array_equal(place, np.argmax(x, 1).astype(np.float32))


def test_full_reduction_has_many_jobs(graph, groups):
    compiled = groups.check(graph("%x: f32[2,300007]\n%y = sum(%x)\nheads %y"), rtol=1e-3, atol=1)
    assert len(compiled.code.kernels) == 2 and compiled.code.kernels[0].jobs > 4


def test_reads_under_conditions_that_vary_further_in(graph, groups):
    """A load that two sides of a choice share is guarded by both; it stands where the condition is known."""
    groups.check(graph("""
        %x: f32[2,3]
        %t = tanh(%x)
        %a = argmax(%t) axis=1 keepdims=True
        %p = pick(%t, %a) axis=1 keepdims=True
        %n = negative(%p)
        %c = Concat(%p, %n, %t) num_args=3 dim=1
        heads %c, %a
    """))


def test_softmax_and_its_gradient_in_one_group(graph, groups):
    """The probabilities are stored, and read by the gradient's reduction and result as well."""
    groups.check(graph("""
        %x: f32[9,50]
        %d: f32[9,50]
        %y = softmax(%x)
        %dx = _backward_softmax(%y, %d)
        heads %y, %dx
    """))


def test_loops_merge_only_within_the_range_of_their_indices(graph, groups):
    groups.check(graph("""
        %x: f32[2,1,6]
        %v = Reshape(%x) shape=(2,1,1,1,2,3)
        %y = sum(%v) axis=(0,2,4)
        heads %y
    """))
