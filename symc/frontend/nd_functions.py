"""Operators as functions of NDArrays, run at once by their NumPy references, in their meaning outside training.

What a call says besides its arrays (how many, under which names, and all parameters) is its pattern; the operator that
a pattern asks for is made once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.frontend import nd_device
from symc.frontend.documentation import describe
from symc.frontend.op_functions import Call, Function, parameters, read_call
from symc.imperative import Invocation, Outcome, is_expression
from symc.ops.elementwise import Elementwise
from symc.ops.math import QUIET
from symc.ops.operator import Operator, from_attributes
from symc.ops.specialise import ByDtype
from symc.runtime.context import Context, current_context
from symc.runtime.ndarray import NDArray

Result = NDArray | list[NDArray]
Pattern = tuple[Any, ...]
PATTERNS = 512      # of calls, that a function remembers


@dataclass(slots=True)
class _Prepared:
    """What a pattern asks for: the operator, which array of the call is which input, where results go.

    order: None for that of the call; functions: of an elementwise operator, what its expression is for arrays alike.
    """

    invocation: Invocation
    order: tuple[int, ...] | None
    context: str
    out: int | None
    functions: ByDtype | None


def array_function(block: type[Operator], name: str) -> Function:
    """The function `name` of mx.nd that runs `block`."""
    prepared: dict[Pattern, _Prepared] = {}

    def function(*args: Any, **kwargs: Any) -> Result:
        if not kwargs:
            ready = prepared.get((type(args[0]),) if len(args) == 1 else tuple(map(type, args)))
            if ready is not None and ready.out is None:     # nothing but arrays is given
                return _run(ready, args, None)
        out = kwargs.pop("out", None)
        if out is not None and not block.inputs:
            kwargs = _as_target(block, args, kwargs, out)
        arrays, pattern = _pattern(args, kwargs)
        ready = prepared.get(pattern)
        if ready is None:
            ready = _prepare(block, name, args, kwargs)
            if len(prepared) >= PATTERNS:
                prepared.clear()
            if not block.is_users:
                prepared[pattern] = ready
        return _run(ready, arrays, arrays[ready.out] if ready.out is not None else out)
    return describe(function, block, name, NDArray)


def _as_target(block: type[Operator], args: Sequence[Any], kwargs: Mapping[str, Any], out: NDArray) -> dict[str, Any]:
    """The arguments of an operator without inputs; its shape, and the dtype of random numbers, are the target's."""
    names = list(parameters(block))
    implied = {"shape": out.shape, **({"dtype": out.dtype} if block.is_random else {})}
    return {**{key: value for key, value in implied.items() if key in names[len(args):]}, **kwargs}


def _pattern(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[NDArray], Pattern]:
    """The arrays of a call, and all else that it says."""
    arrays: list[NDArray] = []
    pattern: list[Any] = []
    for value in args:
        if isinstance(value, NDArray):
            arrays.append(value)
            pattern.append(NDArray)
        else:
            pattern.append(_text(value))
    for key, value in kwargs.items():
        pattern.append(key)
        if isinstance(value, NDArray):
            arrays.append(value)
            pattern.append(NDArray)
        else:
            pattern.append(_text(value))
    return arrays, tuple(pattern)


def _text(value: Any) -> Any:
    """A key for a value: alike for values that an operator cannot tell apart."""
    return (type(value), value.tobytes(), value.shape) if isinstance(value, np.ndarray) else repr(value)


def _prepare(block: type[Operator], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Prepared:
    """Read a call, with a stand-in for each of its arrays, so that equal arrays are told apart."""
    stand_ins: list[NDArray] = []

    def stand_in(value: Any) -> Any:
        if isinstance(value, NDArray):
            value = object.__new__(NDArray)
            stand_ins.append(value)
        return value

    call = read_call(block, name, NDArray, [stand_in(value) for value in args],
                     {key: stand_in(value) for key, value in kwargs.items()})
    op = from_attributes(block.name, {key: value for key, value in call.attrs.items() if key != "ctx"}, name)
    position = {id(value): i for i, value in enumerate(stand_ins)}
    out = call.options.get("out")
    order = tuple(position[id(value)] for value in _ordered(op, name, call))
    return _Prepared(Invocation(op, name), None if order == tuple(range(len(stand_ins))) else order,
                     call.attrs.get("ctx", ""), None if out is None else position[id(out)], _functions(op))


def _functions(op: Operator) -> ByDtype | None:
    """The expression of an operator that is nothing else: its inputs and its output are alike."""
    is_plain = (is_expression(op) and op.overwrites is None and op.inference is None and op.output_count == 1
                and type(op).infer_shape is Elementwise.infer_shape and type(op).infer_type is Elementwise.infer_type)
    return ByDtype(op.expression, len(op.input_names())) if is_plain else None


def _ordered(op: Operator, name: str, call: Call) -> list[NDArray]:
    """The inputs of `op` in its order.  MXNetError: one is missing, or one too many.

    As in MXNet, where they are as many as with these parameters, their order counts and not what they are called.
    """
    names = op.input_names()
    given = dict(zip(names, call.positional, strict=False)) | call.named
    declared = dict.fromkeys([item if isinstance(item, str) else item.name for item in op.inputs] + names)
    if given.keys() <= declared.keys() and len(given) == len(names):
        return [given[key] for key in declared if key in given]
    problems = [f"input {key} is missing" for key in names if key not in given]
    problems += [f"there is no input {key}" for key in given if key not in names]
    if problems or len(call.positional) > len(names):
        raise MXNetError(f"{name}: {'; '.join(problems) or f'{len(call.positional)} inputs are given'}",
                         f"with these parameters the inputs are {', '.join(names) or 'none'}")
    return [given[key] for key in names]


def _run(ready: _Prepared, arrays: Sequence[NDArray], out: NDArray | Sequence[NDArray] | None) -> Result:
    inputs = arrays if ready.order is None else [arrays[i] for i in ready.order]
    if out is None and ready.functions is not None:
        made = _directly(ready.functions, inputs)
        if made is not None:
            return made
    memories, invocation = [item.memory for item in inputs], ready.invocation
    for memory in memories:
        if not isinstance(memory, np.ndarray):
            return _on_device(ready, inputs, out)
    prepared = invocation.prepared(memories)
    if out is None and inputs and prepared.function is not None and not invocation.op.is_users:
        value = QUIET.run(prepared.function, *memories)
        return owned(value[0] if type(value) is tuple else value, memories, inputs[0].context)
    return _by_outcome(ready, inputs, memories, out)


def _by_outcome(ready: _Prepared, inputs: Sequence[NDArray], memories: Sequence[np.ndarray],
                out: NDArray | Sequence[NDArray] | None) -> Result:
    """What an operator computes of memories on the host: those of its inputs, or copies of these."""
    outcome = ready.invocation(memories)
    if ready.invocation.op.is_users:
        for item in inputs:
            item.count_write()
    if out is None and not outcome.written:
        context = inputs[0].context if inputs else _context(ready.context)
        results = [owned(value, memories, context) for value in outcome.outputs]
        return results[0] if len(results) == 1 else results
    return _written(ready, inputs, outcome, out)


def _on_device(ready: _Prepared, inputs: Sequence[NDArray], out: NDArray | Sequence[NDArray] | None) -> Result:
    """The same for arrays of which one lies on a GPU.  MXNetError: not all of them do."""
    invocation = ready.invocation
    context = nd_device.context_of(invocation.name, inputs)
    if not nd_device.has_kernels(invocation, inputs):
        copies = [np.asarray(item.memory) for item in inputs]
        result = _by_outcome(ready, inputs, copies, out)
        for item, copy in zip(inputs, copies, strict=True) if invocation.op.is_users else ():
            item.memory[...] = copy
        return result
    made = nd_device.run(invocation, inputs, context)
    return _delivered(invocation.name, made, out)


def _directly(functions: ByDtype, inputs: Sequence[NDArray]) -> NDArray | None:
    """The result of an elementwise operator on arrays of one shape and dtype; None where it is to be had otherwise."""
    first = inputs[0]
    memory = first.memory
    function = functions[memory.dtype]
    if function is None or not isinstance(memory, np.ndarray):
        return None
    if len(inputs) == 1:
        value = QUIET.run(function, memory)
    else:
        memories = [item.memory for item in inputs]
        for other in memories:
            if other.dtype is not memory.dtype or other.shape != memory.shape or not isinstance(other, np.ndarray):
                return None
        value = QUIET.run(function, *memories)
    return NDArray(value, first.context) if type(value) is np.ndarray else None


def _written(ready: _Prepared, inputs: Sequence[NDArray], outcome: Outcome,
             out: NDArray | Sequence[NDArray] | None) -> Result:
    """Put results where they belong: new values of inputs, and the outputs, into `out` if it is given."""
    outputs = [value.copy() for value in outcome.outputs]       # they may lie in what is written now
    for position, value in outcome.written.items():
        inputs[position].memory[...] = value
        inputs[position].count_write()
    context = inputs[0].context if inputs else _context(ready.context)
    made = [NDArray(np.asarray(value, order="C"), context) for value in outputs]
    return _delivered(ready.invocation.name, made, out)


def _delivered(name: str, results: list[NDArray], out: NDArray | Sequence[NDArray] | None) -> Result:
    """The results, or `out` with their values.  MXNetError: the shapes differ."""
    if out is not None:
        targets = [out] if isinstance(out, NDArray) else list(out)
        if [result.shape for result in results] != [target.shape for target in targets]:
            raise MXNetError(f"{name}: out has shapes {[target.shape for target in targets]}, the results have "
                             f"{[result.shape for result in results]}")
        for result, target in zip(results, targets, strict=True):
            target[...] = result
        results = targets
    return results[0] if len(results) == 1 else results


def owned(value: np.ndarray, others: Sequence[np.ndarray], context: Context) -> NDArray:
    """What an operator computed as an NDArray: a copy, unless the memory is all its own."""
    if type(value) is np.ndarray:
        flags, base = value.flags, value.base
        if (flags.c_contiguous and flags.writeable and not _holds(others, value if base is None else base)
                and (base is None or type(base) is np.ndarray and base.size == value.size)):
            return NDArray(value, context)
    return NDArray(np.array(value, order="C"), context)


def _holds(arrays: Sequence[np.ndarray], memory: np.ndarray) -> bool:
    """Whether one of the arrays is this memory, or a view of it."""
    for array in arrays:        # noqa: SIM110  (a third of what any() takes)
        if array is memory or array.base is memory:
            return True
    return False


def _context(text: str) -> Context:
    """The context that a parameter such as 'cpu(0)' names."""
    if not text or text == "None":
        return current_context()
    kind, _, number = text.rstrip(")").partition("(")
    return Context(kind, int(number or 0))
