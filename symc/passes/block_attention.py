"""Attention becomes one operator: product, elementwise operators, softmax, product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, merge_sources, variable
from symc.ir.types import DType, Shape, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.elementwise import Elementwise
from symc.ops.families.blocked_attention import COLUMNS, KEYS, QUERY, ROWS, SCORES, SUMMED, BlockedAttention
from symc.ops.families.matrix import BatchDot
from symc.ops.families.softmax import Softmax
from symc.ops.families.strided_product import STILL, StridedProduct
from symc.ops.operator import is_view
from symc.ops.record import Record, record
from symc.passes.base import Pass, rewrite, take_over
from symc.passes.delay_views import broadcast_in
from symc.passes.fold_transposes import Operand, as_it_lies, as_strided, letters, wide

MOST_NODES = 24         # between the two products
FEWEST_ROWS = 16        # queries of a head: they fill the lanes of vectors
FEWEST_KEYS = 16
PRODUCTS = ("elemwise_mul", "broadcast_mul")
REPEATING = ("broadcast_axis", "broadcast_to", "broadcast_like")
MOST_AXES = 10          # that number the heads, with letters of their own
OF_MIXTURE = str.maketrans({"k": KEYS, "n": COLUMNS})    # the axes of the second product
LARGEST_DEPTH = 256     # of queries and of values, that stay in the caches beside the scores


@record
class BlockAttention(Pass):
    """Attention is computed block by block of its queries, so that scores never lie in memory as a whole.

    Before: a typed graph of inference, transposes folded into products of stacked matrices; only what is shown reads
    the scores and their softmax, which runs along the last axis.
        %p = batch_dot(%q, %k) transpose_b=True            with %q: f32[8,128,64], %k: f32[8,128,64], %m: f32[1,1,128]
        %s = _mul_scalar(%p) scalar=0.125
        %t = broadcast_add(%s, %m)
        %w = softmax(%t)
        %y = batch_dot(%w, %v)
    After: transposes of the keys vanish, for they are read in any order.
        %y = _blocked_attention(%q, %k, %v, %m) axes=amnkv extents=(8,128,128,64,64) query=amk key=ank value=anv ...
            { %v1 = _mul_scalar(%scores) scalar=0.125    %v2 = broadcast_add(%v1, %in3)    heads %v2 }

    Heads of few queries, whose vectors would be mostly empty, few keys or large depth stay as they are, and so do those
    whose values have columns that do not lie side by side.
    """

    name = "block-attention"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        roots = frozenset(graph.roots)
        originals = iter(graph.nodes)
        now: dict[Value, Value] = {}

        def visit(node: Node) -> Sequence[Value] | None:
            original = next(originals)
            found = _matched(graph, roots, original)
            made = None if found is None else _joined(found, node, now)
            now.update(zip(original.outputs, node.outputs if made is None else made, strict=True))
            return made
        return rewrite(graph, visit)


@record
class _Found(Record):
    """scores: the product; between: views and elementwise nodes behind it, in order; softmax; mask: what multiplies
    that, and with what; mixture: the product behind."""

    scores: Node
    between: tuple[Node, ...]
    softmax: Node
    mask: tuple[Node, Value] | None
    mixture: Node

    @property
    def nodes(self) -> tuple[Node, ...]:
        masked = () if self.mask is None else (self.mask[0],)
        return (self.scores, *self.between, self.softmax, *masked, self.mixture)


# What is attention


def _matched(graph: Graph, roots: frozenset[Value], mixture: Node) -> _Found | None:
    """The attention that ends in `mixture`."""
    if not _is_product(mixture):
        return None
    softmax, mask = _softmax_of(graph, roots, mixture.inputs[0])
    if softmax is None or softmax.inputs[0].type.dims[-2:] != _ends_of(mixture):
        return None
    region = _region(graph, softmax)
    scores = next((node for node in reversed(region) if _is_product(node)), None)
    if scores is None:
        return None
    between = _behind(scores, region)
    inside = {scores, *between, softmax}
    values = [value for node in (scores, *between) for value in node.outputs]
    if any(value in roots or not inside.issuperset(graph.readers.get(value, ())) for value in values):
        return None
    return _Found(scores, tuple(between), softmax, mask, mixture)


def _softmax_of(graph: Graph, roots: frozenset[Value], weights: Value) -> tuple[Node | None, tuple[Node, Value] | None]:
    """The softmax that `weights` are, and what multiplies it, with what."""
    found = _without_views(graph, roots, weights)
    if found is None or _is_softmax(found.node):
        return None if found is None else found.node, None
    if found.node.op is None or found.node.op.name not in PRODUCTS or found.type.dtype is not DType.float32:
        return None, None
    for value, other in (found.node.inputs, found.node.inputs[::-1]):
        inner = _without_views(graph, roots, value)
        if inner is not None and _is_softmax(inner.node) and value.type.dims == found.type.dims:
            return inner.node, (found.node, other)
    return None, None


def _is_product(node: Node) -> bool:
    return isinstance(node.op, (BatchDot, StridedProduct)) and node.types[0].dtype is DType.float32


def _is_softmax(node: Node) -> bool:
    """Whether it is one of whole rows, in float32."""
    op = node.op
    return (isinstance(op, Softmax) and not op.use_length and (op.temperature is None or op.temperature > 0)
            and op.axis in (-1, len(node.types[0].dims) - 1)
            and {node.types[0].dtype, node.inputs[0].type.dtype} == {DType.float32})


def _ends_of(mixture: Node) -> Shape:
    """Rows and columns of the matrices that are the first operand, as it is read; () if it is read otherwise."""
    op, shape = mixture.op, mixture.inputs[0].type.dims
    if isinstance(op, BatchDot):
        return () if op.transpose_a else shape[-2:]
    assert isinstance(op, StridedProduct)
    return shape[-2:] if op.left.endswith("mk") else ()


def _without_views(graph: Graph, roots: frozenset[Value], value: Value) -> Value | None:
    """What lies under views, if it is read here alone."""
    while True:
        if value in roots or len(graph.readers[value]) > 1:
            return None
        if not is_view(value.node):
            return value
        value = value.node.inputs[0]


def _region(graph: Graph, softmax: Node) -> list[Node]:
    """What computes the input of a softmax: products, and views and elementwise nodes of as many elements in front of
    it; those that are read come first.  Not more than a few."""
    count = _elements(softmax.types[0])
    found: dict[Node, None] = {}
    pending = [softmax.inputs[0]]
    while pending and len(found) <= MOST_NODES:
        value = pending.pop()
        node = value.node
        if node in found or node.op is None or _elements(value.type) != count:
            continue
        is_inner = is_view(node) or isinstance(node.op, Elementwise) and node.types == (node.types[0],) and all(
            operand.type.dtype is DType.float32 for operand in (*node.inputs, value))
        if is_inner or _is_product(node):
            found[node] = None
            pending += node.inputs if is_inner else ()
    return _in_order(found, graph)


def _in_order(nodes: Mapping[Node, None], graph: Graph) -> list[Node]:
    """Topologically."""
    done: dict[Node, None] = {}
    for first in nodes:
        stack = [first]
        while stack:
            open_inputs = [v.node for v in stack[-1].inputs if v.node in nodes and v.node not in done]
            if open_inputs:
                stack.append(open_inputs[0])
            else:
                done[stack.pop()] = None
    return list(done)


def _elements(type: TensorType) -> int:
    count = 1
    for extent in type.dims:
        count *= extent
    return count


def _behind(scores: Node, region: Sequence[Node]) -> list[Node]:
    """The nodes of the region that depend on the product."""
    reached = {scores}
    for node in region:
        if node is not scores and not _is_product(node) and any(value.node in reached for value in node.inputs):
            reached.add(node)
    return [node for node in region if node in reached and node is not scores]


# The operator in its place


def _joined(found: _Found, mixture: Node, now: Mapping[Value, Value]) -> Sequence[Value] | None:
    """The outputs of the mixture; None where blocks would not pay or cannot be.  now: values as rewritten by now."""
    g = GraphBuilder(mixture.name, merge_sources(*found.nodes))
    leads = [_lead(found.mixture), _lead(found.scores)]
    lead = next((lead for lead in leads if lead is not None), wide(found.scores.types[0].dims[:-2]))
    first, second = (_strided(g, node, lead, now) for node in (found.scores, found.mixture))
    if not _fit(first, second, lead):
        return None
    pointwise = _pointwise(g, found, (*lead, *_extents(first, "mn")), now)
    op, operands = _operator(found, first, second, lead)
    if pointwise is None or not op.value.endswith(COLUMNS):
        return None
    graph, others = pointwise
    made = g.node(replace(op, others=len(others), graphs=(graph, *op.graphs)), (*operands, *others))
    return take_over(mixture, (g.reshape(Value(made), mixture.types[0].dims),), g)


def _lead(product: Node) -> Shape | None:
    """The dimensions by which the heads are numbered, if the product says so."""
    op = product.op
    return op.extents[:-3] if isinstance(op, StridedProduct) else None


def _strided(g: GraphBuilder, product: Node, lead: Shape, now: Mapping[Value, Value]) -> Node:
    """The product as a `_strided_product`."""
    inputs = tuple(now[value] for value in product.inputs)
    if isinstance(product.op, StridedProduct):
        return replace(product, inputs=inputs)
    return as_strided(g, product, inputs, lead).node


def _extents(product: Node, axes: str) -> Shape:
    op = product.op
    assert isinstance(op, StridedProduct)
    return tuple(op.sizes[axis] for axis in axes)


def _fit(scores: Node, mixture: Node, lead: Shape) -> bool:
    """Whether the products are of the same heads, the scores in order, and worth the while."""
    one, other = scores.op, mixture.op
    assert isinstance(one, StridedProduct) and isinstance(other, StridedProduct)
    stacks, (rows, keys, depth) = letters(lead), _extents(scores, "mnk")
    in_order = one.result == stacks + "mn" and other.left.replace(STILL, "") == stacks + "mk"
    fitting = one.extents[:-3] == other.extents[:-3] == lead and _extents(mixture, "mk") == (rows, keys)
    return (in_order and fitting and not any(other.left_begin) and other.result.endswith("n") and len(lead) <= MOST_AXES
            and rows >= FEWEST_ROWS and keys >= FEWEST_KEYS and max(depth, *_extents(mixture, "n")) <= LARGEST_DEPTH)


def _operator(found: _Found, scores: Node, mixture: Node, lead: Shape) -> tuple[BlockedAttention, list[Value]]:
    """The operator without the graph of its scores, and query, key and value."""
    one, other = scores.op, mixture.op
    assert isinstance(one, StridedProduct) and isinstance(other, StridedProduct)
    assert isinstance(found.softmax.op, Softmax)
    query, of_query = _query(scores.inputs[0], one)
    key = as_it_lies(Operand(scores.inputs[1], one.right, one.right_begin))
    op = BlockedAttention(
        axes=letters(lead) + ROWS + KEYS + SUMMED + COLUMNS,
        extents=(*lead, *_extents(scores, "mnk"), *_extents(mixture, "n")), query=query.names, key=key.names,
        value=other.right.translate(OF_MIXTURE), result=other.result.translate(OF_MIXTURE), query_begin=query.begin,
        key_begin=key.begin, value_begin=other.right_begin, temperature=found.softmax.op.divisor,
        graphs=(of_query,))
    return op, [query.value, key.value, mixture.inputs[1]]


def _query(value: Value, product: StridedProduct) -> tuple[Operand, Graph]:
    """Queries where they lie, and what makes of these what the product reads: elementwise operators of one operand."""
    passed = []
    while isinstance(value.node.op, Elementwise) and len(value.node.inputs) == len(value.node.types) == 1 and (
            value.node.inputs[0].type == value.type):
        passed.append(value.node)
        value = value.node.inputs[0]
    query = as_it_lies(Operand(value, product.left, product.left_begin))
    made = Value(variable(QUERY, query.value.type, sources=value.node.sources))
    for number, node in enumerate(reversed(passed)):
        made = Value(Node(f"v{number}", node.op, (made,), (query.value.type,), sources=node.sources))
    return query, Graph((made,))


def _pointwise(g: GraphBuilder, found: _Found, shape: Shape,
               now: Mapping[Value, Value]) -> tuple[Graph, list[Value]] | None:
    """What is between product and softmax, as a graph over scores of this shape, and what it reads from outside."""
    type, others = TensorType(shape, DType.float32), dict[tuple[Value, Shape], Value]()
    inner = {Value(found.scores): Value(variable(SCORES, type, sources=found.scores.sources))}
    for number, node in enumerate(found.between):
        if is_view(node):
            inner[Value(node)] = inner[node.inputs[0]]
            continue
        operands = []
        for value in node.inputs:
            operand = inner.get(value) or _entered(value, node.types[0].dims, shape, others)
            if operand is None:
                return None
            operands.append(operand)
        inner[Value(node)] = Value(Node(f"v{number}", node.op, tuple(operands), (type,), sources=node.sources))
    heads = [inner[found.softmax.inputs[0]]]
    if found.mask is not None:
        node, value = found.mask
        factor = _entered(value, node.types[0].dims, shape, others)
        if factor is None:
            return None
        heads.append(factor)
    return Graph(tuple(heads)), [g.reshape(now[value], dims) for value, dims in others]


def _entered(value: Value, out: Shape, shape: Shape, others: dict[tuple[Value, Shape], Value]) -> Value | None:
    """An operand of a result of shape `out`, as it is for one of `shape`: a single number, or a variable that is noted
    in `others`; None if it cannot be."""
    constant = value.node.value
    if constant is not None and constant.size == 1:
        return value
    dims = broadcast_in(value.type.dims, out, shape)
    if dims is None or value.type.dtype is not DType.float32:
        return None
    value, dims = _unrepeated(value, dims)
    name = f"in{3 + len(others)}"
    return others.setdefault((value, dims), Value(variable(name, replace(value.type, shape=dims),
                                                                 sources=value.node.sources)))


def _unrepeated(value: Value, dims: Shape) -> tuple[Value, Shape]:
    """What a value is repeated from, and its shape, if that has as many dimensions."""
    base = value
    while is_view(base.node):
        base = base.node.inputs[0]
    if base.node.op is None or base.node.op.name not in REPEATING or base.type.dims != dims:
        return value, dims
    source = base.node.inputs[0]
    return (source, source.type.dims) if len(source.type.dims) == len(dims) else (value, dims)
