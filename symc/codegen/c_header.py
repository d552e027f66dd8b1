"""The header of one model: how it is opened, and macros for the names, types, shapes and sizes of its arrays."""

from __future__ import annotations

import keyword
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from symc.errors import SymcError
from symc.runtime.package import Package
from symc.runtime.plan import storage_dtype

SOURCES = Path(__file__).parents[1] / "runtime" / "c"
# Lists of a plan in the manifest, and what macros call their arrays.
KINDS = {"inputs": "INPUT", "outputs": "OUTPUT", "gradients": "GRADIENT", "head_gradients": "HEAD_GRADIENT",
         "states": "STATE"}
MACROS = ("", "_NAME", "_DTYPE", "_RANK", "_SHAPE", "_ELEMENTS", "_BYTES")      # of an array
_C_WORDS = """auto break case char const continue default do double else enum extern float for goto if inline
    int long main register restrict return short signed sizeof static struct switch symc typedef union unsigned void
    volatile while"""

HEADER = """/* {name}: a network that symc {version} compiled.
 *
 *     symc_module *module;
 *     int status = {name}_open(&module);
 *
 * gives what symc_module_open would of a file; symc.h says the rest.  Numbers of arrays are their indices, shapes are
 * initializers: static const int64_t shape[] = {upper}_INPUT_DATA_SHAPE; */
#ifndef {upper}_MODEL_H
#define {upper}_MODEL_H

{symc}
#ifdef __cplusplus
extern "C" {{
#endif

/* Load the network, whose package lies in this program or library.  Returns a symc_status. */
SYMC_API int {name}_open(symc_module **module);

#ifdef __cplusplus
}}
#endif

{macros}
#endif
"""


def model_name(path: Path, wanted: str | None) -> str:
    """The identifier that names a model, by default made of its file's name.  SymcError: C or Python cannot use it."""
    name = wanted if wanted is not None else re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    taken = name in _C_WORDS.split() or keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "numpy"
    if taken or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise SymcError(f"a model cannot have the name {name!r}" + (", which is taken" if taken else ""),
                        "choose one of letters, digits and _ with --name")
    return name


def model_header(package: Package, name: str, is_whole: bool) -> str:
    """The text of NAME.h.  is_whole: with symc.h in it instead of included."""
    symc = (SOURCES / "symc.h").read_text() if is_whole else '#include "symc.h"\n'
    version = package.manifest["versions"].get("symc", "")
    return HEADER.format(name=name, upper=name.upper(), symc=symc, version=version,
                         macros="\n".join(_macros(package.manifest["plans"], name.upper())))


def _macros(plans: list[Mapping[str, Any]], prefix: str) -> Iterator[str]:
    """The arrays of the first plan; what others have in its place stands in a remark."""
    if len(plans) > 1:
        shapes = ["; ".join(f"{item['name']} {_dims(item)}" for item in plan["inputs"]) for plan in plans]
        yield "/* Compiled for these shapes, of which macros say the first:\n" + "".join(
            f" *   {_remark(text)}\n" for text in shapes) + " */"
    for key, kind in KINDS.items():
        arrays = plans[0][key]
        yield f"#define {prefix}_{kind}S {len(arrays)}"
        names = _identifiers([item["name"] for item in arrays])
        for index, (identifier, item) in enumerate(zip(names, arrays, strict=True)):
            yield from _array_macros(f"{prefix}_{kind}_{identifier}", index, item)
        yield ""


def _array_macros(prefix: str, index: int, item: Mapping[str, Any]) -> Iterator[str]:
    elements = math.prod(item["shape"])
    values = (index, f'"{_escaped(item["name"])}"', f"SYMC_{item['dtype'].upper()}", len(item["shape"]), _dims(item),
              elements, elements * storage_dtype(item["dtype"]).itemsize)
    return (f"#define {prefix}{suffix} {value}" for suffix, value in zip(MACROS, values, strict=True))


def _dims(item: Mapping[str, Any]) -> str:
    return "{" + ", ".join(map(str, item["shape"] or [1])) + "}"


def _identifiers(names: list[str]) -> list[str]:
    """Names in capitals as parts of macros' names, with numbers where two arrays would have a macro of one name."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
        candidates = (f"{plain}_{count}" if count else plain for count in range(len(names) + 1))
        chosen = next(item for item in candidates if taken.isdisjoint(item + suffix for suffix in MACROS))
        taken.update(chosen + suffix for suffix in MACROS)
        found.append(chosen)
    return found


def _escaped(name: str) -> str:
    """A name within quotes in C: what is no plain letter as octal digits, which end after three."""
    plain = set(range(32, 127)) - set(b'"\\?')
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in name.encode())


def _remark(text: str) -> str:
    return text.replace("*/", "* /")
