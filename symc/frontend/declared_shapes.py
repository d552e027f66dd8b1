"""What files beside a network say of it: MXNet Model Server's manifest and signature, SageMaker's shapes and
hyperparameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

Shapes = dict[str, tuple[int, ...]]
MANIFESTS = ("MANIFEST.json", "MAR-INF/MANIFEST.json")


class Readable(Protocol):
    """A folder or an archive."""

    def label(self, name: str) -> str: ...

    def read(self, name: str) -> bytes: ...


def declared_shapes(place: Readable, names: Sequence[str]) -> tuple[Shapes, str]:
    """Shapes of inputs by name, and the file that states them; nothing where none does.

    A batch that is left open, as 0, is 1.
    """
    for base, shapes_in in (("signature.json", _signature), ("model-shapes.json", _model_shapes),
                            ("hyperparams.json", _hyperparameters)):
        for name in names:
            if name.rpartition("/")[2] == base and (shapes := shapes_in(_json(place, name))):
                return shapes, place.label(name)
    return {}, ""


def named_in_manifest(place: Readable, names: Sequence[str], what: str) -> list[str]:
    """The file that a model server's manifest has for 'Symbol' or 'Parameters', in a list; none where it has none."""
    found = [_entry(_entry(_json(place, name), "Model"), what) for name in names if name in MANIFESTS]
    return [name for name in found if isinstance(name, str) and name]


def _json(place: Readable, name: str) -> Any:
    """The content of a JSON file that is not needed: None when it is not what it should be."""
    try:
        return json.loads(place.read(name))
    except (ValueError, RecursionError):
        return None


def _entry(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _signature(value: Any) -> Shapes:
    """MXNet Model Server: {"inputs": [{"data_name": "data", "data_shape": [0, 3, 224, 224]}], ...}."""
    return _shapes(_entry(value, "inputs"), "data_name", "data_shape")


def _model_shapes(value: Any) -> Shapes:
    """SageMaker: [{"name": "data", "shape": [1, 3, 224, 224]}]."""
    return _shapes(value, "name", "shape")


def _shapes(items: Any, name_key: str, shape_key: str) -> Shapes:
    shapes: Shapes = {}
    for item in items if isinstance(items, list) else ():
        name, dims = _entry(item, name_key), _entry(item, shape_key)
        if isinstance(name, str) and isinstance(dims, list) and dims and all(type(d) is int and d >= 0 for d in dims):
            shapes[name] = (dims[0] or 1, *dims[1:])
    return {name: dims for name, dims in shapes.items() if 0 not in dims}


def _hyperparameters(value: Any) -> Shapes:
    """SageMaker's image algorithms: "image_shape" is "3,224,224" in classification and "300" in detection."""
    text = _entry(value, "image_shape")
    parts = text.split(",") if isinstance(text, str) else [str(text)] if type(text) is int else []
    if not parts or not all(part.strip().isascii() and part.strip().isdigit() and len(part) < 20 for part in parts):
        return {}
    dims = tuple(int(part) for part in parts)
    return {"data": (1, 3, *dims * 2) if len(dims) == 1 else (1, *dims)} if all(dims) and len(dims) in (1, 3) else {}
