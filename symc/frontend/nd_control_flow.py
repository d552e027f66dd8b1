"""Loops and branches of arrays, run at once.  MXNet: mx.nd.contrib.foreach, while_loop, cond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.frontend.nested import Form, flatten, regroup
from symc.runtime.ndarray import NDArray, array


def foreach(body: Callable[[Any, Any], tuple[Any, Any]], data: Any, init_states: Any) -> tuple[Any, Any]:
    """Run `body(slice, states)` → (outputs, states) on each slice of `data` along axis 0.

    data: an array or a list of arrays; init_states: an array or nested lists of arrays.  Returns the outputs of all
    steps, stacked, and the final states.  AssertionError: something is no array.
    """
    flatten(data, NDArray, "foreach input")
    flatten(init_states, NDArray, "foreach states")
    length = (data if isinstance(data, NDArray) else data[0]).shape[0]
    states, steps, form = init_states, [], []  # type: Any, list[list[NDArray]], Form
    for i in range(length):
        outputs, states = body(data[i] if isinstance(data, NDArray) else [part[i] for part in data], states)
        flat, form = flatten(outputs, NDArray, "foreach output")
        steps.append(flat)
    return regroup([_stacked(parts) for parts in zip(*steps, strict=True)], form), states


def while_loop(cond: Callable[..., Any], func: Callable[..., tuple[Any, Any]], loop_vars: Any,
               max_iterations: int | None = None) -> tuple[Any, Any]:
    """Run `func(*loop_vars)` → (outputs, loop_vars) as long as `cond(*loop_vars)` is not 0, `max_iterations` times at
    most.

    Returns the outputs of the steps, stacked and padded with zeros to `max_iterations` (none if no step is made), and
    the final loop_vars.  ValueError: `max_iterations` is missing or no integer, there are no loop_vars, or `func`
    changes the number of loop_vars or of outputs, or the shape of an output.
    """
    count = _scalar(max_iterations, int, "max_iterations")
    is_single = isinstance(loop_vars, NDArray)
    variables = [loop_vars] if is_single else list(loop_vars)
    if not variables:
        raise ValueError("loop_vars should contain at least one element")
    steps: list[list[NDArray]] = []
    form: Form = []
    while len(steps) < count and _scalar(cond(*variables), bool, "Return value of cond"):
        outputs, new = func(*variables)
        flat, form = flatten([] if outputs is None else outputs, NDArray, "while output")
        variables = [new] if isinstance(new, NDArray) else list(new or [])
        steps.append(flat)
        _check_step(steps, len(variables), 1 if is_single else len(loop_vars))
    stacked = [_stacked(parts, count) for parts in zip(*steps, strict=True)]
    return (regroup(stacked, form) if steps else []), (variables[0] if is_single else variables)


def _check_step(steps: Sequence[Sequence[NDArray]], variables: int, expected: int) -> None:
    if variables != expected:
        raise ValueError("The length of loop_vars should be consistent during the loop")
    if len(steps[-1]) != len(steps[0]):
        raise ValueError("Number of elements in step_output should be the same in each step")
    for number, (first, now) in enumerate(zip(steps[0], steps[-1], strict=True), 1):
        if first.shape != now.shape:
            raise ValueError(f"Shapes of {number}-th elements in step_outputs are inconsistent: step 0 gave "
                             f"{first.shape}, step {len(steps) - 1} gave {now.shape}")


def cond(pred: Any, then_func: Callable[[], Any], else_func: Callable[[], Any]) -> Any:
    """What `then_func()` returns if the one element of `pred` is not 0, else what `else_func()` returns."""
    return then_func() if _scalar(pred, bool, "pred") else else_func()


def _stacked(parts: Sequence[NDArray], length: int | None = None) -> NDArray:
    """The arrays one upon the other, zeros behind them up to `length`."""
    values = np.stack([part.asnumpy() for part in parts])
    padding = np.zeros((max(0, (length or 0) - len(parts)), *values.shape[1:]), values.dtype)
    return array(np.concatenate([values, padding]), parts[0].context, parts[0].dtype)


def _scalar(value: Any, kind: type, what: str) -> Any:
    """The one element of an array, or a number, as an int or bool."""
    if value is None:
        raise ValueError(f"{what} should be specified")
    try:
        return kind(value.asscalar() if hasattr(value, "asscalar") else value)
    except (TypeError, ValueError):
        raise ValueError(f"Cannot convert {what} to python {kind.__name__}") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {"foreach": foreach, "while_loop": while_loop, "cond": cond}
