"""What kernels of all kinds look like in assembly: sums stay in registers within loops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import symc as mx
from symc.codegen import lower, tir
from symc.codegen.build import groups_of
from symc.codegen.cache import canonical_text
from symc.codegen.elf import read_symbols
from symc.codegen.llvm_compile import assembly
from symc.codegen.lowered import Options
from symc.codegen.lowered import lower as run_passes
from symc.ir.graph import Graph
from symc.ir.types import DType
from symc.lowering import bind_constants
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE, TRAINING
from tests.codegen.test_tir_operators import nodes_with_defaults

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
LEVELS = ["x86-64", "x86-64-v3", "x86-64-v4", "aarch64"]
MULTIPLY_ADD = {"x86-64": r"\tmulps\t",
                "x86-64-v3": r"\tvfn?m(add|sub)\w+ps\t.*%ymm", "x86-64-v4": r"\tvfn?m(add|sub)\w+ps\t.*%zmm",
                "aarch64": r"\tfml[as]\tv\d+\.4s"}
JUMP = re.compile(r"\t(?:j\w+|b|b\.\w+|cbn?z|tbn?z)\t(?:.*, )?(\.L\w+)\s*$")
SLOT = re.compile(r"-?\d*\(%rsp[^)]*\)|\[sp[^]]*\]")
STORE = re.compile(r"%[xyz]mm\d+, -?\d*\(%rsp|\tst[rpu]+\t")
PAIR = re.compile(r"\t(?:ld|st)p\t(?P<kind>[qdv])\d+.*\[sp(?:, #(?P<offset>\d+))?\]")
BYTES = {"q": 16, "v": 16, "d": 8}
ON_THE_STACK = re.compile(r"%[xyz]mm\d.*\(%rsp|\(%rsp.*%[xyz]mm\d|\t(?:ld|st)[rpu]+\t[qdv]\d+.*\[sp")

data, other = mx.sym.Variable("data"), mx.sym.Variable("other")


def convolution(channels, filters, pixels, kernel=3, **parameters):
    """A convolution of square images with a bias and ReLU, and its input."""
    pad = parameters.pop("pad", (kernel // 2, kernel // 2))
    made = mx.sym.Convolution(data, kernel=(kernel, kernel), num_filter=filters, pad=pad, name="c", **parameters)
    return mx.sym.relu(made), {"data": (1, channels, pixels, pixels)}


def dense(rows, hidden, columns, then=mx.sym.relu):
    return then(mx.sym.FullyConnected(data, num_hidden=hidden, name="fc")), {"data": (rows, columns)}


def product(m, n, k, batch=12, **parameters):
    left = (batch, k, m) if parameters.get("transpose_a") else (batch, m, k)
    right = (batch, n, k) if parameters.get("transpose_b") else (batch, k, n)
    return mx.sym.batch_dot(data, other, **parameters), {"data": left, "other": right}


def attention(rows, width, heads=12):
    """Scaled products of queries and keys, their softmax times values."""
    queries, keys, values = (mx.sym.Variable(name) for name in ("queries", "keys", "values"))
    weights = mx.sym.softmax(mx.sym.batch_dot(queries, keys, transpose_b=True) / width ** 0.5)
    return mx.sym.batch_dot(weights, values), dict.fromkeys(["queries", "keys", "values"], (heads, rows, width))


def recurrent(mode, batch, hidden, steps=10):
    states = [mx.sym.zeros((1, batch, hidden)) for _ in range(2 if mode == "lstm" else 1)]
    made = mx.sym.RNN(data, mx.sym.Variable("p"), *states, state_size=hidden, num_layers=1, mode=mode)
    return made, {"data": (steps, batch, 128)}


CONTRACTIONS = {
    "dense of 64 rows": dense(64, 1024, 784), "dense of 128 rows": dense(128, 3072, 768),
    "dense of a row": dense(1, 1000, 2048), "dense, gelu": dense(128, 768, 768, lambda x: mx.sym.LeakyReLU(
        x, act_type="gelu")),
    "dense, tanh": dense(20, 100, 300, mx.sym.tanh), "dense, exp": dense(7, 33, 65, mx.sym.exp),
    "1x1": convolution(64, 256, 56, 1), "1x1, few pixels": convolution(512, 2048, 7, 1),
    "1x1, stride 2": convolution(256, 512, 56, 1, stride=(2, 2)), "3x3": convolution(64, 64, 56),
    "3x3, few channels": convolution(16, 24, 30), "3x3, few pixels": convolution(512, 512, 7),
    "3x3, stride 2": convolution(128, 128, 56, stride=(2, 2)), "3x3, dilated": convolution(
        64, 64, 28, dilate=(2, 2), pad=(2, 2)), "7x7, stride 2, RGB": convolution(3, 64, 224, 7, stride=(2, 2)),
    "11x11, stride 4, RGB": convolution(3, 64, 224, 11, stride=(4, 4)), "5x5": convolution(48, 64, 35, 5),
    "7x7 to 3 channels": convolution(64, 3, 30, 7), "3x3 to 1 channel": convolution(32, 1, 30),
    "depthwise": convolution(96, 96, 56, num_group=96), "depthwise, stride 2": convolution(
        96, 96, 56, stride=(2, 2), num_group=96), "depthwise 5x5": convolution(120, 120, 28, 5, num_group=120),
    "groups of 4": convolution(128, 128, 56, num_group=32), "groups of 16": convolution(512, 512, 14, num_group=32),
    "transposed": (mx.sym.Deconvolution(data, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=64),
                   {"data": (1, 128, 14, 14)}),
    "1-D": (mx.sym.Convolution(data, kernel=(3,), num_filter=100), {"data": (1, 64, 60)}),
    "3-D": (mx.sym.Convolution(data, kernel=(3, 3, 3), num_filter=32), {"data": (1, 16, 8, 14, 14)}),
    "batched product": product(128, 64, 128),
    "batched product, right transposed": product(128, 128, 64, transpose_b=True),
    "batched product, left transposed": product(64, 64, 128, transpose_a=True),
    "attention": attention(128, 64), "LSTM": recurrent("lstm", 8, 256), "GRU": recurrent("gru", 8, 256),
    "LSTM of a row": recurrent("lstm", 1, 200),
}
OTHERS = {
    "softmax": (mx.sym.softmax(data), {"data": (64, 1000)}), "layer norm": (mx.sym.LayerNorm(
        data, mx.sym.Variable("gamma"), mx.sym.Variable("beta")), {"data": (128, 768)}),
    "max pooling": (mx.sym.Pooling(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1)), {"data": (1, 64, 112, 112)}),
    "average pooling": (mx.sym.Pooling(data, kernel=(3, 3), pad=(1, 1), pool_type="avg"), {"data": (1, 64, 35, 35)}),
    "global pooling": (mx.sym.Pooling(data, global_pool=True, pool_type="avg"), {"data": (1, 512, 7, 7)}),
    "transpose": (mx.sym.transpose(data), {"data": (300, 400)}),
    "sum": (mx.sym.sum(data, axis=0), {"data": (300, 400)}),
    "instance norm": (mx.sym.InstanceNorm(data, mx.sym.Variable("gamma"), mx.sym.Variable("beta")),
                      {"data": (1, 32, 56, 56)}), "tanh": (mx.sym.tanh(data), {"data": (10000,)}),
    "log softmax": (mx.sym.log_softmax(data), {"data": (64, 1000)}),
    "exp": (mx.sym.exp(data), {"data": (10000,)}), "erf": (mx.sym.erf(data), {"data": (10000,)}),
}
# Of full tiles (dense), of points that meet padding one by one (windows), of small groups.
GRADIENTS = ["dense of 64 rows", "dense, tanh", "3x3", "1x1", "3x3 to 1 channel", "11x11, stride 4, RGB", "depthwise",
             "groups of 4", "batched product"]


def compiled_texts(symbol, shapes, level, monkeypatch, train=False):
    """LLVM IR of the kernels of a network, and whether LLVM optimises it."""
    graph = typed(symbol.graph, shapes)
    weights = {node.name: node.types[0].dims for node in graph.variables if node.name not in shapes}
    if not train:
        graph = bind_constants(graph, {name: np.zeros(dims, np.float32) for name, dims in weights.items()})
    mode, requests = (TRAINING, dict.fromkeys([*weights, *shapes], "write")) if train else (INFERENCE, {})
    lowered = run_passes(graph, mode, requests, (), Options())
    groups = [node.op.graph for node in groups_of(lowered)]
    texts = []

    def keep(text, _, optimise=False):
        texts.append((text, optimise))
        return b""
    for module in (lower, tir):
        monkeypatch.setattr(module, "compile_object", keep)
    for group in {canonical_text(group): group for group in groups}.values():
        lower.lower_group(group, "k", level)
    return texts


def innermost_loops(lines: list[str]) -> Iterator[list[str]]:
    labels = {line.split(":")[0]: number for number, line in enumerate(lines) if re.match(r"\.L\w+:", line)}
    jumps = ((labels.get(found[1], len(lines)), number) for number, line in enumerate(lines)
             if (found := JUMP.match(line)))
    loops = {(start, end) for start, end in jumps if start < end}
    for start, end in loops:
        if not any((a, b) != (start, end) and start <= a and b <= end for a, b in loops):
            yield lines[start:end + 1]


def slots_of(line: str) -> list[str]:
    """The places on the stack that a line names: one, or the two neighbours of which ARM moves a pair."""
    slot = SLOT.search(line)[0]
    if not (pair := PAIR.search(line)):
        return [slot]
    return [slot, f"[sp, #{int(pair['offset'] or 0) + BYTES[pair['kind']]}]"]


def carried_slots(loop: list[str]) -> set[str]:
    """Places on the stack that a loop reads before it writes them: where a sum lies from one round to the next."""
    first, written = {}, set()
    for line in filter(ON_THE_STACK.search, loop):
        stores = bool(STORE.search(line))
        for slot in slots_of(line):
            first.setdefault(slot, stores)
            written |= {slot} if stores else set()
    return {slot for slot, stored_first in first.items() if not stored_first and slot in written}


def check(symbol, shapes, level, monkeypatch, train=False):
    """How many vector multiplications the innermost loops have, none of which keeps a sum on the stack."""
    multiplications = 0
    for text, optimise in compiled_texts(symbol, shapes, level, monkeypatch, train):
        for loop in innermost_loops(assembly(text, level, optimise).splitlines()):
            assert not carried_slots(loop), "\n".join(loop)
            found = sum(bool(re.match(MULTIPLY_ADD[level], line)) for line in loop)
            multiplications += found
    return multiplications


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", CONTRACTIONS)
def test_contractions_keep_their_sums_in_registers(name, level, monkeypatch):
    assert check(*CONTRACTIONS[name], level, monkeypatch) >= 4


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", OTHERS)
def test_other_kernels_keep_vectors_in_registers(name, level, monkeypatch):
    check(*OTHERS[name], level, monkeypatch)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_keep_their_sums_in_registers(name, level, monkeypatch):
    assert check(*CONTRACTIONS[name], level, monkeypatch, train=True) >= 8


@pytest.mark.parametrize(("level", "parts"), [("x86-64-v3", 1), ("x86-64", 2)])
def test_libm_is_called_for_the_functions_that_the_documentation_lists(level, parts):
    """Of the elementwise operators, on rows of whole vectors."""
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    stated = re.search(r"call these functions lane by lane(.*?)on level `x86-64`(.*?)exp, expm1", text)
    listed = {name + "f" for part in stated.groups()[:parts] for name in re.findall(r"`(\w+)`", part)} - {"logf"}
    called = set()
    for node in nodes_with_defaults(DType.float32, (4, 32)):
        code = tir.lower_group(Graph(node.outputs), "k", level)
        called |= read_symbols(code.object).undefined
    assert called - {"memset"} == listed | {"log"}       # of float64, in the digamma function


def test_loops_and_moves_are_found():
    lines = ["\tvmovups\t%ymm1, (%rsp)", ".LBB0_1:", ".LBB0_2:", "\tvmovups\t%ymm1, 32(%rsp)", "\tjne\t.LBB0_2",
             "\tjmp\t.LBB0_1", "\tjmp\t.LBB0_9"]
    assert list(innermost_loops(lines)) == [lines[2:5]]
    assert ON_THE_STACK.search("\tvaddps\t(%rsp), %ymm1, %ymm2") and ON_THE_STACK.search("\tldr\tq1, [sp, #16]")
    assert not ON_THE_STACK.search("\tmovq\t(%rsp), %rax")
    assert slots_of("\tstp\tq1, q2, [sp, #16]") == ["[sp, #16]", "[sp, #32]"]
    assert slots_of("\tldp\td1, d2, [sp]") == ["[sp]", "[sp, #8]"] and slots_of("\tldr\tq1, [sp, #16]") == ["[sp, #16]"]


def test_a_sum_on_the_stack_is_found():
    reads, writes = "\tvmovups\t32(%rsp), %ymm1", "\tvmovups\t%ymm1, 32(%rsp)"
    adds = "\tvfmadd231ps\t%ymm2, %ymm3, %ymm1"
    assert carried_slots([reads, adds, writes]) == {"32(%rsp)"}
    assert not carried_slots([writes, adds, reads]) and not carried_slots([reads, adds])
    assert carried_slots(["\tldr\tq1, [sp, #16]", "\tstr\tq1, [sp, #16]"]) == {"[sp, #16]"}
