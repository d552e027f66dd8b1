"""User errors.  A `SymcError` is the user's to mend: it names the node, file or argument and the way out.
A bug of symc is an assertion, never a `SymcError`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence


class SymcError(Exception):
    """What is wrong with the user's input, in one sentence, and a hint that says the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n  {hint}" if hint else message)
        self.message = message
        self.hint = hint


class SymcWarning(UserWarning):
    """What was found or decided that the user did not say."""


def warn(text: str) -> None:
    """Tell the user of a library function what the command line prints."""
    warnings.warn(text, SymcWarning, stacklevel=3)


class MXNetError(SymcError, RuntimeError):
    """Raised where MXNet raises its error of this name, a RuntimeError, so that code written for it keeps working."""


class NotImplementedForSymbol(MXNetError):
    """Asked of a symbol what only an array can do."""

    def __init__(self, function: str) -> None:
        super().__init__(f"Function {function} is not implemented for Symbol and only available in NDArray.",
                         "bind the symbol to arrays first: symbol.eval(...) or symbol.bind(...)")


class PackageError(SymcError):
    """A package or library that is damaged, of another format, or built for another machine."""


class DifferentError(SymcError):
    """Results that differ from those that were expected."""


class MissingPackageError(SymcError, ImportError):
    """An optional Python package that is not installed."""


# What serves instead of loops that train.
TRAIN = "bind the symbol with simple_bind and step its arrays (examples/train_digits.py), or symc.compile(train=True)"


class OutsideError(SymcError, AttributeError):
    """Use of what MXNet has and symc is not for; says what serves instead."""


class ParameterError(MXNetError):
    """An operator parameter or user attribute that is missing, unknown, or out of its domain."""


class OutOfBoundsError(MXNetError, IndexError):
    """An index in data that lies outside of what it indexes."""


class UnsupportedOperatorError(MXNetError):
    """Operators of a graph that symc does not have; lists all of them with their nodes."""


class InferenceError(MXNetError):
    """Shapes or types of a graph that contradict each other."""


def did_you_mean(wanted: str, known: Iterable[str], lead: str = "", likeness: float = 0.6) -> str:
    """A question for the nearest of the known names, behind `lead`; '' if none is alike (1: the same)."""
    import difflib  # which takes longer to import than this module

    near = difflib.get_close_matches(wanted, known, 1, likeness)
    return f"{lead}did you mean {near[0]!r}?" if near else ""


def counted(number: int, name: str) -> str:
    """'1 array', '2 arrays'."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def raise_collected(kind: type[SymcError], title: str, problems: Sequence[str], hint: str = "") -> None:
    """Raise one `kind` that lists every problem found; does nothing when there is none."""
    if not problems:
        return
    lines = "\n".join(f"  {problem}" for problem in problems)
    raise kind(f"{counted(len(problems), 'problem')} in {title}\n{lines}", hint)
