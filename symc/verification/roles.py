"""What an input is for, as the operators that read it say: from which numbers it is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.operator import operation
from symc.verification.distributions import (
    Boxes,
    Definite,
    Distribution,
    Integers,
    Normal,
    Places,
    Points,
    Sizes,
    Uniform,
)

Rule = Callable[[Node], Distribution]

# Operators behind which numbers are still those of their inputs.
MOVING = frozenset({
    "BlockGrad", "Cast", "Concat", "Flatten", "Reshape", "SliceChannel", "SwapAxis", "_copy", "_split_v2", "amp_cast",
    "broadcast_axis", "broadcast_like", "broadcast_to", "expand_dims", "identity", "repeat", "reshape_like",
    "reverse", "slice", "slice_axis", "slice_like", "squeeze", "stack", "tile", "transpose"})

POSITIVE, WITHIN_ONE = Uniform(0.5, 2.0), Uniform(-0.9, 0.9)
_DOMAINS: dict[Distribution, str] = {
    POSITIVE: "sqrt rsqrt log log2 log10 rcbrt reciprocal gamma gammaln digamma _rdiv_scalar _power_scalar",
    WITHIN_ONE: "arcsin arccos arctanh erfinv log1p",
    Uniform(1.1, 3.0): "arccosh"}
_OF_DOMAIN = {name: distribution for distribution, names in _DOMAINS.items() for name in names.split()}


def _dims(node: Node, position: int) -> tuple[int, ...]:
    return node.inputs[position].type.dims


def _classes(node: Node) -> Distribution:
    """Labels of a loss head: classes, or their probabilities."""
    dims = _dims(node, 0)
    if _dims(node, 1) == dims:
        return Uniform(0, 1)
    return Integers(0, dims[1] if getattr(operation(node), "multi_output", False) else dims[-1])


def _alphabet(node: Node) -> Distribution:
    """Labels of CTC, without the blank."""
    classes = _dims(node, 0)[2]
    return Integers(0, classes - 1) if operation(node).parameters()["blank_label"] == "last" else Integers(1, classes)


def _extent(position: int, default: int = 0) -> Rule:
    """Positions along the operator's axis, or `default` if it has none, of an input."""
    return lambda node: Integers(0, _dims(node, position)[getattr(operation(node), "axis", default) or 0])


def _lengths(node: Node) -> Distribution:
    axis = getattr(operation(node), "axis", 0)
    return Integers(1, _dims(node, 0)[axis] + 1)


def _regions(node: Node) -> Distribution:
    """Regions of images, in the pixels that `spatial_scale` makes elements of the feature map."""
    batch, *_, height, width = _dims(node, 0)
    scale = getattr(operation(node), "spatial_scale", 1.0) or 1.0
    return Boxes((Integers(0, batch),), width / scale, height / scale)


def _image_size(node: Node) -> Distribution:
    *_, height, width = _dims(node, 0)
    stride = getattr(operation(node), "feature_stride", 16)
    return Sizes(height * stride, width * stride)


# (operator, input): from what the values of that input are drawn
RULES: dict[tuple[str, str], Rule] = {
    ("Embedding", "data"): lambda node: Integers(0, operation(node).parameters()["input_dim"]),
    ("_contrib_SparseEmbedding", "data"): lambda node: Integers(0, operation(node).parameters()["input_dim"]),
    ("take", "indices"): _extent(0),
    ("batch_take", "indices"): lambda node: Integers(0, _dims(node, 0)[1]),
    ("pick", "index"): _extent(0, -1),
    ("one_hot", "indices"): lambda node: Integers(0, operation(node).parameters()["depth"]),
    ("gather_nd", "indices"): lambda node: Points(_dims(node, 0)),
    ("scatter_nd", "indices"): lambda node: Points(tuple(operation(node).parameters()["shape"])),
    ("_contrib_index_copy", "index_vector"): lambda node: Places(_dims(node, 0)[0]),
    ("where", "condition"): lambda node: Integers(0, 2),
    ("SequenceLast", "sequence_length"): _lengths,
    ("SequenceMask", "sequence_length"): _lengths,
    ("SequenceReverse", "sequence_length"): _lengths,
    ("RNN", "sequence_length"): _lengths,
    ("RNN", "parameters"): lambda node: Normal(0.1),
    ("softmax", "length"): lambda node: Integers(1, _dims(node, 0)[getattr(operation(node), "axis", -1)] + 1),
    ("SoftmaxOutput", "label"): _classes,
    ("SVMOutput", "label"): _classes,
    ("softmax_cross_entropy", "label"): _classes,
    ("LogisticRegressionOutput", "label"): lambda node: Integers(0, 2),
    ("CTCLoss", "label"): _alphabet,
    ("CTCLoss", "data_lengths"): lambda node: Integers(_dims(node, 0)[0], _dims(node, 0)[0] + 1),
    ("CTCLoss", "label_lengths"): lambda node: Integers(1, _dims(node, 1)[1] + 1),
    ("ROIPooling", "rois"): _regions,
    ("_contrib_ROIAlign", "rois"): _regions,
    ("_contrib_PSROIPooling", "rois"): _regions,
    ("_contrib_DeformablePSROIPooling", "rois"): _regions,
    ("_contrib_Proposal", "cls_prob"): lambda node: Uniform(0, 1),
    ("_contrib_MultiProposal", "cls_prob"): lambda node: Uniform(0, 1),
    ("_contrib_Proposal", "im_info"): _image_size,
    ("_contrib_MultiProposal", "im_info"): _image_size,
    ("_contrib_MultiBoxTarget", "label"): lambda node: Boxes((Integers(0, 3),)),
    ("_contrib_MultiBoxTarget", "anchor"): lambda node: Boxes(()),
    ("_contrib_MultiBoxDetection", "cls_prob"): lambda node: Uniform(0, 1),
    ("_contrib_MultiBoxDetection", "anchor"): lambda node: Boxes(()),
    ("_contrib_box_nms", "data"): lambda node: _scored_boxes(node),
    ("_linalg_potrf", "A"): lambda node: Definite(),
    ("_linalg_potri", "A"): lambda node: Definite(triangle=True),
    ("_linalg_trsm", "A"): lambda node: Definite(triangle=True),
    ("_linalg_sumlogdiag", "A"): lambda node: Definite(triangle=True),
    ("broadcast_power", "lhs"): lambda node: POSITIVE,
    ("_power", "lhs"): lambda node: POSITIVE,
    ("_contrib_hawkesll", "lda"): lambda node: POSITIVE,
    ("_contrib_hawkesll", "alpha"): lambda node: Uniform(0.1, 0.5),
    ("_contrib_hawkesll", "beta"): lambda node: POSITIVE,
    ("_contrib_hawkesll", "state"): lambda node: POSITIVE,
    ("_contrib_hawkesll", "lags"): lambda node: POSITIVE,
    ("_contrib_hawkesll", "marks"): lambda node: Integers(0, _dims(node, 0)[1]),
    ("_contrib_hawkesll", "valid_length"): lambda node: Integers(1, _dims(node, 4)[1] + 1),
    ("_contrib_hawkesll", "max_time"): lambda node: Uniform(50, 100),
}

# Parameters of layers, where none are given.
_PARAMETERS: dict[str, Distribution] = {
    "gamma": Uniform(0.5, 1.5), "moving_var": Uniform(0.5, 1.5), "moving_mean": Normal(0.1), "bias": Normal(0.1),
    "beta": Normal(0.1), "var": Uniform(0.5, 1.5), "n": Uniform(0.5, 1.5)}


def _scored_boxes(node: Node) -> Distribution:
    """Rows with their score and corners where the operator looks for them, if these are the usual places."""
    parameters = operation(node).parameters()
    if (parameters["coord_start"], parameters["score_index"]) != (2, 1):
        return Uniform(0, 1)
    return Boxes((Integers(0, 3), Uniform(0, 1)))


def distribution_of(graph: Graph, variable: Node, dtype: DType) -> Distribution:
    """From what the values of a variable are drawn: as the first operator that has a rule for it says, else by dtype.

    Operators that only move numbers are looked through, and so are the bodies of loops and branches.
    """
    for use in _uses(graph, variable):
        if (found := _rule_of(use)) is not None:
            return found
    return _by_dtype(dtype)


@dataclass(frozen=True, slots=True)
class _Use:
    """Input `slot` of a node."""

    node: Node
    slot: str
    position: int


def _uses(graph: Graph, variable: Node) -> Iterator[_Use]:
    """The inputs of nodes that see the values of the variable, near ones first."""
    waiting: list[tuple[Graph, Value]] = [(graph, Value(variable))]
    for inside, value in waiting:       # grows on the way
        for node in dict.fromkeys(inside.readers.get(value, ())):
            op = operation(node)
            for position in [i for i, read in enumerate(node.inputs) if read == value]:
                if not op.subgraphs:
                    yield _Use(node, op.input_names()[position], position)
                waiting += [(body, Value(inner)) for body, names in zip(op.subgraphs, op.names_in_bodies(), strict=True)
                            for inner in body.variables if inner.name == names[position]]
            if op.name in MOVING:
                waiting += [(inside, output) for output in node.outputs]


def _rule_of(use: _Use) -> Distribution | None:
    op = operation(use.node)
    rule = RULES.get((op.name, use.slot))
    if rule is not None:
        return rule(use.node) if all(value.type.known for value in use.node.inputs) else None
    if use.slot == "weight" and op.contraction is not None and use.node.inputs[use.position].type.known:
        return Normal(math.sqrt(2 / max(1, math.prod(use.node.inputs[use.position].type.dims[1:]))))
    if use.position > 0 and use.slot in _PARAMETERS:
        return _PARAMETERS[use.slot]
    return _OF_DOMAIN.get(op.name)


def _by_dtype(dtype: DType) -> Distribution:
    match dtype:
        case DType.uint8:
            return Integers(0, 256)
        case DType.bool:
            return Integers(0, 2)
        case DType.int8 | DType.int32 | DType.int64:
            return Integers(0, 8)
    return Normal()
