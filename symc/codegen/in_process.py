"""Plans that run in this process: the engine is mapped once, each kernel once, and a plan is a table in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from symc.codegen import cache
from symc.codegen.llvm_checksum import checksum_text
from symc.codegen.llvm_driver import ENGINE_SYMBOLS, Row, engine_text, further_module, table_of
from symc.codegen.map_object import addresses_in
from symc.codegen.plan import Plan
from symc.runtime.library import Library, Steps, fold_at, folded_crc32

ROW = np.dtype([("function", np.uintp), ("caller", np.uintp), ("jobs", np.int64), ("first_id", np.int32),
                ("per", np.int32), ("barrier", np.int8), ("solo", np.int8), ("control", np.int8)], align=True)


def load_plan(plan: Plan, kernels: Sequence[bytes], level: str) -> Library:
    """The steps of `plan`, ready to run.  kernels: object code of its kernels for the CPU `level`, which is ours."""
    engine = addresses_in(compiled(engine_text(), level))
    known = dict(engine)
    for image in kernels:
        known |= addresses_in(image)
    if further := further_module(plan):
        known |= addresses_in(compiled(further, level), {name: engine[name] for name in ENGINE_SYMBOLS})
    return Library(engine, _steps(plan, known))


def crc32_for(level: str) -> Callable[[bytes | memoryview], int]:
    """CRC-32 by code for the CPU `level`, which is ours."""
    if not (text := checksum_text(level)):
        return zlib.crc32
    fold = fold_at(addresses_in(compiled(text, level))["symc_fold"])
    return lambda data: folded_crc32(fold, np.frombuffer(data, np.uint8))


def _steps(plan: Plan, known: Mapping[str, int]) -> Steps:
    table = table_of(plan)
    rows = np.array([_row(row, known) for row in table.rows], ROW)
    return Steps(rows, np.array(table.ids, np.int32), table.own)


def _row(row: Row, known: Mapping[str, int]) -> tuple[int, ...]:
    function, caller = (known[name] if name else 0 for name in (row.function, row.caller))
    return (function, caller, *row[2:])


def compiled(text: str, level: str) -> bytes:
    """Object code of a part of the driver, from the cache if it is there."""
    key = cache.key_of(text, level)
    found = cache.read_bytes("drivers", key)
    if found is None:
        from symc.codegen.llvm_compile import compile_object

        found = compile_object(text, level)
        cache.write_bytes("drivers", key, found)
    return found
