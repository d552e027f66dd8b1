"""`Symbol.gradient`: a symbol of the gradients of another."""

from __future__ import annotations

from collections.abc import Sequence

from symc.errors import MXNetError, did_you_mean
from symc.frontend.name import NameManager
from symc.ir.graph import Graph, Node, Source, Value
from symc.ir.types import TensorType
from symc.ops.families.gradient import NetworkGradient


def gradient_values(graph: Graph, wrt: str | Sequence[str]) -> list[Value]:
    """The gradients of the sum of the graph's heads by the variables of these names.  See `Symbol.gradient`."""
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(f"gradient: wrt is a list of names of arguments, not {wrt!r}")
    op = NetworkGradient(graphs=(Graph(graph.heads),))
    variables = op.variables
    known = [node.name for node in variables]
    _refuse(names, known, op.auxiliary_names())
    op = NetworkGradient(wrt=tuple(known.index(name) for name in names), graphs=op.graphs)
    label = NameManager.current.get(None, "gradient")
    types = tuple(TensorType() for _ in names)
    return list(Node(label, op, tuple(map(Value, variables)), types, {}, (Source(label),)).outputs)


def _refuse(names: Sequence[str], known: Sequence[str], states: Sequence[str]) -> None:
    """MXNetError: a name is unknown, that of a state, given twice, or that of several variables."""
    for name in names:
        if name not in known:
            raise MXNetError(f"gradient: the symbol has no argument {name!r}",
                             did_you_mean(name, known) or f"the arguments are {', '.join(known[:20])}")
        if name in states:
            raise MXNetError(f"gradient: {name!r} is an auxiliary state, which has no gradient", "name arguments")
        if names.count(name) > 1:
            raise MXNetError(f"gradient: {name!r} is named more than once", "name each argument once")
    twice = [name for name in known if known.count(name) > 1]
    if twice:
        raise MXNetError(f"gradient: several variables are called {twice[0]!r}", "give them names of their own")
