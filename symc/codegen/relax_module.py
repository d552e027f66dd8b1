"""A graph to a Relax module.

`main` takes the graph's variables and gives its heads.  Each node is Relax's own operator, a TIR function made of
tensor expressions, or a TIR function that TVM does not look into; loops and branches are functions of their own.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.relax import op as R

from symc.codegen.relax_kernels import kernel_function
from symc.codegen.relax_operators import relax_form
from symc.codegen.relax_te import LargeExpression, is_number, relax_dtype, tensor_function
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.control_flow import Branch, Scan
from symc.ops.operator import operation

Expr = Any      # a Relax expression
RESERVED = frozenset({*keyword.kwlist, "T", "R", "I", "cls", "metadata"})


def relax_type(type: TensorType) -> relax.TensorType:
    return relax.TensorType(type.dims, relax_dtype(type.element))


class Names:
    """Identifiers made of the names of nodes, each once."""

    def __init__(self, *taken: str) -> None:
        self._taken = {*RESERVED, *taken}

    def __call__(self, name: str) -> str:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = base = f"_{plain}" if not plain or plain[0].isdigit() else plain
        number = 0
        while plain in self._taken:
            number += 1
            plain = f"{base}_{number}"
        self._taken.add(plain)
        return plain


def relax_module(graph: Graph, inputs: Sequence[Node], parameters: Mapping[Node, np.ndarray],
                 output_names: Sequence[str]) -> tuple[tvm.IRModule, dict[str, np.ndarray]]:
    """The module of a legalized graph, and its parameters by the names that they have there.

    inputs: the variables that come first among the arguments of `main`; those of `parameters` and the graph's larger
    constants follow.  output_names: of the heads.
    """
    return _ModuleBuilder().build(graph, inputs, parameters, output_names)


class _ModuleBuilder:
    def __init__(self) -> None:
        self.builder = relax.BlockBuilder()
        self.functions: dict[Node, tvm.ir.GlobalVar] = {}
        self.function_names = Names("main")
        self.names = Names()                # of the variables in the function that is written

    def build(self, graph: Graph, inputs: Sequence[Node], parameters: Mapping[Node, np.ndarray],
              output_names: Sequence[str]) -> tuple[tvm.IRModule, dict[str, np.ndarray]]:
        constants = {node: node.value for node in graph.nodes if node.value is not None and node.value.size != 1}
        arrays = {**parameters, **constants}
        for node in control_flow_nodes(graph):
            self.functions[node] = self._control_flow(node)
        nodes = (*inputs, *arrays)
        arguments = self._arguments([node.name for node in nodes], [node.types[0] for node in nodes])
        values = dict(zip(map(Value, nodes), arguments, strict=True))
        self._function("main", arguments, lambda: self._heads(graph, values), num_input=len(inputs),
                       output_names=list(output_names))
        module = self.builder.finalize()
        relax.analysis.well_formed(module)
        return module, {values[Value(node)].name: array for node, array in arrays.items()}

    # ---- functions ---------------------------------------------------------------------------------------

    def _arguments(self, names: Sequence[str], types: Sequence[TensorType]) -> list[relax.Var]:
        """The arguments of the next function."""
        self.names = Names()
        return [relax.Var(self.names(name), relax_type(type)) for name, type in zip(names, types, strict=True)]

    def _function(self, name: str, arguments: Sequence[relax.Var], body: Callable[[], list[Expr]],
                  **attributes: Any) -> tvm.ir.GlobalVar:
        """A function that gives what `body` does: that of `main` the only value itself, others always a tuple."""
        is_main = name == "main"
        with self.builder.function(name, list(arguments), attributes, private=not is_main):
            with self.builder.dataflow():
                made = body()
                result = self.builder.emit_output(made[0] if is_main and len(made) == 1 else relax.Tuple(made))
            return self.builder.emit_func_output(result)

    def _heads(self, graph: Graph, given: Mapping[Value, Expr]) -> list[Expr]:
        """The heads of a graph over these variables, and constants."""
        values = dict(given)
        for node in graph.nodes:
            if Value(node) not in values:
                assert not node.is_variable, f"{node} is no argument"
                inputs = [values[value] for value in node.inputs]
                made = [constant_of(node)] if node.is_constant else self._outputs(node, inputs)
                emitted = [self._emit(expr, node.name) for expr in made]
                values.update(zip(node.outputs, emitted, strict=False))     # not those that nothing reads
        return [values[head] for head in graph.heads]

    def _emit(self, expr: Expr, name: str) -> relax.Var:
        return expr if isinstance(expr, relax.Var) else self.builder.emit(expr, self.names(name))

    # ---- operators ---------------------------------------------------------------------------------------

    def _outputs(self, node: Node, inputs: list[Expr]) -> list[Expr]:
        if isinstance(node.op, Scan):
            return self._steps(node, node.op, inputs)
        if isinstance(node.op, Branch):
            return self._parts(self.functions[node](*inputs), node)
        own = relax_form(node, inputs)
        if own is not None:
            return own
        call = None if operation(node).imperative is not None else self._from_tensors(node, inputs)
        return self._parts(self._from_kernel(node, inputs) if call is None else call, node)

    def _parts(self, call: Expr, node: Node) -> list[Expr]:
        """The outputs of a node that one call computes."""
        if len(node.types) == 1 and not isinstance(node.op, Branch):
            return [call]
        whole = self._emit(call, f"{node.name}_outputs")
        return [relax.TupleGetItem(whole, n) for n in range(len(node.types))]

    def _from_tensors(self, node: Node, inputs: list[Expr]) -> Expr | None:
        """A call of a node's tensor expressions; None if they are too large."""
        passed = [expr for value, expr in zip(node.inputs, inputs, strict=True) if not is_number(value.node)]
        try:
            return self.builder.call_te(tensor_function(node), *passed, primfunc_name_hint=_function_name(node))
        except LargeExpression:
            return None

    def _from_kernel(self, node: Node, inputs: list[Expr]) -> Expr:
        function = self.builder.add_func(kernel_function(node), _function_name(node))
        types = [relax_type(type) for type in node.types]
        return relax.call_tir(function, relax.Tuple(inputs), types[0] if len(types) == 1 else types)

    # ---- control flow ------------------------------------------------------------------------------------

    def _control_flow(self, node: Node) -> tvm.ir.GlobalVar:
        if isinstance(node.op, Scan):
            return self._loop(node, node.op)
        assert isinstance(node.op, Branch)
        names = node.op.body_names()[1:]
        types = [value.type for value in node.inputs]
        sides = []
        for graph, side in zip(node.op.graphs, ("then", "else"), strict=True):
            arguments = self._arguments(names, types[1:])
            sides.append(self._function(self.function_names(f"{node.name}_{side}"), arguments,
                                        partial(self._heads, graph, given(graph, names, arguments))))
        predicate, *arguments = self._arguments(["predicate", *names], types)
        return self._choice(node, [predicate, *arguments], lambda: is_set(predicate),
                            *(side(*arguments) for side in sides))

    def _choice(self, node: Node, arguments: list[relax.Var], condition: Callable[[], Expr], then: Expr,
                otherwise: Expr) -> tvm.ir.GlobalVar:
        """A function that evaluates one of two expressions."""
        with self.builder.function(self.function_names(node.name), arguments, private=True):
            chosen = self.builder.emit(condition(), "chosen")
            sides = [relax.SeqExpr([], side) for side in (then, otherwise)]
            return self.builder.emit_func_output(self.builder.emit(relax.If(chosen, *sides), "result"))

    def _loop(self, node: Node, op: Scan) -> tvm.ir.GlobalVar:
        """A function of the number of a step and the loop's inputs, that gives the outputs of the step, the new
        states and, of a loop that may end early, whether the step was made."""
        step, *arguments = self._step_arguments(node)
        is_open = op.conditional or op.limited

        def body() -> list[Expr]:
            sliced = [self._emit(R.take(whole, step, 0, "clip"), f"x{n}")
                      for n, whole in enumerate(arguments[:op.slices])]
            seen = given(op.body, op.body_names(), [*sliced, *arguments[op.slices:]])
            return self._heads(op.body, seen) + [relax.const(1, "int64")] * is_open
        made = self._function(self.function_names(f"{node.name}_step"), [step, *arguments], body)
        return self._open_loop(node, op, made) if is_open else made

    def _step_arguments(self, node: Node) -> list[relax.Var]:
        return self._arguments(["step", *operation(node).input_names()], [STEP, *(value.type for value in node.inputs)])

    def _open_loop(self, node: Node, op: Scan, made: tvm.ir.GlobalVar) -> tvm.ir.GlobalVar:
        """The step, made only as long as the loop goes on."""
        step, *arguments = self._step_arguments(node)
        states = arguments[op.slices:op.slices + op.states]

        def goes_on() -> Expr:
            limit = R.less(step, R.reshape(arguments[-1], ())) if op.limited else None
            going = is_set(states[-1]) if op.conditional else limit
            return R.logical_and(going, limit) if op.conditional and op.limited else going
        nothing = [zeros(head.type) for head in op.body.heads[:op.stacked]]
        still = relax.Tuple([*nothing, *states, relax.const(0, "int64")])
        return self._choice(node, [step, *arguments], goes_on, made(step, *arguments), still)

    def _steps(self, node: Node, op: Scan, inputs: list[Expr]) -> list[Expr]:
        """All steps of a loop, one call each."""
        states = inputs[op.slices:op.slices + op.states]
        stacks: list[list[Expr]] = [[None] * op.count for _ in range(op.stacked)]
        made: list[Expr] = []
        for step in range(op.count)[::-1 if op.reverse else 1]:
            current = [*inputs[:op.slices], *states, *inputs[op.slices + op.states:]]
            results = self._emit(self.functions[node](relax.const(step, "int64"), *current), f"{node.name}_step{step}")
            parts = [self._emit(relax.TupleGetItem(results, n), f"{node.name}_step{step}_{n}")
                     for n in range(len(op.body.heads) + (op.conditional or op.limited))]
            for stack, part in zip(stacks, parts, strict=False):
                stack[step] = part
            states = parts[op.stacked:op.stacked + op.states]
            made += parts[len(op.body.heads):]
        whole = [R.stack(stack, 0) if stack else zeros(type) for stack, type in zip(stacks, node.types, strict=False)]
        return [*whole, *states, *[self._sum(made)] * op.conditional]

    def _sum(self, numbers: Sequence[Expr]) -> Expr:
        """int64[1]: how many steps were made."""
        total: Expr = relax.const(0, "int64")
        for number in numbers:
            total = self._emit(R.add(total, number), "steps_made")
        return R.reshape(total, (1,))


STEP = TensorType((), DType.int64)


def given(graph: Graph, names: Sequence[str], values: Sequence[Expr]) -> dict[Value, Expr]:
    """The values of the variables that `graph` has of these."""
    by_name = dict(zip(names, values, strict=True))
    return {Value(node): by_name[node.name] for node in graph.variables}


def control_flow_nodes(graph: Graph) -> list[Node]:
    """The loops and branches of a graph and of their bodies, inner ones first."""
    found: list[Node] = []
    waiting = [graph]
    while waiting:
        nodes = [node for node in waiting.pop().nodes if isinstance(node.op, (Scan, Branch))]
        found += nodes
        waiting += [inner for node in nodes if node.op for inner in node.op.subgraphs]
    return found[::-1]


def constant_of(node: Node) -> Expr:
    assert node.value is not None
    type = node.types[0]
    if not is_number(node):
        return relax.const(node.value, relax_dtype(type.element))
    number = relax.const(node.value.item(), relax_dtype(type.element))
    return R.full(type.dims, number, relax_dtype(type.element)) if type.dims else number


def zeros(type: TensorType) -> Expr:
    return R.zeros(type.dims, relax_dtype(type.element))


def is_set(predicate: Expr) -> Expr:
    """Whether an int32 of one element is not 0."""
    return R.not_equal(R.reshape(predicate, ()), relax.const(0, "int32"))


def _function_name(node: Node) -> str:
    return Names()(operation(node).name.strip("_"))
