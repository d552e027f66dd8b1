"""What a library says of its plans to programs that have no JSON reader: constant tables, which symc.c reads.

A library exports them as `symc_descriptor`.  They lie in the library, not in a member of their own, because they then
are covered by its checksum, agree with its code, and need no reader in C that a damaged file could lead astray.  Rows
of buffers hold numbers alone, which need no relocation; names and extents lie in one block each.  The layout is
version 1 of a contract with `runtime/c/symc.c`: later versions only add fields behind those of the descriptor.
A library for batches of any size says where the batch is in a table of its own, `symc_batch`, which others lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from symc.codegen.plan import Plan, Range, runs_natively
from symc.runtime.batch import Batch, Place
from symc.runtime.plan import buffer_ids, steps_within
from symc.runtime.random import SEED

VERSION = 1
# Kinds of buffers by the numbers of symc.h, then those that symc.c gives their place.
KINDS = ("input", "output", "gradient", "head_gradient", "state", "weight", "arena", "slice", "status", "seed")
USERS = KINDS[:5]
# MXNet's type flags.
DTYPES = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6, "bool": 7,
          "bfloat16": 12}
ENTRIES = ("prepare", "infer", "forward", "backward")
ABSENT, HOST = -1, -2       # in place of the first step of an entry: there is none; it calls host functions

# %described: table of the steps, rows of buffers, how many, names, extents, symbols, bytes of the arena and of the
# weights, first and last step of each entry
# %buffer: kind, dtype, rank, entries that read or write it as a set of bits, where its name and its extents begin,
# bytes, offset in its block or -1
TYPES = """
%buffer = type { i32, i32, i32, i32, i32, i32, i64, i64 }
%described = type { ptr, ptr, i64, ptr, ptr, i64, i64, i64, [8 x i64] }
%descriptor = type { i32, i32, ptr, ptr, ptr, ptr }
"""
DESCRIPTOR = """
@described = internal constant [{count} x %described] [{plans}]
@symc_descriptor = constant %descriptor {{ i32 {version}, i32 {count}, ptr @symc_run_plan, ptr @symc_team_create,
                                           ptr @symc_team_resize, ptr @described }}
"""
PLAN = """
@buffers{number} = internal constant [{count} x %buffer] [{rows}]
@names{number} = internal constant [{names_size} x i8] c"{names}"
@extents{number} = internal constant [{extents_count} x i64] [{extents}]
"""
# %batch: version, how many plans, name of the symbol, places of inputs and of outputs, size and cost of each plan
# %place: axis, outer, inner as docs/package-format.md has them; axis -1: the same for every batch
BATCH = """
%place = type {{ i64, i64, i64 }}
%batch = type {{ i32, i32, ptr, ptr, ptr, ptr, ptr }}
@batch_symbol = internal constant [{symbol_size} x i8] c"{symbol}"
@batch_inputs = internal constant [{input_count} x %place] [{inputs}]
@batch_outputs = internal constant [{output_count} x %place] [{outputs}]
@batch_sizes = internal constant [{count} x i64] [{sizes}]
@batch_costs = internal constant [{count} x i64] [{costs}]
@symc_batch = constant %batch {{ i32 {version}, i32 {count}, ptr @batch_symbol, ptr @batch_inputs, ptr @batch_outputs,
                                 ptr @batch_sizes, ptr @batch_costs }}
"""


class Row(NamedTuple):
    """A buffer as the table has it, in the order of %buffer."""

    kind: int
    dtype: int
    rank: int
    entries: int
    name: int
    extents: int
    bytes: int
    offset: int


def descriptor_text(plans: Sequence[Plan], tables: Sequence[str]) -> str:
    """LLVM IR of the descriptor of a library; `tables` are the names of the plans' %plan structures."""
    numbered = [*enumerate(plans)]
    rows = [_described(plan, number, table) for (number, plan), table in zip(numbered, tables, strict=True)]
    return "\n".join([TYPES, *(_tables(plan, number) for number, plan in numbered),
                      DESCRIPTOR.format(count=len(plans), plans=", ".join(rows), version=VERSION)])


def batch_text(batch: Batch, plan: Plan) -> str:
    """LLVM IR of what a library says of batches of any size; plan: any of its own, whose inputs are those of all."""
    assert list(batch.sizes) == sorted(set(batch.sizes)), "plans that do not ascend"
    names = [plan.buffers[number].name for number in plan.of_kind("input")]
    axes = [batch.inputs.get(name) for name in names if name != SEED]
    inputs = [None if axis is None else (axis, 1, 1) for axis in axes]
    symbol = batch.symbol.encode() + b"\0"
    return BATCH.format(version=VERSION, count=len(batch.sizes), symbol=_escaped(symbol), symbol_size=len(symbol),
                        input_count=len(inputs), inputs=_places(inputs), output_count=len(batch.outputs),
                        outputs=_places(batch.outputs), sizes=", ".join(f"i64 {size}" for size in batch.sizes),
                        costs=", ".join(f"i64 {cost}" for cost in batch.nanoseconds))


def _places(places: Sequence[Place | None]) -> str:
    rows = (place or (ABSENT, 1, 1) for place in places)
    return ", ".join(f"%place {{ {', '.join(f'i64 {value}' for value in row)} }}" for row in rows)


def _described(plan: Plan, number: int, table: str) -> str:
    bounds = ", ".join(f"i64 {step}" for name in ENTRIES for step in _bounds(plan, name))
    return (f"%described {{ ptr @{table}, ptr @buffers{number}, i64 {len(plan.buffers)}, ptr @names{number}, "
            f"ptr @extents{number}, i64 {len(plan.symbols)}, i64 {plan.arena_bytes}, i64 {plan.weights_bytes}, "
            f"[8 x i64] [{bounds}] }}")


def _bounds(plan: Plan, name: str) -> Range:
    if name not in plan.entries:
        return ABSENT, ABSENT
    first, last = plan.entries[name]
    return (first, last) if all(runs_natively(plan, step) for step in plan.steps[first:last]) else (HOST, HOST)


def _tables(plan: Plan, number: int) -> str:
    names, rows = b"", []
    extents: list[int] = []
    uses = _uses(plan)
    for index, buffer in enumerate(plan.buffers):
        kind = "seed" if buffer.kind == "input" and buffer.name == SEED else buffer.kind
        shape = buffer.shape if kind in USERS else ()
        rows.append(Row(KINDS.index(kind), DTYPES[buffer.dtype], len(shape), uses[index], len(names), len(extents),
                        buffer.bytes, -1 if buffer.offset is None else buffer.offset))
        names += buffer.name.encode() + b"\0" if kind in (*USERS, "status") else b""
        extents.extend(shape)
    return PLAN.format(number=number, count=len(rows), rows=",\n".join(map(_row_text, rows)), names_size=len(names),
                       names=_escaped(names), extents_count=len(extents),
                       extents=", ".join(f"i64 {extent}" for extent in extents))


def _escaped(text: bytes) -> str:
    return "".join(f"\\{byte:02X}" for byte in text)


def _row_text(row: Row) -> str:
    return f"%buffer {{ {', '.join(f'i32 {value}' for value in row[:6])}, i64 {row.bytes}, i64 {row.offset} }}"


def _uses(plan: Plan) -> list[int]:
    """For each buffer the entries whose steps name it, as bits."""
    uses = [0] * len(plan.buffers)
    for bit, name in enumerate(ENTRIES):
        for step in steps_within(plan, plan.entries.get(name, (0, 0))):
            for number in buffer_ids(step):
                uses[number] |= 1 << bit
    return uses

