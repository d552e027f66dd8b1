"""Loops and branches of symbols.  MXNet: mx.sym.contrib.foreach, while_loop, cond.

The user's function runs once, on variables that stand for what a step sees.  What it makes is told from what it reads
from outside by an attribute, `__subgraph_name__`: where an operator inside reads a value from outside, the graph is
cut, and the value becomes an input of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symc.frontend import compose
from symc.frontend.attribute import AttrScope
from symc.frontend.name import NameManager
from symc.frontend.nested import Form, flatten, regroup
from symc.frontend.symbol import Symbol, op, var
from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import find, operation, output_name

MARK = "__subgraph_name__"


@dataclass(frozen=True)
class Subgraph:
    """A graph and, for each of its variables in order, the name and the value outside that is to give it."""

    graph: Graph
    inputs: list[tuple[str, Value]]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.inputs]


# ---- the three functions ---------------------------------------------------------------------------------------


def foreach(body: Callable[[Any, Any], tuple[Any, Any]], data: Any, init_states: Any,
            name: str = "foreach") -> tuple[Any, Any]:
    """Run `body(slice, states)` → (outputs, states) on each slice of `data` along axis 0.

    data, init_states: symbols or nested lists of symbols; `body` gets and returns the same nesting of states.
    Returns the outputs of all steps, stacked, and the final states.
    AssertionError: something is no symbol, the nesting of the states changes, or `body` does not read all data and
    states.
    """
    flat_data, data_form = _flat(data, "foreach input")
    flat_states, state_form = _flat(init_states, "foreach states")
    mark = _subgraph_name(name)
    with AttrScope(**{MARK: mark}):
        outputs, states = body(regroup(_variables(flat_data), data_form), regroup(_variables(flat_states), state_form))
        flat_outputs, output_form = _flat(outputs, "foreach output")
        new_states, new_form = _flat(states, "foreach loop_vars")
        assert new_form == state_form, "The input and output loop_vars have different format"
        named = {symbol.name for symbol in flat_outputs}
        heads = [*(_own(s, mark, flat_outputs + new_states) for s in flat_outputs),
                 *(_own(s, mark, flat_outputs + new_states, named) for s in new_states)]
    subgraph = _cut(heads, mark)
    slices, carried = _locations(subgraph, flat_data, "data"), _locations(subgraph, flat_states, "state")
    rest = [i for i in range(len(subgraph.names)) if i not in (*slices, *carried)]
    inputs = [*(s.heads[0] for s in (*flat_data, *flat_states)), *(subgraph.inputs[i][1] for i in rest)]
    made = _node("_foreach", [subgraph], inputs, num_outputs=len(heads), num_out_data=len(flat_outputs),
                 in_data_locs=slices, in_state_locs=carried, remain_locs=rest)
    return _grouped(made, len(flat_outputs), output_form, state_form)


def while_loop(cond: Callable[..., Any], func: Callable[..., tuple[Any, Any]], loop_vars: Any,
               max_iterations: int | None = None, name: str = "while_loop") -> tuple[Any, Any]:
    """Run `func(*loop_vars)` → (outputs, loop_vars) as long as `cond(*loop_vars)` is not 0, `max_iterations` times at
    most.

    Returns the outputs of the steps, stacked and padded with zeros to `max_iterations`, and the final loop_vars.
    ValueError: `max_iterations` is missing or no integer, there are no loop_vars, `func` changes their number or does
    not read all of them, or `cond` gives no symbol.
    """
    count = _iterations(max_iterations)
    if isinstance(loop_vars, Sequence) and not loop_vars:
        raise ValueError("loop_vars should contain at least one element")
    flat, form = _flat(loop_vars, "while loop_vars")
    condition = _condition(cond, flat, form, _subgraph_name(f"{name}_cond"))
    step, outputs, output_form = _step(func, flat, form, _subgraph_name(f"{name}_func"))
    inputs, locations = _union([condition, step], {_unique_name(s): s.heads[0] for s in flat})
    used = [_unique_name(s) in step.names for s in flat]
    if not all(used):
        raise ValueError(f"The {used.index(False) + 1}-th loop_var doesn't involve into the computation")
    made = _node("_while_loop", [condition, step], inputs, max_iterations=count, cond_input_locs=locations[0],
                 func_input_locs=locations[1], func_var_locs=[step.names.index(_unique_name(s)) for s in flat],
                 num_out_data=outputs, num_outputs=outputs + len(flat))
    return _grouped(made, outputs, output_form, form)


def cond(pred: Symbol, then_func: Callable[[], Any], else_func: Callable[[], Any], name: str = "cond") -> Any:
    """What `then_func()` returns if the one element of `pred` is not 0, else what `else_func()` returns.

    Both return a symbol or nested lists of as many symbols, of the same shapes and types.  ValueError: they do not, or
    `pred` has several outputs.
    """
    made = [_arm(lambda: pred, _subgraph_name(f"{name}_pred")), _arm(then_func, _subgraph_name(f"{name}_then")),
            _arm(else_func, _subgraph_name(f"{name}_else"))]
    counts = [len(subgraph.graph.heads) for subgraph, _ in made]
    if counts[0] != 1:
        raise ValueError("pred should always be a single output")
    if counts[1] != counts[2]:
        raise ValueError("Number of outputs differs between then-branch and else-branch")
    subgraphs = [subgraph for subgraph, _ in made]
    inputs, locations = _union_by_name(subgraphs)
    node = _node("_cond", subgraphs, inputs, num_outputs=counts[1], cond_input_locs=locations[0],
                 then_input_locs=locations[1], else_input_locs=locations[2])
    return regroup([Symbol((value,)) for value in node.outputs], made[1][1])


# ---- subgraphs -------------------------------------------------------------------------------------------------


def _condition(cond: Callable[..., Any], flat: Sequence[Symbol], form: Form, mark: str) -> Subgraph:
    with AttrScope(**{MARK: mark}):
        result = cond(*regroup(_variables(flat), form))
        if not isinstance(result, Symbol):
            raise ValueError("Return of cond must be a Symbol")
        heads = [_own(result, mark, [result])]
    return _cut(heads, mark)


def _step(func: Callable[..., tuple[Any, Any]], flat: Sequence[Symbol], form: Form,
          mark: str) -> tuple[Subgraph, int, Form]:
    """The subgraph of a step, and the number and form of its outputs."""
    with AttrScope(**{MARK: mark}):
        outputs, new = func(*regroup(_variables(flat), form))
        flat_outputs, output_form = _flat([] if outputs is None else outputs, "while output")
        flat_new, _ = _flat([] if new is None else new, "while loop_vars")
        if len(flat_new) != len(flat):
            raise ValueError("The number of loop_vars should be consistent during the loop")
        heads = [_own(symbol, mark, flat_outputs + flat_new) for symbol in flat_outputs + flat_new]
    return _cut(heads, mark), len(flat_outputs), output_form


def _locations(subgraph: Subgraph, symbols: Sequence[Symbol], what: str) -> list[int]:
    """Which variables of the subgraph stand for the symbols.  AssertionError: none does for one of them."""
    names = [_unique_name(symbol) for symbol in symbols]
    assert set(names) <= set(subgraph.names), f"the {what} arrays have to be used in the loop body"
    return [subgraph.names.index(name) for name in names]


def _arm(function: Callable[[], Any], mark: str) -> tuple[Subgraph, Form]:
    with AttrScope(**{MARK: mark}):
        flat, form = _flat(function(), "cond outputs")
        heads = [_own(symbol, mark, flat) for symbol in flat]
    return _cut(heads, mark), form


def _flat(items: Any, what: str) -> tuple[list[Symbol], Form]:
    return flatten(items, Symbol, what, split=True)


def _subgraph_name(name: str) -> str:
    """The name with the number of subgraphs called so, behind that of the subgraph that it is in."""
    outer = AttrScope.current.get({}).get(MARK, "")
    full = f"{outer}${name}" if outer else name
    AttrScope._subgraph_names[full] += 1
    return f"{full}{AttrScope._subgraph_names[full] - 1}"


def _unique_name(symbol: Symbol) -> str:
    """The name of the variable that stands for a symbol in a subgraph."""
    return f"{symbol.name}-{symbol.heads[0].index}"


def _variables(symbols: Sequence[Symbol]) -> list[Symbol]:
    return [var(_unique_name(symbol)) for symbol in symbols]


def _own(symbol: Symbol, mark: str, everything: Sequence[Symbol], taken: set[str | None] | None = None) -> Symbol:
    """A head of a subgraph: a node of the subgraph that is no input of it, and none that is `taken` as a head."""
    inputs = {node.name for node in Graph(tuple(head for s in everything for head in s.heads)).variables}
    inside = symbol.heads[0].node.attrs.get(MARK, "") == mark
    return symbol if inside and symbol.name not in inputs | (taken or set()) else op.identity(symbol)


def _cut(heads: Sequence[Symbol], mark: str) -> Subgraph:
    """The subgraph of the nodes that carry the mark."""
    graph = Graph(tuple(symbol.heads[0] for symbol in heads))
    outside: dict[str, Value] = {}
    cuts: dict[Value, Node] = {}
    for node in graph.nodes:
        for value in node.inputs if node.attrs.get(MARK, "") == mark else ():
            if value.node.attrs.get(MARK, "") != mark and value not in cuts:
                cuts[value] = compose.make_variable(output_name(value), {})
                outside[output_name(value)] = value
    originals = iter(graph.nodes)
    inner = graph.rewrite(lambda node: [Value(cuts[old]) if old in cuts else new for old, new in
                                        zip(next(originals).outputs, node.outputs, strict=True)])
    names = [node.name for node in inner.variables]
    assert len(set(names)) == len(names), f"The inputs of the subgraph don't have unique names: {names}"
    return Subgraph(inner, [(node.name, outside.get(node.name, Value(node))) for node in inner.variables])


# ---- nodes -----------------------------------------------------------------------------------------------------


def _union(subgraphs: Sequence[Subgraph], shared: dict[str, Value]) -> tuple[list[Value], list[list[int]]]:
    """The inputs of several subgraphs, `shared` ones once, and for each subgraph where its inputs stand among them."""
    inputs: list[Value] = []
    places: dict[str, int] = {}
    locations: list[list[int]] = []
    for subgraph in subgraphs:
        own = []
        for name, value in subgraph.inputs:
            if name not in places:
                inputs.append(shared.get(name, value))
            own.append(places.get(name, len(inputs) - 1))
            if name in shared:
                places.setdefault(name, own[-1])
        locations.append(own)
    return inputs, locations


def _union_by_name(subgraphs: Sequence[Subgraph]) -> tuple[list[Value], list[list[int]]]:
    """The same, with variables shared by those of one name."""
    variables = {name: value for subgraph in subgraphs for name, value in subgraph.inputs if value.node.op is None}
    return _union(subgraphs, variables)


def _node(name: str, subgraphs: Sequence[Subgraph], inputs: Sequence[Value], **parameters: Any) -> Node:
    """The node of control flow that holds the subgraphs."""
    written = {key: str(value) for key, value in parameters.items()}
    written["num_args"] = str(len(inputs) + len(subgraphs))
    label = NameManager.current.get(None, name)
    scope = {key: compose.attribute_text(value) for key, value in AttrScope.current.get({}).items()}
    node = compose.apply(find(name), label, scope, written, inputs, {})
    return replace(node, op=operation(node).with_subgraphs([subgraph.graph for subgraph in subgraphs]))


def _grouped(node: Node, outputs: int, output_form: Form, state_form: Form) -> tuple[Any, Any]:
    symbols = [Symbol((value,)) for value in node.outputs]
    return regroup(symbols[:outputs], output_form), regroup(symbols[outputs:], state_form)


def _iterations(count: Any) -> int:
    if count is None:
        raise ValueError("max_iterations should be specified")
    try:
        return int(count.asscalar() if hasattr(count, "asscalar") else count)
    except (TypeError, ValueError):
        raise ValueError("Cannot convert max_iteration to python int") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {"foreach": foreach, "while_loop": while_loop, "cond": cond}
