"""The passes in their order: the one list to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symc.errors import InferenceError, raise_collected
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, PartialShape
from symc.ops.inference import Types, infer, unresolved, with_types
from symc.ops.operator import operation
from symc.ops.slots import show
from symc.passes.base import Pass
from symc.passes.block_attention import BlockAttention
from symc.passes.common_subexpressions import MergeCommonSubexpressions
from symc.passes.custom_requests import TellCustomRequests
from symc.passes.delay_views import DelayViews
from symc.passes.expand_gradients import ExpandGradients
from symc.passes.fold_batch_norm import FoldBatchNorm
from symc.passes.fold_constants import FoldConstants
from symc.passes.fold_padding import FoldPadding
from symc.passes.fold_transposes import FoldTransposes
from symc.passes.fuse import Fuse
from symc.passes.gradient import Differentiate
from symc.passes.hoist_invariants import HoistInvariants
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.layout import AssignLayouts, PackRule
from symc.passes.legalize import Legalize
from symc.passes.lower_control_flow import LowerControlFlow
from symc.passes.materialize import Materialize
from symc.passes.narrow_factors import NarrowFactors
from symc.passes.narrow_storage import NarrowStorage
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pack_constants import PackConstants
from symc.passes.pair_columns import PairColumns
from symc.passes.place_parts import PlaceParts
from symc.passes.pool_first import PoolFirst
from symc.passes.postpone_sums import PostponeSums
from symc.passes.prune_bodies import PruneBodies
from symc.passes.round_weights import RoundWeights
from symc.passes.seed_random import NumberRandom, SeedRandom
from symc.passes.simplify import Simplify
from symc.passes.use_gate_products import UseGateProducts
from symc.passes.use_tensor_floats import UseTensorFloats
from symc.passes.winograd import UseWinograd


def inference_pipeline() -> list[Pass]:
    """From a typed graph to the one that inference runs."""
    return [
        NumberRandom(),
        LowerControlFlow(),
        ExpandGradients(training=False),
        OverwriteInputs(),
        UseInferenceForms(),
        SeedRandom(),
        FoldBatchNorm(),
        FoldPadding(),
        Legalize(),
        Simplify(),
        PoolFirst(),
        FoldConstants(leave_scaled_weights=True),
        MergeCommonSubexpressions(),
    ]


def rows_pipeline() -> list[Pass]:
    """From a typed graph to the operators whose rules say which rows of a batch they read (`batch_rows`)."""
    return [NumberRandom(), LowerControlFlow(), ExpandGradients(training=False), UseInferenceForms(), Legalize()]


def export_pipeline(is_kept: Callable[[Node], bool]) -> list[Pass]:
    """From a typed graph to the one that inference runs, for other compilers: nothing is folded that they fold.

    is_kept: the nodes that the other compiler knows as they are.
    """
    return [
        NumberRandom(),
        LowerControlFlow(),
        ExpandGradients(training=False),
        UseInferenceForms(),
        SeedRandom(),
        Legalize(is_kept=is_kept),
        Simplify(),
        FoldConstants(),
        MergeCommonSubexpressions(),
    ]


def training_pipeline(requests: Mapping[str, str]) -> list[Pass]:
    """From a typed graph to the one that runs forward and backward.  requests: see `Differentiate`."""
    return [
        NumberRandom(),
        LowerControlFlow(),
        ExpandGradients(training=True),
        OverwriteInputs(),
        SeedRandom(),
        Legalize(keep_differentiable=True),
        Differentiate(tuple(requests.items())),
        Legalize(),
        PostponeSums(),
        Simplify(),
        FoldConstants(),
        MergeCommonSubexpressions(),
    ]


def frozen_pipeline(requests: Mapping[str, str]) -> list[Pass]:
    """From a typed graph to the gradients of what inference computes: backward after forward(is_train=False)."""
    return [NumberRandom(), LowerControlFlow(), ExpandGradients(training=False), UseInferenceForms(keep_losses=True),
            *training_pipeline(requests)]


def grid_pipeline(parameters: frozenset[str], precision: str = "fp32") -> list[Pass]:
    """From any of the above to groups for GPUs, which take all arrays as they are.

    parameters: as below.  precision: of factors, 'tf32'; of these and what lies between groups, 'fp16' and 'bf16'.
    """
    narrow = {"fp16": DType.float16, "bf16": DType.bfloat16}.get(precision)
    return [
        TellCustomRequests(),
        FoldTransposes(),
        *([NarrowFactors(parameters, narrow, by_pairs=False)] if narrow else []),
        DelayViews(),
        HoistInvariants(),
        PruneBodies(),
        *([RoundWeights()] if narrow else []),
        Materialize(),
        PackConstants(),
        PlaceParts(parameters),
        Fuse(parameters),
        *([NarrowStorage(parameters, narrow)] if narrow else []),
        *([UseTensorFloats()] if precision == "tf32" else []),
    ]


def lowering_pipeline(pack: PackRule, parameters: frozenset[str], is_narrow: bool = False,
                      fast_math: bool = False) -> list[Pass]:
    """From any of the above to groups for CPUs.

    pack: see `AssignLayouts`.  parameters: names of the variables whose consequences the entry `prepare` computes.
    is_narrow: whether weights and what lies between groups are bfloat16; such products have no form of Winograd's.
    fast_math: see `UseWinograd`.
    """
    return [
        TellCustomRequests(),
        FoldTransposes(),
        *([PairColumns(parameters), NarrowFactors(parameters)] if is_narrow else []),
        DelayViews(),
        BlockAttention(),
        HoistInvariants(),
        PruneBodies(),
        *([RoundWeights()] if is_narrow else []),
        Materialize(),
        UseGateProducts(parameters),
        AssignLayouts(pack, parameters),
        *([] if is_narrow else [UseWinograd(parameters, fast_math)]),
        HoistInvariants(),
        PruneBodies(),
        PackConstants(),
        PlaceParts(parameters),
        Fuse(parameters),
        *([NarrowStorage(parameters)] if is_narrow else []),
    ]


def typed(graph: Graph, shapes: Mapping[str, PartialShape | None] | None = None,
          dtypes: Mapping[str, DType] | None = None) -> Graph:
    """A graph as it was read, with every type known.

    shapes, dtypes: of variables by name, as far as they do not follow; dtypes that follow from nothing are float32.
    InferenceError lists contradictions, or the variables whose shape does not follow.
    """
    types = inferred(graph, shapes, dtypes)
    raise_collected(InferenceError, "shape inference",
                    [f"the shape of '{node.name}' is {show(types[Value(node)].shape)}"
                     for node in unresolved(graph, types)],
                    "give the shapes of the inputs, such as data=(1, 3, 224, 224)")
    raise_collected(InferenceError, "shape inference",
                    [f"node '{node.name}' ({operation(node).name}): the shape of its output does not follow from its "
                     "inputs" for node in graph.nodes if _stays_open(node, types)])
    return with_types(graph, types)


def _stays_open(node: Node, types: Types) -> bool:
    """Whether all is known of the inputs of a node and yet not the shapes of its outputs, which do not depend on data.
    """
    if node.op is None or operation(node).shape_inputs or not all(types[value].known for value in node.inputs):
        return False
    return not all(types[value].known for value in node.outputs)


def inferred(graph: Graph, shapes: Mapping[str, PartialShape | None] | None = None,
             dtypes: Mapping[str, DType] | None = None) -> Types:
    """All types as far as they follow; dtypes that follow from nothing are float32."""
    types = infer(graph, shapes, dtypes)
    if defaults := {node.name: DType.float32 for node in graph.variables if types[Value(node)].dtype is None}:
        types = infer(graph, shapes, {**defaults, **(dtypes or {})})
    return types
