"""Every operator with a kernel for CPUs has one for GPUs: recorded cases, their gradients among them, become CUDA C++.

That nothing of a kernel escapes its threads is asserted where kernels are made (`tir_module.kernel_of`).  Every fourth
operator; all of them, and all of their cases, when SYMC_EXAMPLES is set.
"""

from __future__ import annotations

import functools
import os
import zlib

import pytest

from symc.codegen.build import groups_of
from symc.codegen.cache import canonical_text
from symc.codegen.cuda_compile import compile_image, find_compiler
from symc.codegen.cuda_source import source_of
from symc.codegen.group_code import GRID_LEVEL
from symc.codegen.lower import lower_group
from symc.codegen.lowered import Options, lower
from symc.ir.graph import Graph
from symc.ir.text import parse_graph
from symc.ops.operator import from_text, operation
from symc.ops.registry import REGISTRY
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE, TRAINING
from tests import golden
from tests.cuda.compilers import needs_compiler
from tests.cuda.recorded import trains

ALL = "SYMC_EXAMPLES" in os.environ
EVERY = 1 if ALL else 4
AT_ONCE = 50        # texts that are compiled together
WITHOUT_KERNELS = {"_foreach", "_while_loop", "_cond",  # whose steps the host runs (test_executors.py)
                   "_zeros_without_dtype"}              # a constant
# what no recorded case has
OTHERS = """
    mish(%a)
    log_sigmoid(%a)
    _square_sum(%a) axis=1
    _random_exponential() shape=(30,)
    _random_gamma() shape=(30,)
    _random_poisson() shape=(30,)
    _random_negative_binomial() shape=(30,) k=3 p=0.4
    _random_generalized_negative_binomial() shape=(30,)
    _random_randint() shape=(30,) low=0 high=9
    _sample_uniform(%low, %high) shape=(30,)
    _sample_normal(%low, %high) shape=(30,)
    _sample_exponential(%high) shape=(30,)
    _sample_gamma(%high, %high) shape=(30,)
    _sample_poisson(%high) shape=(30,)
    _sample_negative_binomial(%high, %low) shape=(30,)
    _sample_generalized_negative_binomial(%high, %high) shape=(30,)
    _sample_multinomial(%a) shape=(30,)
    _shuffle(%a)
    Dropout(%a) p=0.5
    LeakyReLU(%a) act_type=rrelu
    _random_uniform() shape=(30,)
    _random_normal() shape=(30,)
    _random_uniform_like(%low)
    _random_normal_like(%low)
    _random_exponential_like(%low)
    _random_gamma_like(%low)
    _random_poisson_like(%low)
    _random_negative_binomial_like(%low) k=3 p=0.4
    _random_generalized_negative_binomial_like(%low)
    _sample_unique_zipfian() range_max=50 shape=(2,8)
    _image_random_color_jitter(%image) brightness=0.4 contrast=0.4 saturation=0.4 hue=0.1
    _contrib_SparseEmbedding(%low, %a) input_dim=6 output_dim=40
""".strip().splitlines()


def cases_by_operator() -> dict[str, list[golden.Case]]:
    """Those that plans compute alone, with gradients first."""
    found: dict[str, list[golden.Case]] = {}
    for path in sorted(golden.DATA.glob("*.jsonl.gz")):
        for case in golden.cases(path.name.partition(".")[0]):
            if zlib.crc32(case["op"].encode()) % EVERY == 0 and is_planned(case):
                found.setdefault(case["op"], []).append(case)
    return {op: sorted(cases, key=lambda case: not trains(case)) for op, cases in found.items()}


def is_planned(case: golden.Case) -> bool:
    if any(node["op"] == "Custom" for node in case["symbol"]["nodes"]):
        return False
    ops = [operation(node) for node in golden.parse_graph_of(case).nodes if node.op is not None]
    return not any(op.is_host or op.shape_inputs for op in ops)


def texts_of(graph: Graph, mode: str, requests: dict[str, str]) -> list[str]:
    """CUDA C++ of each group of a graph."""
    lowered = lower(graph, mode, requests, (), Options(), target="cuda")
    return [text_of(canonical_text(node.op.graph), node.op.graph) for node in groups_of(lowered)]


TEXTS: dict[str, str] = {}      # by the canonical text of the group: many cases have the same


def text_of(key: str, group: Graph) -> str:
    if key not in TEXTS:
        TEXTS[key] = lower_group(group, f"k{zlib.crc32(key.encode()):08x}", GRID_LEVEL).object.decode()
    return TEXTS[key]


@functools.cache
def some_cases() -> dict[str, list[golden.Case]]:
    return {op: cases if ALL else cases[:1] for op, cases in cases_by_operator().items()}


@pytest.mark.parametrize("operator", some_cases())
def test_recorded_cases(operator):
    for case in some_cases()[operator]:
        wanted = case["grad_req"] if trains(case) else None
        requests = {name: req for name, req in (wanted or {}).items() if req != "null"}
        for text in texts_of(golden.parse_graph_of(case), TRAINING if case["is_train"] else INFERENCE, requests):
            assert 'extern "C" __global__' in text


@pytest.mark.parametrize("call", OTHERS, ids=lambda call: call.strip().partition("(")[0])
def test_operators_that_are_not_recorded(call):
    text = (f"%a: f32[6,40]\n%low: f32[4]\n%high: f32[4]\n%image: f32[9,8,3]\n%r = {call.strip()}\n"
            "heads %r")
    trained = "%a" in call and "_s" not in call
    graph = typed(parse_graph(text, from_text))
    assert texts_of(graph, TRAINING if trained else INFERENCE, {"a": "write"} if trained else {})


def test_no_operator_is_left_out():
    """Of those that users write, by any of their names."""
    recorded = {node["op"] for family in golden.families() for case in golden.cases(family)
                for node in case["symbol"]["nodes"]} - {"null"}
    tested = {REGISTRY[name] for name in recorded | {call.strip().partition("(")[0] for call in OTHERS}}
    assert {name for name, op in REGISTRY.items() if not op.hidden and op not in tested} == WITHOUT_KERNELS


@needs_compiler
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_a_sample_compiles(architecture):
    """One in 24 of the texts above, or all of them, so many in one source file."""
    sample = [text for key, text in sorted(TEXTS.items()) if ALL or zlib.crc32(key.encode()) % 24 == 0]
    if not sample:
        pytest.skip("the tests above did not run")
    for first in range(0, len(sample), AT_ONCE):
        source = source_of("".join(sample[first:first + AT_ONCE]))
        assert compile_image(find_compiler(), source, architecture).code[:4] == b"\x7fELF"
