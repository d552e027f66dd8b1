"""The random generator of `ops/random.py` in LLVM IR, for one element and for vectors of them."""

from __future__ import annotations

import re

from symc.codegen.llvm_builder import Builder, Type, Value
from symc.ops.random import threefry

_DECLARATION = re.compile(r"^declare [^\n]*@symc\.threefry\.((?:v(\d+))?i32)\([^\n]*\n", re.MULTILINE)


def define_generator(llvm_text: str) -> str:
    """Define what the text declares of `symc.threefry.SUFFIX(element, number, key)`, for lanes of i32 (vNi32).

    element, number: the words of the counter; key: its words in an i64, the first one below.  The result is the block
    as an i64, or a vector of i64, in the same way.  Scalars stay calls: kernels of loops draw in many places, and
    LLVM takes its time over each.
    """
    found = {match[1]: int(match[2] or 0) for match in _DECLARATION.finditer(llvm_text)}
    rest = _DECLARATION.sub("", llvm_text)
    definitions: dict[str, str] = {}
    declarations: dict[str, str] = {}
    for suffix, lanes in sorted(found.items()):
        builder = Builder()
        definitions[suffix] = _function(builder, suffix, Type("i32", lanes))
        declarations |= builder.declarations
    needed = [text for name, text in declarations.items() if f"declare {text.split(' ', 1)[1]}" not in rest]
    return "\n".join([rest, *definitions.values(), *needed, ""]) if found else llvm_text


def _function(builder: Builder, suffix: str, words: Type) -> str:
    def rotate(word: Value, count: int) -> Value:
        amount = builder.constant(count, words)
        return builder.call(f"llvm.fshl.{suffix}", words, word, word, amount)
    key = Value(builder, "%key", Type("i64"))
    scalars = builder.convert("trunc", key, "i32"), builder.convert("trunc", builder.binary("lshr", key, 32), "i32")
    low, high = (builder.splat(word, words.lanes) if words.lanes else word for word in scalars)
    x, y = threefry(rotate, (low, high), (Value(builder, "%element", words), Value(builder, "%number", words)))
    wide = [builder.convert("zext", word, "i64") for word in (x, y)]
    block = wide[0] | (wide[1] << 32)
    builder.emit(f"ret {block.type} {block.name}")
    header = f"internal {block.type} @symc.threefry.{suffix}({words} %element, {words} %number, i64 %key)"
    return builder.function(header, f"{'alwaysinline' if words.lanes else 'noinline'} nounwind willreturn memory(none)")
