"""Symbol: a network composed in Python.  MXNet: mx.sym.Symbol."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn

from symc.errors import MXNetError, NotImplementedForSymbol, did_you_mean
from symc.frontend import backends, binding, compose, gradient, reader, symbol_attributes, symbol_infer, symbol_methods
from symc.frontend.attribute import AttrScope
from symc.frontend.documentation import describe
from symc.frontend.files import replacing
from symc.frontend.name import NameManager
from symc.frontend.op_functions import Function, Namespace, read_call
from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import Operator, operation, output_name, states_of

Dtypes = list[Any]
Shapes = list[tuple[int, ...]]
STORAGE_TYPES = {"default": 0, "row_sparse": 1, "csr": 2}


class Symbol:
    """One or more values of a graph, its heads.  MXNet: Symbol.

    Made by `var`, by the operators' functions (`symc.sym.Convolution`, ...), by arithmetic on symbols, by `load`.
    Symbols share the nodes they have in common, whose attributes alone may change (`_set_attr`).
    """

    __array_ufunc__ = None      # NumPy scalars leave the arithmetic to the symbol

    def __init__(self, heads: Sequence[Value]) -> None:
        self._become(heads)

    def _become(self, heads: Sequence[Value]) -> None:
        self.__dict__.clear()   # what was derived from other heads
        self.heads = tuple(heads)

    @cached_property
    def graph(self) -> Graph:
        """The graph that computes the heads."""
        return Graph(self.heads)

    # ---- what it is

    @property
    def _node(self) -> Node | None:
        """The node that all heads are outputs of; None for a group."""
        node = self.heads[0].node
        return node if all(head.node is node for head in self.heads) else None

    @property
    def name(self) -> str | None:
        """The name; None for a group."""
        return self._node.name if self._node else None

    def __repr__(self) -> str:
        if self.name is not None:
            return f"<Symbol {self.name}>"
        return f"<Symbol group [{', '.join(head.node.name for head in self.heads)}]>"

    def __len__(self) -> int:
        return len(self.heads)

    def __iter__(self) -> Iterator[Symbol]:
        return (Symbol((head,)) for head in self.heads)

    def __getitem__(self, index: int | str | slice) -> Symbol:
        """One output by position or by name (as `list_outputs` gives it), or a group of some.

        ValueError: no output, or several, have the name.  IndexError and TypeError as for a list; a negative
        position is an MXNetError.
        """
        if isinstance(index, slice):
            first, last, step = index.start or 0, len(self) if index.stop is None else index.stop, index.step or 1
            return Group([self[i] for i in range(first, last, step)])
        position = self._position(index) if isinstance(index, str) else index
        if not hasattr(position, "__index__"):
            raise TypeError("Symbol only support integer index to fetch i-th output")
        if operator.index(position) < 0:
            raise MXNetError(f"{self}: index {position} is negative", f"the symbol has {len(self)} outputs, from 0")
        if operator.index(position) >= len(self.heads):
            raise IndexError(f"{self}: index {position} is out of range: the symbol has {len(self)} outputs, from 0")
        return Symbol((self.heads[operator.index(position)],))

    def _position(self, name: str) -> int:
        found = self._positions.get(name, [])
        if len(found) != 1:
            raise ValueError(f'There are multiple outputs with name "{name}"' if found else
                             f'Cannot find output that matches name "{name}"'
                             + did_you_mean(name, self._positions, "; "))
        return found[0]

    @cached_property
    def _positions(self) -> Mapping[str, list[int]]:
        positions: dict[str, list[int]] = {}
        for i, head in enumerate(self.heads):
            positions.setdefault(output_name(head), []).append(i)
        return positions

    # ---- lists

    @cached_property
    def states(self) -> frozenset[Node]:
        """Variables that are auxiliary states of some operator."""
        return frozenset(states_of(self.graph))

    def list_arguments(self) -> list[str]:
        """Names of the variables to be given that are no auxiliary states, in the order of the graph."""
        return [node.name for node in self.graph.variables if node not in self.states]

    def list_auxiliary_states(self) -> list[str]:
        """Names of the variables that operators keep state in, as BatchNorm its moving statistics."""
        return [node.name for node in self.graph.variables if node in self.states]

    def list_inputs(self) -> list[str]:
        """Names of all variables."""
        return [node.name for node in self.graph.variables]

    def list_outputs(self) -> list[str]:
        """Names of the outputs: 'fc1_output', 'split0_output1', or the variable's own."""
        return [output_name(head) for head in self.heads]

    def get_internals(self) -> Symbol:
        """A group of the outputs of all nodes, variables included: `net.get_internals()['fc1_output']`."""
        return Symbol([value for node in self.graph.nodes for value in _visible(node)])

    def get_inputs(self) -> Symbol:
        """A group of all variables of the graph, auxiliary states included."""
        return Symbol([Value(node) for node in self.graph.variables])

    def get_children(self) -> Symbol | None:
        """A group of the inputs of the heads' nodes; None when they are all variables."""
        nodes = dict.fromkeys(head.node for head in self.heads)
        inputs = [value for node in nodes for value in node.inputs]
        return Symbol(inputs) if inputs else None

    # ---- attributes

    def attr(self, key: str) -> str | None:
        """One attribute: a parameter of the operator, or one of the user's, `mood` and `__mood__` being the same.

        None if it is not there, or of a group.
        """
        if self._node is None:
            return None
        return self._node.name if key == "name" else symbol_attributes.find(self._node, key)

    def list_attr(self, recursive: bool = False) -> dict[str, str]:
        """The user's attributes; {} of a group.  recursive: those of all nodes, each as name_key (`attr_dict` has
        them by node, and the operators' parameters too)."""
        if recursive:
            warnings.warn("Symbol.list_attr(recursive=True) is deprecated in MXNet: use attr_dict",
                          DeprecationWarning, stacklevel=2)
            return symbol_attributes.of_all_nodes(self.graph)
        return symbol_attributes.shown(symbol_attributes.users(self._node)) if self._node else {}

    def attr_dict(self) -> dict[str, dict[str, str]]:
        """The attributes and parameters of all nodes that have some, by the nodes' names."""
        return symbol_attributes.by_node(self.graph)

    def _set_attr(self, **kwargs: str) -> None:
        """Set attributes of the node, for all symbols that hold it; where they change the operator's parameters or the
        variable's type, for this symbol only.  ValueError: a value is no string."""
        if not all(isinstance(value, str) for value in kwargs.values()):
            raise ValueError("Set Attr only accepts string values")
        node = self._node
        if node is None:
            raise MXNetError(f"{self}: attributes can be set of a single symbol, not of a group")
        added = compose.hide_keys(kwargs)
        changed = compose.with_attributes(node, added)
        if (changed.op, changed.types) == (node.op, node.types):
            compose.attributes_of(node).update(added)
        else:
            self._become([Value(changed, head.index) for head in self.heads])

    # ---- composition

    def __call__(self, *args: Symbol, **kwargs: Any) -> Symbol:
        """A copy whose variables of these names are replaced by symbols; `name` renames it.

        MXNetError: there is no such variable, or a symbol is given by position.  TypeError: it is no Symbol.
        """
        composed = self.__copy__()
        composed._compose(*args, **kwargs)
        return composed

    def _compose(self, *args: Symbol, name: str | None = None, **kwargs: Symbol) -> None:
        if args and kwargs:
            raise TypeError("compose only accept input Symbols either as positional or keyword arguments, not both")
        if not all(isinstance(value, Symbol) for value in (*args, *kwargs.values())):
            raise TypeError("Compose expect `Symbol` as arguments")
        if args:
            raise MXNetError(f"{self}: is composed already; its variables can be replaced by name only",
                             f"they are {', '.join(self.list_inputs()[:20])}")
        graph = compose.renamed(self.graph, name) if name else self.graph
        self._become(compose.substituted(graph, {key: _only(key, value) for key, value in kwargs.items()}).heads)

    def __copy__(self) -> Symbol:
        return Symbol(compose.copied(self.graph).heads)

    def __deepcopy__(self, _: object) -> Symbol:
        return self.__copy__()

    # ---- inference

    def infer_shape(self, *args: Any, **kwargs: Any) -> tuple[Shapes | None, Shapes | None, Shapes | None]:
        """Shapes of the arguments, outputs and auxiliary states, from some arguments' given by position or by name.

        0 is an unknown extent, () or None an unknown shape.  (None, None, None) and a warning when they do not follow.
        TypeError: a shape is no tuple.  MXNetError: they contradict the network, or a name is unknown.
        """
        return symbol_infer.infer_shape(self, args, kwargs, partial=False)

    def infer_shape_partial(self, *args: Any, **kwargs: Any) -> tuple[Shapes | None, Shapes | None, Shapes | None]:
        """As `infer_shape`, with 0 and () where something does not follow."""
        return symbol_infer.infer_shape(self, args, kwargs, partial=True)

    def infer_type(self, *args: Any, **kwargs: Any) -> tuple[Dtypes | None, Dtypes | None, Dtypes | None]:
        """Types of the arguments, outputs and auxiliary states, as NumPy scalar types, from some arguments'.

        (None, None, None) and a warning when they do not follow.  MXNetError: they contradict the network.
        """
        return symbol_infer.infer_type(self, args, kwargs, partial=False)

    def infer_type_partial(self, *args: Any, **kwargs: Any) -> tuple[Dtypes | None, Dtypes | None, Dtypes | None]:
        """As `infer_type`, with None for a type that does not follow."""
        return symbol_infer.infer_type(self, args, kwargs, partial=True)

    def gradient(self, wrt: Sequence[str]) -> Symbol:
        """The gradients of the sum of the outputs by the arguments named in `wrt`, as a group of one output for each.

        Loss heads (SoftmaxOutput, MakeLoss, ...) push their own gradient, as in `Executor.backward`.  It can be bound,
        composed with other symbols and differentiated again, as far as the operators' gradients have gradients.  It
        cannot be saved as JSON: MXNet, which never implemented this method, has no such operator.
        MXNetError: there is no such argument.
        """
        return Symbol(gradient.gradient_values(self.graph, wrt))

    # ---- executors

    def bind(self, ctx: Any, args: Any, args_grad: Any = None, grad_req: Any = "write", aux_states: Any = None,
             group2ctx: Any = None, shared_exec: Any = None) -> Any:
        """An Executor on these arrays.  MXNet: Symbol.bind.

        args, aux_states: NDArrays, as a list in the order of `list_arguments` (`list_auxiliary_states`) or by name;
        all of them.  args_grad: the same for gradients, of those that are wanted.  grad_req: 'write', 'add' or 'null',
        one for all, a list, or by name ('null' for those not named).  group2ctx: where nodes of each `ctx_group` are
        computed; an operator of none is where its first input is, a variable where its array lies.
        shared_exec: its memory for intermediate results is symc's own business; arrays are shared by being bound twice.
        """
        return binding.bind(self, ctx, args, args_grad, grad_req, aux_states, group2ctx)

    def simple_bind(self, ctx: Any, grad_req: Any = "write", type_dict: Any = None, stype_dict: Any = None,
                    group2ctx: Any = None, shared_arg_names: Any = None, shared_exec: Any = None,
                    shared_buffer: Any = None, **kwargs: Any) -> Any:
        """An Executor on new arrays of zeros; kwargs are shapes of arguments.  MXNet: Symbol.simple_bind.

        type_dict: types of arguments, float32 where nothing is known.  stype_dict: 'default' is all there is.
        group2ctx: as of `bind`; arrays of variables with a group are made there.  shared_arg_names: arguments that
        share the arrays of `shared_exec`, as its states do.  shared_buffer: arrays by name, of which the first elements
        are used where they suffice, and to which those made are added ('grad of x' for gradients).
        """
        shared = binding.Shared.of(shared_arg_names, shared_exec, shared_buffer)
        return binding.simple_bind(self, ctx, grad_req, type_dict, stype_dict, group2ctx, shared, kwargs)

    def eval(self, ctx: Any = None, **kwargs: Any) -> Any:
        """The outputs for these arguments, a list of NDArrays; to run it more than once, `bind` it."""
        return binding.evaluate(self, ctx, kwargs)

    # ---- files and texts

    def tojson(self, remove_amp_cast: bool = True) -> str:
        """The symbol.json text, as MXNet 1.9.1 writes it; amp_cast and amp_multicast are left out unless kept."""
        return reader.print_graph(_without_amp_casts(self.graph) if remove_amp_cast else self.graph)

    def save(self, fname: str, remove_amp_cast: bool = True) -> None:
        """Write the symbol.json text to a file, which is replaced whole."""
        if not isinstance(fname, str):
            raise TypeError("fname need to be string")
        with replacing(fname) as file:
            file.write(self.tojson(remove_amp_cast).encode())

    def __getstate__(self) -> dict[str, str]:
        return {"handle": self.tojson()}

    def __setstate__(self, state: Mapping[str, str]) -> None:
        text = state.get("handle") if isinstance(state, Mapping) else None
        if not isinstance(text, str):
            raise MXNetError("the pickled symbol holds no symbol.json text", "the pickle is damaged, or was not made "
                             "of a Symbol")
        self._become(reader.parse_graph(text, "pickled symbol").heads)

    def debug_str(self) -> str:
        """The nodes with their inputs and attributes, to be read by people."""
        return reader.describe_graph(self.graph)

    def as_nd_ndarray(self) -> Symbol:
        """The symbol itself, as of every classic symbol."""
        return self

    def as_np_ndarray(self) -> Symbol:
        """The symbol itself: symc has one kind of symbols, MXNet's classic ones."""
        return self

    def has_dynamic_shape_op(self) -> bool:
        """Whether the shape of some value is known only when the graph runs, as behind `contrib.boolean_mask`."""
        return any(operation(node).shape_inputs for node in self.graph.nodes if node.op)

    # ---- back ends

    def get_backend_symbol(self, backend: str) -> Symbol:
        """The symbol for one of MXNet's back ends (`symc.frontend.backends`): itself.  MXNetError: there is none such.
        """
        backends.check(backend)
        return self.__copy__()

    def optimize_for(self, backend: str, args: Any = None, aux: Any = None, ctx: Any = None, shape_dict: Any = None,
                     type_dict: Any = None, stype_dict: Any = None, skip_infer: bool = False, **kwargs: Any) -> Symbol:
        """The symbol for one of MXNet's back ends, checked against what is given.

        args, aux: NDArrays by name, of some variables.  shape_dict, type_dict, stype_dict: what is known of others.
        skip_infer: do not check them against the network.  kwargs: MXNet's options of back ends, which say nothing
        here.  MXNetError: there is no such back end, or shapes or types contradict each other.
        """
        known = backends.Known(args or {}, aux or {}, ctx, shape_dict or {}, type_dict or {}, stype_dict or {})
        return backends.optimized(self, backend, known, skip_infer)

    # ---- methods of their own

    def _gen_atomic_symbol(self) -> Symbol:
        """The operator of the symbol alone, its inputs variables of their own."""
        if self._node is None or self._node.op is None:
            raise MXNetError(f"{self}: is no operator, of which alone an atomic symbol can be made")
        return Symbol(_visible(compose.atomic(self._node)))

    def astype(self, *args: Any, **kwargs: Any) -> Symbol:
        """The `cast` of the symbol."""
        return op.cast(self, *args, **kwargs)  # type: ignore[no-any-return]

    def split_v2(self, *args: Any, **kwargs: Any) -> Symbol:
        """`symc.sym.split_v2` of the symbol."""
        from symc.frontend.symbol_ops import split_v2

        return split_v2(self, *args, **kwargs)

    def __bool__(self) -> NoReturn:
        raise NotImplementedForSymbol("bool")

    def __neg__(self) -> Symbol:
        return _internal._MulScalar(self, scalar=-1.0)  # type: ignore[no-any-return]

    def __abs__(self) -> Symbol:
        return op.abs(self)  # type: ignore[no-any-return]


def _visible(node: Node) -> list[Value]:
    """The outputs of a node that the Symbol API shows."""
    return [Value(node, i) for i in range(operation(node).visible_count if node.op else 1)]


def _only(what: str, symbol: Symbol) -> Value:
    """The one output of a symbol that is to be an input."""
    if len(symbol) != 1:
        raise MXNetError(f"argument {what}: {symbol} has {len(symbol)} outputs, an input takes one",
                         f"choose one, for example symbol['{symbol.list_outputs()[0]}']")
    return symbol.heads[0]


def _without_amp_casts(graph: Graph) -> Graph:
    casts = ("amp_cast", "amp_multicast")
    return graph.rewrite(lambda node: node.inputs if node.op and node.op.name in casts else None)


# ---- making symbols ------------------------------------------------------------------------------------------


def var(name: str, attr: Mapping[str, str] | None = None, shape: Any = None, lr_mult: float | None = None,
        wd_mult: float | None = None, dtype: Any = None, init: Any = None, stype: str | None = None,
        profiler_scope: str | None = None, **kwargs: Any) -> Symbol:
    """A variable.  MXNet: var, Variable.

    shape: used in inference unless another full shape is given there; 0 is an unknown extent.  lr_mult, wd_mult,
    init (a string, or an object with `dumps`): for optimizers and initializers.  stype: symc computes on dense arrays
    whatever it says.  profiler_scope: kept as an attribute.  kwargs: attributes of the form __key__.  ValueError: one
    of another form.
    """
    if not isinstance(name, str):
        raise TypeError("Expect a string for variable `name`")
    attrs = AttrScope.current.get(attr)
    given = {"shape": shape, "lr_mult": lr_mult, "wd_mult": wd_mult,
             "dtype": None if dtype is None else symbol_infer.read_dtype(dtype).code,
             "init": init if init is None or isinstance(init, str) else init.dumps(),
             "storage_type": None if stype is None else STORAGE_TYPES[stype],
             "profiler_scope": profiler_scope}
    attrs |= {f"__{key}__": compose.attribute_text(value) for key, value in given.items() if value is not None}
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(f"Attribute name={key} is not supported. Additional attributes must start and end with "
                             "double underscores, e.g, __yourattr__")
        attrs[key] = str(value)
    if not all(isinstance(value, str) for value in attrs.values()):
        raise ValueError("Set Attr only accepts string values")
    return Symbol((Value(compose.make_variable(name, compose.hide_keys(attrs))),))


Variable = var


def Group(symbols: Sequence[Symbol],  # noqa: N802  (MXNet's name)
          create_fn: Callable[[Sequence[Value]], Symbol] = Symbol) -> Symbol:
    """A symbol with the outputs of all `symbols`.

    create_fn: the class of the result.  TypeError: there is no symbol, one is none, or they are of several classes.
    """
    if not symbols or not all(isinstance(symbol, Symbol) for symbol in symbols):
        raise TypeError("Expected a list of symbols as input")
    kinds = {type(symbol).__name__ for symbol in symbols}
    if len(kinds) > 1:
        raise TypeError(f"Expected a list of symbols of one class, found {', '.join(sorted(kinds))}")
    return create_fn([head for symbol in symbols for head in symbol.heads])


def load(fname: str) -> Symbol:
    """The symbol of a symbol.json file of any MXNet release."""
    if not isinstance(fname, str):
        raise TypeError("fname need to be string")
    return Symbol(reader.read_graph(fname).heads)


def load_json(json_str: str) -> Symbol:
    """The symbol of a symbol.json text."""
    if not isinstance(json_str, str):
        raise TypeError("fname required to be string")
    return Symbol(reader.parse_graph(json_str).heads)


fromjson = load_json


def symbol_function(block: type[Operator], name: str) -> Function:
    """The function `name` of mx.sym that composes `block`; symbols it makes are called after it."""
    def function(*args: Any, **kwargs: Any) -> Symbol:
        call = read_call(block, name, Symbol, args, kwargs)
        if call.positional and call.named:
            raise TypeError("Operators with variable length input can only accept input Symbols either as positional "
                            "or keyword arguments, not both")
        scope = AttrScope.current.get(call.options.get("attr"))
        attrs = {key: compose.attribute_text(value) for key, value in scope.items()}
        label = NameManager.current.get(call.options.get("name"), name.lower())
        positional = [_only(str(i), symbol) for i, symbol in enumerate(call.positional)]
        named = {key: _only(key, symbol) for key, symbol in call.named.items()}
        return Symbol(_visible(compose.apply(block, label, attrs, call.attrs, positional, named)))
    return describe(function, block, name, Symbol)


op = Namespace("symc.symbol.op", "", symbol_function)
_internal = Namespace("symc.symbol._internal", "_internal", symbol_function)


symbol_methods.attach(Symbol, op, _internal)
