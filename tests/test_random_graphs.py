"""Random graphs compute what the interpreter says; SYMC_EXAMPLES=1000 tries more of them.

Each graph that once went wrong is kept here, reduced.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from symc import cpu
from symc.compiler import simple_bind
from symc.runtime import num_threads, set_num_threads
from tests.random_graphs import compare, parse, random_text, values_of
from tests.random_graphs.case import Case, random_case, reduced
from tests.random_graphs.registry import Grower, blocks

ROOT = Path(__file__).parent.parent
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


@few
@given(seeds)
def test_all_operators(seed):
    case = random_case(0, seed)
    note(case.text)
    assert case.failure() == ""


def test_every_operator_is_drawn():
    lacking = [name for name in blocks() if not any(Grower(Random(seed), seed, [name]).attempt(name)
                                                    for seed in range(60))]
    assert not lacking, "recipes.py draws no parameters or inputs that these take"


def test_a_failing_case_is_reduced():
    text = """
        %x_0, %x_1: f32[3,2]
        %a = relu(%x_0)
        %b = elemwise_add(%a, %x_1)
        %c = sort(%b)
        %d = exp(%c)
        heads %d, %a
    """
    case = reduced(Case(text, 0, "x86-64", True, {"x_0": "add"}), lambda case: "sort(" in case.text)
    assert case.text.splitlines()[1:] == ["%c: (f32[3,2], i32[3,2]) = sort(%x_b0)", "heads %c"]
    assert not case.training and not case.requests


def test_many_graphs_survive_a_crash_and_go_on(tmp_path):
    def run(count):
        command = [sys.executable, "-m", "tests.random_graphs", "--count", str(count), "--operators", "relu", "sum"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "RANDOM_GRAPHS_CRASH": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    first, second = run(2), run(3)
    assert "# 0/1: crash" in first and "2 graphs, 1 of them failed; 2 in" in first
    assert "3 graphs, 1 of them failed; 1 in" in second


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
    # a head that is a view of what follows from parameters alone
    "view of a statistic": """
        %x: f32[3,5,4]    %w, %u, %m, %v_0: f32[5]
        %n: (f32[3,5,4], f32[5], f32[5]) = BatchNorm(%x, %w, %u, %m, %v_0) output_mean_var=True
        %e = expand_dims(%n#2) axis=-1
        heads %e
    """,
    # a product of one matrix of a stack
    "solved by itself": "%g_22: f32[1,5,5]\n%n = _linalg_trsm(%g_22, %g_22) rightside=True\nheads %n",
    # the least integer has no quotient by -1
    "remainder by -1": "%z_2: i64[200]\n%z_5: i64[200]\n%n = _mod(%z_2, %z_5)\nheads %n",
    "quotient by -1": "%z_2: i32[200]\n%z_5: i32[200]\n%n = elemwise_div(%z_2, %z_5)\nheads %n",
    # a number as an operand of a contraction
    "product by a number": """
        %x_1: f32[1,4]
        %n0 = _zeros_without_dtype() shape=(1,1) dtype=0
        %n2 = _linalg_gemm2(%n0, %x_1) transpose_a=True
        heads %n2
    """,
    # no elements to sum over, and a factor
    "product of nothing": "%x: f16[8,0]\n%y: f16[1,0]\n%n = _linalg_gemm2(%x, %y) transpose_b=True alpha=0.1\nheads %n",
    # the remainder of 0 by what is not a number
    "nothing modulo NaN": "%x: f32[1,17]\n%r = sqrt(%x)\n%n = _rmod_scalar(%r) scalar=0.0\nheads %n",
    # the gradients of sums over no elements
    "sum over nothing": "%x: f32[1,5,0]\n%n = sum(%x) axis=(2,)\nheads %n",
    "mean over nothing": "%x: f32[1,5,0]\n%n = mean(%x) axis=(2,) keepdims=True\nheads %n",
    # integers wrap in the mean, and in squares of distances from it
    "moments of bytes": "%x: i8[5,17]\n%n: (i8[5,1], i8[5,1]) = moments(%x) axes=(1,) keepdims=True\nheads %n#0, %n#1",
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
    # what others read of a node that updates a variable, a copy among them
    "updates and readers": """
        %w, %g, %x: f32[8,2]    %m_0, %w_0: f32[8,2]
        %n = mp_sgd_mom_update(%w, %g, %m_0, %w_0) lr=0.1 momentum=0.9
        %y = broadcast_mul(%n, %x)
        heads %y
    """,
    "updates and a head twice": """
        %w, %g: f32[4]    %m_0: f32[4]
        %n = sgd_mom_update(%w, %g, %m_0) lr=0.1 momentum=0.9
        heads %n, %n
    """,
    # an expression that asks for the dtype of a number, before a dtype is known
    "cost of an expression": """
        %w, %g: f32[6,4]    %v_0, %v_1, %v_2: f32[6,4]
        %n = ftml_update(%w, %g, %v_0, %v_1, %v_2) lr=0.1 t=3
        %y = relu(%n)
        heads %y
    """,
    "anchors of several images": """
        %p_0: f32[2,3,4]    %x_0: f32[2,16]    %b_0: f32[2,4,4]
        %n = _contrib_MultiBoxDetection(%p_0, %x_0, %b_0) threshold=0.5
        heads %n
    """,
    "remainder behind a product": "%x: f32[5,5]\n%y = dot(%x, %x)\n%n = _mod_scalar(%y) scalar=0.3\nheads %n",
    # bfloat16 of operators that have no rules for it
    "bfloat16 matrices": "%x: bf16[3,4]    %w: bf16[17,4]\n%n = FullyConnected(%x, %w) num_hidden=17 no_bias=True\n"
                         "heads %n",
    "bfloat16 sums": "%x: bf16[1,4,4]\n%n = add_n(%x, %x) num_args=2\n%m = argmax(%n) axis=2\nheads %n, %m",
    "bfloat16 number": "%x: bf16[1]\n%n = _ones() shape=(1,) dtype=bfloat16\n%y = elemwise_add(%x, %n)\nheads %y, %n",
    "unsigned and negative": "%i_0: u8[4]\n%n = _maximum_scalar(%i_0) scalar=-3.0\n"
                             "%m = _logical_or_scalar(%n) scalar=-1.0\nheads %n, %m",
    "bool": "%x: b1[2,5,2]\n%n = argmin(%x)\n%m = sum(%x) axis=(1,)\n%l = mean(%x)\nheads %n, %m, %l",
    "samples have a gradient of zeros": "%v_0: f32[5]\n%n = _sample_gamma(%v_0, %v_0) shape=(2,)\nheads %n",
    # arrays without elements
    "nothing is written to rows": """
        %x: f32[3,0]    %k3_0: f32[2]    %y: f32[2,0]
        %n = _contrib_index_copy(%x, %k3_0, %y)
        heads %n
    """,
    "nothing among others": "%x: f32[0,3]    %y: f32[2,3]\n%n = Concat(%x, %y) num_args=2 dim=0\nheads %n",
    "nothing is dropped": "%x: f32[0]\n%n = Dropout(%x)\nheads %n",
    "nothing is normalized": "%x: f32[2,0]    %g, %b, %m, %v_0: f32[0]\n%n = BatchNorm(%x, %g, %b, %m, %v_0)\nheads %n",
    "axes of a number": "%x: f32[]\n%n = _contrib_index_array(%x)\nheads %n",
    # gamma of fix_gamma is written, and an argument
    "fix_gamma": "%x: f32[4,3]    %w, %u, %m, %v: f32[3]\n%n = BatchNorm(%x, %w, %u, %m, %v)\nheads %n",
}


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name, training):
    assert compare(REGRESSIONS[name], Random(0), training) == ""
