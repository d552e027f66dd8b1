"""Every registered elementwise operator, compiled, against its reference; the code of other CPU levels; symbols."""

import numpy as np
import pytest

from symc.codegen.group_code import KernelCode
from symc.codegen.tir import lower_group, lower_to_tir
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_module import LIBM, kernel_of, llvm_text, undefined_symbols
from symc.errors import SymcError
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.inference import infer_types_of
from symc.ops.operator import run_reference
from symc.ops.registry import REGISTRY
from symc.ops.slots import Conflict

SHAPE = (3, 19)
PER_GROUP = 12


def nodes_with_defaults(dtype, shape=SHAPE):
    """A node of every elementwise operator that needs no parameter and accepts inputs of one dtype."""
    found = []
    for block in sorted(set(REGISTRY.values()), key=lambda block: block.name):
        if block.expression is None or "graphs" in block.__annotations__:    # one that is nothing without its graph
            continue
        try:
            op = block()
            inputs = [Value(variable(f"x{n}", TensorType(shape, dtype))) for n in range(len(op.input_names()))]
            types = infer_types_of(op, inputs)
        except (TypeError, SymcError, Conflict):
            continue
        if inputs and all(type.known for type in types) and keeps_types(op, inputs, types):
            found.append(Node(block.name, op, tuple(inputs), types))
    return found


def keeps_types(op, inputs, types):
    """Whether the reference knows this dtype (NumPy takes integers to float64 in many functions)."""
    outputs = run_reference(op, [np.ones(SHAPE, value.type.element.numpy) for value in inputs], types)
    return all(array.dtype == type.element.numpy for array, type in zip(outputs, types, strict=True))


def in_groups(nodes):
    return [nodes[at:at + PER_GROUP] for at in range(0, len(nodes), PER_GROUP)]


@pytest.mark.parametrize("dtype", [DType.float32, DType.int32])
@pytest.mark.parametrize("part", range(20))
def test_elementwise_operators(groups, dtype, part):
    nodes = in_groups(nodes_with_defaults(dtype))
    if part >= len(nodes):
        pytest.skip("there are fewer operators")
    shared = {}
    made = [Node(node.name, node.op, tuple(shared.setdefault(v.node.name, v) for v in node.inputs), node.types)
            for node in nodes[part]]
    graph = Graph(tuple(value for node in made for value in node.outputs))
    generator = np.random.default_rng(part)
    inputs = [generator.uniform(-2, 2, SHAPE).astype(np.float32) if dtype.is_float
              else generator.integers(-3, 4, SHAPE).astype(np.int32) for _ in graph.variables]
    with np.errstate(all="ignore"):
        groups.check(graph, inputs, rtol=1e-4, atol=1e-5, splits=(2,))


GROUPS = ["%x: f32[40,33]\n%b: f32[1,33]\n%y = broadcast_mul(%x, %b)\n%e = erf(%y)\n%z = exp(%e)\nheads %z",
          "%x: f32[33,100]\n%y = softmax(%x)\nheads %y", "%x: f16[33,100]\n%y = sum(%x) axis=(1,)\nheads %y"]


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4", "aarch64"])
@pytest.mark.parametrize("text", GROUPS)
def test_levels(graph, text, level):
    code = lower_group(graph(text), "k", level)
    assert code.object[:4] == b"\x7fELF" and all(isinstance(kernel, KernelCode) for kernel in code.kernels)


@pytest.mark.parametrize("text", GROUPS)
def test_text_is_deterministic_unaligned_and_free_of_tvm(graph, text):
    texts = {llvm_text(lower_to_tir(graph(text), "k", "x86-64-v4")[0], "x86-64-v4") for _ in range(2)}
    (code,) = texts
    assert "align 64" not in code and "align 32" not in code and "TVM" not in code and "!tbaa" not in code
    assert all(name in LIBM or name.startswith(("llvm.", "symc.")) for name in undefined_symbols(code))


def test_code_outside_the_job_loop_is_refused():
    emitter = Emitter()
    with emitter.loop("i", 10) as i:
        emitter.cells(DType.float32, 1)
        assert i is not None
    emitter.cells(DType.float32, 1)
    with pytest.raises(AssertionError, match="is not scheduled"):
        kernel_of(emitter, "k", [], 1, None)


def test_large_tensors_are_indexed_with_64_bits(graph):
    kernels, _ = lower_to_tir(graph("%x: f32[3,1000000000]\n%y = relu(%x)\nheads %y"), "k", "x86-64-v3")
    assert "int64" in kernels[0].body.script() and kernels[0].jobs == -(-3_000_000_000 // 4096)


def test_long_chains(graph, groups):
    lines = [f"%n{i + 1} = {'relu' if i % 2 else 'negative'}(%n{i})" for i in range(100)]
    groups.check(graph("\n".join(["%n0: f32[50]", *lines, "heads %n100"])))
