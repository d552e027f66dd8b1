"""Nested lists of symbols or arrays, flat and back: what the functions of control flow take and return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Form = int | list["Form"]     # 0: one item alone; n: n items that were one object; a list: of nested forms


def flatten(items: Any, kind: type, what: str, split: bool = False) -> tuple[list[Any], Form]:
    """The items of a nested list in order, and its form.  split: an item of several outputs stands for these.

    AssertionError, as in MXNet: something else than lists and items of `kind`.
    """
    if isinstance(items, kind):
        count = len(items) if split else 1      # type: ignore[arg-type]
        return (list(items), count) if count > 1 else ([items], 0)   # type: ignore[call-overload]
    if not isinstance(items, list | tuple):
        raise AssertionError(f"{what} must be (nested) list of {kind.__name__}, but got {items!r} of type "
                             f"{type(items)}")
    flat: list[Any] = []
    forms: list[Form] = []
    for item in items:
        inner, form = flatten(item, kind, what, split)
        flat += inner
        forms.append(form)
    return flat, forms


def regroup(flat: Sequence[Any], form: Form) -> Any:
    """The nested list of a form."""
    return _taken(list(flat), form)[0]


def _taken(flat: list[Any], form: Form) -> tuple[Any, list[Any]]:
    """The first items in the form, and the rest."""
    if form == 0:
        return flat[0], flat[1:]
    if isinstance(form, int):
        return flat[:form], flat[form:]
    made = []
    for inner in form:
        item, flat = _taken(flat, inner)
        made.append(item)
    return made, flat
