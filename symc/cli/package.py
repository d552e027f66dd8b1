"""`symc package`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symc.cli.application import app
from symc.cli.options import Json, Package, Trust
from symc.cli.show import show
from symc.errors import SymcError

if TYPE_CHECKING:
    from symc.runtime.package import Package as Opened

FORMATS = ("so", "wheel", "c")


@app.command(epilog="Example: symc package resnet18.symc --format wheel; pip install resnet18-1.0.0-*.whl; "
                    "python -c 'import resnet18; resnet18.predict(data=x)'")
def package(
    package: Package,
    format: Annotated[str, typer.Option(help="so: a shared library and its header, built with $CC or cc; wheel: a "
                                             "Python package that needs NumPy alone; c: sources and a Makefile.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="so: the library to write, by default "
                                                "libNAME.so; wheel: the folder to put it in; c: the folder, or "
                                                ".tar.gz, by default NAME-c. By default beside the package.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model in C and Python; by default that of the "
                                                  "file.")] = None,
    version: Annotated[str, typer.Option(help="Version of the wheel.")] = "1.0.0",
    trust: Trust = None,
    as_json: Json = False,
) -> None:
    """Make a package into what other programs take: a shared library, a wheel, or C sources."""
    from symc.codegen.c_header import model_name
    from symc.runtime.package import check_everything, open_package

    if format not in FORMATS:
        raise SymcError(f"there is no format {format!r}", f"formats are {', '.join(FORMATS)}")
    found = open_package(package, trust=trust)
    check_everything(found)
    if format != "wheel" and not found.targets:
        raise SymcError(f"package {package} has code for GPUs alone, which C programs do not run",
                        "compile it for CPUs too (--target llvm,cuda), or make a wheel")
    called = model_name(package, name)
    if format == "wheel":
        written = _wheel(found, called, version, output or package.parent)
    elif format == "so":
        written = _library(found, called, output or package.with_name(f"lib{called}.so"))
    else:
        written = _sources(found, called, output or package.with_name(f"{called}-c"))
    _write(written)
    show({"name": called, "format": format, "bytes": sum(map(len, written.values())),
          "files": [str(path) for path in written]}, as_json)


def _wheel(package: Opened, name: str, version: str, folder: Path) -> dict[Path, bytes]:
    from symc.codegen.wheel import wheel

    file, content = wheel(package, name, version)
    return {folder / file: content}


def _library(package: Opened, name: str, target: Path) -> dict[Path, bytes]:
    from symc.codegen.c_bundle import shared_library

    library, header = shared_library(package, name)
    return {target: library, target.with_name(f"{name}.h"): header}


def _sources(package: Opened, name: str, target: Path) -> dict[Path, bytes]:
    from symc.codegen.c_bundle import archive, bundle

    files = bundle(package, name)
    if target.name.endswith(".tar.gz"):
        return {target: archive(files, target.name.removesuffix(".tar.gz"))}
    return {target / file: content for file, content in files.items()}


def _write(files: Mapping[Path, bytes]) -> None:
    from symc.frontend.files import replacing

    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
