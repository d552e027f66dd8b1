"""Checking symbols against expected values, finite differences, and each other.  MXNet: mx.test_utils."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.frontend import nd_ops as nd
from symc.frontend import symbol_ops
from symc.frontend.symbol import Symbol, var
from symc.frontend.test_utils_compare import (
    Tolerance,
    assert_almost_equal,
    default_numeric_eps,
    get_tolerance,
    get_tols,
    to_numpy,
)
from symc.runtime.context import Context, current_context
from symc.runtime.executor import Executor
from symc.runtime.ndarray import NDArray, array

Location = Sequence[Any] | Mapping[str, Any]
PROJECTION = "__random_proj"
FLOATS = (np.float16, np.float32, np.float64)


def simple_forward(sym: Symbol, ctx: Context | None = None, is_train: bool = False, **inputs: Any) -> Any:
    """The outputs of a symbol for these inputs, as NumPy arrays; a single one itself, else a list."""
    arrays = {name: array(value) for name, value in inputs.items()}
    outputs = sym.bind(ctx or current_context(), args=arrays).forward(is_train=is_train)
    found = [output.asnumpy() for output in outputs]
    return found[0] if len(found) == 1 else found


# ---- arguments -------------------------------------------------------------------------------------------------


def _check_dtype(dtype: Any, *others: str) -> None:
    assert dtype in FLOATS or dtype in others, f"dtype {dtype} is none of float16, float32, float64 {others}"


def _by_name(what: str, given: Location, names: Sequence[str]) -> dict[str, Any]:
    """A list in the order of `names`, or a mapping of exactly these."""
    if not isinstance(given, Mapping):
        return dict(zip(names, given, strict=False))
    if set(given) != set(names):
        raise ValueError(f"Symbol {what} and keys of the given {what} do not match: the symbol has "
                         f"{sorted(names)}, given are {sorted(given)}")
    return dict(given)


def _parse_location(sym: Symbol, location: Location, ctx: Context | None, dtype: Any = np.float32) -> dict[str, Any]:
    """NDArrays of the arguments by name, sorted; those that are NDArrays already keep their dtype."""
    named = _by_name("arguments", location, sym.list_arguments())
    return {name: _held(value, ctx, dtype) for name, value in sorted(named.items())}


def _parse_aux_states(sym: Symbol, aux_states: Location | None, ctx: Context | None,
                      dtype: Any = np.float32) -> dict[str, Any] | None:
    """NDArrays of the auxiliary states by name; None where none are given."""
    if aux_states is None:
        return None
    named = _by_name("aux_states", aux_states, sym.list_auxiliary_states())
    return {name: array(value, ctx, value.dtype if dtype == "asnumpy" else dtype) for name, value in named.items()}


def _held(value: Any, ctx: Context | None, dtype: Any) -> Any:
    """A NumPy array as an NDArray of `dtype`, of its own where that is 'asnumpy'; anything else itself."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    return array(value, ctx, value.dtype if isinstance(dtype, str) else dtype)


# ---- finite differences ----------------------------------------------------------------------------------------


def numeric_grad(executor: Executor, location: MutableMapping[str, Any], aux_states: Mapping[str, Any] | None = None,
                 eps: float = 1e-4, use_forward_train: bool = True, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    """Gradients of the sum of the first output by central differences over `eps`, by argument name.

    location, aux_states: where to compute them; arguments that are not floating point get zeros.
    """
    _check_dtype(dtype)
    for name, value in location.items():
        executor.arg_dict[name][:] = array(value, dtype=dtype)

    def output() -> np.ndarray:
        for name, value in (aux_states or {}).items():
            executor.aux_dict[name][:] = value
        return executor.forward(is_train=use_forward_train)[0].asnumpy()
    return {name: _differences(output, executor.arg_dict[name], np.array(value, order="C"), eps, dtype)
            for name, value in location.items()}


def _differences(output: Callable[[], np.ndarray], argument: NDArray, value: np.ndarray, eps: float,
                 dtype: Any) -> np.ndarray:
    """d sum(output) / d argument, one element after the other."""
    gradient = np.zeros(value.shape, dtype)
    if value.dtype.kind != "f":
        return gradient
    elements = value.reshape(-1)
    for position, old in enumerate(elements.copy()):
        sides = []
        for side in (old + eps / 2, old - eps / 2):
            elements[position] = side
            argument[:] = array(value, dtype=dtype)
            sides.append(output())
        gradient.reshape(-1)[position] = (sides[0] - sides[1]).sum() / eps
        elements[position] = old
    argument[:] = array(value, dtype=dtype)
    return gradient


def check_numeric_gradient(sym: Symbol, location: Location, aux_states: Location | None = None,
                           numeric_eps: Tolerance = None, rtol: Tolerance = None, atol: Tolerance = None,
                           grad_nodes: Sequence[str] | Mapping[str, str] | None = None, use_forward_train: bool = True,
                           ctx: Context | None = None, grad_stype_dict: Mapping[str, str] | None = None,
                           dtype: Any = np.float32) -> None:
    """AssertionError unless backward agrees with finite differences of a random weighted sum of the first output.

    location, aux_states: arrays in the order of the symbol's lists, or by name.  numeric_eps: the step, by default
    that of the dtype (`default_numeric_eps`).  grad_nodes: arguments to check, all by default, or their requests.
    """
    _check_dtype(dtype)
    _refuse_sparse("check_numeric_gradient", grad_stype_dict)
    ctx = ctx or current_context()
    arguments = _parse_location(sym, location, ctx, dtype)
    states = _parse_aux_states(sym, aux_states, ctx, dtype)
    requests = dict(grad_nodes) if isinstance(grad_nodes, Mapping) else \
        dict.fromkeys(sym.list_arguments() if grad_nodes is None else grad_nodes, "write")
    before = {name: np.random.normal(0, 0.01, size=arguments[name].shape) for name in requests}
    gradients = {name: array(value, ctx, dtype) for name, value in before.items()}
    executor, values = _projected(sym, arguments, states, gradients, requests, ctx)
    executor.forward(is_train=True)
    eps = get_tolerance(executor.outputs[0], numeric_eps, default_numeric_eps())
    assert dtype == np.float64 or eps >= 1e-5, f"numeric_eps {eps} is too small for {np.dtype(dtype)}"
    executor.backward()
    state_values = states and {name: value.asnumpy() for name, value in states.items()}
    differences = numeric_grad(executor, values, state_values, eps, use_forward_train, dtype)
    for name, request in requests.items():
        _check_gradient(name, request, differences[name], gradients[name].asnumpy(), before[name], "NUMERICAL", rtol,
                        atol)


def _projected(sym: Symbol, arguments: Mapping[str, NDArray], states: Mapping[str, NDArray] | None,
               gradients: Mapping[str, NDArray], requests: Mapping[str, str], ctx: Context) \
        -> tuple[Executor, dict[str, np.ndarray]]:
    """An executor of the symbol times random weights as a loss, and the values of its arguments."""
    values = {name: value.asnumpy() for name, value in arguments.items()}
    shapes = {name: value.shape for name, value in arguments.items()}
    output_shapes = sym.infer_shape(**shapes)[1]
    assert output_shapes, f"the shapes of {sym} do not follow from {shapes}"
    # not too small: a factor near zero would hide the gradient behind rounding
    dtype = next((gradient.dtype for gradient in gradients.values()), np.float32)
    weights = array(np.random.random_sample(output_shapes[0]) + 0.1, ctx, dtype)
    loss = symbol_ops.make_loss(symbol_ops.op.elemwise_mul(sym, var(PROJECTION)))
    executor = loss.bind(ctx, args={**arguments, PROJECTION: weights}, grad_req=dict(requests), aux_states=states,
                         args_grad=dict(gradients))
    if len(executor.arg_arrays) != len(arguments) + 1:
        raise ValueError(f"{len(arguments)} arrays are given for {len(executor.arg_arrays) - 1} arguments")
    assert len(executor.outputs) == 1, f"{sym} has several outputs"
    return executor, values


def _check_gradient(name: str, request: str, expected: Any, gradient: Any, before: np.ndarray, title: str,
                    rtol: Tolerance, atol: Tolerance, equal_nan: bool = False) -> None:
    """Compare a gradient array with what its request should have made of it."""
    names = (f"{title}_{name}", f"BACKWARD_{name}")
    if request == "write":
        assert_almost_equal(expected, gradient, rtol, atol, names, equal_nan)
    elif request == "add":
        assert_almost_equal(expected, gradient - before, rtol, atol, names, equal_nan)
    elif request == "null":
        assert_almost_equal(before, gradient, rtol, atol, names, equal_nan)
    else:
        raise ValueError(f"Invalid grad_req {request} for argument {name}")


def _refuse_sparse(function: str, storage_types: Mapping[str, str | None] | None) -> None:
    for name, storage in (storage_types or {}).items():
        if storage not in (None, "default"):
            raise SymcError(f"{function}: gradient '{name}': storage type '{storage}' is not supported",
                            "symc has dense arrays: 'default'")


# ---- expected values -------------------------------------------------------------------------------------------


def check_symbolic_forward(sym: Symbol, location: Location, expected: Location, rtol: Tolerance = None,
                           atol: Tolerance = None, aux_states: Location | None = None, ctx: Context | None = None,
                           equal_nan: bool = False, dtype: Any = np.float32) -> list[NDArray]:
    """AssertionError unless forward (outside training) gives these outputs; returns them.

    location, aux_states, expected: arrays in the order of the symbol's lists, or by name.  dtype: that of the
    arguments; 'asnumpy' leaves each the one it has.
    """
    _check_dtype(dtype, "asnumpy")
    ctx = ctx or current_context()
    arguments = _parse_location(sym, location, ctx, dtype)
    states = _parse_aux_states(sym, aux_states, ctx, dtype)
    wanted = [expected[name] for name in sym.list_outputs()] if isinstance(expected, Mapping) else expected
    executor = sym.bind(ctx, args=arguments, grad_req="null", aux_states=states)
    executor.forward(is_train=False)
    for name, value, output in zip(sym.list_outputs(), wanted, executor.outputs, strict=False):
        assert_almost_equal(value, output, rtol, atol, (f"EXPECTED_{name}", f"FORWARD_{name}"), equal_nan)
    return executor.outputs  # type: ignore[no-any-return]


def check_symbolic_backward(sym: Symbol, location: Location, out_grads: Location | None, expected: Location,
                            rtol: Tolerance = None, atol: Tolerance = None, aux_states: Location | None = None,
                            grad_req: Any = "write", ctx: Context | None = None,
                            grad_stypes: Mapping[str, str | None] | None = None, equal_nan: bool = False,
                            dtype: Any = np.float32) -> dict[str, NDArray]:
    """AssertionError unless backward gives these gradients; returns them by argument name.

    location, aux_states, expected, out_grads (gradients of the outputs): arrays in the order of the symbol's lists, or
    by name; expected by name may leave arguments out.  grad_req: one request for all, a list, or by name.
    """
    _check_dtype(dtype, "asnumpy")
    _refuse_sparse("check_symbolic_backward", grad_stypes)
    ctx = ctx or current_context()
    names = sym.list_arguments()
    arguments = _parse_location(sym, location, ctx, dtype)
    states = _parse_aux_states(sym, aux_states, ctx, dtype)
    wanted = dict(expected) if isinstance(expected, Mapping) else dict(zip(names, expected, strict=False))
    requests = dict.fromkeys(names, grad_req) if isinstance(grad_req, str) else \
        dict(grad_req) if isinstance(grad_req, Mapping) else dict(zip(names, grad_req, strict=False))
    # gradient arrays start with noise, so that one which is not written shows
    before = {name: np.random.normal(size=value.shape) for name, value in sorted(wanted.items())}
    gradients = {name: array(value, ctx, arguments[name].dtype if dtype == "asnumpy" else dtype)
                 for name, value in before.items()}
    executor = sym.bind(ctx, args=arguments, args_grad=gradients, grad_req=requests, aux_states=states)
    executor.forward(is_train=True)
    executor.backward(_head_gradients(out_grads, ctx, dtype))
    for name, value in wanted.items():
        _check_gradient(name, requests[name], value, gradients[name].asnumpy(), before[name], "EXPECTED", rtol, atol,
                        equal_nan)
    return gradients


def _head_gradients(given: Location | None, ctx: Context, dtype: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: _held(value, ctx, dtype) for name, value in given.items()}
    assert given is None or isinstance(given, list | tuple), f"out_grads is {type(given)}"
    return None if given is None else [_held(value, ctx, dtype) for value in given]


# ---- symbols against each other --------------------------------------------------------------------------------


def same_symbol_structure(sym1: Symbol, sym2: Symbol) -> bool:
    """Whether the nodes of two symbols, in the order of their files, have the same operators."""
    first, second = ([node["op"] for node in json.loads(symbol.tojson())["nodes"]] for symbol in (sym1, sym2))
    return all(a == b for a, b in zip(first, second, strict=False))


def check_consistency(sym: Symbol | Sequence[Symbol], ctx_list: Sequence[Mapping[str, Any]], scale: float = 1.0,
                      grad_req: Any = "write", arg_params: MutableMapping[str, Any] | None = None,
                      aux_params: MutableMapping[str, Any] | None = None, rtol: Tolerance = None,
                      atol: Tolerance = None, raise_on_err: bool = True,
                      ground_truth: Mapping[str, Any] | None = None, equal_nan: bool = False,
                      use_uniform: bool = False, rand_type: Any = np.float64) -> dict[str, Any]:
    """AssertionError unless a symbol computes the same when bound in different ways, or several symbols do.

    ctx_list: keyword arguments of `simple_bind`: 'ctx', shapes, 'type_dict'.  All get the same random arguments, of
    the standard deviation `scale`; `arg_params` and `aux_params` (default 0) take their place and receive them.
    The reference is `ground_truth`, by output and argument name, or the first of the widest dtype; it is returned.
    raise_on_err=False prints what differs.
    """
    executors = _bound(sym, ctx_list, grad_req)
    draw = _uniform if use_uniform else np.random.normal
    arg_params = {} if arg_params is None else arg_params
    for name in sorted(set(executors[0].arg_dict) - set(arg_params)):
        arg_params[name] = draw(size=executors[0].arg_dict[name].shape, scale=scale).astype(rand_type)
    _fill(executors, arg_params, {} if aux_params is None else aux_params, grad_req)
    widths = [np.dtype(executor.outputs[0].dtype).itemsize for executor in executors]
    reference = widths.index(max(widths))
    truth = _results(executors[reference], grad_req) if ground_truth is None else dict(ground_truth)
    comparison = _Comparison(executors, reference, truth, (rtol, atol), equal_nan, raise_on_err)
    for executor in executors:
        executor.forward(is_train=False)
    comparison.run("Predict", lambda executor: executor.output_dict)
    if grad_req != "null":
        _run_backward(executors)
        comparison.run("Train", lambda executor: _results(executor, grad_req))
    return truth


def _results(executor: Executor, grad_req: Any) -> dict[str, Any]:
    """Its outputs, and gradients unless they are not asked for."""
    return {**executor.output_dict, **(executor.grad_dict if grad_req != "null" else {})}


def _bound(sym: Symbol | Sequence[Symbol], ctx_list: Sequence[Mapping[str, Any]], grad_req: Any) -> list[Executor]:
    """An executor for each context, of the symbol or of one symbol each, which have the same arguments and outputs."""
    symbols = [sym] * len(ctx_list) if isinstance(sym, Symbol) else list(sym)
    assert len(symbols) == len(ctx_list) > 1, "two contexts at least are needed, and a symbol for each"
    for key in ("list_arguments", "list_outputs"):
        assert len({tuple(getattr(symbol, key)()) for symbol in symbols}) == 1, f"{key} of the symbols differ"
    return [symbol.simple_bind(grad_req=grad_req, **options)
            for symbol, options in zip(symbols, ctx_list, strict=True)]


def _uniform(size: Sequence[int], scale: float) -> np.ndarray:
    return np.random.uniform(-0.92 * scale, 0.92 * scale, size)


def _fill(executors: Sequence[Executor], arguments: Mapping[str, Any], states: MutableMapping[str, Any],
          grad_req: Any) -> None:
    """The same values into the arrays of all; gradients that are added to start with zeros."""
    for executor in executors:
        for name, argument in executor.arg_dict.items():
            argument[:] = arguments[name]
        for name, state in executor.aux_dict.items():
            state[:] = states.setdefault(name, 0)
        for gradient in executor.grad_arrays if grad_req == "add" else ():
            gradient[:] = 0  # type: ignore[index]


def _run_backward(executors: Sequence[Executor]) -> None:
    """Forward and backward of all, with the outputs of the first, in the narrowest dtype, as head gradients."""
    for executor in executors:
        executor.forward(is_train=True)
    narrow = [min((np.dtype(output.dtype) for output in outputs), key=lambda dtype: dtype.itemsize)
              for outputs in zip(*(executor.outputs for executor in executors), strict=True)]
    heads = [output.asnumpy().astype(dtype) for output, dtype in zip(executors[0].outputs, narrow, strict=True)]
    for executor in executors:
        executor.backward([array(head, output.context, output.dtype)
                           for head, output in zip(heads, executor.outputs, strict=True)])


class _Comparison:
    """Compares arrays of executors with those of one of them."""

    def __init__(self, executors: Sequence[Executor], reference: int, truth: Mapping[str, Any],
                 tolerances: tuple[Tolerance, Tolerance], equal_nan: bool, strict: bool) -> None:
        self.executors, self.reference, self.truth = executors, reference, truth
        self.tolerances, self.equal_nan, self.strict = tolerances, equal_nan, strict

    def run(self, phase: str, arrays: Callable[[Executor], Mapping[str, NDArray | None]]) -> None:
        for number, executor in enumerate(self.executors):
            for name, value in arrays(executor).items() if number != self.reference else ():
                if value is None:
                    assert self.truth[name] is None, f"'{name}' has a gradient in context {self.reference} only"
                else:
                    self._compare(f"{phase} Err: ctx {number} vs ctx {self.reference} at {name}", executor, name, value)

    def _compare(self, title: str, executor: Executor, name: str, value: NDArray) -> None:
        try:
            assert_almost_equal(value, self.truth[name], *self._tolerances(executor, value, self.truth[name]),
                                equal_nan=self.equal_nan)
        except AssertionError as problem:
            if self.strict:
                raise AssertionError(f"{title}\n{problem}") from problem
            print(f"{title}\n{problem}")

    def _tolerances(self, executor: Executor, value: NDArray, truth: Any) -> tuple[float, float]:
        """Those of the narrowest dtype involved: float32 parameters of a float16 network are no better than it."""
        pairs = ((value, executor), (truth, self.executors[self.reference]))
        narrow = [np.empty(0, min(np.dtype(array.dtype), np.dtype(owner.outputs[0].dtype), key=lambda d: d.itemsize))
                  for array, owner in pairs]
        return get_tols(narrow[0], narrow[1], *self.tolerances)


# ---- speed -----------------------------------------------------------------------------------------------------


def check_speed(sym: Symbol, location: Mapping[str, Any] | None = None, ctx: Context | None = None, N: int = 20,  # noqa: N803
                grad_req: Any = None, typ: str = "whole", **kwargs: Any) -> float:
    """Seconds of one run, the mean of N after one that is not counted.

    typ: 'whole' for forward and backward, 'forward'.  location: values of the arguments; without it random ones of
    the shapes in kwargs.
    """
    if typ not in ("whole", "forward"):
        raise ValueError('typ can only be "whole" or "forward".')
    assert location is None or isinstance(location, dict), f"Expect dict, get location={location}"
    shapes = kwargs if location is None else {name: value.shape for name, value in location.items()}
    executor = sym.simple_bind(ctx=ctx or current_context(), grad_req=grad_req or "write", **shapes)
    values = location or {name: np.random.normal(size=item.shape) for name, item in executor.arg_dict.items()}
    for name, value in values.items():
        executor.arg_dict[name][:] = to_numpy(value)

    def step() -> None:
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward(out_grads=executor.outputs)
    step()
    nd.waitall()
    start = time.perf_counter()
    for _ in range(N):
        step()
    nd.waitall()
    return (time.perf_counter() - start) / N
