"""Inputs of networks from .npy and .npz files, images and standard input, told apart by what they begin with."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from symc.errors import SymcError

if TYPE_CHECKING:
    from symc.cli.images import Preparation

NPY, NPZ = b"\x93NUMPY", b"PK"
STANDARD_INPUT = "-"
KINDS = "inputs are .npy or .npz files without objects, or images: PNG, JPEG, BMP, WebP, TIFF, PPM"
Shapes = Mapping[str, Sequence[Sequence[int | str]]]        # of each input, one for each shape that is compiled


@dataclass
class Inputs:
    """Arrays by name, and what was done to each image: records with input, image, size, done."""

    arrays: dict[str, Any] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """What a report says of them: what was done to images, where there are some."""
        return {"images": self.images} if self.images else {}


def shapes_of(module: Any) -> Shapes:
    """The shapes that the inputs of a compiled network may have, a batch of any size by its name."""
    sets = getattr(module, "shapes", [{}])
    return {one.name: [own.get(one.name, one.shape) for own in sets] for one in module.inputs}


def read_inputs(items: Sequence[str], shapes: Callable[[], Shapes], preparation: Preparation | None = None) -> Inputs:
    """What NAME=FILE, FILE.npz (all of its arrays), or FILE where the network has one input, hold.

    The same name again adds a further image to its batch.  `shapes` is asked where files alone do not say enough.
    SymcError: a file cannot be read, or does not fit its input.
    """
    found, waiting = Inputs(), dict[str, list[tuple[str, bytes]]]()
    for item in items:
        name, equals, path = item.rpartition("=")
        if not path or equals and not name:
            raise SymcError(f"--input '{item}' is neither NAME=FILE nor FILE")
        kind, content = _read(path)
        if kind == "image":
            waiting.setdefault(name or _only(path, shapes()), []).append((
                "standard input" if path == STANDARD_INPUT else path, content))
        elif equals and kind == "npz" and len(content) != 1:
            raise SymcError(f"{path} holds {len(content)} arrays, expected one for '{name}'")
        elif kind == "npz" and not equals:
            found.arrays |= content
        else:
            found.arrays[name or _only(path, shapes())] = next(iter(content.values()))
    for name, files in waiting.items():
        found.arrays[name], told = _batch(name, files, shapes(), preparation)
        found.images += told
    return found


def read_arrays(path: str) -> dict[str, Any]:
    """The arrays of an .npz file.  SymcError: it is none, or cannot be read."""
    kind, content = _read(path)
    if kind != "npz":
        raise SymcError(f"{path} is no .npz file", "outputs are compared by name: numpy.savez writes them so")
    return dict(content)


def _only(path: str, shapes: Shapes) -> str:
    """The name of the network's one input."""
    if len(shapes) != 1:
        raise SymcError(f"which input is {path} for?", f"say NAME={path}, NAME one of {', '.join(shapes)}")
    return next(iter(shapes))


def _batch(name: str, files: Sequence[tuple[str, bytes]], shapes: Shapes,
           preparation: Preparation | None) -> tuple[Any, list[dict[str, Any]]]:
    from symc.cli.images import Preparation, read_images
    from symc.errors import did_you_mean

    if name not in shapes:
        raise SymcError(f"the network has no input '{name}'; there is {', '.join(map(repr, shapes))}",
                        did_you_mean(name, shapes))
    return read_images(name, shapes[name], files, preparation or Preparation())


def _read(path: str) -> tuple[str, Any]:
    """('npy' or 'npz', arrays by name) or ('image', its bytes)."""
    with _opened(path) as found:
        file = found if found.seekable() else io.BytesIO(found.read())      # a pipe is read once
        head = file.read(8)
        file.seek(0)
        if head.startswith(NPY):
            return "npy", {"": _array(path, file)}
        if head.startswith(NPZ):
            return "npz", dict(_members(path, file))
        from symc.cli.images import is_image

        if is_image(head):
            return "image", file.read()
    raise SymcError(f"cannot read {path}: it is {'empty' if not head else 'no array and no image'}", KINDS)


def _opened(path: str) -> Any:
    """A file, or all of standard input."""
    from symc.frontend.files import opened

    if path != STANDARD_INPUT:
        return opened(path)
    if sys.stdin.isatty():
        raise SymcError("standard input is a terminal", "send a file to it: symc run net.symc -i data=- < image.jpg")
    content = sys.stdin.buffer.read()
    if not content:
        raise SymcError("nothing came from standard input", "it can be read for one input only")
    return io.BytesIO(content)


def _members(path: str, file: BinaryIO) -> Iterator[tuple[str, Any]]:
    import numpy as np

    with _problems_of(path):
        archive = np.load(file, allow_pickle=False)
        for name in archive.files:
            array = archive[name]
            if not isinstance(array, np.ndarray):
                raise ValueError(f"its member {name} is no array")
            yield name, array


def _array(path: str, file: BinaryIO) -> Any:
    import numpy as np

    with _problems_of(path):
        return np.load(file, allow_pickle=False)


class _problems_of:
    """NumPy's errors of a damaged file as the user's: of any kind, such as tokenize.TokenError of a header."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, problem: BaseException | None, trace: Any) -> None:
        if isinstance(problem, Exception):
            raise SymcError(f"cannot read {self.path}: {problem}", KINDS) from None
