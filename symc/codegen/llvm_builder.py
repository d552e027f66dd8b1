"""Writes LLVM IR as text: values with operators, structured loops, vector loads and stores.

Integers of address arithmetic are Python ints as long as they are known, so that constants fold by themselves.
The text needs no optimiser: the code generator of LLVM alone makes good code of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Type:
    """An LLVM scalar type (float, double, i1, i64, ptr, ...), or with `lanes` a vector of it."""

    element: str
    lanes: int = 0

    def __str__(self) -> str:
        return f"<{self.lanes} x {self.element}>" if self.lanes else self.element

    @property
    def suffix(self) -> str:
        """As LLVM's intrinsics spell the type: v8f32."""
        scalar = {"float": "f32", "double": "f64", "ptr": "p0", "bfloat": "bf16"}.get(self.element, self.element)
        return f"v{self.lanes}{scalar}" if self.lanes else scalar

    @property
    def is_float(self) -> bool:
        return self.element in ("float", "double")

    @property
    def bits(self) -> int:
        """Of one element."""
        return {"float": 32, "double": 64, "ptr": 64, "bfloat": 16}.get(self.element) or int(self.element[1:])

    def of(self, element: str) -> Type:
        """The same number of lanes of another element type."""
        return Type(element, self.lanes)


I64 = Type("i64")
POINTER = Type("ptr")


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A register or literal of a function being written; Python's operators write instructions.

    Operators take a Python number on either side, in the type of the value.  Division is for floats and
    for integers known not to be negative.  `==` and `<` write comparisons, so values are no dictionary keys.
    """

    builder: Builder
    name: str
    type: Type

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Operand) -> Value:
        return self.builder.binary("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self.builder.binary("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return self.builder.binary("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self.builder.binary("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self.builder.binary("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self.builder.binary("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        assert self.type.is_float, "/ is for floats"
        return self.builder.binary("div", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        assert self.type.is_float, "/ is for floats"
        return self.builder.binary("div", other, self)

    def __floordiv__(self, other: Operand) -> Value:
        return self.builder.binary("div", self, other)

    def __mod__(self, other: Operand) -> Value:
        return self.builder.binary("rem", self, other)

    def __and__(self, other: Operand) -> Value:
        return self.builder.binary("and", self, other)

    def __or__(self, other: Operand) -> Value:
        return self.builder.binary("or", self, other)

    def __xor__(self, other: Operand) -> Value:
        return self.builder.binary("xor", self, other)

    def __lshift__(self, other: Operand) -> Value:
        return self.builder.binary("shl", self, other)

    def __rshift__(self, other: Operand) -> Value:
        return self.builder.binary("ashr", self, other)

    def __invert__(self) -> Value:
        return self.builder.binary("xor", self, -1)

    def __neg__(self) -> Value:
        return self.builder.negate(self)

    def __lt__(self, other: Operand) -> Value:
        return self.builder.compare("lt", self, other)

    def __le__(self, other: Operand) -> Value:
        return self.builder.compare("le", self, other)

    def __gt__(self, other: Operand) -> Value:
        return self.builder.compare("gt", self, other)

    def __ge__(self, other: Operand) -> Value:
        return self.builder.compare("ge", self, other)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        return self.builder.compare("eq", self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        return self.builder.compare("ne", self, other)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        raise TypeError("a value of the function being written has no truth here; use where()")


Operand = Value | int | float
Integer = Value | int

# Of floats, integers.  Integer division is unsigned: LLVM turns it into shifts and multiplications.
_BINARY = {"add": ("fadd", "add nsw"), "sub": ("fsub", "sub nsw"), "mul": ("fmul", "mul nsw"),
           "div": ("fdiv", "udiv"), "rem": ("frem", "urem")}
_COMPARE = {"lt": ("olt", "slt"), "le": ("ole", "sle"), "gt": ("ogt", "sgt"), "ge": ("oge", "sge"),
            "eq": ("oeq", "eq"), "ne": ("une", "ne")}


class Builder:
    """Writes one function.  `contract` lets LLVM fuse a·b + c of separate instructions.

    Every method that returns a Value has appended the instruction that computes it to the current block.
    """

    def __init__(self, contract: bool = True) -> None:
        self.lines: list[str] = []
        self.declarations: dict[str, str] = {}
        self.block = "entry"
        self._flags = "contract " if contract else ""
        self._count = 0

    # Text

    def emit(self, line: str) -> None:
        self.lines.append("  " + line)

    def register(self, instruction: str, type: Type) -> Value:
        """Append `instruction` and name its result."""
        value = self._fresh(type)
        self.emit(f"{value.name} = {instruction}")
        return value

    def _fresh(self, type: Type) -> Value:
        self._count += 1
        return Value(self, f"%v{self._count}", type)

    def _label(self, role: str) -> str:
        self._count += 1
        return f"{role}{self._count}"

    def _start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def function(self, header: str, attributes: str = "nounwind") -> str:
        """The text of the function written so far: `header` is 'void @name(...)' with parameters."""
        return "\n".join([f"define {header} {attributes} {{", "entry:", *self.lines, "}", ""])

    def declared(self) -> str:
        """Declarations of everything that was called."""
        return "".join(f"{text}\n" for text in self.declarations.values())

    # Constants and arithmetic

    def constant(self, number: float, type: Type) -> Value:
        literal = _literal(number, type)
        return Value(self, f"splat ({type.element} {literal})" if type.lanes else literal, type)

    def zero(self, type: Type) -> Value:
        return Value(self, "zeroinitializer" if type.lanes else _literal(0, type), type)

    def integers(self, numbers: Sequence[int], element: str) -> Value:
        """A constant vector."""
        text = ", ".join(f"{element} {number}" for number in numbers)
        return Value(self, f"<{text}>", Type(element, len(numbers)))

    def like(self, operand: Operand, type: Type) -> Value:
        return operand if isinstance(operand, Value) else self.constant(operand, type)

    def binary(self, operation: str, a: Operand, b: Operand) -> Value:
        if (folded := _fold(operation, a, b)) is not None:
            return folded
        type = a.type if isinstance(a, Value) else b.type  # type: ignore[union-attr]
        a, b = self.like(a, type), self.like(b, type)
        assert a.type == b.type, f"{operation} of {a.type} and {b.type}"
        float_name, integer_name = _BINARY.get(operation, ("", operation))
        name = f"{float_name} {self._flags}" if type.is_float else f"{integer_name} "
        if type.element not in ("i64", "float", "double"):
            name = name.replace(" nsw", "")
        return self.register(f"{name}{type} {a.name}, {b.name}", type)

    def negate(self, a: Value) -> Value:
        return self.register(f"fneg {a.type} {a.name}", a.type) if a.type.is_float else self.binary("sub", 0, a)

    def compare(self, relation: str, a: Value, b: Operand) -> Value:
        """A condition; false where a float is NaN, but for `ne`."""
        other = self.like(b, a.type)
        assert a.type == other.type, f"comparing {a.type} with {other.type}"
        instruction = ("fcmp ", "icmp ")[not a.type.is_float] + _COMPARE[relation][not a.type.is_float]
        return self.register(f"{instruction} {a.type} {a.name}, {other.name}", a.type.of("i1"))

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        type = a.type if isinstance(a, Value) else b.type  # type: ignore[union-attr]
        a, b = self.like(a, type), self.like(b, type)
        return self.register(f"select {condition.type} {condition.name}, {type} {a.name}, {type} {b.name}", type)

    def convert(self, instruction: str, a: Value, element: str) -> Value:
        """bitcast, sitofp, fptosi, zext, fpext, ... to vectors of `element`."""
        type = a.type.of(element)
        return self.register(f"{instruction} {a.type} {a.name} to {type}", type)

    def reinterpret(self, a: Value, type: Type) -> Value:
        """The same bits as lanes of another width."""
        return self.register(f"bitcast {a.type} {a.name} to {type}", type)

    def call(self, name: str, type: Type, *arguments: Value, flags: str = "") -> Value:
        """Call a function of the module, of libm or an intrinsic, and declare it."""
        parameters = ", ".join(str(argument.type) for argument in arguments)
        self.declarations[name] = f"declare {type} @{name}({parameters})"
        listed = ", ".join(f"{argument.type} {argument.name}" for argument in arguments)
        return self.register(f"call {flags}{type} @{name}({listed})", type)

    def perform(self, name: str, *arguments: Value) -> None:
        """Call an intrinsic that gives nothing back, and declare it."""
        self.declarations[name] = f"declare void @{name}({', '.join(str(argument.type) for argument in arguments)})"
        self.emit(f"call void @{name}({', '.join(f'{argument.type} {argument.name}' for argument in arguments)})")

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """An intrinsic that is overloaded by the one type of its arguments and result, such as llvm.sqrt."""
        type = arguments[0].type
        return self.call(f"llvm.{name}.{type.suffix}", type, *arguments)

    def fma(self, a: Value, b: Operand, c: Operand) -> Value:
        """a·b + c, rounded once where the CPU can; llvm.fma would call libm for each lane where it cannot."""
        return self.intrinsic("fmuladd", a, self.like(b, a.type), self.like(c, a.type))

    def minimum(self, a: Integer, b: Integer) -> Integer:
        return self._extreme("smin", min, a, b)

    def maximum(self, a: Integer, b: Integer) -> Integer:
        return self._extreme("smax", max, a, b)

    def _extreme(self, name: str, fold: Callable[[int, int], int], a: Integer, b: Integer) -> Integer:
        if isinstance(a, int) and isinstance(b, int):
            return fold(a, b)
        return self.intrinsic(name, self.like(a, I64), self.like(b, I64))

    # Lanes

    def splat(self, scalar: Value, lanes: int) -> Value:
        type = Type(scalar.type.element, lanes)
        first = self.insert(Value(self, "poison", type), scalar, 0)
        return self.shuffle(first, [0] * lanes)

    def insert(self, vector: Value, scalar: Value, lane: int) -> Value:
        text = f"insertelement {vector.type} {vector.name}, {scalar.type} {scalar.name}, i64 {lane}"
        return self.register(text, vector.type)

    def extract(self, vector: Value, lane: int) -> Value:
        text = f"extractelement {vector.type} {vector.name}, i64 {lane}"
        return self.register(text, Type(vector.type.element))

    def shuffle(self, vector: Value, lanes: Sequence[int], other: Value | None = None) -> Value:
        """Lane i of the result is lane lanes[i] of `vector`, or of `other` counted on from there."""
        second = other.name if other is not None else "poison"
        mask = self.integers(lanes, "i32")
        text = f"shufflevector {vector.type} {vector.name}, {vector.type} {second}, {mask.type} {mask.name}"
        return self.register(text, Type(vector.type.element, len(lanes)))

    def sum_of_lanes(self, vector: Value) -> Value:
        """Of floats, pairwise: halves are added until one lane is left.  Returns a vector of one lane."""
        while (lanes := vector.type.lanes) > 1:
            assert lanes % 2 == 0, "lanes must be a power of two"
            low = self.shuffle(vector, range(lanes // 2))
            vector = low + self.shuffle(vector, range(lanes // 2, lanes))
        return vector

    # Memory: pointers are counted in elements, and aligned to one element

    def opaque(self, pointer: Value) -> Value:
        """The same pointer, of which LLVM's loop strength reduction knows nothing: it would give every address of a
        tile a register of its own in the loops around, and spill them."""
        return self.register(f"freeze ptr {pointer.name}", POINTER)

    def fence(self, *values: Value) -> None:
        """LLVM moves no load or store across, and computes `values` in front of it; it is no instruction of the CPU."""
        for value in values:
            self.declarations["llvm.fake.use"] = "declare void @llvm.fake.use(...)"
            self.emit(f"call void (...) @llvm.fake.use({value.type} {value.name})")
        self.emit('fence syncscope("singlethread") seq_cst')

    def offset(self, pointer: Value, elements: Integer, element: str) -> Value:
        if isinstance(elements, int) and elements == 0:
            return pointer
        return self.register(f"getelementptr {element}, ptr {pointer.name}, {_i64(elements)}", POINTER)

    def load(self, pointer: Value, type: Type) -> Value:
        return self.register(f"load {type}, ptr {pointer.name}, align {_alignment(type)}", type)

    def store(self, value: Value, pointer: Value) -> None:
        self.emit(f"store {value.type} {value.name}, ptr {pointer.name}, align {_alignment(value.type)}")

    def load_lanes(self, pointer: Value, type: Type, valid: Sequence[bool]) -> Value:
        """A vector of which only the valid lanes are read; the others are 0."""
        if all(valid):
            return self.load(pointer, type)
        arguments = (*self._masked(pointer, type, valid), self.zero(type))
        return self.call(f"llvm.masked.load.{type.suffix}.p0", type, *arguments)

    def load_if(self, pointer: Value, type: Type, condition: Value) -> Value:
        """A vector; where the condition, of all lanes or of each, does not hold nothing is read, and lanes are 0."""
        if condition.type.lanes:
            mask = condition
        elif type.lanes in (8, 16):
            bits = self.convert("sext", condition, f"i{type.lanes}")
            mask = self.reinterpret(bits, Type("i1", type.lanes))
        else:
            mask = self.splat(condition, type.lanes)
        alignment = Value(self, str(_alignment(type)), Type("i32"))
        name = f"llvm.masked.load.{type.suffix}.p0"
        return self.call(name, type, pointer, alignment, mask, self.zero(type))

    def store_lanes(self, value: Value, pointer: Value, valid: Sequence[bool]) -> None:
        """Write the valid lanes and touch nothing else."""
        if all(valid):
            self.store(value, pointer)
            return
        arguments = (value, *self._masked(pointer, value.type, valid))
        name = f"llvm.masked.store.{value.type.suffix}.p0"
        self.perform(name, *arguments)

    def _masked(self, pointer: Value, type: Type, valid: Sequence[bool]) -> tuple[Value, Value, Value]:
        alignment = Value(self, str(_alignment(type)), Type("i32"))
        return pointer, alignment, self.integers([int(v) for v in valid], "i1")

    def prefetch(self, pointer: Value, cache: int = 1) -> None:
        """Ask for the cache line that will be read soon, in the first or second cache; any address is allowed."""
        self.declarations["llvm.prefetch.p0"] = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"
        self.emit(f"call void @llvm.prefetch.p0(ptr {pointer.name}, i32 0, i32 {4 - cache}, i32 1)")

    # Control

    def loop(self, begin: Integer, end: Integer, step: int, body: Body, carried: Sequence[Value] = (),
             may_be_empty: bool = True) -> list[Value]:
        """for i in range(begin, end, step): carried = body(i, carried).  Returns the last `carried`.

        With constant bounds and a single round there is no loop, and with none no code.
        """
        if isinstance(begin, int) and isinstance(end, int):
            if begin >= end:
                return list(carried)
            if begin + step >= end:
                return body(begin, list(carried))
            may_be_empty = False
        before, head, after = self.block, self._label("loop"), self._label("after")
        self._enter(begin, end, head, after, may_be_empty)
        index, phis = self._fresh(I64), [self._fresh(value.type) for value in carried]
        place = len(self.lines)
        results = body(index, phis)
        following = index + step
        self._branch(following < end, head, after)
        last = self.block
        pairs = list(zip([index, *phis], [self.like(begin, I64), *carried], [following, *results], strict=True))
        self.lines[place:place] = [f"  {phi.name} = {_phi(start, before, next, last)}" for phi, start, next in pairs]
        self._start(after)
        if not may_be_empty:
            return results
        return [self.register(_phi(start, before, result, last), start.type) for _, start, result in pairs[1:]]

    def _enter(self, begin: Integer, end: Integer, head: str, after: str, may_be_empty: bool) -> None:
        if may_be_empty:
            self._branch(self.like(begin, I64) < end, head, after)
        else:
            self.emit(f"br label %{head}")
        self._start(head)

    def _branch(self, condition: Value, yes: str, no: str) -> None:
        self.emit(f"br i1 {condition.name}, label %{yes}, label %{no}")


Body = Callable[[Integer, list[Value]], list[Value]]


def _phi(start: Value, before: str, next: Value, last: str) -> str:
    return f"phi {start.type} [ {start.name}, %{before} ], [ {next.name}, %{last} ]"


def _i64(number: Integer) -> str:
    return f"i64 {number.name}" if isinstance(number, Value) else f"i64 {number}"


def _alignment(type: Type) -> int:
    return max(1, type.bits // 8)


def _literal(number: float, type: Type) -> str:
    """Floats in hexadecimal, exactly as the element type rounds them."""
    if not type.is_float:
        return str(int(number))
    rounded = float(np.float32(number)) if type.element == "float" else float(number)
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


def _fold(operation: str, a: Operand, b: Operand) -> Value | None:
    """x + 0, x · 1, x / 1 and the like on integers.  (x · 0 must stay a Value: see `scaled`.)"""
    if operation == "add" and isinstance(a, int) and isinstance(b, Value):
        a, b = b, a
    if operation == "mul" and isinstance(a, int) and isinstance(b, Value):
        a, b = b, a
    if not isinstance(a, Value) or a.type.is_float or not isinstance(b, int):
        return None
    neutral = {"add": 0, "sub": 0, "mul": 1, "div": 1, "or": 0, "shl": 0, "ashr": 0}.get(operation)
    return a if b == neutral else None


def total(terms: Sequence[tuple[int, Integer]], start: int = 0) -> Integer:
    """start + Σ coefficient·value, with everything known folded."""
    known = start + sum(c * value for c, value in terms if isinstance(value, int))
    unknown = [value * c for c, value in terms if isinstance(value, Value) and c != 0]
    result: Integer = known
    for value in unknown:
        result = value + result
    return result
