"""A group to kernels: contractions by the LLVM generator, everything else by TIR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symc.codegen import llvm_attention, llvm_gates, llvm_winograd, llvm_winograd_input
from symc.codegen.choice import MODEL, Choice
from symc.codegen.group_code import GRID_LEVEL, GroupCode, KernelCode, Parameter
from symc.codegen.llvm_compile import compile_object
from symc.codegen.llvm_contraction import (
    ContractionKernel,
    ContractionRequest,
    EpilogueOperand,
    choices,
    generate,
    supports,
)
from symc.codegen.llvm_gates import GateRequest
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import Shape, TensorType
from symc.ops.families.blocked_attention import SCORES, BlockedAttention, Strides
from symc.ops.families.gate_product import GateProduct
from symc.ops.families.movement import SliceChannel
from symc.ops.families.strided_product import STILL
from symc.ops.families.winograd import WinogradInput, WinogradProduct
from symc.ops.operator import operation


def lower_group(group: Graph, name: str, level: str, choice: Choice = MODEL) -> GroupCode:
    """Kernels named after `name` and their object code for a CPU level, or for GPUs (GRID_LEVEL) their text.

    choice: of a contraction's schedule.
    """
    if level == GRID_LEVEL:
        from symc.codegen.tir_grid import lower_group as lower_for_grids

        return lower_for_grids(group, name)
    contraction = _contraction_of(group)
    if contraction is not None:
        return contraction.lower(name, level, choice)
    for node in group.nodes:
        if isinstance(node.op, WinogradInput):
            return _cut_image(node, name, level)
        if isinstance(node.op, BlockedAttention):
            return _block_attention(group, node, name, level)
    from symc.codegen.tir import lower_group as lower_by_tir

    return lower_by_tir(group, name, level)


def choices_of(group: Graph, level: str, ranks: int, ranks_by_order: int) -> list[Choice]:
    """Between which schedules there is a choice, the model's own first; see `llvm_contraction.choices`.

    Only that one: for Winograd's products, which are tiled together with their transformations, for products in front
    of gates, and all that is TIR.
    """
    contraction = _contraction_of(group)
    if contraction is None or isinstance(contraction, _GroupOfGates) or isinstance(
            contraction.master.op, WinogradProduct):
        return [MODEL]
    return choices(contraction.request, level, ranks, ranks_by_order)


def _contraction_of(group: Graph) -> _GroupContraction | None:
    """The contraction of a group, if it has one that is not left to TIR."""
    master = next((node for node in group.nodes if node.op and operation(node).contraction is not None), None)
    if master is not None and isinstance(master.op, GateProduct) and any(
            isinstance(node.op, SliceChannel) for node in group.nodes):
        return _GroupOfGates(group, master)
    contraction = _GroupContraction(group, master) if master is not None else None
    return contraction if contraction is not None and supports(contraction.request) else None


def _cut_image(node: Node, name: str, level: str) -> GroupCode:
    assert isinstance(node.op, WinogradInput)
    text, jobs = llvm_winograd_input.generate(node.op, node.inputs[0].type, f"{name}_0", level)
    code = KernelCode(f"{name}_0", (("input", 0), ("output", 0)), jobs)
    return GroupCode((code,), (), compile_object(text, level))


def _block_attention(group: Graph, node: Node, name: str, level: str) -> GroupCode:
    op = node.op
    assert isinstance(op, BlockedAttention)
    types = [value.type for value in (*node.inputs[:3], Value(node))]
    query, key, value, result = op.strides(types)
    others = [_repeated(op, operand.type.dims) for operand in node.inputs[3:]]
    of_scores, of_queries = op.graphs

    def pointwise(F: Any, score: Any, *operands: Any) -> Any:
        named = dict(zip((SCORES, *op.input_names()[3:]), (score, *operands), strict=True))
        return evaluate(of_scores, F, score, {Value(node): named[node.name] for node in of_scores.variables})

    def of_query(F: Any, vector: Any) -> Any:
        return evaluate(of_queries, F, vector, {Value(node): vector for node in of_queries.variables})[0]
    request = llvm_attention.AttentionRequest(op, (query, key, value, *others, result), pointwise, of_query,
                                              has_factors=len(of_scores.heads) > 1)
    text, jobs = llvm_attention.generate(request, f"{name}_0", level)
    position = {Value(variable): i for i, variable in enumerate(group.variables)}
    parameters = (*(("input", position[value]) for value in node.inputs), ("output", 0))
    code = KernelCode(f"{name}_0", parameters, jobs, op.flops)
    return GroupCode((code,), (), compile_object(text, level))


def _repeated(op: BlockedAttention, shape: Shape) -> Strides:
    """Of an operand of the scores."""
    names = (STILL if extent == 1 else axis for axis, extent in zip(op.axes, shape, strict=False))
    return Strides.of("".join(names), shape)


class _GroupContraction:
    """A contraction and the elementwise operators behind it, as a request to the generator."""

    def __init__(self, group: Graph, master: Node) -> None:
        self.group, self.master = group, master
        self.out = master.types[0]
        dims = operation(master).finish_dims(len(self.out.dims))
        finish = [EpilogueOperand(value.type, along) for value, along in zip(master.inputs[2:], dims, strict=True)]
        self.operands = self._operands()
        others = [EpilogueOperand(value.type, _along(value.type, self.out)) for value in self.operands]
        lhs, rhs = (value.type for value in master.inputs[:2])
        spec = operation(master).contraction([value.type for value in master.inputs])
        self.request = ContractionRequest(spec, lhs, rhs, tuple(head.type for head in group.heads),
                                          (*finish, *others))

    def _operands(self) -> list[Value]:
        """What the operators behind the contraction read from outside, be it an operand of the contraction too."""
        read = (value for node in self.group.nodes if node is not self.master for value in node.inputs)
        return list(dict.fromkeys(value for value in read if value.node.is_variable))

    def lower(self, name: str, level: str, choice: Choice) -> GroupCode:
        kernel = self.kernel(f"{name}_0", level, choice)
        code = KernelCode(kernel.name, self.parameters(), kernel.jobs, kernel.flops)
        return GroupCode((code,), (), compile_object(kernel.text, level), str(choice))

    def kernel(self, name: str, level: str, choice: Choice) -> ContractionKernel:
        if isinstance(self.master.op, WinogradProduct):
            return llvm_winograd.generate(self.master.op, self.request, name, level, self.epilogue)
        return generate(self.request, name, level, self.epilogue, choice)

    def parameters(self) -> tuple[Parameter, ...]:
        position = {Value(node): i for i, node in enumerate(self.group.variables)}
        inputs = [*self.master.inputs, *self.operands]
        return (*(("input", position[value]) for value in inputs),
                *(("output", i) for i in range(len(self.group.heads))))

    def epilogue(self, F: Any, total: Any, *operands: Any) -> tuple[Any, ...]:
        """The heads of the group, from the sum and the operands of one place."""
        finish = operands[:len(operands) - len(self.operands)]
        values: dict[Value, Any] = dict(zip(self.operands, operands[len(finish):], strict=True))
        values[Value(self.master)] = operation(self.master).finish(F, total, *finish)
        return evaluate(self.group, F, total, values)


def evaluate(graph: Graph, F: Any, like: Any, values: dict[Value, Any]) -> tuple[Any, ...]:
    """The heads of a graph of elementwise operators, of which some values are known; its constants are numbers such as
    `like`."""
    for node in graph.nodes:
        if node.value is not None:
            values[Value(node)] = F.const(node.value.item(), like)
        elif node.op is not None and Value(node) not in values:
            result = operation(node).expression(F, *(values[v] for v in node.inputs))
            results = result if isinstance(result, tuple) else (result,)
            values.update(zip(node.outputs, results, strict=True))
    return tuple(values[head] for head in graph.heads)


class _GroupOfGates(_GroupContraction):
    """A product of all gates, and what is made of these, as a request to the generator.

    Values of all gates are lists with one for each; operators on them are applied to each gate by itself.
    """

    def kernel(self, name: str, level: str, choice: Choice) -> ContractionKernel:
        types = [value.type for value in self.master.inputs]
        request = GateRequest(operation(self.master).contraction(types), types[0], types[1],
                              (*types[2:], *(value.type for value in self.operands)),
                              tuple(head.type for head in self.group.heads))
        return llvm_gates.generate(request, name, level, self.gates)

    def gates(self, F: Any, sums: list[Any], operands: Sequence[Any]) -> list[Any]:
        """The heads of the group, from the sums and the operands of one unit in one row."""
        bias = operands[:len(operands) - len(self.operands)]
        values: dict[Value, Any] = dict(zip(self.operands, operands[len(bias):], strict=True))
        for node in self.group.nodes:
            if node.value is not None:
                values[Value(node)] = F.const(node.value.item(), sums[0])
            elif node is self.master:
                values[Value(node)] = _for_each_gate(operation(node).finish, F, [sums, *bias])
            elif isinstance(node.op, SliceChannel):
                values.update(zip(node.outputs, values[node.inputs[0]], strict=True))
            elif node.op is not None:
                result = _for_each_gate(operation(node).expression, F, [values[v] for v in node.inputs])
                results = result if isinstance(result, tuple) else (result,)
                values.update(zip(node.outputs, results, strict=True))
        return [values[head] for head in self.group.heads]


def _for_each_gate(expression: Any, F: Any, operands: Sequence[Any]) -> Any:
    """What an expression gives; where operands are of all gates a list, or a tuple of lists."""
    counts = [len(operand) for operand in operands if isinstance(operand, list)]
    if not counts:
        return expression(F, *operands)
    results = [expression(F, *(operand[gate] if isinstance(operand, list) else operand for operand in operands))
               for gate in range(counts[0])]
    return tuple(map(list, zip(*results, strict=True))) if isinstance(results[0], tuple) else results


def _along(operand: TensorType, out: TensorType) -> tuple[int | None, ...]:
    """The output dimension along which each dimension of an epilogue operand runs (NumPy's broadcasting)."""
    lead = len(out.dims) - len(operand.dims)
    return tuple(lead + i if extent == out.dims[lead + i] else None for i, extent in enumerate(operand.dims))
