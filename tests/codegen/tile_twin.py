"""Kernels for the tiles of AMX as every machine can run them: tiles are global memory."""

from __future__ import annotations

import re
from collections.abc import Callable

from symc.codegen.llvm_builder import I64, POINTER, Builder, Integer, Type, Value

BYTE = Type("i8")
TILE, ROW = 1024, 64    # bytes
MEMORY = f"""
@tile.data = internal global [{8 * TILE} x i8] zeroinitializer
@tile.sizes = internal global [64 x i8] zeroinitializer
"""


def tile_twin(text: str) -> str:
    """The kernel with plain loops in the place of the instructions of AMX, after Intel's manual."""
    if "@llvm.x86.tile" not in text:
        return text
    text = re.sub(r"declare [^\n]*@llvm\.x86\.(tile|ldtile|tdp)[^\n]*\n", "", text)
    text = re.sub(r"@llvm\.x86\.(tile|ldtile|tdp)", r"@twin.\1", text)
    return text + MEMORY + "".join([_function("ldtilecfg", _configure, "ptr"), _function("tilerelease", _release),
                                    _function("tilezero", _zero, "i8"),
                                    _function("tileloadd64", _load, "i8", "ptr", "i64"),
                                    _function("tilestored64", _store, "i8", "ptr", "i64"),
                                    _function("tdpbf16ps", _multiply, "i8", "i8", "i8")])


def _function(name: str, write: Callable[..., None], *types: str) -> str:
    builder = Builder(contract=False)
    write(builder, *(Value(builder, f"%a{i}", Type(type)) for i, type in enumerate(types)))
    builder.emit("ret void")
    parameters = ", ".join(f"{type} %a{i}" for i, type in enumerate(types))
    return builder.function(f"internal void @twin.{name}({parameters})")


def _each(builder: Builder, count: Integer, body: Callable[[Integer], None]) -> None:
    def step(index: Integer, _: list[Value]) -> list[Value]:
        body(index)
        return []
    builder.loop(0, count, 1, step)


def _data(builder: Builder, tile: Value, row: Integer) -> Value:
    start = builder.offset(Value(builder, "@tile.data", POINTER), builder.convert("zext", tile, "i64") * TILE, "i8")
    return builder.offset(start, row * ROW, "i8")


def _sizes(builder: Builder, tile: Value) -> tuple[Value, Value]:
    """Rows, and bytes of a row."""
    sizes, number = Value(builder, "@tile.sizes", POINTER), builder.convert("zext", tile, "i64")
    rows = builder.load(builder.offset(builder.offset(sizes, 48, "i8"), number, "i8"), BYTE)
    row = builder.load(builder.offset(builder.offset(sizes, 16, "i8"), number, "i16"), Type("i16"))
    return builder.convert("zext", rows, "i64"), builder.convert("zext", row, "i64")


def _configure(builder: Builder, source: Value) -> None:
    sizes = Value(builder, "@tile.sizes", POINTER)
    builder.store(builder.load(source, Type("i8", 64)), sizes)
    _each(builder, 8, lambda tile: _zero(builder, builder.convert("trunc", builder.like(tile, I64), "i8")))


def _release(builder: Builder) -> None:
    builder.store(builder.zero(Type("i8", 64)), Value(builder, "@tile.sizes", POINTER))


def _zero(builder: Builder, tile: Value) -> None:
    _each(builder, TILE // ROW, lambda row: builder.store(builder.zero(Type("i8", ROW)), _data(builder, tile, row)))


def _copy(builder: Builder, tile: Value, pointer: Value, stride: Value, loads: bool) -> None:
    rows, size = _sizes(builder, tile)

    def row(number: Integer) -> None:
        inside, outside = _data(builder, tile, number), builder.offset(pointer, number * stride, "i8")
        source, target = (outside, inside) if loads else (inside, outside)
        _each(builder, size, lambda i: builder.store(builder.load(builder.offset(source, i, "i8"), BYTE),
                                                     builder.offset(target, i, "i8")))
    _each(builder, rows, row)


def _load(builder: Builder, tile: Value, pointer: Value, stride: Value) -> None:
    _zero(builder, tile)
    _copy(builder, tile, pointer, stride, loads=True)


def _store(builder: Builder, tile: Value, pointer: Value, stride: Value) -> None:
    _copy(builder, tile, pointer, stride, loads=False)


def _multiply(builder: Builder, total: Value, left: Value, right: Value) -> None:
    rows, size = _sizes(builder, total)
    pairs = _sizes(builder, left)[1] // 4

    def factor(tile: Value, row: Integer, column: Integer) -> Value:
        bits = builder.load(builder.offset(_data(builder, tile, row), column, "i16"), Type("i16"))
        return builder.convert("bitcast", builder.convert("zext", bits, "i32") << 16, "float")

    def add(row: Integer, pair: Integer, column: Integer) -> None:
        place = builder.offset(_data(builder, total, row), column, "float")
        products = [factor(left, row, pair * 2 + half) * factor(right, pair, column * 2 + half) for half in (0, 1)]
        builder.store(builder.load(place, Type("float")) + products[0] + products[1], place)
    _each(builder, rows, lambda row: _each(builder, pairs, lambda pair: _each(
        builder, size // 4, lambda column: add(row, pair, column))))
