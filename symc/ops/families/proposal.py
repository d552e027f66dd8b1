"""Region proposals: _contrib_Proposal, _contrib_MultiProposal."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.families.anchors import proposal_anchors
from symc.ops.families.boxes import Box, larger, smaller
from symc.ops.families.sorting import first_places
from symc.ops.families.suppression import Compact, Suppression, TakeRows, numbered
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Floats
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots


@operator("_proposal_boxes", hidden=True)
class ProposalBoxes(Operator):
    """Rows (N, H·W·A, 5) of corners and score: anchors (H·W·A, 4) moved by bbox_pred (N, 4·A, H, W), clipped to images
    of im_info (N, 3) = (height, width, scale); scores from the second half of cls_prob (N, 2·A, H, W).

    Boxes whose pixel of the feature map (of `stride`) lies outside of the image have the score -1.  So have those
    smaller than `min_size` times the scale, which become larger by that.
    """

    stride: int
    min_size: int
    iou_loss: bool
    inputs = ("cls_prob", "bbox_pred", "im_info", "anchors")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.cls_prob.rank is not None and s.anchors.rank is not None:
            s.output.unify((s.cls_prob[0], s.anchors[0], 5))

    def moved(self, F: Any, anchor: Box, by: Box) -> list[Any]:
        """The corners of a box; iou_loss: `by` is what its corners are moved by."""
        if self.iou_loss:
            return [anchor[c] + by[c] for c in range(4)]
        low, high = [], []
        for axis in (0, 1):
            extent = anchor[axis + 2] - anchor[axis] + 1
            middle = by[axis] * extent + (anchor[axis] + (extent - 1) * 0.5)
            half = (F.exp(by[axis + 2]) * extent - 1) * 0.5
            low.append(middle - half)
            high.append(middle + half)
        return low + high

    def row(self, F: Any, anchor: Box, by: Box, score: Any, image: Any, place: tuple[Any, Any]) -> list[Any]:
        """The five numbers of a box of an `image` (height, width, scale) at the `place` (y, x) of the feature map."""
        bounds = (image[1] - 1, image[0] - 1)
        box = [larger(F, smaller(F, x, bounds[c % 2]), 0) for c, x in enumerate(self.moved(F, anchor, by))]
        height, width = (F.trunc(image[axis] / self.stride) for axis in (0, 1))
        least = image[2] * self.min_size
        narrow, low = (box[axis + 2] - box[axis] + 1 < least for axis in (0, 1))
        small = F.logical_or(narrow, low)
        outside = F.logical_or(place[0] >= height, place[1] >= width)
        margin = F.where(small, least * 0.5, 0)
        corners = [box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin]
        return [*corners, F.where(F.logical_or(small, outside), -1, score)]

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (cls_prob, bbox_pred, im_info, anchors), (rows,) = inputs, outputs
        images, _, height, width = cls_prob.shape
        count = bbox_pred.shape[1] // 4
        with k.jobs(images * height * width) as job:
            n, y, x = job // (height * width), job // width % height, job % width
            image, place = [im_info[n, c] for c in range(3)], tuple(k.value(at, rows.dtype) for at in (y, x))
            with k.loop(count) as a:
                m = (y * width + x) * count + a
                anchor, by = [anchors[m, c] for c in range(4)], [bbox_pred[n, a * 4 + c, y, x] for c in range(4)]
                row = self.row(k.F, anchor, by, cls_prob[n, count + a, y, x], image, place)
                for c, number in enumerate(row):
                    k.store(rows, (n, m, c), number)

    def reference(self, cls_prob: np.ndarray, bbox_pred: np.ndarray, im_info: np.ndarray,
                  anchors: np.ndarray) -> np.ndarray:
        images, _, height, width = cls_prob.shape
        count = bbox_pred.shape[1] // 4
        by = bbox_pred.reshape(images, count, 4, height, width).transpose(2, 0, 3, 4, 1).reshape(4, images, -1)
        score = cls_prob[:, count:].transpose(0, 2, 3, 1).reshape(images, -1)
        image = im_info.T[:, :, None]
        place = (np.repeat(np.arange(height), width * count), np.tile(np.repeat(np.arange(width), count), height))
        numbers = self.row(NumPyMath, list(anchors.T), by, score, image, place)
        return np.stack(np.broadcast_arrays(*numbers), -1).astype(cls_prob.dtype)


@operator("_proposal_kept", hidden=True)
class ProposalKept(Suppression):
    """Boxes fall whose intersection over union is above `threshold`; their corners are pixels that belong to them."""

    coord_start: int
    id_index: int
    threshold: float

    def overlaps(self, F: Any, first: Box, second: Box) -> Any:
        shared, areas = 1, []
        for axis in (0, 1):
            end, begin = smaller(F, first[axis + 2], second[axis + 2]), larger(F, first[axis], second[axis])
            shared = larger(F, end - begin + 1, 0) * shared
        for box in (first, second):
            areas.append((box[2] - box[0] + 1) * (box[3] - box[1] + 1))
        return shared / (areas[0] + areas[1] - shared) > self.threshold


@record
class Proposals(Operator):
    """Base of the region proposals: the anchors moved by bbox_pred that survive suppression, in order of score."""

    dtypes = REAL

    rpn_pre_nms_top_n: int = 6000
    rpn_post_nms_top_n: int = 300
    threshold: float = 0.7
    rpn_min_size: int = 16
    scales: Floats = (4.0, 8.0, 16.0, 32.0)
    ratios: Floats = (0.5, 1.0, 2.0)
    feature_stride: int = 16
    output_score: bool = False
    iou_loss: bool = False
    inputs = ("cls_prob", "bbox_pred", "im_info")
    outputs = ("output", "score")

    @property
    def visible_count(self) -> int:
        return 2 if self.output_score else 1

    def check(self, images: int) -> None:
        """Conflict when the operator does not take so many images."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not s.cls_prob.known:
            return
        if s.cls_prob.rank != 4 or s.cls_prob[1] != 2 * len(self.ratios) * len(self.scales):
            raise Conflict(f"cls_prob must be (N, 2·A, H, W) with A = {len(self.ratios)} ratios × "
                           f"{len(self.scales)} scales")
        images, classes, *extents = s.cls_prob.dims
        self.check(images)
        s.bbox_pred.unify((images, 2 * classes, *extents))
        s.im_info.unify((images, 3))
        s.output.unify((images * self.rpn_post_nms_top_n, 5))
        s.score.unify((images * self.rpn_post_nms_top_n, 1))

    def anchors(self, height: int, width: int) -> np.ndarray:
        return proposal_anchors(self.feature_stride, self.ratios, self.scales, height, width)

    @property
    def boxes(self) -> ProposalBoxes:
        return ProposalBoxes(self.feature_stride, self.rpn_min_size, self.iou_loss)

    @property
    def kept(self) -> ProposalKept:
        return ProposalKept(0, -1, self.threshold)

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        shape = inputs[0].type.dims
        dtype = inputs[0].type.element
        rows = Value(g.node(self.boxes, (*inputs, g.constant(self.anchors(*shape[2:]), dtype))))
        scores = g.reshape(g.slice_axis(rows, axis=2, begin=4, end=5), rows.type.dims[:2])
        order = first_places(g, scores, self.rpn_pre_nms_top_n or -1)
        ordered = g._take_rows(rows, order)
        kept = Value(g.node(self.kept, (g.transpose(ordered, axes=(0, 2, 1)), g._take_along_rows(scores, order))))
        places = g._compact(numbered(g, kept.type.dims), kept, count=self.rpn_post_nms_top_n, cyclic=True)
        chosen = g.reshape(g._take_rows(ordered, places), (shape[0] * self.rpn_post_nms_top_n, 5))
        images = g.constant(self._images(shape[0]), dtype)
        corners = g.slice_axis(chosen, axis=1, begin=0, end=4)
        return [g.Concat(images, corners, dim=1, num_args=2), g.slice_axis(chosen, axis=1, begin=4, end=5)]

    def _images(self, count: int) -> np.ndarray:
        """The number of the image in front of each proposal."""
        return np.repeat(np.arange(count), self.rpn_post_nms_top_n)[:, None]

    def reference(self, cls_prob: np.ndarray, bbox_pred: np.ndarray,
                  im_info: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images, _, *extents = cls_prob.shape
        anchors = self.anchors(*extents).astype(cls_prob.dtype)
        rows = self.boxes.reference(cls_prob, bbox_pred, im_info, anchors)
        order = np.argsort(-rows[..., 4], 1, kind="stable")
        order = order[:, :self.rpn_pre_nms_top_n] if self.rpn_pre_nms_top_n > 0 else order
        ordered = TakeRows().reference(rows, order)
        kept = self.kept.reference(ordered.transpose(0, 2, 1), ordered[..., 4])
        places = Compact(self.rpn_post_nms_top_n, cyclic=True).reference(
            np.tile(np.arange(kept.shape[1], dtype=np.int32), (images, 1)), kept)
        chosen = TakeRows().reference(ordered, places).reshape(-1, 5)
        return np.hstack([self._images(images), chosen[:, :4]]).astype(chosen.dtype), chosen[:, 4:]

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        return [None] * 3


@operator("_contrib_Proposal")
class Proposal(Proposals):
    """Regions (rpn_post_nms_top_n, 5) of one image: 0 and corners in pixels; where fewer survive, they are repeated.

    score, shown with output_score: theirs.  MXNet: _contrib_Proposal.
    """

    def check(self, images: int) -> None:
        if images != 1:
            raise Conflict(f"there are {images} images, one is allowed: use _contrib_MultiProposal")


@operator("_contrib_MultiProposal")
class MultiProposal(Proposals):
    """Regions (N·rpn_post_nms_top_n, 5) of N images: number of image and corners.  MXNet: _contrib_MultiProposal."""
