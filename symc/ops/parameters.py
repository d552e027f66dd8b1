"""Operator parameters: typed fields of a block, read from MXNet's attribute strings.

The annotation of a field is its parser.  Accepted: int, float, bool, str, `Literal[...]` (an enum), `Dims` (a tuple
of integers; one integer stands for a 1-tuple), `PartialDims` (Nones among them), `Floats` (a tuple of numbers),
each also as `X | None`.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from symc.errors import ParameterError, did_you_mean

Dims = tuple[int, ...]
PartialDims = tuple[int | None, ...]
Floats = tuple[float, ...]
TRUE, FALSE = ("true", "1"), ("false", "0")      # in any case


@functools.cache
def parameters_of(block: Any) -> Mapping[str, dataclasses.Field]:
    """The parameters of a block by name, in MXNet's order: its fields that MXNet knows (not `internal` ones)."""
    known = {f.name: f for f in dataclasses.fields(block) if not f.metadata.get("internal")}
    return {name: known[name] for name in dict.fromkeys((*block.parameter_order, *known))}


def internal(default: Any) -> Any:
    """A field set by passes, or inherited where MXNet has no such parameter; never read from MXNet's attributes."""
    return dataclasses.field(default=default, metadata={"internal": True})


def within(low: float, high: float | None = None, default: Any = dataclasses.MISSING) -> Any:
    """A numeric field whose values MXNet bounds: low <= value, and value <= high if that is given."""
    return dataclasses.field(default=default, metadata={"bounds": (low, high)})


def may_be_unset(default: Dims = ()) -> Any:
    """A tuple for which MXNet takes None too, which then means the default."""
    return dataclasses.field(default=default, metadata={"unset": True})


def hints_of(block: Any) -> dict[str, Any]:
    """The types of a block's parameters."""
    return _hints(block)


@functools.cache
def _hints(block: Any) -> dict[str, Any]:
    """Of the fields alone: what blocks declare beside them is many times as much."""
    names = {f.name for f in dataclasses.fields(block)}
    hints: dict[str, Any] = {}
    for base in reversed(block.__mro__):
        own = {name: text for name, text in vars(base).get("__annotations__", {}).items() if name in names}
        hints |= typing.get_type_hints(types.SimpleNamespace(__annotations__=own), vars(sys.modules[base.__module__]))
    return hints


def parse_parameters(block: type, attrs: Mapping[str, str], where: str, allow_internal: bool = False) -> dict[str, Any]:
    """Values of the fields of `block` from MXNet's strings; `__key__`s and hidden keys are left to the caller.

    Raises ParameterError for a missing required parameter, an unknown one, and a value outside its domain.
    """
    known = {f.name: f for f in dataclasses.fields(block)} if allow_internal else parameters_of(block)
    values = {}
    for key, text in attrs.items():
        if key.startswith("__") and key.endswith("__") or not known:  # MXNet reads none where it has no parameters
            continue
        if key not in known:
            raise ParameterError(f"{where}: unknown parameter {key}={text!r}{did_you_mean(key, known, '; ')}",
                                 f"parameters are: {', '.join(known) or 'none'}")
        if text == "None" and known[key].metadata.get("unset"):
            continue
        values[key] = parse_value(hints_of(block)[key], text, f"{where}: parameter {key}={text!r}")
        _check_bounds(values[key], known[key].metadata.get("bounds"), f"{where}: parameter {key}={text!r}")
    for name, f in known.items():
        if name not in values and f.default is dataclasses.MISSING:
            raise ParameterError(f"{where}: required parameter {name} is missing",
                                 f"it is {type_text(hints_of(block)[name])}")
    return values


def _check_bounds(value: float | None, bounds: tuple[float, float | None] | None, where: str) -> None:
    if bounds is None or value is None:
        return
    low, high = bounds
    if not (low <= value and (high is None or value <= high)):
        expected = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ParameterError(f"{where} is not valid: expected a number {expected}")


def type_text(hint: Any) -> str:
    """The type of a parameter in words: 'int', 'tuple of int or None', or the values of an enum."""
    inner, may_be_none = inner_type(hint)
    if typing.get_origin(inner) is Literal:
        text = "one of " + ", ".join(typing.get_args(inner))
    else:
        tuples = {Dims: "tuple of int", PartialDims: "tuple of int and None", Floats: "tuple of float"}
        text = tuples.get(inner) or inner.__name__
    return f"{text} or None" if may_be_none else text


def mxnet_type(hint: Any) -> str:
    """The type of a parameter as MXNet's descriptions of operators write it."""
    inner, may_be_none = inner_type(hint)
    if typing.get_origin(inner) is Literal:
        return "{" + ", ".join([*["None"] * may_be_none, *map(repr, typing.get_args(inner))]) + "}"
    text = {bool: "boolean", str: "string", Dims: "Shape(tuple)", PartialDims: "Shape(tuple)",
            Floats: "tuple of <float>"}.get(inner)
    return (text or inner.__name__) + " or None" * may_be_none


def parse_value(hint: Any, value: Any, where: str) -> Any:
    """`value`, a string as MXNet writes it or a Python value, as the type `hint` says.  ParameterError if it is not."""
    text = str(value).strip()
    parse, may_be_none = _parser(hint)
    if may_be_none and text == "None":
        return None
    try:
        return parse(text)
    except (ValueError, SyntaxError, TypeError, OverflowError, MemoryError, RecursionError) as problem:
        raise ParameterError(f"{where} is not valid: {problem}") from None


@functools.cache
def _parser(hint: Any) -> tuple[Callable[[str], Any], bool]:
    """What reads a text as the type `hint` says, and whether None is a value too."""
    inner, may_be_none = inner_type(hint)
    if typing.get_origin(inner) is Literal:
        return functools.partial(_choice, choices=typing.get_args(inner)), may_be_none
    return _PARSERS[inner], may_be_none


def inner_type(hint: Any) -> tuple[Any, bool]:
    """(X, True) of X | None, (X, False) of any other X."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    return next(item for item in typing.get_args(hint) if item is not type(None)), True


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"expected one of {', '.join(choices)}{did_you_mean(text, choices, '; ')}")
    return text


def _parse_bool(text: str) -> bool:
    if text.lower() in TRUE or text.lower() in FALSE:
        return text.lower() in TRUE
    raise ValueError("expected True or False")


def _parse_int(text: str) -> int:
    try:
        return int(_without_underscores(text))
    except ValueError:
        raise ValueError("expected an integer") from None


def _without_underscores(text: str) -> str:
    """A number, in which Python would read over underscores."""
    if "_" in text:
        raise ValueError("expected digits")
    return text


def _parse_float(text: str) -> float:
    try:
        value = float(_without_underscores(text[:-1] if text[-1:] in "fF" and text[-3:].lower() != "inf" else text))
    except ValueError:
        raise ValueError("expected a number") from None
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError("it is out of range")
    return value


def _parse_dims(text: str) -> Dims:
    items = _items(_without_long(text), int | None, "integers")
    if None in items:
        raise ValueError("expected a tuple of integers")
    return items  # type: ignore[return-value]


def _without_long(text: str) -> str:
    """A tuple without the L of Python 2's long integers; a number alone must not have it."""
    return text.replace("L", "") if text.startswith(("(", "[")) else text


def _parse_partial_dims(text: str) -> PartialDims:
    return () if text == "None" else _items(_without_long(text), int | None, "integers")


def _parse_floats(text: str) -> Floats:
    return tuple(map(float, _items(text.replace("f", ""), int | float, "numbers")))


@functools.lru_cache(maxsize=1 << 10)     # a network has few different ones
def _items(text: str, kind: Any, what: str) -> tuple[Any, ...]:
    """The items of a tuple or list, or the one item there is, all of which are instances of `kind`."""
    if len(text) > 10_000:
        raise ValueError(f"expected a short tuple of {what}")
    try:
        value = ast.literal_eval(text)
    except SyntaxError:
        raise ValueError(f"expected a tuple of {what}") from None
    items = value if isinstance(value, (tuple, list)) else (value,)
    is_bare = isinstance(value, (tuple, list)) and not re.match(r"[(\[]\s*[^(\[\s]", text)     # or nested
    if is_bare or not all(isinstance(item, kind) and not isinstance(item, bool) for item in items) or (
            {"x", "_"} & set(text)):
        raise ValueError(f"expected a tuple of {what}")
    return tuple(items)


_PARSERS: dict[Any, Callable[[str], Any]] = {int: _parse_int, float: _parse_float, bool: _parse_bool, str: str,
                                             Dims: _parse_dims, PartialDims: _parse_partial_dims,
                                             Floats: _parse_floats}


def format_value(value: Any) -> str:
    """A parameter value as MXNet writes it in a JSON file."""
    if isinstance(value, tuple):
        return f"({', '.join(map(str, value))}{',' if len(value) == 1 else ''})"
    return repr(value) if isinstance(value, float) else str(value)
