"""What several commands take, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symc.errors import SymcError

if TYPE_CHECKING:
    from symc.frontend.model_files import ModelFiles

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Network = Annotated[str, typer.Argument(help="symbol.json of the network, of any MXNet release; or an archive that "
                                             "holds it (model.tar.gz, .mar, ARCHIVE!MEMBER), a folder, or the prefix "
                                             "of a checkpoint; a path or URL.")]
Parameters = Annotated[str | None, typer.Option("--params", help=".params or .npz file with the parameters, a path or "
                                                                  "URL; by default the one beside the network. none: "
                                                                  "parameters become inputs.")]
Epoch = Annotated[int | None, typer.Option("--epoch", min=0, help="Which parameters, where there are those of several "
                                                                  "epochs.")]
ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".mar", ".model")
Shapes = Annotated[list[str] | None, typer.Option("--shape", help="Shape of an input, as data=1,3,224,224.")]
ShapeSets = Annotated[list[str] | None, typer.Option("--shape", help=(
    "Shape of an input, as data=1,3,224,224; again for the same input to compile for several, which share their "
    "weights. A name stands for a batch of any size: data=N,3,224,224."))]
Types = Annotated[list[str] | None, typer.Option("--dtype", help="Type of an input, as data=float16.")]
Heads = Annotated[str, typer.Option("--outputs", help="Heads to keep, as fc1_output,pool5_output.")]
Package = Annotated[Path, typer.Argument(help="Package that `symc compile` wrote.")]
Trust = Annotated[Path | None, typer.Option("--trust", help="File with the public key (PEM, ed25519) that must have "
                                             "signed the package; see `symc sign`.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="Threads; 0: all cores.")]
Target = Annotated[str | None, typer.Option("--target", help="cpu, cuda, or cuda:1 for the second GPU; by default the "
                                            "GPU if there is one that the package has code for, else the CPU.")]
NO_PARAMETERS = "none"              # what --params says of networks whose parameters are inputs
EXAMPLES = {"--shape": "data=1,3,224,224", "--dtype": "data=float16"}


def pairs(items: Sequence[str] | None, read: Callable[[str], Any], option: str) -> dict[str, Any]:
    """{'data': read('1,3')} from ['data=1,3']."""
    return {name: read(text) for name, text in named(items, option)}


def named(items: Sequence[str] | None, option: str) -> Iterator[tuple[str, str]]:
    """('data', '1,3') from 'data=1,3'."""
    for item in items or ():
        name, equals, text = item.partition("=")
        if not equals or not name or not text:
            raise SymcError(f"{option} {item} is not of the form NAME=VALUE", f"write {option} {EXAMPLES[option]}")
        yield name, text


def dims(text: str) -> tuple[int, ...]:
    """A shape of numbers."""
    shape = extents(text)
    if any(isinstance(extent, str) for extent in shape):
        raise SymcError(f"{text} is not a shape of numbers", "write it as 1,3,224,224")
    return tuple(map(int, shape))


def extents(text: str) -> tuple[int | str, ...]:
    """A shape of numbers and names."""
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    parts = [part.strip() for part in inner.removesuffix(",").split(",")] if inner else []
    if not all(re.fullmatch(r"[0-9]+", part) or part.isidentifier() for part in parts):
        raise SymcError(f"{text} is not a shape", "write it as 1,3,224,224")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def shape_sets(items: Sequence[str] | None) -> list[dict[str, tuple[int | str, ...]]]:
    """The sets of shapes that --shape gives."""
    from symc.frontend.shape_sets import repeated

    return repeated((name, extents(text)) for name, text in named(items, "--shape"))


def model(network: str, params: str | None, epoch: int | None = None) -> ModelFiles:
    """The files of the network; `params` may say that there are none."""
    from symc.frontend.model_files import find

    if params == NO_PARAMETERS and epoch is not None:
        raise SymcError(f"--params {NO_PARAMETERS} and --epoch {epoch} contradict each other", "leave one of them out")
    return find(network, None if params == NO_PARAMETERS else params, epoch, params != NO_PARAMETERS)


def package_name(network: str, suffix: str = ".symc") -> Path:
    """The package beside a network's files; for a remote one, and for a member of an archive, in the current folder."""
    from symc.frontend.files import is_remote

    text = network.rstrip("/\\")
    path = Path(re.split("[/!]", text)[-1] if is_remote(text) or "!" in text else text)
    ending = next((ending for ending in ARCHIVES if path.name.endswith(ending)), "")
    if ending or not path.is_file() and path.suffix != ".json":
        return path.with_name(path.name.removesuffix(ending) + suffix)
    return path.with_suffix(suffix)


def writable(path: Path) -> Path:
    """The file to write.  SymcError, before any work: it is a folder, or lies in none."""
    if path.is_dir():
        raise SymcError(f"cannot write {path}: it is a folder", "give the name of a file")
    if not path.parent.is_dir():
        raise SymcError(f"cannot write {path}: there is no folder {path.parent}")
    return path


def use_threads(count: int) -> None:
    """Run kernels with so many threads; 0: as many as before."""
    from symc import runtime

    if count:
        runtime.set_num_threads(count)


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
