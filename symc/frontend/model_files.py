"""The files of a model, as people have them: a symbol.json, the prefix of a checkpoint, a folder, an archive.

What is found where the user did not say so is told in `ModelFiles.notes`; where several files would do, none is taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from symc.errors import MXNetError, did_you_mean
from symc.frontend import params
from symc.frontend.archive import ZIP_MAGICS, Archive, is_archive, open_archive
from symc.frontend.checkpoint import PARAMETER_SUFFIXES, SYMBOL_SUFFIX
from symc.frontend.declared_shapes import MANIFESTS, Shapes, declared_shapes, named_in_manifest
from symc.frontend.files import (
    FilePath,
    folder_of,
    is_file,
    is_folder,
    is_remote,
    is_stream,
    listing,
    opened,
    read_bytes,
)
from symc.frontend.no_network import HOST, listed, what_instead
from symc.frontend.params import NamedArrays
from symc.ops.record import Record, record

IN_ARCHIVE = "!"                    # archive.tar.gz!member
EPOCH = re.compile(r"(.*)-(\d{4,9})")
# Parameters under other names: SageMaker's containers wrote model_algo-1 and params, Sockeye params.best.
PARAMETER_NAME = re.compile(rf".*\.(params|npz|params\.gz)|params|params\.best|{HOST}")


class Place(Protocol):
    """A folder or an archive."""

    def label(self, name: str) -> str:
        """What the user calls a file in it."""
        ...

    def read(self, name: str) -> bytes: ...


@record
class Folder(Record):
    """A folder, or a URL that ends in a slash."""

    path: str

    def label(self, name: str) -> str:
        if is_remote(self.path):
            return self.path + name
        return name if self.path == "." else os.path.join(self.path, name)

    def read(self, name: str) -> bytes:
        return read_bytes(self.label(name))


@record
class Document(Record):
    """A file in its place."""

    place: Place
    name: str

    @property
    def label(self) -> str:
        return self.place.label(self.name)

    def read(self) -> bytes:
        """MXNetError: the file cannot be read."""
        return self.place.read(self.name)

    def arrays(self) -> NamedArrays:
        """The arrays in a file of parameters, which may be views of it.  MXNetError: it is none."""
        in_memory = isinstance(self.place, Archive)
        return params.read(self.read(), self.label) if in_memory else params.read(self.label, mapped=True)


@record
class ModelFiles(Record):
    """The files of a model.  shapes: of inputs, as files beside say; notes: what was found and chosen, a sentence each.
    """

    symbol: Document
    parameters: Document | None = None
    shapes: Shapes = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find(network: FilePath, parameters: FilePath | None = None, epoch: int | None = None,
         beside: bool = False) -> ModelFiles:
    """The files that `network` names: a symbol.json, an archive or archive!member, a folder, or the prefix of a
    checkpoint.

    parameters: their file, where it is known; else those of a folder, archive or prefix are found, and with `beside`
    or an `epoch` those of a symbol.json too.  epoch: which, where there are several; the last by default.
    MXNetError: nothing is there, or several files would do, and which.
    """
    if parameters is not None and epoch is not None:
        raise MXNetError(f"{os.fspath(parameters)} and epoch {epoch} both say which parameters", "leave one out")
    given = None if parameters is None else parameters_at(os.fspath(parameters))
    found, names, is_bundle = _symbol(os.fspath(network))
    if given is not None:
        return _described(found, given, names, is_bundle)
    if not is_bundle and not beside and epoch is None:
        return ModelFiles(found)
    chosen, how = _parameters_of(found, names, epoch, is_bundle)
    return _described(found, chosen, names, is_bundle, how)


def symbol_at(network: FilePath) -> Document:
    """The symbol.json that `network` names, in the ways of `find`."""
    return _symbol(os.fspath(network))[0]


def is_package(path: FilePath) -> bool:
    """Whether a file is a zip without a network of MXNet's in it, damaged ones included: what else it is, the reader of
    packages says."""
    text = os.fspath(path)
    if IN_ARCHIVE in text or not is_file(text) or not _head(text).startswith(ZIP_MAGICS):
        return False
    try:
        names = open_archive(text).members
    except MXNetError:
        return True
    return not any(_is_called_symbol(name) or name in MANIFESTS for name in names)


def parameters_at(text: str) -> Document:
    """The file of parameters that the user named: a path, archive!member, or an archive with one such file in it."""
    is_there = is_file(text)
    if is_there and (text.endswith(PARAMETER_SUFFIXES) or not _is_archive(_head(text))) or not (
            is_there or IN_ARCHIVE in text):
        return Document(*_in_folder(text))
    archive, member = _in_archive(text)
    if member:
        return Document(archive, member)
    if any(name.endswith(".npy") for name in archive.members):     # a .npz file by another name
        return Document(*_in_folder(text))
    return _one_of([name for name in archive.members if _is_parameters(name)], archive, "files of parameters", archive)


# ---- where the files lie ---------------------------------------------------------------------------------------


def _symbol(text: str) -> tuple[Document, Sequence[str], bool]:
    """The symbol file, the names of all files beside it, and whether all of them were named, as a whole."""
    place, names, symbol, is_bundle = _located(text)
    return Document(place, symbol) if symbol else _only_symbol(place, names), names, is_bundle


def _located(text: str) -> tuple[Place, Sequence[str], str, bool]:
    """The place of a model, the files in it, the symbol file if it is known ('' if not), and whether the whole place
    was named."""
    if not text:
        raise MXNetError("the name of the network is empty", "name a file, an archive, a folder, or a checkpoint")
    if is_file(text):
        if not _is_archive(_head(text)):
            _refuse_parameters(text)
            folder, name = _in_folder(text)
            return folder, listing(folder.path), name, False
        return _in_bundle(*_in_archive(text))
    if IN_ARCHIVE in text:
        return _in_bundle(*_in_archive(text))
    if is_folder(text):
        return Folder(text), listing(text), "", True
    if is_file(text + SYMBOL_SUFFIX):
        folder, name = _in_folder(text + SYMBOL_SUFFIX)
        return folder, listing(folder.path), name, True
    raise _nothing_there(text)


def _in_folder(path: str) -> tuple[Folder, str]:
    folder = folder_of(path)
    return Folder(folder), re.split(r"[/\\]" if os.name == "nt" else "/", path)[-1]


def _in_bundle(archive: Archive, member: str) -> tuple[Place, Sequence[str], str, bool]:
    """The place inside an archive; SageMaker put archives into archives."""
    if not member and not any(name.endswith(".json") and _is_symbol(archive, name) for name in archive.members):
        nested = _archives_in(archive)
        if len(nested) == 1:
            archive = archive.inner(nested[0])
    _refuse_links(archive)
    return archive, sorted(archive.members), member, True


def _in_archive(text: str) -> tuple[Archive, str]:
    """The archive that is meant, and the member of it, '' for none."""
    path, *steps = text.split(IN_ARCHIVE)
    while not is_file(path) and steps:              # the name of the file itself may have the character in it
        path = IN_ARCHIVE.join([path, steps.pop(0)])
    if not is_file(path):
        raise _nothing_there(text)
    archive = open_archive(path)
    for position, step in enumerate(steps):
        if step not in archive.members:
            raise MXNetError(f"{archive.name} has no member {step!r}{did_you_mean(step, archive.members, '; ')}",
                             f"it has {listed(sorted(archive.members))}")
        if _is_archive(archive.members[step].head):
            archive = archive.inner(step)
        elif position + 1 == len(steps):
            return archive, step
    return archive, ""


def _is_archive(head: bytes) -> bool:
    return is_archive(head) and not params.is_compressed(head)


def _archives_in(archive: Archive) -> list[str]:
    return [name for name, found in sorted(archive.members.items())
            if _is_archive(found.head) and not name.endswith(PARAMETER_SUFFIXES)]


def _head(path: str) -> bytes:
    with opened(path) as file:
        return file.read(512)


def _nothing_there(text: str) -> MXNetError:
    if text == "-" or is_stream(text):
        return MXNetError(f"cannot read a model from {text}: its parts are looked for more than once",
                          "write it to a file, and name that")
    folder = folder_of(text)
    alike = [name for name in listing(folder) if name.endswith((".json", ".gz", ".tar", ".zip", ".mar", ".model"))]
    return MXNetError(f"cannot read {text}: No such file, folder, or checkpoint {text}{SYMBOL_SUFFIX}"
                      f"{did_you_mean(os.path.basename(text), alike, '; ')}",
                      f"{folder} has {listed(alike)}" if alike else f"{folder} has no model files")


def _refuse_parameters(path: str) -> None:
    if path.endswith(PARAMETER_SUFFIXES):
        prefix = _without_suffix(path)
        match = EPOCH.fullmatch(prefix)
        symbol = (match[1] if match else prefix) + SYMBOL_SUFFIX
        raise MXNetError(f"{path} holds parameters, and no network",
                         f"pass {symbol} and --params {path}" if is_file(symbol) else
                         "the network is in a file -symbol.json; Gluon's net.export('NAME') writes both")


def _refuse_links(archive: Archive) -> None:
    links = [name for name in archive.links if name.endswith(".json") or _is_parameters(name)]
    if links:
        raise MXNetError(f"{archive.name}: {', '.join(links)} is a link, which is not followed",
                         "pack the files themselves (tar --dereference)")


# ---- which of the files ----------------------------------------------------------------------------------------


def _only_symbol(place: Place, names: Sequence[str]) -> Document:
    """The one symbol file of a place: what a manifest names, else one called so, else one that looks like it."""
    named = [name for name in named_in_manifest(place, names, "Symbol") if name in names]
    called = [name for name in names if _is_called_symbol(name)]
    candidates = named or called or [name for name in names if name.endswith(".json") and _is_symbol(place, name)]
    return _one_of(candidates, place, "networks", place)


def _is_called_symbol(name: str) -> bool:
    return name.endswith(SYMBOL_SUFFIX) or _base(name) == "symbol.json"


def _is_symbol(place: Place, name: str) -> bool:
    text = place.read(name)
    return b'"nodes"' in text and b'"heads"' in text


def _is_parameters(name: str) -> bool:
    return bool(PARAMETER_NAME.fullmatch(_base(name)))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _one_of(candidates: Sequence[str], place: Place, what: str, named: Place) -> Document:
    where = place.label("").rstrip("!/") or "."
    if not candidates:
        raise MXNetError(f"{where} has no {what}", _what_instead(place))
    if len(candidates) > 1:
        raise MXNetError(f"{where} has {len(candidates)} {what}: {listed(candidates)}",
                         f"name one: {place.label(candidates[0])}")
    return Document(place, candidates[0])


def _what_instead(place: Place) -> str:
    if isinstance(place, Archive):
        names, archives = sorted(place.members), [place.label(name) for name in _archives_in(place)]
    else:
        names, archives = listing(place.label("").rstrip("/") or "."), []
    return what_instead(names, [name for name in names if _is_parameters(name)], archives)


def _parameters_of(symbol: Document, names: Sequence[str], epoch: int | None,
                   is_bundle: bool) -> tuple[Document | None, str]:
    """The parameters that belong to a symbol file, and how that was found out."""
    folder, _, base = symbol.name.rpartition("/")
    stem = base.removesuffix(SYMBOL_SUFFIX) if base.endswith(SYMBOL_SUFFIX) else base.removesuffix(".json")
    inside = [name for name in names if name.rpartition("/")[0] == folder and _is_parameters(name)]
    by_epoch = {int(match[2]): name for name in inside for match in [_numbered(name)]
                if match and _base(match[1]) == stem}
    if epoch is not None:
        if epoch not in by_epoch:
            raise MXNetError(f"{symbol.label}: there are no parameters of epoch {epoch}",
                             f"the epochs are {', '.join(map(str, sorted(by_epoch))) or 'none'}")
        return Document(symbol.place, by_epoch[epoch]), ""
    own = [name for name in inside if _without_suffix(_base(name)) == stem]
    if by_epoch and (is_bundle or len(by_epoch) == 1):
        return _last_epoch(symbol.place, by_epoch)
    candidates = sorted(by_epoch.values()) or own
    if not candidates and is_bundle:
        named = [name for name in named_in_manifest(symbol.place, names, "Parameters") if name in names]
        candidates = named or [name for name in inside if not _numbered(name)] or inside
    return _only_parameters(symbol, candidates)


def _last_epoch(place: Place, by_epoch: Mapping[int, str]) -> tuple[Document, str]:
    last = max(by_epoch)
    others = f", the last of epochs {', '.join(map(str, sorted(by_epoch)))}" if len(by_epoch) > 1 else ""
    return Document(place, by_epoch[last]), f"the parameters are those of {place.label(by_epoch[last])}{others}"


def _only_parameters(symbol: Document, candidates: Sequence[str]) -> tuple[Document | None, str]:
    if len(candidates) > 1:
        raise MXNetError(f"{len(candidates)} files hold parameters of {symbol.label}: {listed(candidates)}",
                         f"choose with --params {symbol.place.label(candidates[-1])} or --epoch; --params none makes "
                         "inputs of them")
    if not candidates:
        return None, ""
    return Document(symbol.place, candidates[0]), f"the parameters are those of {symbol.place.label(candidates[0])}"


def _numbered(name: str) -> re.Match[str] | None:
    """A name such as resnet-0012.params, in prefix and epoch."""
    return EPOCH.fullmatch(_without_suffix(name)) if name.endswith(PARAMETER_SUFFIXES) else None


def _without_suffix(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in PARAMETER_SUFFIXES if name.endswith(suffix)), name)


def _described(symbol: Document, parameters: Document | None, names: Sequence[str], is_bundle: bool,
               how: str = "") -> ModelFiles:
    """With the shapes that files beside state, where a whole place was named."""
    shapes, source = declared_shapes(symbol.place, names) if is_bundle else ({}, "")
    notes = [f"the network is {symbol.label}"] if is_bundle else []
    notes += [how] if how else []
    notes += [f"shapes of inputs are those of {source}, where none are given"] if shapes else []
    return ModelFiles(symbol, parameters, shapes, tuple(notes))
