"""The table of all operators, `docs/operators.md`, written from the registry.

`python -m symc.frontend.operator_table [FILE]` writes it anew; gradients and dtypes are measured by applying the
operators' rules (`passes/measure.py`).
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import symc
from symc.frontend.op_functions import parameters
from symc.ir.types import DType
from symc.ops.operator import Operator, Optional, Variadic
from symc.ops.parameters import format_value, hints_of, parse_value, type_text
from symc.ops.registry import REGISTRY

FILE = Path(symc.__file__).parent.parent / "docs" / "operators.md"
HEADER = """\
# Operators

Written by `python -m symc.frontend.operator_table` from the operator registry; do not edit.

{count} operators of MXNet 1.9.1, with {aliases} further names. Every one has kernels for CPUs and for
CUDA, but for what the host computes everywhere: operators in Python, and those whose output's shape depends on data.
`symc check NETWORK` says which of them a network uses, and what it lacks.

* **Inputs**: `[x]` is there with some parameters only, `x…` any number, *x* is an auxiliary state.
* **Parameters**: `name=default`; without a default they must be given.
* **Gradient**: the inputs that get one with default parameters; "zero" where all get zeros, "–" where there is none.
* **Dtypes** that type inference accepts for the first input, with → that of the first output where it is another.
  *float* is float16, bfloat16, float32 and float64; *any* also int8, uint8, int32, int64 and bool.
"""
RANDOM = ("* Random operators: other numbers than MXNet's for a seed, of the same distributions. They are a function "
          "(Threefry) of seed, operator and element, and so the same for any number of threads.")
ADDED = ("* `grad_req='add'` adds the gradient to what its array held, whatever the operator. Some of MXNet's kernels "
         "write over it (`clip`, `reverse`, `Crop`, the loss heads, the box family), or add something else (`mean`, "
         "`_np_cumsum`, and `elemwise_add` with two such gradients).")
FLOATS = frozenset({DType.float16, DType.bfloat16, DType.float32, DType.float64})

# Values of required parameters, in MXNet's text, for an operator to measure; by operator and parameter, or parameter.
EXAMPLES: Mapping[str, str] = {
    "num_args": "2", "num_arrays": "2", "num_outputs": "2", "num_filter": "2", "num_hidden": "2", "num_layers": "1",
    "state_size": "2", "heads": "2", "input_dim": "4", "output_dim": "2", "depth": "3", "N": "3", "num": "3", "t": "1",
    "range_max": "9", "nsize": "3", "repeats": "2", "block_size": "2", "scale": "2", "low": "0", "high": "9",
    "kernel": "(2, 2)", "output_size": "(3, 3)", "pooled_size": "(2, 2)", "shape": "(4, 4)", "reps": "(2,)",
    "begin": "(0,)", "end": "(2,)", "axis": "0", "indices": "(0, 2)", "pad_width": "(0, 0, 0, 0, 1, 1, 1, 1)",
    "slice_axis.begin": "0", "slice_axis.end": "2", "UpSampling.num_args": "1",
    "_linspace.start": "1", "_linspace.stop": "2", "SpatialTransformer.target_shape": "(4, 4)", "size": "(3, 3)",
    "scatter_nd.shape": "(4, 4)", "col2im.output_size": "(3, 3)", "GridGenerator.target_shape": "(4, 4)",
    "reverse.axis": "(0,)", "Pooling.kernel": "(2, 2)", "Pooling_v1.kernel": "(2, 2)", "Reshape.shape": "(-1,)",
    "broadcast_to.shape": "(4, 4)", "moments.axes": "(0,)", "_ravel_multi_index.shape": "(4, 4)",
    "_unravel_index.shape": "(4, 4)", "_contrib_MultiProposal.scales": "(8,)",
}
NUMBER = "1"


def example(block: type[Operator]) -> Operator | None:
    """An operator of this kind with values made up for its required parameters; None: its graphs or code must be given.
    """
    if block.is_users or any(field.name == "graphs" for field in dataclasses.fields(block)):  # type: ignore[arg-type]
        return None
    return block(**{name: _value(block, field) for name, field in parameters(block).items()
                    if field.default is dataclasses.MISSING or f"{block.name}.{name}" in EXAMPLES})


def _value(block: type[Operator], field: dataclasses.Field) -> Any:
    hint = hints_of(block)[field.name]
    text = EXAMPLES.get(f"{block.name}.{field.name}", EXAMPLES.get(field.name, NUMBER))
    kind = type_text(hint)
    if kind == "int" and text.startswith("("):
        text = NUMBER
    if kind.startswith("one of "):
        choices = kind.removeprefix("one of ").split(", ")
        text = "float32" if "float32" in choices else choices[0]
    return parse_value(hint, text, f"{block.name}.{field.name}")


# ---- the text ------------------------------------------------------------------------------------------------


def table() -> str:
    """The whole document."""
    blocks = visible_blocks()
    names = [name for name, block in REGISTRY.items() if not block.hidden]
    parts = [HEADER.format(count=len(blocks), aliases=len(names) - len(blocks)), *_deviations(blocks)]
    for module in sorted({block.__module__ for block in blocks}):
        members = [block for block in blocks if block.__module__ == module]
        parts += ["", f"## {_title(module)}", "", *_section(members)]
    return "\n".join(parts) + "\n"


def visible_blocks() -> list[type[Operator]]:
    """The blocks that networks may use, by name."""
    return sorted((block for name, block in REGISTRY.items() if name == block.name and not block.hidden
                   and block.__module__.startswith("symc.")), key=lambda block: block.name.lower())


def _title(module: str) -> str:
    """What the docstring of a family's file begins with."""
    words = " ".join((inspect.getdoc(importlib.import_module(module)) or module).split("\n\n")[0].split())
    return words.split(". ")[0].split(": ")[0].split("; ")[0].rstrip(".")


def _deviations(blocks: Iterable[type[Operator]]) -> list[str]:
    """What differs from MXNet, operators alike in it together."""
    alike: dict[str, list[str]] = {}
    for block in blocks:
        for deviation in block.deviations:
            alike.setdefault(deviation, []).append(f"`{block.name}`")
    return ["## Deviations from MXNet 1.9.1", "", "Everything else is computed as MXNet's CPU build computes it.", "",
            RANDOM, ADDED, *(f"* {', '.join(names)}: {deviation}." for deviation, names in alike.items())]


def _section(blocks: Sequence[type[Operator]]) -> Iterator[str]:
    yield "| Operator | Inputs | Parameters | Gradient | Dtypes |"
    yield "|---|---|---|---|---|"
    for block in blocks:
        cells = (_names(block), _inputs(block), _parameters(block), _gradient(block), _dtypes(block))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _names(block: type[Operator]) -> str:
    others = f"<br>{', '.join(f'`{alias}`' for alias in block.aliases)}" if block.aliases else ""
    return f"**`{block.name}`**{others}"


def _inputs(block: type[Operator]) -> str:
    shown = []
    for item in block.inputs:
        if isinstance(item, Variadic):
            shown.append(f"{item.name}…")
        elif isinstance(item, Optional):
            shown.append(f"[{item.name}]")
        else:
            shown.append(f"*{item}*" if item in block.auxiliary else item)
    return ", ".join([*shown, *(f"*{name}*" for name in block.auxiliary if name not in block.inputs)]) or "–"


def _parameters(block: type[Operator]) -> str:
    hints = hints_of(block)
    return "<br>".join(f"`{name}{_default(field)}` {type_text(hints[name])}"
                       for name, field in parameters(block).items()) or "–"


def _default(field: dataclasses.Field) -> str:
    if field.default is dataclasses.MISSING:
        return ""
    return f"={field.default!r}" if isinstance(field.default, str) else f"={format_value(field.default)}"


def _gradient(block: type[Operator]) -> str:
    from symc.passes.measure import gradient_inputs

    op = example(block)
    if op is None:
        return "of its graphs" if block.gradient is None else "of its code"
    reached = gradient_inputs(op)
    if reached is None:
        return "–"
    names = op.input_names()
    arguments = [i for i, name in enumerate(names) if name not in op.auxiliary_names()]
    if not reached:
        return "zero" if names else "–"
    return "all" if reached >= set(arguments) else ", ".join(names[i] for i in sorted(reached))


def _dtypes(block: type[Operator]) -> str:
    from symc.passes.measure import output_dtypes

    op = example(block)
    if op is None:
        return "any"
    outputs = {dtype: types[0] if types else None for dtype, types in output_dtypes(op).items()}
    made = set(outputs.values())
    if len(made) == 1 and made != {None}:      # whatever the input
        result = "`dtype`" if "dtype" in parameters(block) else "".join(dtype.name for dtype in made if dtype)
        return f"{_set(list(outputs))} → {result}" if op.input_names() else result
    by_output: dict[DType | None, list[DType]] = {}
    for dtype, output in outputs.items():
        by_output.setdefault(None if output is dtype else output, []).append(dtype)
    return "; ".join(_set(inputs) + (f" → {output.name}" if output else "") for output, inputs in by_output.items())


def _set(dtypes: Sequence[DType]) -> str:
    if len(dtypes) == len(DType):
        return "any"
    floats = ["float"] if set(dtypes) >= FLOATS else []
    return ", ".join([*floats, *(dtype.name for dtype in dtypes if not floats or dtype not in FLOATS)])


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else FILE).write_text(table(), encoding="utf-8")
