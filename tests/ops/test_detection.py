"""Boxes, single-shot detectors, region proposals and pooled regions: MXNet's recorded results, kernels, gradients."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from symc import compiler, cpu
from symc.errors import InferenceError
from symc.ir.graph import Graph
from symc.ops.operator import Operator, make, run_reference
from symc.passes.legalize import Legalize
from symc.runtime.memory import aligned_copy
from symc.runtime.ndarray import NDArray
from tests.derivatives import check_derivative, node_of
from tests.golden import Case, differences, each_case
from tests.inference import shapes

RANDOM = np.random.default_rng(7)
SINGLE = np.float32


@each_case("detection")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def boxes(*shape: int, steps: int = 8) -> np.ndarray:
    """Boxes in corners on a coarse grid, so that overlaps tie, and some have no area."""
    corners = np.sort(RANDOM.integers(0, steps, (*shape, 2, 2)), axis=-2) / steps
    return corners.reshape(*shape, 4).astype(SINGLE)


def rows(*shape: int) -> np.ndarray:
    """Class, score and box, scores with ties."""
    kinds, scores = RANDOM.integers(-1, 3, shape), RANDOM.integers(0, 5, shape) / 5
    return np.concatenate([kinds[..., None], scores[..., None], boxes(*shape)], -1).astype(SINGLE)


def labels(images: int, count: int) -> np.ndarray:
    """Labels, fewer of them in each further image."""
    found = rows(images, count)[..., [0, 2, 3, 4, 5]]
    found[..., 0] = np.abs(found[..., 0])
    for n in range(images):
        found[n, count - n:] = -1
    return found


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(SINGLE)


REGIONS = np.array([[0, 1, 1, 5.5, 6], [1, 4, 4, 1, 1], [1, -2, 0, 3, 9], [0, 2.5, 2.5, 2.5, 2.5]], SINGLE)
TURNED = np.array([[0, 3, 3, 4, 2, 30], [1, 0, 5, 6, 6, -100]], SINGLE)
IMAGES = normal(2, 8, 7, 9)
SMALL = IMAGES[:, :, :4, :5]
DETECTED = (np.abs(normal(2, 3, 20)), normal(2, 80) * SINGLE(0.3), boxes(1, 20))
LABELLED = (boxes(1, 20) + SINGLE([0, 0, 0.1, 0.1]), labels(3, 4), normal(3, 3, 20))
PROPOSED = (np.abs(normal(2, 8, 3, 4)), normal(2, 16, 3, 4) * SINGLE(0.2), SINGLE([[24, 30, 1], [20, 32, 2]]))
PROPOSALS = {"scales": (2.0, 4.0), "ratios": (0.5, 1.0), "feature_stride": 8, "rpn_min_size": 4}

CASES: list[tuple[Operator, tuple[np.ndarray, ...]]] = [
    *((make("_contrib_box_iou", format=format), (boxes(2, 3), boxes(5))) for format in ("corner", "center")),
    (make("_contrib_box_decode", format="corner", clip=0.5), (normal(2, 5, 4), boxes(1, 5))),
    (make("_contrib_box_encode"), (RANDOM.integers(0, 2, (2, 5)).astype(SINGLE), SINGLE([[0, 1, 2, 2, 9]] * 2),
                                   boxes(2, 5) + SINGLE([0, 0, 1, 1]), boxes(2, 3) + SINGLE([0, 0, 1, 1]),
                                   normal(4), np.abs(normal(4)))),
    (make("_contrib_box_nms"), (rows(2, 30),)),
    (make("_contrib_box_nms", topk=7, id_index=0, background_id=0, out_format="center"), (rows(2, 2, 30),)),
    (make("_contrib_box_nms", id_index=0, force_suppress=True, in_format="center", valid_thresh=0.9), (rows(30),)),
    (make("_contrib_box_nms", topk=0), (rows(2, 5),)),
    (make("_contrib_bipartite_matching", threshold=0.1), (np.round(normal(2, 4, 6), 1),)),
    (make("_contrib_bipartite_matching", threshold=0.5, is_ascend=True, topk=1), (normal(5, 3),)),
    (make("_contrib_MultiBoxTarget"), LABELLED),
    (make("_contrib_MultiBoxTarget", overlap_threshold=-1.0, negative_mining_ratio=1.5, ignore_label=-2.0), LABELLED),
    (make("ROIPooling", pooled_size=(3, 2), spatial_scale=1.0), (IMAGES, REGIONS)),
    (make("_contrib_PSROIPooling", output_dim=2, pooled_size=3, group_size=2, spatial_scale=0.5), (IMAGES, REGIONS)),
    (make("_contrib_ROIAlign", pooled_size=(3, 2), spatial_scale=0.5), (IMAGES, REGIONS)),
    (make("_contrib_ROIAlign", pooled_size=(2, 2), spatial_scale=1.0, sample_ratio=2, position_sensitive=True),
     (IMAGES, REGIONS)),
    (make("_contrib_RROIAlign", pooled_size=(2, 3), spatial_scale=1.0), (IMAGES, TURNED)),
    (make("_contrib_DeformablePSROIPooling", output_dim=2, pooled_size=3, group_size=2, sample_per_part=2,
          trans_std=0.1, spatial_scale=1.0), (IMAGES, REGIONS, normal(4, 4, 3, 3))),
]


# They hold constants of several elements, which are groups' inputs.
WHOLE = [
    (make("_contrib_MultiBoxDetection"), DETECTED),
    (make("_contrib_MultiBoxDetection", nms_topk=5, threshold=0.5, force_suppress=True, clip=False), DETECTED),
    (make("_contrib_MultiBoxDetection", nms_threshold=0.0), DETECTED),
    (make("_contrib_MultiProposal", rpn_post_nms_top_n=30, **PROPOSALS), PROPOSED),
    (make("_contrib_MultiProposal", rpn_pre_nms_top_n=9, iou_loss=True, output_score=True, **PROPOSALS), PROPOSED),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_compiled(case: tuple, groups: SimpleNamespace) -> None:
    op, inputs = case
    node = node_of(op, inputs)
    graph = Legalize()(Graph(node.outputs[:op.visible_count]))
    groups.check(graph, [inputs[int(source.name[1:])] for source in graph.variables])


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case[0].name)
def test_compiled_network(case: tuple) -> None:
    op, inputs = case
    arguments = {f"x{i}": NDArray(aligned_copy(x)) for i, x in enumerate(inputs)}
    graph = Graph(node_of(op, inputs).outputs[:op.visible_count])
    outputs = compiler.bind(graph, cpu(), arguments, {}, {}, {}).forward()
    for output, expected in zip(outputs, run_reference(op, inputs), strict=False):
        np.testing.assert_allclose(output.asnumpy(), expected, rtol=1e-4, atol=1e-4)


DIFFERENTIABLE = [
    (make("ROIPooling", pooled_size=(3, 2), spatial_scale=1.0), (SMALL, REGIONS), (0,)),
    (make("_contrib_PSROIPooling", output_dim=2, pooled_size=2, spatial_scale=1.0), (SMALL, REGIONS), (0,)),
    (make("_contrib_ROIAlign", pooled_size=(2, 2), spatial_scale=0.5), (SMALL, REGIONS), (0,)),
    (make("_contrib_ROIAlign", pooled_size=(2, 1), spatial_scale=0.5, sample_ratio=2, position_sensitive=True,
          aligned=True), (SMALL, REGIONS[[0, 2]]), (0,)),
    (make("_contrib_DeformablePSROIPooling", output_dim=2, pooled_size=2, group_size=2, sample_per_part=2,
          trans_std=0.125, spatial_scale=1.0), (SMALL, REGIONS, normal(4, 4, 2, 2)), (0, 2)),
    (make("_contrib_DeformablePSROIPooling", output_dim=2, pooled_size=2, group_size=2, no_trans=True,
          spatial_scale=1.0), (SMALL, REGIONS), (0,)),
]


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case[0].name)
def test_gradient(case: tuple) -> None:
    op, inputs, wanted = case
    check_derivative(op, *(x.astype(np.float64) for x in inputs), wanted=wanted)


GRADIENTS = [
    (make("_backward_roi_pooling", images=2, extents=(7, 9)), (
        normal(4, 8, 2, 2), REGIONS, RANDOM.integers(-1, 63, (4, 8, 2, 2)).astype(np.int32))),
    (make("_backward_psroi_pooling", spatial_scale=1.0, output_dim=2, pooled_size=2, shape=(2, 8, 7, 9)),
     (normal(4, 2, 2, 2), REGIONS)),
    (make("_backward_roi_align", pooled_size=(2, 2), spatial_scale=1.0, shape=(2, 8, 7, 9)),
     (normal(4, 8, 2, 2), REGIONS)),
    *((make(f"_backward_deformable_psroi_{what}", spatial_scale=1.0, output_dim=2, group_size=2, pooled_size=3,
            sample_per_part=2, trans_std=0.1),
       (normal(4, 2, 3, 3), SINGLE(RANDOM.integers(0, 5, (4, 2, 3, 3))), IMAGES, REGIONS, normal(4, 4, 3, 3)))
      for what in ("data", "trans")),
    (make("_put_rows", extent=6), (normal(2, 3, 5), np.array([[0, -1, 5], [3, 1, -1]], np.int32))),
]


@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case[0].name)
def test_compiled_gradient(case: tuple, groups: SimpleNamespace) -> None:
    op, inputs = case
    groups.check(Graph(node_of(op, inputs).outputs), inputs)


def test_gradient_of_suppression_follows_the_boxes() -> None:
    data = np.array([[0, 0.2, 0, 0, 1, 1], [0, 0.9, 0, 0, 1, 1], [0, 0.5, 2, 2, 3, 3]])
    kept = run_reference(make("_contrib_box_nms"), [data])
    assert kept[1].ravel().tolist() == [1, 2, -1]
    dy = np.arange(18, dtype=SINGLE).reshape(1, 3, 6)
    dx = run_reference(make("_put_rows", extent=3), [dy, kept[1].reshape(1, 3)])[0]
    np.testing.assert_array_equal(dx[0], [np.zeros(6), dy[0, 0], dy[0, 1]])


def test_region_of_no_image_gives_zeros() -> None:
    regions = np.array([[-1, 0, 0, 4, 4]], SINGLE)
    op = make("_contrib_ROIAlign", pooled_size=(2, 2), spatial_scale=1.0)
    assert not run_reference(op, [IMAGES, regions])[0].any()


def test_shapes() -> None:
    prior = shapes("_contrib_MultiBoxPrior", [(None, None, 3, 4)], sizes=(1.0, 2.0), ratios=(1.0, 2.0, 3.0))
    assert prior == [(None, None, 3, 4), (1, 48, 4)]
    proposal = shapes("_contrib_Proposal", [(1, 24, 3, 4), None, None])
    assert proposal == [(1, 24, 3, 4), (1, 48, 3, 4), (1, 3), (300, 5), (300, 1)]


@pytest.mark.parametrize(("name", "given", "parameters"), [
    ("_contrib_box_nms", [(2, 6)], {"score_index": 3}), ("_contrib_box_nms", [(2, 6)], {"id_index": 9}),
    ("_contrib_box_iou", [(2, 5), (2, 4)], {}), ("_contrib_Proposal", [(2, 24, 3, 4), None, None], {}),
    ("ROIPooling", [(1, 1, 5, 5), (1, 5)], {"pooled_size": (2,), "spatial_scale": 1.0}),
    ("_contrib_MultiBoxDetection", [(1, 2, 3), None, None], {"variances": (1.0,)}),
])
def test_refused(name: str, given: list, parameters: dict) -> None:
    with pytest.raises(InferenceError):
        shapes(name, given, **parameters)
