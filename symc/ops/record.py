"""Frozen records: what `dataclass(frozen=True)` makes, with methods that all share instead of methods generated for
each class.  Generating them for hundreds of operator blocks was most of the time it takes to load the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, dataclass_transform

C = TypeVar("C", bound=type["Record"])


class Record:
    """Base of the classes that `record` decorates.  Two are equal if they are of one class and their fields are."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    field_defaults: ClassVar[dict[str, Any]] = {}       # of every field, MISSING where it has none
    field_factories: ClassVar[dict[str, Callable[[], Any]]] = {}        # of the fields whose default each record makes

    def __init__(self, *args: Any, **fields: Any) -> None:
        defaults, values = self.field_defaults, self.__dict__
        for given in (defaults, zip(defaults, args, strict=False), fields):
            values.update(given)
        for name, factory in self.field_factories.items():
            if values[name] is dataclasses.MISSING:
                values[name] = factory()
        missing = [name for name, value in values.items() if value is dataclasses.MISSING]
        if missing or len(values) > len(defaults) or len(args) > len(defaults):
            unknown = [name for name in fields if name not in defaults]
            raise TypeError(f"{type(self).__name__}: missing {missing}, unknown {unknown}, {len(args)} by position")

    def __setattr__(self, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.field_defaults])

    def __eq__(self, other: object) -> bool:
        return self is other or type(self) is type(other) and self._values() == other._values()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.field_defaults)
        return f"{type(self).__qualname__}({fields})"


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: C) -> C:
    """Gather the annotated fields of a class, and those of its bases."""
    fields = {name: field for base in reversed(cls.__mro__[1:])
              for name, field in getattr(base, "__dataclass_fields__", {}).items()}
    fields |= _own_fields(cls)
    cls.__dataclass_fields__ = fields
    # those by position come first
    ordered = sorted(fields.values(), key=lambda field: field.kw_only)
    cls.field_defaults = {field.name: field.default for field in ordered}
    cls.field_factories = {field.name: field.default_factory for field in ordered
                           if field.default_factory is not dataclasses.MISSING}
    return cls


def _own_fields(cls: type[Record]) -> dict[str, dataclasses.Field[Any]]:
    """Those that the class itself annotates, as `dataclasses` knows them; it would take four times as long."""
    found: dict[str, dataclasses.Field[Any]] = {}
    for name, annotation in cls.__dict__.get("__annotations__", {}).items():
        if "ClassVar" in str(annotation):
            continue
        default = cls.__dict__.get(name, dataclasses.MISSING)
        field = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
        field.name, field.type, field.kw_only = name, annotation, field.kw_only is True
        field._field_type = dataclasses._FIELD  # type: ignore[attr-defined,union-attr]  # what `fields` and `replace` look for
        if field.default is not dataclasses.MISSING:
            setattr(cls, name, field.default)
        elif default is field:
            delattr(cls, name)
        found[name] = field
    return found
