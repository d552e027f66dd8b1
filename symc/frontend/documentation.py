"""Signatures and docstrings of the functions that are made of operators, for `help`, `inspect` and editors."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from symc.frontend.op_functions import input_names, is_variadic, parameters, variadic_counts
from symc.ops.operator import Operator, Variadic
from symc.ops.parameters import format_value, hints_of, type_text

# What every function takes besides: name → type, meaning for symbols.
OPTIONS = {"name": (str | None, "name of the symbol; by default the operator's and a number"),
           "attr": (dict[str, str] | None, "attributes of the user's"),
           "out": (Any, "for arrays: where the result goes")}


def describe(function: Callable[..., Any], block: type[Operator], name: str, kind: type) -> Callable[..., Any]:
    """Give `function` the name, docstring and signature that follow from its operator.  kind: Symbol or NDArray."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = docstring(block, kind)
    function.__signature__ = signature(block, kind)  # type: ignore[attr-defined]
    return function


def signature(block: type[Operator], kind: type) -> inspect.Signature:
    """Inputs, then parameters; what is required has the default None too, for it may follow what is not."""
    way = inspect.Parameter.KEYWORD_ONLY if is_variadic(block) else inspect.Parameter.POSITIONAL_OR_KEYWORD
    hints = hints_of(block)
    options = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
               for key, (annotation, _) in OPTIONS.items()]
    return inspect.Signature(
        [*_inputs(block, kind), *(inspect.Parameter(key, way, default=default_of(field), annotation=hints[key])
                                  for key, field in parameters(block).items()),
         *options, inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)], return_annotation=kind)


def _inputs(block: type[Operator], kind: type) -> list[inspect.Parameter]:
    if is_variadic(block):
        return [inspect.Parameter("data", inspect.Parameter.VAR_POSITIONAL, annotation=kind)]
    return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind | None)
            for name in input_names(block)]


def default_of(field: dataclasses.Field) -> Any:
    """The default of a parameter; None where it is required."""
    return None if field.default is dataclasses.MISSING else field.default


def docstring(block: type[Operator], kind: type) -> str:
    """What the operator computes, its inputs, parameters and outputs."""
    lines = [inspect.getdoc(block) or block.name, "", "Parameters", "----------"]
    lines += [f"{name} : {kind.__name__}{remark}" for name, remark in _input_remarks(block)]
    for name, field in parameters(block).items():
        lines.append(f"{name} : {type_text(hints_of(block)[name])}, {_need(block, field)}")
    for name, (_, meaning) in OPTIONS.items():
        lines += [f"{name} : optional", f"    {meaning}"]
    return "\n".join([*lines, "", "Returns", "-------", f"{kind.__name__}: {', '.join(_outputs(block))}"])


def _need(block: type[Operator], field: dataclasses.Field) -> str:
    """Whether a parameter must be given, and what it is if not."""
    if field.name in variadic_counts(block):
        return "default the number of inputs"
    if field.default is dataclasses.MISSING:
        return "required"
    return f"default {field.default!r}" if isinstance(field.default, str) else f"default {format_value(field.default)}"


def _input_remarks(block: type[Operator]) -> list[tuple[str, str]]:
    """Name and remark of each input."""
    remarks = []
    for item in block.inputs:
        if isinstance(item, Variadic):
            remarks.append((f"*{item.name}", ", any number"))
        elif isinstance(item, str):
            remarks.append((item, ", auxiliary state" if item in block.auxiliary else ""))
        else:
            remarks.append((item.name, f", not with {item.unless}" if item.unless else ", with some parameters only"))
    return [*remarks, *((name, ", auxiliary state") for name in block.auxiliary if name not in block.inputs)]


def _outputs(block: type[Operator]) -> list[str]:
    """Names of the outputs, where they do not depend on parameters."""
    return list(block.outputs) if block.output_names is Operator.output_names else ["depends on the parameters"]
