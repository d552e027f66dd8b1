"""The module mx.operator: operators written in Python.

A `CustomOpProp` says what an operator takes and gives, its `create_operator` makes the `CustomOp` that computes.
Registered under a name, it is `symc.sym.Custom(..., op_type=name)` and `symc.nd.Custom(..., op_type=name)`.
"""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from symc.errors import MXNetError
from symc.frontend.name import NameManager
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.families.custom import PROPERTIES, Arrays, Facts
from symc.ops.operator import Variadic
from symc.ops.parameters import hints_of, mxnet_type, parameters_of
from symc.ops.registry import REGISTRY
from symc.runtime.context import GPU, Context, cpu, current_context
from symc.runtime.ndarray import NDArray

__all__ = ["CustomOp", "CustomOpProp", "NDArrayOp", "NumpyOp", "OperatorArguments", "PythonOp",
           "get_all_registered_operators", "get_operator_arguments", "register"]

NDArrays = list[NDArray]
PropertyClass = TypeVar("PropertyClass", bound="type[CustomOpProp]")


class CustomOp:
    """Computes a custom operator; derive from it.  One instance serves an executor, forward and backward alike, so
    that what forward keeps on `self` is there in backward.  MXNet: CustomOp.

    All arrays share memory with the executor's; they are valid during the call only.
    """

    def __init__(self) -> None:
        pass

    def forward(self, is_train: bool, req: list[str], in_data: NDArrays, out_data: NDArrays, aux: NDArrays) -> None:
        """Compute `out_data`, as `req` says for each, from `in_data`; `aux` may change."""

    def backward(self, req: list[str], out_grad: NDArrays, in_data: NDArrays, out_data: NDArrays, in_grad: NDArrays,
                 aux: NDArrays) -> None:
        """Compute `in_grad`: `req` is 'write', 'add' to what is there, or 'null' where no gradient is wanted.

        What the property does not depend on (`declare_backward_dependency`) has no elements.
        """

    def assign(self, dst: NDArray, req: str, src: Any) -> None:
        """Put `src` into `dst` as the request says."""
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src


class CustomOpProp:
    """Says what a custom operator takes and gives; derive from it and `register` it.  MXNet: CustomOpProp.

    The parameters of `Custom` reach `__init__` as strings.  need_top_grad: False for a loss, whose backward reads no
    gradient of its outputs.
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad

    def list_arguments(self) -> list[str]:
        """Names of the inputs."""
        return ["data"]

    def list_outputs(self) -> list[str]:
        """Names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self) -> list[str]:
        """Names of the auxiliary states, which come behind the inputs."""
        return []

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, ...]:
        """Shapes of inputs, outputs and (optional) states from those of the inputs.

        An unknown extent is -1, an unknown shape []; what is returned for the inputs flows back to them.
        """
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type: list[Any]) -> tuple[Any, ...]:
        """Types of inputs, outputs and (optional) states from those of the inputs; None is an unknown type."""
        return in_type, [in_type[0]] * len(self.list_outputs()), [in_type[0]] * len(self.list_auxiliary_states())

    def infer_storage_type(self, in_stype: list[str]) -> tuple[list[str], list[str], list[str]]:
        """Storage types; symc has dense arrays whatever this returns."""
        return in_stype, ["default"] * len(self.list_outputs()), ["default"] * len(self.list_auxiliary_states())

    def infer_storage_type_backward(self, ograd_stype: list[str], in_stype: list[str], out_stype: list[str],
                                    igrad_stype: list[str], aux_stype: list[str]) -> tuple[list[str], ...]:
        """Storage types in backward; symc has dense arrays whatever this returns."""
        return ograd_stype, in_stype, out_stype, igrad_stype, aux_stype

    def declare_backward_dependency(self, out_grad: list[int], in_data: list[int], out_data: list[int]) -> list[int]:
        """Of these numbers of arrays, those that backward reads."""
        return [*(out_grad if self.need_top_grad_ else []), *in_data, *out_data]

    def create_operator(self, ctx: Context, in_shapes: list[list[int]], in_dtypes: list[int]) -> CustomOp:
        """The operator for inputs, states last, of these shapes and types (MXNet's codes: 0 is float32)."""
        return CustomOp()


def register(reg_name: str) -> Callable[[PropertyClass], PropertyClass]:
    """Decorator that makes a CustomOpProp the operator `reg_name`, in place of an earlier one of this name."""
    def do_register(prop_cls: PropertyClass) -> PropertyClass:
        if reg_name in PROPERTIES:
            logging.getLogger("symc").warning("New registration is overriding existing custom operator %s", reg_name)
        PROPERTIES[reg_name] = lambda parameters: _Property(reg_name, prop_cls, parameters)
        return prop_cls
    return do_register


# ---- what operators of the registry see of them ------------------------------------------------------------------


class _Property:
    """A user's CustomOpProp as `ops.families.custom.Property`."""

    def __init__(self, op_type: str, prop_class: Callable[..., CustomOpProp], parameters: Mapping[str, str]) -> None:
        self.op_type = op_type
        prop = self.prop = self._ask("__init__", lambda: prop_class(**parameters))
        self.arguments = [str(name) for name in self._ask("list_arguments", prop.list_arguments)]
        self.outputs = [str(name) for name in self._ask("list_outputs", prop.list_outputs)]
        self.states = [str(name) for name in self._ask("list_auxiliary_states", prop.list_auxiliary_states)]
        given, taken = len(self.outputs), len(self.arguments)
        numbers = [list(range(given)), list(range(given, given + taken)), list(range(given + taken, 2 * given + taken))]
        self.needs = frozenset(self._ask("declare_backward_dependency", prop.declare_backward_dependency, *numbers))
        if not self.needs <= set(range(2 * given + taken)):
            self._fail(f"declare_backward_dependency returned {sorted(self.needs)}, of {2 * given + taken} arrays")

    def infer_shape(self, shapes: Sequence[PartialShape | None]) -> Facts[PartialShape | None]:
        known = all(shape is not None and None not in shape for shape in shapes)
        asked = [[-1 if extent is None else extent for extent in shape or ()] for shape in shapes]
        arguments, outputs, states = self._inferred("infer_shape", asked)
        return ([self._shape(found, known) for found in arguments], [self._shape(found, known) for found in outputs],
                [self._shape(found, known) for found in states])

    def infer_type(self, dtypes: Sequence[DType | None]) -> Facts[DType | None]:
        asked = [None if dtype is None else dtype.numpy.type for dtype in dtypes]
        arguments, outputs, states = self._inferred("infer_type", asked)
        return self._dtypes(arguments), self._dtypes(outputs), self._dtypes(states)

    def create(self, node: str, context: Any, types: Sequence[TensorType]) -> _Instance:
        where, context = f"node '{node}': " if node else "", context or current_context()
        if isinstance(self.prop, _OldProperty) and isinstance(self.prop.old, NumpyOp):
            context = cpu()
        made = self._ask("create_operator", self.prop.create_operator, context, [list(type.dims) for type in types],
                         [type.element.code for type in types], where=where)
        if not isinstance(made, CustomOp):
            self._fail(f"create_operator returned {made!r}, which is no CustomOp", where)
        return _Instance(self, where, context, made)

    def call(self, where: str, method: Callable[..., None], **arguments: Any) -> None:
        """Run a method of the user's operator, with its arguments by name, as MXNet does."""
        self._ask(method.__name__, lambda: method(**arguments), where=where)

    def _ask(self, method: str, function: Callable[..., Any], *arguments: Any, where: str = "") -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            raise MXNetError(f"{where}custom operator '{self.op_type}': {method} raised {type(error).__name__}: "
                             f"{error}") from error

    def _fail(self, message: str, where: str = "") -> NoReturn:
        raise MXNetError(f"{where}custom operator '{self.op_type}': {message}")

    def _inferred(self, method: str, asked: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """The two or three lists that the property's inference returns, each of the right length."""
        found = self._ask(method, getattr(self.prop, method), list(asked))
        if not isinstance(found, list | tuple) or len(found) not in (2, 3):
            self._fail(f"{method} returned {found!r}, expected 2 or 3 lists")
        lists = (*found, []) if len(found) == 2 else tuple(found)
        for what, names, items in zip(("inputs", "outputs", "states"), (self.arguments, self.outputs, self.states),
                                      lists, strict=True):
            if len(items) != len(names):
                self._fail(f"{method} returned {len(items)} entries for the {what}, which are {', '.join(names)}")
        return lists  # type: ignore[return-value]

    def _shape(self, found: Any, known: bool) -> PartialShape | None:
        """A shape that the property returned; while its inputs are not all `known`, () says nothing, nor does 0."""
        if not isinstance(found, Iterable) or not all(isinstance(extent, int | np.integer) for extent in found):
            self._fail(f"infer_shape returned the shape {found!r}, which is no tuple of integers")
        if not known and not len(tuple(found)):
            return None
        return tuple(None if extent < 0 or (not known and extent == 0) else int(extent) for extent in found)

    def _dtypes(self, found: Sequence[Any]) -> list[DType | None]:
        try:
            return [None if item is None else DType.of(item) for item in found]
        except (KeyError, TypeError):
            self._fail(f"infer_type returned {found!r}; the types are {', '.join(known.name for known in DType)}")


@dataclasses.dataclass(frozen=True)
class _Instance:
    """A user's CustomOp as `ops.families.custom.Instance`."""

    prop: _Property
    where: str
    context: Context
    made: CustomOp

    def forward(self, is_train: bool, requests: Sequence[str], inputs: Arrays, outputs: Arrays,
                states: Arrays) -> None:
        self._call(self.made.forward, {"in_data": inputs, "out_data": outputs, "aux": states}, is_train=is_train,
                   req=list(requests))

    def backward(self, requests: Sequence[str], output_gradients: Sequence[np.ndarray | None],
                 inputs: Sequence[np.ndarray | None], outputs: Sequence[np.ndarray | None], gradients: Arrays,
                 states: Arrays) -> None:
        self._call(self.made.backward, {"out_grad": output_gradients, "in_data": inputs, "out_data": outputs,
                                        "in_grad": gradients, "aux": states}, req=list(requests))

    def _call(self, method: Callable[..., None], arrays: Mapping[str, Sequence[np.ndarray | None]],
              **others: Any) -> None:
        """The operator sees arrays on its context; on a GPU they are copies, which are taken back."""
        with self.context:
            wrapped = {key: [NDArray(np.empty(0, np.float32) if array is None else array, self.context)
                             for array in given] for key, given in arrays.items()}
            self.prop.call(self.where, method, **others, **wrapped)
        for key, given in arrays.items() if self.context.device_typeid == GPU else ():
            for array, made in zip(given, wrapped[key], strict=True):
                if array is not None and made.writes:
                    array[...] = made.memory


register("custom_op")(CustomOpProp)


# ---- MXNet's older forms -----------------------------------------------------------------------------------------


class PythonOp:
    """Base of the operators of MXNet before CustomOp: an object that is called with symbols.  MXNet: PythonOp."""

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad
        warnings.warn("PythonOp has been deprecated. Please use CustomOp", stacklevel=2)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.get_symbol(*args, **kwargs)

    def get_symbol(self, *args: Any, **kwargs: Any) -> Any:
        """The symbol of the operator on these symbols, given by position or by name."""
        from symc.frontend.symbol import op

        op_type = f"{type(self).__name__} at {id(self):#x}"
        PROPERTIES[op_type] = lambda parameters: _Property(op_type, lambda **_: _OldProperty(self), parameters)
        name = NameManager.current.get(kwargs.pop("name", None), self._hint)
        return op.Custom(*args, op_type=op_type, name=name, **kwargs)

    _hint = "_native"

    def forward(self, in_data: list[Any], out_data: list[Any]) -> None:
        """Compute `out_data`; by default the first input."""
        out_data[0][:] = in_data[0]

    def backward(self, out_grad: list[Any], in_data: list[Any], out_data: list[Any], in_grad: list[Any]) -> None:
        """Compute `in_grad`; by default ones."""
        in_grad[0][:] = 1.0

    def infer_shape(self, in_shape: list[list[int]]) -> tuple[Any, Any]:
        """Shapes of inputs and outputs."""
        return in_shape, [in_shape[0]]

    def list_outputs(self) -> list[str]:
        """Names of the outputs."""
        return ["output"]

    def list_arguments(self) -> list[str]:
        """Names of the inputs."""
        return ["data"]

    def need_top_grad(self) -> bool:
        """Whether backward reads gradients of the outputs."""
        return self.need_top_grad_

    def _view(self, array: NDArray) -> Any:
        return array


class NumpyOp(PythonOp):
    """An operator on NumPy arrays that share memory with the executor's.  MXNet: NumpyOp."""

    def _view(self, array: NDArray) -> Any:
        return array.memory


class NDArrayOp(PythonOp):
    """An operator on NDArrays.  MXNet: NDArrayOp."""

    _hint = "_ndarray"

    def declare_backward_dependency(self, out_grad: list[int], in_data: list[int], out_data: list[int]) -> list[int]:
        """Of these numbers of arrays, those that backward reads."""
        return [*(out_grad if self.need_top_grad() else []), *in_data, *out_data]


class _OldProperty(CustomOpProp):
    """A PythonOp as a property and as its own operator."""

    def __init__(self, old: PythonOp) -> None:
        super().__init__(old.need_top_grad())
        self.old = old
        self.list_arguments, self.list_outputs = old.list_arguments, old.list_outputs  # type: ignore[method-assign]
        self.infer_shape = old.infer_shape  # type: ignore[method-assign]
        if isinstance(old, NDArrayOp):
            self.declare_backward_dependency = old.declare_backward_dependency  # type: ignore[method-assign]

    def create_operator(self, ctx: Context, in_shapes: list[list[int]], in_dtypes: list[int]) -> CustomOp:
        return _OldOperator(self.old)


class _OldOperator(CustomOp):
    def __init__(self, old: PythonOp) -> None:
        super().__init__()
        self.old = old

    def forward(self, is_train: bool, req: list[str], in_data: NDArrays, out_data: NDArrays, aux: NDArrays) -> None:
        self.old.forward(in_data=self._views(in_data), out_data=self._views(out_data))

    def backward(self, req: list[str], out_grad: NDArrays, in_data: NDArrays, out_data: NDArrays, in_grad: NDArrays,
                 aux: NDArrays) -> None:
        """The older forms know no requests: what is to be added to is computed apart."""
        made = [array.copy() if request == "add" else array for request, array in zip(req, in_grad, strict=True)]
        self.old.backward(out_grad=self._views(out_grad), in_data=self._views(in_data),
                          out_data=self._views(out_data), in_grad=self._views(made))
        for request, target, value in zip(req, in_grad, made, strict=True):
            if request == "add":
                self.assign(target, request, value)

    def _views(self, arrays: NDArrays) -> list[Any]:
        return [self.old._view(array) for array in arrays]


# ---- what operators there are ------------------------------------------------------------------------------------


class OperatorArguments(NamedTuple):
    """The arguments of an operator: inputs first, then parameters, each with its type in words."""

    narg: int
    names: list[str]
    types: list[str]


def get_all_registered_operators() -> list[str]:
    """The names of all operators of symc, aliases included, under which `Custom` ones go as one."""
    return sorted(name for name, block in REGISTRY.items() if not block.hidden)


def get_operator_arguments(op_name: str) -> OperatorArguments:
    """The arguments of the operator of this name.  MXNetError: there is none."""
    if op_name not in REGISTRY or REGISTRY[op_name].hidden:
        raise MXNetError(f"Operator {op_name} is not registered", "see get_all_registered_operators()")
    block = REGISTRY[op_name]
    inputs = {item if isinstance(item, str) else item.name:
              "NDArray-or-Symbol[]" if isinstance(item, Variadic) else "NDArray-or-Symbol"
              for item in (*block.inputs, *block.auxiliary)}
    known, hints = parameters_of(block), hints_of(block)  # type: ignore[arg-type]
    parameters = {name: mxnet_type(hints[name]) + (", required" if item.default is dataclasses.MISSING else
                                                   f", optional, default={item.default}")
                  for name, item in known.items()}
    return OperatorArguments(len(inputs | parameters), list(inputs | parameters), list((inputs | parameters).values()))
