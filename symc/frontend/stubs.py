"""Stub files of `symc.sym` and `symc.nd`, whose functions are made of operators when they are asked for.

An editor that does not run the program reads them.  `python -m symc.frontend.stubs` writes them from the living
modules, anew whenever an operator or a method was added.
"""

from __future__ import annotations

import inspect
import keyword
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal

import symc
from symc.frontend.op_functions import Namespace
from symc.ops.parameters import Dims

WIDTH = 118
HEADER = '''# ruff: noqa
# mypy: ignore-errors
"""{about}  Written by `python -m symc.frontend.stubs`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

import numpy as np

from symc import {file} as op
from {origin} import {kind} as _{kind}

'''
KNOWN = {"Any": Any, "Callable": Callable, "Literal": Literal, "Iterator": Iterator, "Mapping": Mapping,
         "Sequence": typing.Sequence, "NoReturn": typing.NoReturn}
STUBS = {"symc.frontend.symbol_ops": "symc.symbol", "symc.frontend.nd_ops": "symc.ndarray"}
PLACES = ("contrib", "image", "linalg", "random", "sparse")


def symbol_stub() -> str:
    """Of `symc.sym`."""
    from symc.frontend import symbol_ops

    return _stub(symbol_ops, symbol_ops.Symbol, "symbol", "Symbols: the module mx.sym.")


def ndarray_stub() -> str:
    """Of `symc.nd`."""
    from symc.frontend import nd_ops

    return _stub(nd_ops, nd_ops.NDArray, "ndarray", "Arrays: the module mx.nd.")


def package_stub() -> str:
    """Of `symc` itself, whose names are imported when they are first used."""
    names: Mapping[str, str] = vars(symc)["_LAZY"]
    imports = [_import(name, *target.partition(":")[::2]) for name, target in sorted(names.items())]
    about = '"""The names of the package.  Written by `python -m symc.frontend.stubs`."""'
    return "\n".join(["# ruff: noqa", about, "", *imports, "", "__version__: str", ""])


def _import(name: str, module: str, attribute: str) -> str:
    module = STUBS.get(module, module)
    if attribute:
        return f"from {module} import {attribute} as {name}"
    package, _, own = module.rpartition(".")
    return f"from {package} import {own} as {name}"


# File below the package → its text.
TEXTS: Mapping[str, Callable[[], str]] = {"__init__.pyi": package_stub, "symbol.pyi": symbol_stub,
                                          "ndarray.pyi": ndarray_stub}


def _stub(module: ModuleType, kind: type, file: str, about: str) -> str:
    parts = [HEADER.format(about=about, origin=kind.__module__, kind=kind.__name__, file=file), *_class(kind)]
    for name in _public(module):
        value = getattr(module, name)
        if isinstance(value, Namespace) and name in PLACES:
            functions = [_function(key, getattr(value, key), kind, "    ", "@staticmethod") for key in _public(value)]
            parts += [f"\nclass {name}:\n", *(functions or ["    ...\n"])]
        elif inspect.isfunction(value):
            parts.append("\n" + _function(name, value, kind))
    return "".join(parts)


def _public(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_") and not keyword.iskeyword(name)]


def _class(kind: type) -> list[str]:
    """The class, derived from the real one so that it goes wherever that one does, with every method written out."""
    members = {name: inspect.getattr_static(kind, name) for name in dir(kind)
               if (not name.startswith("_") or _is_operator(kind, name)) and not keyword.iskeyword(name)}
    parts = [f"class {kind.__name__}(_{kind.__name__}):\n"]
    for name, value in members.items():
        if isinstance(value, property) and value.fget:
            parts.append(_function(name, value.fget, kind, "    ", "@property"))
        elif inspect.isfunction(value):
            parts.append(_function(name, value, kind, "    "))
    return parts


def _is_operator(kind: type, name: str) -> bool:
    """Whether a method called __add__ or so is the class's own."""
    return name.startswith("__") and name in vars(kind) and not hasattr(object, name) and name != "__dict__"


def _function(name: str, function: Callable[..., Any], kind: type, indent: str = "", decorator: str = "") -> str:
    """The declaration of a function, with the first paragraph of its docstring."""
    signature = inspect.signature(function)
    parts = [*_parameters(signature, kind)]
    head = f"{indent}def {name}("
    end = f") -> {_type(signature.return_annotation, kind)}:"
    unbroken = [part.replace(" ", "\0") for part in parts]      # lines break between parameters
    if unbroken:
        unbroken[-1] += end.replace(" ", "\0")
    arguments = textwrap.wrap(", ".join(unbroken), WIDTH - len(head), break_long_words=False, break_on_hyphens=False)
    text = ("\n" + " " * len(head)).join(arguments).replace("\0", " ") or end
    summary = (inspect.getdoc(function) or "").split("\n\n")[0]
    body = _docstring(summary, indent + "    ") if summary else f"{indent}    ...\n"
    mark = f"{indent}{decorator}\n" if decorator else ""
    return f"{mark}{head}{text}\n{body}"


def _docstring(summary: str, indent: str) -> str:
    lines = textwrap.wrap(summary.replace("\\", "\\\\").replace('"""', "'''"), WIDTH - len(indent) - 6)
    return f'{indent}"""' + f"\n{indent}".join(lines) + '"""\n'


def _parameters(signature: inspect.Signature, kind: type) -> Iterator[str]:
    star = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in signature.parameters.values())
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            star = True
            yield "*"
        stars = {inspect.Parameter.VAR_POSITIONAL.name: "*", inspect.Parameter.VAR_KEYWORD.name: "**"}
        name = stars.get(parameter.kind.name, "") + parameter.name
        if name == "self":
            yield name
            continue
        type = _type(parameter.annotation, kind)
        yield f"{name}: {type}{_default(parameter.default, type)}"


def _default(value: Any, type: str) -> str:
    """The text of a default; that of an operator's required parameters is None at run time."""
    if value is inspect.Parameter.empty:
        return ""
    shown = isinstance(value, str | int | float | tuple) or value is None and (type == "Any" or "None" in type)
    return f" = {value!r}" if shown else " = ..."


def _type(hint: Any, kind: type) -> str:
    """The text of a type; Any for one that the stub does not know."""
    if isinstance(hint, str):
        return hint if _is_known(hint, kind) else "Any"
    if hint is inspect.Parameter.empty or hint is Any:
        return "Any"
    if hint == Dims:
        return "int | tuple[int, ...]"
    origin = typing.get_origin(hint)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, typing.get_args(hint)))}]"
    if origin in (typing.Union, UnionType):
        return " | ".join(_type(item, kind) for item in typing.get_args(hint))
    if origin is not None:
        return str(hint)
    return "None" if hint is NoneType else str(hint.__name__)


def _is_known(text: str, kind: type) -> bool:
    import numpy as np

    try:
        eval(text, {**KNOWN, "np": np, kind.__name__: kind})
    except (NameError, AttributeError, TypeError, SyntaxError):
        return False
    return True


if __name__ == "__main__":
    for _name, _text in TEXTS.items():
        (Path(symc.__file__).parent / _name).write_text(_text(), encoding="utf-8")
