"""Random graphs compute what the interpreter says; SYMC_EXAMPLES=1000 tries more of them.

Each graph that once went wrong is kept here, reduced.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from symc import cpu
from symc.compiler import simple_bind
from symc.runtime import num_threads, set_num_threads
from tests.random_graphs import compare, parse, random_text, values_of

EXAMPLES = int(os.environ.get("SYMC_EXAMPLES", 40))
few = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)


@few
@given(seeds)
def test_inference(seed):
    text = random_text(Random(seed), dtype=("f32", "f32", "f64", "f16")[seed % 4])
    note(text)
    assert compare(text, Random(seed), training=False) == ""


@few
@given(seeds)
def test_training(seed):
    text = random_text(Random(seed), loss=seed % 3 == 0, dtype="f64" if seed % 4 == 0 else "f32")
    note(text)
    assert compare(text, Random(seed), training=True) == ""


@few
@given(seeds)
def test_images(seed):
    text = random_text(Random(seed), images=True)
    note(text)
    assert compare(text, Random(seed), training=seed % 2 == 0) == ""


@settings(few, max_examples=3)
@given(seeds)
def test_threads_do_not_change_a_bit(seed):
    graph, results = parse(random_text(Random(seed), images=True)), []
    before = num_threads()
    for threads in (1, 3):
        set_num_threads(threads)
        executor = simple_bind(graph, cpu(), {}, {}, {})
        for name, value in values_of(graph, seed).items():
            (executor.arg_dict | executor.aux_dict)[name][:] = value
        results.append([out.asnumpy().tobytes() for out in executor.forward(is_train=True)])
    set_num_threads(before)
    assert results[0] == results[1]


REGRESSIONS = {
    # indices that are linear only within their own loop: axes may not be merged
    "tile": "%x: f32[5,16,16]\n%n = tile(%x) reps=(2,)\nheads %n",
    # an operand that no element depends on
    "take from one": "%x: f32[1,2]    %k1_0: f32[4]\n%n = take(%x, %k1_0)\nheads %n",
    # an operand of a product that its epilogue reads too, and a bias that it broadcasts along another axis
    "operand of product and sum": "%x: f32[4,4]\n%y = dot(%x, %x)\n%z = elemwise_add(%y, %x)\nheads %z",
    "bias twice": """
        %x: f32[2,8,3,8]    %w: f32[8,8,1,1]    %u: f32[8]
        %y = Convolution(%x, %w, %u) kernel=(1,1) num_filter=8
        %r = Reshape(%u) shape=(1,1,1,8)
        %z = broadcast_add(%y, %r)
        heads %z
    """,
    # gamma of fix_gamma is written, and an argument
    "fix_gamma": "%x: f32[4,3]    %w, %u, %m, %v: f32[3]\n%n = BatchNorm(%x, %w, %u, %m, %v)\nheads %n",
}


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name, training):
    assert compare(REGRESSIONS[name], Random(0), training) == ""
