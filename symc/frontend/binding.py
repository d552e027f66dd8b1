"""From what users hand to `bind` and `simple_bind` to complete arrays and requests by name."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symc.errors import InferenceError, MXNetError, did_you_mean
from symc.frontend.symbol_infer import read_dtype
from symc.runtime.context import Context, current_context
from symc.runtime.executor import leading
from symc.runtime.ndarray import NDArray

if TYPE_CHECKING:
    from symc.frontend.symbol import Symbol
    from symc.runtime.executor import Executor

REQUESTS = ("write", "add", "null")
Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class Shared:
    """What `simple_bind` is to take arrays from: those of `arguments`, and all states, from `executor`; others from
    `buffer` where they fit, which also receives the arrays that are made."""

    arguments: Sequence[str] = ()
    executor: Executor | None = None
    buffer: MutableMapping[str, NDArray] | None = None

    @staticmethod
    def of(names: Any, executor: Executor | None, buffer: Any) -> Shared:
        """From the arguments of `simple_bind`.  ValueError: they are no list and no dict."""
        if names is not None and not isinstance(names, list):
            raise ValueError(f"shared_arg_names in simple_bind must be a list or None, it is {type(names)}")
        if buffer is not None and not isinstance(buffer, MutableMapping):
            raise ValueError(f"shared_buffer in simple_bind must be dict or None, it is {type(buffer)}")
        return Shared(tuple(names or ()), executor, buffer)


def bind(symbol: Symbol, ctx: Any, args: Any, args_grad: Any, grad_req: Any, aux_states: Any,
         group2ctx: Mapping[str, Any] | None = None) -> Executor:
    """See `Symbol.bind`.  ValueError lists all arrays that are missing, TypeError says what is no NDArray."""
    from symc import compiler

    _check_contexts(ctx, group2ctx)
    _check_names(symbol)
    names, states = symbol.list_arguments(), symbol.list_auxiliary_states()
    arguments = complete_arrays("args", args, names)
    gradients = given_arrays("args_grad", {} if args_grad is None else args_grad, names)
    auxiliary = complete_arrays("aux_states", [] if aux_states is None else aux_states, states)
    requests = requests_by_name(grad_req, names)
    _check_gradients(arguments, gradients, requests)
    made = compiler.bind(symbol.graph, ctx, arguments, {name: gradients.get(name) for name in names}, requests,
                         auxiliary, group2ctx)
    made.symbol = symbol
    return made


def simple_bind(symbol: Symbol, ctx: Any, grad_req: Any, type_dict: Mapping[str, Any] | None,
                stype_dict: Mapping[str, str] | None, group2ctx: Mapping[str, Any] | None, shared: Shared,
                shapes: Mapping[str, Any]) -> Executor:
    """See `Symbol.simple_bind`.  Names that are no variable of the symbol are ignored, as in MXNet."""
    from symc import compiler

    _check_contexts(ctx, group2ctx)
    _check_names(symbol)
    for name, storage in (stype_dict or {}).items():
        if storage != "default":
            raise MXNetError(f"argument '{name}': storage type '{storage}' is not supported", "symc has dense arrays")
    variables = set(symbol.list_inputs())
    known = {name: tuple(int(extent) for extent in shape) for name, shape in shapes.items() if name in variables}
    dtypes = {name: read_dtype(dtype) for name, dtype in (type_dict or {}).items() if name in variables}
    if isinstance(grad_req, list | Mapping) and not grad_req:
        raise RuntimeError(f"grad_req in simple_bind cannot be an empty {type(grad_req).__name__}")
    requests = requests_by_name("null" if grad_req is None else grad_req, symbol.list_arguments())
    with _naming_ignored([*shapes, *(type_dict or {})], variables):
        made = compiler.simple_bind(symbol.graph, ctx, requests, dtypes, known, group2ctx)
    if shared.arguments or shared.buffer is not None:
        arguments, gradients, states = _share(shared, made)
        made = compiler.bind(symbol.graph, ctx, arguments, gradients, requests, states, group2ctx)
    made.symbol = symbol
    return made


@contextmanager
def _naming_ignored(given: Sequence[str], variables: Collection[str]) -> Iterator[None]:
    """Adds to an error of inference which of the names given are no variables: one of them may be misspelt."""
    try:
        yield
    except InferenceError as problem:
        ignored = [f"'{name}' is no variable of the symbol{did_you_mean(name, variables, '; ')}"
                   for name in dict.fromkeys(given) if name not in variables]
        if not ignored:
            raise
        raise InferenceError(problem.message, "\n  ".join([*ignored, problem.hint])) from problem


def evaluate(symbol: Symbol, ctx: Any, args: Mapping[str, NDArray]) -> list[NDArray]:
    """See `Symbol.eval`."""
    return bind(symbol, ctx or current_context(), dict(args), None, "write", None).forward()


def _check_contexts(ctx: Any, group2ctx: Mapping[str, Any] | None) -> None:
    """TypeError: something is no context."""
    if not isinstance(ctx, Context):
        raise TypeError(f"Context type error: expected symc.cpu(), got {ctx!r}")
    if group2ctx is not None and not isinstance(group2ctx, Mapping):
        raise TypeError(f"group2ctx is {group2ctx!r}, expected a dict: {{'group': symc.cpu()}}")
    for group, place in (group2ctx or {}).items():
        if not isinstance(place, Context):
            raise TypeError(f"Context type error: group2ctx has {place!r} for group '{group}', expected symc.cpu()")


def _check_names(symbol: Symbol) -> None:
    """MXNetError: variables share a name, so that nobody could say which array is meant."""
    names = symbol.list_inputs()
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise MXNetError(f"several variables are called {', '.join(map(repr, twice))}; an executor tells its arrays "
                         "apart by their names", "use one variable twice, or give them names of their own")


# ---- arrays and requests ---------------------------------------------------------------------------------------


def complete_arrays(what: str, given: Any, names: Sequence[str]) -> Arrays:
    """Arrays by name from a list of all or a mapping that has all; further entries of a mapping are left out."""
    arrays = given_arrays(what, given, names)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"key {', '.join(f'`{name}`' for name in missing)} is missing in `{what}`"
                         + _near(missing, [name for name in given if name not in names]))
    return {name: arrays[name] for name in names}


def given_arrays(what: str, given: Any, names: Sequence[str]) -> Arrays:
    """Arrays by name from a list, in which None stands for none, or a mapping of some."""
    if isinstance(given, list):
        if len(given) != len(names):
            raise ValueError(f"Length of {what} does not match the number of arguments: {len(given)} arrays are given "
                             f"for {len(names)}: {', '.join(names)}")
        given = {name: array for name, array in zip(names, given, strict=True) if array is not None}
    if not isinstance(given, Mapping):
        raise TypeError(f"Only accept list of NDArrays or dict of str to NDArray: {what} is {type(given)}")
    for name in names:
        if name in given and not isinstance(given[name], NDArray):
            raise TypeError(f"Only accept list of NDArrays or dict of str to NDArray: `{name}` in `{what}` is "
                            f"{type(given[name])}")
    return {name: given[name] for name in names if name in given}


def _near(missing: Sequence[str], others: Sequence[str]) -> str:
    """Names given that are like those missing."""
    near = dict.fromkeys(name for wanted in missing for name in difflib.get_close_matches(wanted, others, 2))
    return f"; there is {', '.join(f'`{name}`' for name in near)}, which the symbol does not have" if near else ""


def requests_by_name(grad_req: Any, names: Sequence[str]) -> dict[str, str]:
    """'write', 'add' or 'null' for each argument.  ValueError: another request, or a list of another length."""
    if isinstance(grad_req, str):
        requests = dict.fromkeys(names, grad_req)
    elif isinstance(grad_req, Mapping):
        requests = {name: grad_req.get(name, "null") for name in names}
    else:
        if len(grad_req) != len(names):
            raise ValueError(f"grad_req lists {len(grad_req)} requests for {len(names)} arguments: {', '.join(names)}")
        requests = dict(zip(names, grad_req, strict=True))
    for name, request in requests.items():
        if request not in REQUESTS:
            raise ValueError(f"grad_req must be in {REQUESTS}, it is {request!r} for `{name}`")
    return requests


def _check_gradients(arguments: Mapping[str, NDArray], gradients: Mapping[str, NDArray],
                     requests: Mapping[str, str]) -> None:
    for name, gradient in gradients.items():
        argument = arguments[name]
        if requests[name] != "null" and (gradient.shape, gradient.dtype) != (argument.shape, argument.dtype):
            raise MXNetError(f"the gradient of '{name}' is {gradient.memory.dtype}{list(gradient.shape)}, the argument "
                             f"is {argument.memory.dtype}{list(argument.shape)}", "a gradient is like its argument")


# ---- sharing ---------------------------------------------------------------------------------------------------


def _share(shared: Shared, made: Executor) -> tuple[Arrays, dict[str, NDArray | None], Arrays]:
    """Arguments, gradients and states like those of `made`, taken from where they are shared.

    As in MXNet, arguments named in `shared.arguments` come from the executor, gradients with them; others from the
    buffer, gradients under the name 'grad of x'; states from the executor.
    """
    executor, taken = shared.executor, set(shared.arguments)
    of_arguments: Mapping[str, Any] = executor.arg_dict if executor else {}
    of_gradients: Mapping[str, Any] = executor.grad_dict if executor else {}
    of_states: Mapping[str, Any] = executor.aux_dict if executor else {}
    arguments = {name: _taken(of_arguments, name, array) if name in taken else _pooled(shared.buffer, name, array)
                 for name, array in made.arg_dict.items()}
    gradients = {name: array if array is None else _taken(of_gradients, name, array) if name in taken
                 else _pooled(shared.buffer, f"grad of {name}", array) for name, array in made.grad_dict.items()}
    return arguments, gradients, {name: _taken(of_states, name, array) for name, array in made.aux_dict.items()}


def _pooled(buffer: MutableMapping[str, NDArray] | None, name: str, made: NDArray) -> NDArray:
    """The first elements of the buffer's array; `made`, which then goes into the buffer, where that is too small."""
    if buffer is None:
        return made
    held = buffer.get(name)
    if held is None or held.size < made.size:
        buffer[name] = made
        return made
    if held.dtype != made.dtype:
        raise MXNetError(f"shared_buffer: '{name}' is {held.memory.dtype}, the network needs {made.memory.dtype}",
                         "use one buffer for each dtype")
    return leading(held, made.shape)


def _taken(arrays: Mapping[str, NDArray | None], name: str, made: NDArray) -> NDArray:
    """The array of another executor, `made` where it has none.  MXNetError: it differs in shape or type."""
    found = arrays.get(name)
    if found is None:
        return made
    if (found.shape, found.dtype) != (made.shape, made.dtype):
        raise MXNetError(f"'{name}' cannot be shared: it is {made.memory.dtype}{list(made.shape)} here and "
                         f"{found.memory.dtype}{list(found.shape)} in shared_exec",
                         "leave it out of shared_arg_names")
    return found
