"""A package as a wheel: `pip install` it, `import NAME`, `NAME.predict(**inputs)`.

The wheel holds the package and the part of the runtime that runs it, under a name of its own within NAME; so it needs
NumPy alone, and neither meets nor disturbs an installed symc.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import symc
from symc.errors import SymcError
from symc.runtime.package import Package

VENDORED = "_symc"      # the runtime's name within the wheel
ENTRY = "symc.runtime.module"
ROOT = Path(symc.__file__).parent
REQUIRES_PYTHON, REQUIRES_NUMPY = ">=3.11", "numpy>=1.26"
VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")

INIT = '''"""{name}: a network that symc compiled.

Inputs:
{inputs}
Outputs:
{outputs}
"""

from pathlib import Path as _Path

from {name}.{vendored}.runtime.module import load as _load

__all__ = ["module", "predict"]
__version__ = "{version}"

module = _load(_Path(__file__).with_name("{name}.symc"))


def predict(**inputs):
    """NumPy arrays of the outputs by name, for arrays of the inputs by name.  Any number of threads may call it."""
    outputs = module.forward(**inputs)
    return {{item.name: output.asnumpy() for item, output in zip(module.outputs, outputs, strict=True)}}
'''

METADATA = """Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: A network compiled by symc
Requires-Python: {python}
Requires-Dist: {numpy}
"""

WHEEL = """Wheel-Version: 1.0
Generator: symc {symc}
Root-Is-Purelib: false
{tags}
"""


def wheel(package: Package, name: str, version: str) -> tuple[str, bytes]:
    """The name that packaging rules give the wheel's file, and its bytes; equal packages give equal bytes.

    SymcError: the version is none.
    """
    if not VERSION.fullmatch(version):
        raise SymcError(f"{version!r} is no version of a Python package", "write it as 1.0.0")
    distribution = re.sub(r"_+", "_", name).lower()
    built = {platform for target in package.targets for platform in _platforms(target.platform[0])}
    platforms = sorted(built) or ["any"]        # code for GPUs alone
    info = f"{distribution}-{version}.dist-info"
    files = {**_package_files(package, name, version), f"{info}/METADATA": METADATA.format(
        name=distribution, version=version, python=REQUIRES_PYTHON, numpy=REQUIRES_NUMPY).encode()}
    files[f"{info}/WHEEL"] = WHEEL.format(
        symc=symc.__version__, tags="\n".join(f"Tag: py3-none-{platform}" for platform in platforms)).encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD").encode()
    return f"{distribution}-{version}-py3-none-{'.'.join(platforms)}.whl", _zip(files)


def _platforms(architecture: str) -> tuple[str, str]:
    """Libraries of packages name no versions of glibc's symbols, so that any glibc will do; pip knows these."""
    return f"manylinux_2_17_{architecture}", f"manylinux2014_{architecture}"


def _package_files(package: Package, name: str, version: str) -> dict[str, bytes]:
    described = {key: "\n".join(f"    {item['name']!a}: {item['dtype']} {tuple(item['shape'])}"
                                for item in package.manifest[key]) for key in ("inputs", "outputs")}
    init = INIT.format(name=name, vendored=VENDORED, version=version,
                       **{key: text.replace("\\", "\\\\").replace('"', '\\"') for key, text in described.items()})
    files = {f"{name}/__init__.py": init.encode(), f"{name}/{name}.symc": Path(package.path).read_bytes()}
    weights = package.manifest["weights"]
    if "file" in weights:
        files[f"{name}/{weights['file']}"] = Path(package.path).with_name(weights["file"]).read_bytes()
    return files | _vendored_runtime(name)


def _vendored_runtime(name: str) -> dict[str, bytes]:
    """The modules that loading and running a package imports, at any time, below their new name."""
    files = {f"{name}/{VENDORED}/__init__.py": b'"""The part of symc\'s runtime that runs a package."""\n'}
    waiting, seen = [ENTRY], {"symc"}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = _source(module)
        text = path.read_text()
        waiting += [*_imports(text), module.rpartition(".")[0]]
        inside = path.relative_to(ROOT).as_posix()
        files[f"{name}/{VENDORED}/{inside}"] = _renamed(text, f"{name}.{VENDORED}").encode()
    return files


def _source(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(text: str) -> Iterator[str]:
    """Modules of symc that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("symc."):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names
                        if _source(f"{node.module}.{alias.name}").exists())
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("symc."))


def _renamed(text: str, package: str) -> str:
    return re.sub(r"^(\s*(?:from|import) )symc\b", rf"\g<1>{package}", text, flags=re.MULTILINE)


def _record(files: dict[str, bytes], own: str) -> str:
    """Sums of all files but the record itself."""
    rows = []
    for path in sorted(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(files[path])}\n")
    return "".join([*rows, f"{own},,\n"])


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files, key=lambda path: (".dist-info/" in path, path)):     # where installers like it: last
            information = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            information.external_attr = 0o644 << 16
            information.create_system = 3
            archive.writestr(information, files[path])
    return packed.getvalue()
