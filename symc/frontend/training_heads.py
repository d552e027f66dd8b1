"""Heads that are there for training alone, in networks that were saved as they were trained.

Detectors and the like have several heads: predictions, and losses of labels that nobody has in inference.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from symc.frontend.reader import choose_heads, entry_name, known_operator
from symc.frontend.symbol_json import Entry, RawGraph, RawNode
from symc.ops.refused import is_supported
from symc.ops.registry import REGISTRY

LOSSES = ("MakeLoss", "make_loss", "_sparse_make_loss")     # heads that are nothing but a loss
LABEL = "label"                                             # variables of this name, or ending in _label


def inference_heads(raw: RawGraph, outputs: Sequence[str] = (), file: str = "symbol",
                    given: Collection[str] = ()) -> tuple[RawGraph, dict[str, str]]:
    """`raw` with the heads named `outputs`, or else without those that are there for training alone; why the latter
    are, by name.  See `choose_heads` and `training_heads`."""
    if outputs:
        return choose_heads(raw, outputs, file), {}
    dropped = training_heads(raw, given)
    if not dropped:
        return raw, {}
    kept = tuple(head for position, head in enumerate(raw.heads) if position not in dropped)
    return replace(raw, heads=kept), {entry_name(raw, raw.heads[position]): why for position, why in dropped.items()}


def training_heads(raw: RawGraph, given: Collection[str] = ()) -> dict[int, str]:
    """Positions of the heads that inference can do without, and why: losses, and what depends on labels; none where no
    other head would be left.

    given: names of inputs that are there, labels among them perhaps, whose heads then stay.
    """
    if len(raw.heads) == 1:
        return {}
    labels = _labels(raw)
    left_out = {position: why for position, head in enumerate(raw.heads)
                if (why := _why_left_out(raw, head, labels, given))}
    return left_out if len(left_out) < len(raw.heads) else {}


def _why_left_out(raw: RawGraph, head: Entry, labels: Collection[str], given: Collection[str]) -> str:
    """Empty: the head is for inference too."""
    read = sorted(_variables(raw, [head]) & set(labels))
    if lacking := [name for name in read if name not in given]:
        return f"reads {', '.join(lacking)}"
    return "a loss" if _is_loss(raw.nodes[head.node]) and not read else ""


def needed_in_inference(raw: RawGraph, heads: Collection[Entry]) -> set[int]:
    """Positions of the nodes that the heads need outside training, where losses do not read their labels."""
    needed: set[int] = set()
    stack = [entry.node for entry in heads]
    while stack:
        position = stack.pop()
        if position not in needed:
            needed.add(position)
            inputs = raw.nodes[position].inputs
            stack += [entry.node for entry in (inputs[:1] if reads_labels(raw.nodes[position]) else inputs)]
    return needed


def reads_labels(node: RawNode) -> bool:
    """Whether the inputs behind the first are there for training alone."""
    if node.is_variable or not is_supported(node.op):
        return False
    block = REGISTRY[node.op]
    return block.is_loss is True and block.inference is not None


def _labels(raw: RawGraph) -> set[str]:
    """Variables called labels, and those that losses compare with; not what they make their predictions of, as the
    image is that an autoencoder compares with its own."""
    losses = [node for node in raw.nodes if reads_labels(node)]
    compared = {raw.nodes[entry.node].name for node in losses for entry in node.inputs[1:]
                if raw.nodes[entry.node].is_variable}
    return compared - _variables(raw, [node.inputs[0] for node in losses]) | {
        node.name for node in raw.nodes if node.is_variable and (node.name == LABEL or node.name.endswith(f"_{LABEL}"))}


def _variables(raw: RawGraph, heads: Collection[Entry]) -> set[str]:
    """Names of the variables that the heads need in inference."""
    return {raw.nodes[i].name for i in needed_in_inference(raw, heads) if raw.nodes[i].is_variable}


def _is_loss(node: RawNode) -> bool:
    """Whether a head is a loss that gradients start from; with grad_scale=0 it only shows what it is given."""
    op = known_operator(node.op, node.attrs) if node.op in LOSSES else None
    return op is not None and getattr(op, "grad_scale", 1) != 0
