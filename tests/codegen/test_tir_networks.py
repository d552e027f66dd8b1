"""The operators of neural networks, compiled and run, against their references."""

import numpy as np
import pytest

from symc.passes.legalize import Legalize

WINDOWS = "kernel=(3,3) stride=(2,2) pad=(1,1)"
NORM = "%x: f32[3,5,8,9]\n%gamma, %beta, %mean, %var: f32[5]\n"


@pytest.mark.parametrize("call", [
    "Pooling(%x) kernel=(3,3) stride=(2,2) pad=(1,1)",
    "Pooling(%x) kernel=(3,3) stride=(2,2) pooling_convention=full pool_type=avg",
    "Pooling(%x) kernel=(3,2) pool_type=avg pad=(1,1) count_include_pad=False",
    "Pooling(%x) kernel=(2,2) stride=(2,2) pool_type=lp p_value=2",
    "Pooling(%x) global_pool=True pool_type=avg",
    "_pooling_index(%x) kernel=(3,3) stride=(2,2) pad=(1,1) extent=(4,5)",
    "softmax(%x) axis=1 temperature=2.0",
    "L2Normalization(%x) mode=channel",
    "L2Normalization(%x) mode=instance",
    "LRN(%x) nsize=5 alpha=0.1",
])
def test_of_an_image(graph, groups, call: str) -> None:
    groups.check(Legalize()(graph(f"%x: f32[2,5,8,9]\n%y = {call}\nheads %y")), rtol=1e-4)


@pytest.mark.parametrize("beta", [0.25, 0.5, 0.75, 0.6, 1.0])
def test_powers_of_local_responses(graph, groups, beta: float) -> None:
    groups.check(graph(f"%x: f32[2,7,13,11]\n%y = LRN(%x) nsize=5 alpha=0.5 beta={beta}\nheads %y, %y#1"), rtol=1e-5)


@pytest.mark.parametrize("layout", ["", ":aBcd16b"])
@pytest.mark.parametrize("image, window", [
    ((9, 12), "kernel=(3,3) stride=(1,1) pad=(1,1) extent=(9,12)"),
    ((9, 12), "kernel=(3,2) stride=(2,1) pad=(2,0) extent=(6,11)"),
    ((2, 40), "kernel=(3,5) stride=(1,1) pad=(1,2) extent=(2,40)"),
    ((11, 7), "kernel=(7,7) stride=(1,1) pad=(3,3) extent=(11,7)"),
])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_pooling_near_edges_and_inside(graph, groups, layout: str, image, window: str, kind: str) -> None:
    """Where no edge is near the code is another."""
    extents = ",".join(map(str, image))
    groups.check(graph(f"%x: f32[2,16,{extents}]{layout}\n"
                       f"%y: f32[2,16,{window.partition('extent=(')[2]}"[:-1] + f"]{layout} = _pool(%x) {window} "
                       f"pool_type={kind} include_pad=False\nheads %y"), rtol=1e-5)


@pytest.mark.parametrize("call", [
    f"_backward_pool_max(%i, %d) {WINDOWS} extent=(8,9)", f"_backward_pool_avg(%d) {WINDOWS} extent=(8,9)",
    f"_backward_pool_sum(%d) {WINDOWS} extent=(8,9)", f"_backward_pool_lp(%x, %p, %d) {WINDOWS} extent=(8,9) power=3",
    f"_backward_pool_equal(%x, %d, %d) {WINDOWS} extent=(8,9)",
])
def test_gradients_of_pooling(graph, groups, call: str) -> None:
    text = f"%i: i32[2,5,4,5]\n%d: f32[2,5,4,5]\n%x: f32[2,5,8,9]\n%p = exp(%d)\n%y = {call}\nheads %y"
    groups.check(graph(text), rtol=1e-3, atol=1e-4)


def test_first_maximum_and_special_values(graph, groups) -> None:
    x = np.array([[[[np.nan, 1, -np.inf, -np.inf, 2, 2, np.inf, np.nan]]]], np.float32)
    group = Legalize()(graph("%x: f32[1,1,1,8]\n%y = Pooling(%x) kernel=(1,2) stride=(1,2)\nheads %y, %y#1"))
    groups.check(group, [x])


@pytest.mark.parametrize("text", [
    NORM + "%v = exp(%var)\n%y = BatchNorm(%x, %gamma, %beta, %mean, %v) fix_gamma=False\nheads %y, %y#1, %y#2",
    NORM + "%v = exp(%var)\n%y = _batch_norm_inference(%x, %gamma, %beta, %mean, %v) fix_gamma=False eps=0.1\nheads %y",
    "%x: f32[7,50]\n%g, %b: f32[50]\n%y = LayerNorm(%x, %g, %b)\nheads %y, %y#1, %y#2",
    "%x: f32[7,50]\n%g: f32[1,50]\n%m, %v: f32[7,1]\n%d: f32[7,50]\n%s = exp(%v)\n"
    "%y = _backward_normalize_rows(%x, %g, %m, %s, %d) axes=(1,)\nheads %y",
    "%x, %d: f32[3,5,8,9]\n%m, %s: f32[1,5,1,1]\n%y = _normalized_sums(%x, %m, %s, %d) axes=(0,2,3)\nheads %y, %y#1",
    "%x: f32[3,8,5,6]\n%g, %b: f32[4]\n%y = GroupNorm(%x, %g, %b) num_groups=4\nheads %y, %y#1",
])
def test_normalizations(graph, groups, text: str) -> None:
    groups.check(Legalize()(graph(text)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("text", [
    "%x: f32[3,8,5]\n%l: f32[3,5]\n%y = _backward_softmax_output(%x, %l) scale=0.3 ignore_label=1 alpha=0.1\nheads %y",
    "%x: f32[3,8,5]\n%l: f32[3,5]\n%c = _count_labels(%l) ignore_label=1\n"
    "%y = _backward_softmax_output(%x, %l, %c) scale=0.3 is_counted=True\nheads %y",
    "%x: f32[3,5]\n%l: f32[3]\n%y = _backward_SVMOutput(%x, %l) margin=1.0 scale=1.0 use_linear=False\nheads %y",
    "%x, %d: f32[8,100]\n%y = _backward_softmax(%x, %d)\nheads %y",
    "%x: f32[8,10]\n%l: i32[8]\n%y = softmax(%x, %l) use_length=True\nheads %y",
])
def test_losses(graph, groups, text: str) -> None:
    groups.check(graph(text), rtol=1e-4)


@pytest.mark.parametrize(("shape", "axes"), [("1000", "()"), ("2,5,6,7", "(2,3)")])
def test_dropout_draws_the_same_numbers(graph, groups, shape: str, axes: str) -> None:
    group = graph(f"%x: f32[{shape}]\n%s: i64[1]\n%y = _dropout(%x, %s) p=0.4 salt=77 axes={axes}\nheads %y")
    x = np.ones(group.variables[0].types[0].dims, np.float32)
    groups.check(group, [x, np.array([-123456789012345])])
