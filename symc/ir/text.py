"""The text form of a graph, which parses back.

    %data: f32[1,3,8,8]
    %w: f32[4,3,3,3] = const
    %c: f32[1,4,6,6] = Convolution(%data, %w) kernel=(3,3) num_filter=4 no_bias=True {__lr_mult__="2"}  # from c@7
    %s: (f32[1,2,6,6], f32[1,2,6,6]) = SliceChannel(%c) num_outputs=2
    heads %s, %s#1
    gradient %w = %dw
    update backward %mean = %bn#1

A type is `dtype[dims]`, `?` an unknown part and `*` an unknown rank, `:tag` a layout.  `%s#1` is output 1 of s.
Operators that hold graphs print them in braces behind their parameters.  The values of constants with more than 16
elements are not part of the text.  Names with other characters than [A-Za-z0-9_./+-] are quoted.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symc.ir.graph import Gradient, Graph, Node, Operation, Source, Update, Value, unique_names, value_name
from symc.ir.types import TensorType, parse_type

MakeOperation = Callable[[str, dict[str, str], list[Graph]], Operation]
INLINE_ELEMENTS = 16

# texts, which `re` compiles and keeps where they are used first: most programs read no graph
_PLAIN = r"[\w./+\-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAME = rf"%(?:{_PLAIN}|{_QUOTED})"
_VALUE = rf"{_NAME}(?:#\d+)?"
_NODE = rf"(?P<name>{_NAME})(?:\s*:\s*(?P<types>\([^)]*\)|[^\s=]+))?(?:\s*=\s*(?P<body>.*))?"
_CALL = rf"(?P<op>[\w.]+)\((?P<inputs>(?:{_VALUE}(?:\s*,\s*{_VALUE})*)?)\)\s*(?P<rest>.*)"
_IS_CALL = rf"{_NAME}[^=]*=\s*[\w.]+\("
_GRADIENT = rf"gradient ({_NAME}) (\+?=) ({_VALUE})"
_UPDATE = rf"update (\w+) ({_NAME}) = ({_VALUE})"
_REMARK = rf'((?:[^"]|{_QUOTED})*?)(?:  # from (.*))?'
_SOURCE = rf"({_QUOTED}|[^,@\s]+)(?:@(\d+))?"
_PARAMETER = rf"(\w+)=({_QUOTED}|\([^)]*\)|\[[^\]]*\]|[^\s{{]+)"
_ATTRIBUTE = rf"([^\s={{]+)=({_QUOTED})"


def print_graph(graph: Graph, sources: bool = True) -> str:
    """The text of `graph`, one node a line; without `sources` it depends on the computation alone."""
    names = {node: _name(name) for node, name in unique_names(graph).items()}

    def reference(value: Value) -> str:
        return value_name(names[value.node], value.index)

    lines = [_print_node(node, name, [reference(v) for v in node.inputs], sources) for node, name in names.items()]
    lines.append("heads " + ", ".join(map(reference, graph.heads)))
    lines += [f"gradient {names[g.variable]} {'+=' if g.req == 'add' else '='} {reference(g.value)}"
              for g in graph.gradients]
    lines += [f"update {u.when} {names[u.variable]} = {reference(u.value)}" for u in graph.updates]
    return "\n".join(lines) + "\n"


def _name(name: str) -> str:
    return f"%{name}" if re.fullmatch(_PLAIN, name) else "%" + json.dumps(name)


def _print_node(node: Node, name: str, inputs: list[str], sources: bool) -> str:
    types = [str(t) for t in node.types]
    text = f"{name}: {types[0] if len(types) == 1 else '(' + ', '.join(types) + ')'}"
    if node.value is not None:
        inline = " " + json.dumps(node.value.tolist()) if node.value.size <= INLINE_ELEMENTS else ""
        text += " = const" + inline
    elif node.op is not None:
        text += f" = {node.op.name}({', '.join(inputs)}) {node.op.printed()}".rstrip(" ")
        for graph in node.op.subgraphs:
            text += " {\n" + "".join(f"  {line}\n" for line in print_graph(graph, sources).splitlines()) + "}"
    if user := {k: v for k, v in node.attrs.items() if k.startswith("__")}:
        text += " {" + " ".join(f"{key}={json.dumps(value)}" for key, value in user.items()) + "}"
    if sources and node.sources and node.sources != (Source(node.name),):
        text += "  # from " + ", ".join(map(_print_source, node.sources))
    return text


def _print_source(source: Source) -> str:
    name = _name(source.name)[1:]
    return name if source.index is None else f"{name}@{source.index}"


def parse_graph(text: str, operation: MakeOperation, constants: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The graph of `text`.

    operation: makes an operator of its name, parameter strings and subgraphs (`ops.operator.from_text`).
    constants: values by name; those not given inline or here are drawn from a generator seeded by the name.
    Several variables of one type may stand on a line: '%a, %b: f32[4]'.
    """
    return _Parser(operation, constants or {}).graph(_logical_lines(text))


def _logical_lines(text: str) -> list[str]:
    """Lines without blanks; a line that opens a brace reaches to the one that closes it."""
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        closing = line.strip().startswith("}")
        if depth == 0:
            lines.append(line.strip())
        else:
            lines[-1] += "\n" + line.strip()
        depth += line.rstrip().endswith("{") - closing
    return lines


class _Parser:
    def __init__(self, operation: MakeOperation, constants: Mapping[str, np.ndarray]) -> None:
        self.operation = operation
        self.constants = constants

    def graph(self, lines: Sequence[str]) -> Graph:
        nodes: dict[str, Node] = {}
        heads: list[Value] = []
        gradients: list[Gradient] = []
        updates: list[Update] = []
        for line in lines:
            word = line.split(None, 1)[0]
            if word == "heads":
                heads += self.values(line, nodes)
            elif word == "gradient":
                target, sign, value = _groups(_GRADIENT, line)
                gradients.append(Gradient(nodes[target], self.value(value, nodes), "add" if sign == "+=" else "write"))
            elif word == "update":
                when, target, value = _groups(_UPDATE, line)
                updates.append(Update(nodes[target], self.value(value, nodes), when))
            else:
                for part in self.split_variables(line):
                    node = self.node(part, nodes)
                    nodes[_name(node.name)] = node
        return Graph(tuple(heads), tuple(gradients), tuple(updates))

    def split_variables(self, line: str) -> list[str]:
        """'%a: f32[4]    %b, %c: i32[2]' declares three variables."""
        if re.match(_IS_CALL, line):
            return [line]
        body, remark = _groups(_REMARK, line)
        suffix = f"  # from {remark}" if remark else ""
        return [f"{name} {rest.rstrip()}{suffix}"
                for names, rest in re.findall(rf"({_NAME}(?:\s*,\s*{_NAME})*)\s*(:[^%]*)?", body)
                for name in re.findall(_NAME, names)]

    def values(self, text: str, nodes: dict[str, Node]) -> tuple[Value, ...]:
        return tuple(self.value(value, nodes) for value in re.findall(_VALUE, text))

    def value(self, text: str, nodes: dict[str, Node]) -> Value:
        name, index = _groups(rf"({_NAME})(?:#(\d+))?", text)
        assert name in nodes, f"{name} is not defined above its use"
        return Value(nodes[name], int(index or 0))

    def node(self, text: str, nodes: dict[str, Node]) -> Node:
        before, newline, last = text.rpartition("\n")   # a remark within a nested graph is not ours
        last, origin = _groups(_REMARK, last)
        raw, types_text, body = _groups(_NODE, (before + newline + last).strip())
        name = json.loads(raw[1:]) if raw.startswith('%"') else raw[1:]
        types = self.types(types_text)
        sources = tuple(map(_source, re.findall(_SOURCE, origin))) if origin else (Source(name),)
        if body is None:
            return Node(name, types=types or (TensorType(),), sources=sources)
        if body.startswith("const"):
            return Node(name, types=types, sources=sources, value=self.constant(name, types[0], body[5:].strip()))
        return self.call(name, types, sources, body, nodes)

    def types(self, text: str | None) -> tuple[TensorType, ...]:
        return tuple(map(parse_type, re.findall(r"[\w?]+\[[^\]]*\](?::\w+)?", text))) if text else ()

    def constant(self, name: str, type: TensorType, inline: str) -> np.ndarray:
        dtype = type.element.numpy
        if inline:
            return np.array(json.loads(inline), dtype).reshape(type.physical)
        if name in self.constants:
            return self.constants[name]
        generator = np.random.RandomState(zlib.crc32(name.encode()))
        return generator.uniform(-1, 1, type.dims).astype(dtype)

    def call(self, name: str, types: tuple[TensorType, ...], sources: tuple[Source, ...], body: str,
             nodes: dict[str, Node]) -> Node:
        op_name, inputs, rest = _groups(_CALL, body)
        head, blocks, attributes = _split_blocks(rest)
        parameters = {key: json.loads(v) if v.startswith('"') else v for key, v in re.findall(_PARAMETER, head)}
        op = self.operation(op_name, parameters, [self.graph(_logical_lines(block)) for block in blocks])
        attrs = {key: json.loads(value) for key, value in re.findall(_ATTRIBUTE, attributes)}
        return Node(name, op, self.values(inputs, nodes), types or (TensorType(),) * op.output_count, attrs, sources)


def _groups(pattern: str, text: str) -> tuple[Any, ...]:
    """The groups of `pattern` over all of `text`."""
    match = re.fullmatch(pattern, text.strip(), re.DOTALL)
    assert match, f"cannot read {text!r}"
    return match.groups()


def _split_blocks(text: str) -> tuple[str, list[str], str]:
    """Parameters, the texts of the graphs in braces, and the attributes in braces."""
    head, *rest = re.split(r"\{\n", text, maxsplit=1)
    blocks: list[str] = []
    while rest:
        depth, lines, remaining = 1, [], rest[0].split("\n")
        while True:
            line = remaining.pop(0)
            depth -= line.startswith("}")
            if not depth:
                break
            depth += line.endswith("{")
            lines.append(line)
        blocks.append("\n".join(lines))
        tail = "\n".join([line[1:], *remaining])
        between, *rest = re.split(r"\{\n", tail, maxsplit=1)
        head += between
    parameters, attributes = _groups(rf'((?:[^"{{]|{_QUOTED})*)(.*)', head)
    return parameters, blocks, attributes


def _source(found: tuple[str, str]) -> Source:
    name, index = found
    return Source(json.loads(name) if name.startswith('"') else name, int(index) if index else None)
