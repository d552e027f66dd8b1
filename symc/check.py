"""What `symc check` finds in a network: which operators it uses, what symc lacks of them, and what to do about it.

Works on the file as it is read, before operators have a meaning, and so tells everything of files that cannot be
compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from symc.errors import ParameterError, SymcError
from symc.frontend import symbol_json
from symc.frontend.files import FilePath
from symc.frontend.legacy import upgrade
from symc.frontend.model_files import symbol_at
from symc.frontend.reader import (
    RegisteredOperators,
    entry_name,
    needed_positions,
    one_line,
    read_operator,
    to_graph,
)
from symc.frontend.symbol_json import RawGraph, RawNode
from symc.frontend.training_heads import inference_heads, needed_in_inference, reads_labels
from symc.ops.operator import Operator
from symc.ops.refused import is_supported
from symc.passes.measure import gradient_inputs

NEVER, TRAINING, INFERENCE = NEEDS = ("nothing", "training", "inference")    # what needs a node, the strongest last
DATA_NAMES = ("data", "label")       # variables called so, or ending in _data or _label, are given, not learnt


@dataclass
class Use:
    """A node of the file that is no variable, and what there is to say of it."""

    node: RawNode
    label: str                          # its name, behind those of the nodes whose bodies it lies in
    need: str                           # of NEEDS
    op: Operator | None = None          # None: unknown or wrong
    problem: str = ""                   # what is wrong with its parameters or inputs
    lacks_gradient: bool = False        # a gradient must pass it, and cannot
    bodies: list[Uses] = field(default_factory=list)

    @property
    def is_missing(self) -> bool:
        return not is_supported(self.node.op)

    @property
    def is_fine(self) -> bool:
        inner = (use for body in self.bodies for use in body.values())
        return not (self.is_missing or self.problem or self.lacks_gradient) and all(use.is_fine for use in inner)


Uses = dict[int, Use]       # of the operators of a graph, by position


@dataclass
class Findings:
    """What a file holds.  version: of the MXNet that wrote it; outputs, possible: names of the outputs asked for, and
    of values nearest to them that can be computed in spite of what is missing; other: what else is wrong; dropped:
    names of heads that are there for training alone."""

    version: int
    uses: list[Use]
    outputs: list[str]
    possible: list[str]
    other: str = ""
    dropped: list[str] = field(default_factory=list)

    @property
    def lacks_operators(self) -> bool:
        """Whether operators that the outputs need are missing, or their gradients are."""
        return any(use.is_missing or use.lacks_gradient for use in self.uses if use.need != NEVER)

    @property
    def is_wrong(self) -> bool:
        """Whether something else is wrong with what the outputs need."""
        return bool(self.other) or any(use.problem for use in self.uses if use.need != NEVER)


def find(file: FilePath, outputs: Sequence[str] = (), train: bool = False) -> Findings:
    """Look through the symbol.json that `file` names, in the ways of `model_files.find`.

    SymcError: it is none, or has no such outputs; unknown operators are no error.
    train: also find the operators that gradients of parameters must pass and cannot.
    """
    document = symbol_at(file)
    read, label = symbol_json.parse(document.read(), document.label), document.label
    whole = upgrade(read, RegisteredOperators())
    raw, dropped = (whole, {}) if train and not outputs else inference_heads(whole, outputs, label)
    uses = _uses(raw, "", INFERENCE)
    if train:
        _follow_gradients(raw, uses, {i for i, node in enumerate(raw.nodes) if _is_learnt(node)} - _given(raw, uses))
    names = list(outputs) or [entry_name(raw, head) for head in raw.heads]
    broken = any(not use.is_fine for use in uses.values() if use.need != NEVER)
    return Findings(read.version, list(_flattened(uses.values())), names, _possible(raw, uses) if broken else [],
                    "" if broken else _refusal(raw, label), list(dropped))


def _uses(raw: RawGraph, where: str, limit: str) -> Uses:
    """The operators of a graph and of the bodies in it.  limit: what needs the graph."""
    training, inference = set(needed_positions(raw)), needed_in_inference(raw, raw.heads)
    uses = {}
    for position, node in enumerate(raw.nodes):
        if not node.is_variable:
            need = INFERENCE if position in inference else TRAINING if position in training else NEVER
            uses[position] = _use(node, where, min(need, limit, key=NEEDS.index))
    return uses


def _use(node: RawNode, where: str, need: str) -> Use:
    use = Use(node, where + node.name, need)
    use.bodies = [_uses(body, f"{use.label}/", need) for body in node.subgraphs]
    if not use.is_missing:
        try:
            use.op = read_operator(node)
        except ParameterError as problem:
            use.problem = one_line(problem)
    return use


def _flattened(uses: Iterable[Use]) -> Iterator[Use]:
    """Uses, and those in their bodies (which the reader does not nest deep)."""
    for use in uses:
        yield use
        for body in use.bodies:
            yield from _flattened(body.values())


def _refusal(raw: RawGraph, file: str) -> str:
    """What the reader finds wrong where no operator has been found to be."""
    try:
        to_graph(raw, file)
    except SymcError as problem:
        return one_line(problem)
    return ""


# ---- what needs what -----------------------------------------------------------------------------------------------


def _possible(raw: RawGraph, uses: Uses) -> list[str]:
    """Outputs that can be computed: heads, and values that only broken nodes keep from being of use, the last first."""
    computed: set[int] = set()
    for position, node in enumerate(raw.nodes):
        is_fine = node.is_variable or uses[position].is_fine
        if is_fine and all(entry.node in computed for entry in node.inputs):
            computed.add(position)
    readers = (node.inputs for position, node in enumerate(raw.nodes)
               if position not in computed and uses[position].need != NEVER)
    ends = {entry for entries in (raw.heads, *readers) for entry in entries if entry.node in computed & uses.keys()}
    ordered = sorted(ends, key=lambda entry: (-entry.node, entry.output))
    return list(dict.fromkeys(entry_name(raw, entry) for entry in ordered))


# ---- gradients -----------------------------------------------------------------------------------------------------


def _is_learnt(node: RawNode) -> bool:
    return node.is_variable and not any(node.name == name or node.name.endswith(f"_{name}") for name in DATA_NAMES)


def _given(raw: RawGraph, uses: Uses) -> set[int]:
    """Positions of nodes that are read as labels of losses or as auxiliary states."""
    given: set[int] = set()
    for use in uses.values():
        if use.op is not None:
            states, has_labels = use.op.auxiliary_names(), reads_labels(use.node)
            inputs = zip(use.op.input_names(), use.node.inputs, strict=True)
            given |= {entry.node for i, (name, entry) in enumerate(inputs) if name in states or i and has_labels}
    return given


def _follow_gradients(raw: RawGraph, uses: Uses, learnt: set[int]) -> None:
    """Mark the operators that a gradient reaches on its way from the heads to `learnt` variables, and cannot pass."""
    fed = set(learnt)
    for position, node in enumerate(raw.nodes):
        if any(entry.node in fed for entry in node.inputs):
            fed.add(position)
    reached = {entry.node for entry in raw.heads}
    for position in sorted(uses.keys() & fed, reverse=True):
        use = uses[position]
        if use.need != NEVER and (position in reached or use.op is not None and use.op.is_loss):
            reached |= {use.node.inputs[i].node for i in _passed(use)}
            for body, inner in zip(use.node.subgraphs, use.bodies, strict=True):
                _follow_gradients(body, inner, {i for i, node in enumerate(body.nodes) if node.is_variable})


def _passed(use: Use) -> Iterable[int]:
    """The inputs to which the gradient goes on, all where nothing is known of the operator."""
    if use.op is None:
        return range(len(use.node.inputs))
    passed = gradient_inputs(use.op)
    use.lacks_gradient = passed is None
    return passed or ()
