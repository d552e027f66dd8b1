"""Single-shot detectors: _contrib_MultiBoxTarget for training, _contrib_MultiBoxDetection for inference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.boxes import Box, boxes_expected, intersection, larger, smaller
from symc.ops.families.indexing import same_type
from symc.ops.families.sorting import first_places
from symc.ops.families.suppression import Suppression, numbered
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Floats
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

VARIANCES = (0.1, 0.1, 0.2, 0.2)
POSITIVE, NEGATIVE, IGNORED = 1, 0, -1
LEAST = 1e-6          # the overlap above which an anchor may be the best one of a label


def safe_overlap(F: Any, a: Box, b: Box, union_above: float | None = None) -> Any:
    """Intersection over union of boxes in corners, 0 where the union is 0 (or not above `union_above`)."""
    shared = intersection(F, a, b)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return F.where(union == 0 if union_above is None else union <= union_above, 0, shared / union)


def check_variances(variances: Floats) -> None:
    if len(variances) != 4:
        raise Conflict(f"variances {variances} must be four numbers")


# ---- targets -------------------------------------------------------------------------------------------------

@operator("_match_anchors", hidden=True)
class MatchAnchors(Operator):
    """The label that each anchor (1, M, 4) stands for, of label (N, L, 5 or more): class and corners in a row.

    First the labels take, one after the other, the pair of label and anchor that overlaps most, then each anchor left
    takes the label that it overlaps most; it is positive if that overlap is above `threshold` (if that is positive).
    Labels end where a class is -1.

    matches: int32 (N, M), -1 in images without labels; best (N, M): the overlaps; states: int32 (N, M), 1 positive, 0
    others, -1 in images without labels.  The other outputs are scratch.
    """

    threshold: float
    inputs = ("anchor", "label")
    outputs = ("matches", "best", "states", "overlaps", "free")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.anchor.known and s.label.known:
            images, labels, anchors = s.label[0], s.label[1], s.anchor[1]
            for slot in (s.matches, s.best, s.states):
                slot.unify((images, anchors))
            s.overlaps.unify((images, anchors, labels))
            s.free.unify((images, labels))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (t.label, t.best, t.overlaps):
            same_type(slot, t.anchor)
        for slot in (t.matches, t.states, t.free):
            slot.unify(DType.int32)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (anchor, label), overlaps = inputs, outputs[3]
        images, anchors, labels = overlaps.shape
        with k.jobs(images * anchors) as job:
            n, m = job // anchors, job % anchors
            box = [anchor[0, m, c] for c in range(4)]
            with k.loop(labels) as i:
                k.store(overlaps, (n, m, i), safe_overlap(k.F, box, [label[n, i, c + 1] for c in range(4)]))
        with k.jobs(images, width=anchors) as n:
            self._match(k, n, label, outputs)

    def _match(self, k: Any, n: Any, label: Any, outputs: list[Any]) -> None:
        matches, best, states, overlaps, free = outputs
        labels, anchors = label.shape[1], matches.shape[1]
        count = k.reduce("min", DType.int32, labels, lambda i: k.select(
            label[n, i, 0] == -1, k.value(i, DType.int32), k.number(labels, DType.int32)))
        count = k.F.where(count < labels, count, labels)    # of no labels the least is no number of them
        with k.each(labels) as i:
            k.store(free, (n, i), 1)
        with k.each(anchors) as m:
            k.store(matches, (n, m), -1)
            k.store(best, (n, m), -1)
            k.store(states, (n, m), k.F.where(count > 0, NEGATIVE, k.number(IGNORED, DType.int32)))
        with k.loop(k.index(count)):
            self._take_best_pair(k, n, k.index(count), outputs)
        with k.each(anchors) as m, k.when(states[n, m] == NEGATIVE):
            self._take_best_label(k, n, m, k.index(count), outputs)

    def _take_best_pair(self, k: Any, n: Any, count: Any, outputs: list[Any]) -> None:
        """Of labels and anchors that are free, match those that overlap most, if they overlap."""
        matches, best, states, overlaps, free = outputs
        least = k.number(LEAST, overlaps.dtype)

        def overlap(m: Any, i: Any) -> Any:
            own = overlaps[n, m, i]
            return k.F.where(k.all(free[n, i] > 0, own > least), own, least)

        def most_of(m: Any) -> Any:
            most = k.reduce("max", overlaps.dtype, count, lambda i: overlap(m, i))
            return k.F.where(states[n, m] == NEGATIVE, most, least)
        m = k.index(k.reduce("argmax", overlaps.dtype, matches.shape[1], most_of))
        i = k.index(k.reduce("argmax", overlaps.dtype, count, lambda i: overlap(m, i)))
        most = overlap(m, i)
        with k.when(k.all(states[n, m] == NEGATIVE, most > least)):
            k.store(matches, (n, m), k.value(i, DType.int32))
            k.store(best, (n, m), most)
            k.store(states, (n, m), POSITIVE)
            k.store(free, (n, i), 0)

    def _take_best_label(self, k: Any, n: Any, m: Any, count: Any, outputs: list[Any]) -> None:
        matches, best, states, overlaps, _ = outputs
        most = k.cell(overlaps.dtype, -1)
        with k.loop(count) as i, k.when(overlaps[n, m, i] > most.get()):
            most.set(overlaps[n, m, i])
            k.store(matches, (n, m), k.value(i, DType.int32))
        k.store(best, (n, m), most.get())
        if self.threshold > 0:
            with k.when(most.get() > self.threshold):
                k.store(states, (n, m), POSITIVE)

    def reference(self, anchor: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, ...]:
        corners = [label[:, None, :, c + 1] for c in range(4)]
        overlaps = safe_overlap(NumPyMath, [anchor[:, :, None, c] for c in range(4)], corners)
        shape, labels = overlaps.shape[:2], label.shape[1]
        matches, best, states = np.full(shape, -1, np.int32), np.full(shape, -1, anchor.dtype), np.full(shape, -1)
        for n in range(len(label)):
            ended = np.flatnonzero(label[n, :, 0] == -1)
            count = ended[0] if len(ended) else labels
            if count:
                matches[n], best[n], states[n] = self._matched(overlaps[n, :, :count])
        return matches, best, states.astype(np.int32), overlaps, np.zeros((len(label), labels), np.int32)

    def _matched(self, overlaps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Matches, their overlaps and states in one image, from the overlaps (M, labels)."""
        matches, best = overlaps.argmax(1), overlaps.max(1)
        states = (best > self.threshold if self.threshold > 0 else np.zeros(len(best), bool)).astype(int)
        left = overlaps.copy()
        for _ in range(overlaps.shape[1]):
            m, i = np.unravel_index(left.argmax(), left.shape)
            if not left[m, i] > LEAST:
                break
            matches[m], best[m], states[m] = i, overlaps[m, i], POSITIVE
            left[m], left[:, i] = -1, -1
        return matches, best, states


@operator("_mining_keys", hidden=True)
class MiningKeys(Operator):
    """The probability of background (class 0 of cls_pred (N, K, M), by softmax) of the anchors that may be negative
    samples: those not positive whose overlap is below `threshold`; NaN for the others."""

    threshold: float
    inputs = ("cls_pred", "best", "states")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.best.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.cls_pred)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        cls_pred, best, states = inputs
        images, classes, anchors = cls_pred.shape
        with k.jobs(images * anchors) as job:
            n, m = job // anchors, job % anchors
            most, total = k.cell(cls_pred.dtype, cls_pred[n, 0, m]), k.cell(cls_pred.dtype, 0)
            with k.loop((1, classes)) as c:
                most.set(larger(k.F, cls_pred[n, c, m], most.get()))
            with k.loop(classes) as c:
                total.set(total.get() + k.F.exp(cls_pred[n, c, m] - most.get()))
            share = k.F.exp(cls_pred[n, 0, m] - most.get()) / total.get()
            chosen = k.all(states[n, m] == NEGATIVE, best[n, m] < self.threshold)
            k.store(outputs[0], (n, m), k.F.where(chosen, share, math.nan))

    def reference(self, cls_pred: np.ndarray, best: np.ndarray, states: np.ndarray) -> np.ndarray:
        powers = np.exp(cls_pred - cls_pred.max(1, keepdims=True))
        chosen = (states == NEGATIVE) & (best < self.threshold)
        return np.where(chosen, powers[:, 0] / powers.sum(1), cls_pred.dtype.type("nan"))


@operator("_mine", hidden=True)
class Mine(Operator):
    """The states (N, M) with those of negative samples ignored but for the first `ratio` times the positive ones.

    order (N, M): the places of the anchors in the order in which they are taken, keys (N, M): NaN for those that may
    not be.
    """

    ratio: float
    inputs = ("states", "keys", "order")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.states.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int32)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (states, keys, order), (mined,) = inputs, outputs
        anchors = states.shape[1]
        with k.jobs(states.shape[0], width=anchors) as n:
            positive = k.reduce("sum", DType.int32, anchors,
                                lambda m: k.F.cast(states[n, m] == POSITIVE, DType.int32))
            with k.each(anchors) as m:
                k.store(mined, (n, m), k.F.where(states[n, m] == POSITIVE, states[n, m], IGNORED))
            wanted = k.index(k.F.cast(positive, DType.float32) * self.ratio)
            with k.each(k.clamp(wanted, 0, states.shape[1])) as i:
                m = k.index(order[n, i])
                with k.when(keys[n, m] == keys[n, m]):
                    k.store(mined, (n, m), NEGATIVE)

    def reference(self, states: np.ndarray, keys: np.ndarray, order: np.ndarray) -> np.ndarray:
        mined = np.where(states == POSITIVE, states, IGNORED)
        for n, positive in enumerate((states == POSITIVE).sum(1)):
            chosen = order[n, :int(np.float32(positive) * np.float32(self.ratio))]
            mined[n, chosen[~np.isnan(keys[n, chosen])]] = NEGATIVE
        return mined


@operator("_multibox_targets", hidden=True)
class MultiBoxTargets(Operator):
    """The outputs of _contrib_MultiBoxTarget from matches and states (N, M) of the anchors."""

    ignore_label: float
    variances: Floats
    inputs = ("anchor", "label", "matches", "states")
    outputs = ("loc_target", "loc_mask", "cls_target")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.matches.known:
            s.cls_target.unify(s.matches.shape)
            for slot in (s.loc_target, s.loc_mask):
                slot.unify((*s.matches.shape, 4))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (t.label, *t.outputs):
            same_type(slot, t.anchor)

    def offset(self, F: Any, anchor: Box, box: Box, place: int) -> Any:
        """One of the four numbers that say how a box lies to its anchor."""
        axis, variance = place % 2, self.variances[place]
        extent, own = anchor[axis + 2] - anchor[axis], box[axis + 2] - box[axis]
        if place >= 2:
            return F.log(own / extent) / variance
        return ((box[axis] + box[axis + 2]) * 0.5 - (anchor[axis] + anchor[axis + 2]) * 0.5) / extent / variance

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (anchor, label, matches, states), (target, mask, kinds) = inputs, outputs
        images, anchors = matches.shape
        with k.jobs(images * anchors) as job:
            n, m = job // anchors, job % anchors
            for c in range(4):
                k.store(target, (n, m, c), 0)
                k.store(mask, (n, m, c), k.F.cast(states[n, m] == POSITIVE, mask.dtype))
            other = k.number(self.ignore_label, kinds.dtype)
            k.store(kinds, (n, m), k.F.where(states[n, m] == NEGATIVE, 0, other))
            with k.when(states[n, m] == POSITIVE):
                row = k.index(matches[n, m])
                box, own = [label[n, row, c + 1] for c in range(4)], [anchor[0, m, c] for c in range(4)]
                k.store(kinds, (n, m), label[n, row, 0] + 1)
                for c in range(4):
                    k.store(target, (n, m, c), self.offset(k.F, own, box, c))

    def reference(self, anchor: np.ndarray, label: np.ndarray, matches: np.ndarray,
                  states: np.ndarray) -> tuple[np.ndarray, ...]:
        positive = states == POSITIVE
        rows = np.take_along_axis(label, np.maximum(matches, 0)[..., None], 1)
        own, box = np.moveaxis(anchor, -1, 0), np.moveaxis(rows[..., 1:5], -1, 0)
        offsets = np.stack([self.offset(NumPyMath, own, box, c) for c in range(4)], -1)
        target = np.where(positive[..., None], offsets, 0).astype(anchor.dtype)
        kinds = np.where(positive, rows[..., 0] + 1, np.where(states == NEGATIVE, 0, self.ignore_label))
        return target, np.repeat(positive[..., None], 4, -1).astype(anchor.dtype), kinds.astype(anchor.dtype)


@operator("_contrib_MultiBoxTarget")
class MultiBoxTarget(Operator):
    """Training targets of anchors (1, M, 4): offsets to the boxes that they are to find (N, 4·M), a mask of these, and
    classes (N, M): 0 for background, ignore_label for those that play no part.

    label (N, L, 5 or more): class, corners; rows of -1 behind the last one.  With negative_mining_ratio, only so many
    anchors for each positive one are background: those whose prediction cls_pred (N, K, M) is worst.
    MXNet: _contrib_MultiBoxTarget; minimum_negative_samples does nothing there on a CPU.
    """

    dtypes = REAL

    overlap_threshold: float = 0.5
    ignore_label: float = -1.0
    negative_mining_ratio: float = -1.0
    negative_mining_thresh: float = 0.5
    minimum_negative_samples: int = 0
    variances: Floats = VARIANCES
    inputs = ("anchor", "label", "cls_pred")
    outputs = ("loc_target", "loc_mask", "cls_target")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_variances(self.variances)
        boxes_expected(s.anchor, 3)
        if s.anchor.rank is not None:
            s.anchor.unify_axis(0, 1)
        if s.label.rank is not None and (s.label.rank != 3 or s.label[2] is not None and s.label[2] < 5):
            raise Conflict(f"label {show(s.label.shape)} must be (N, L, 5 or more)")
        if s.cls_pred.rank is not None and s.cls_pred.rank != 3:
            raise Conflict(f"cls_pred {show(s.cls_pred.shape)} must be (N, K, M)")
        if s.anchor.known and s.label.rank is not None:
            images, anchors = s.label[0], s.anchor[1]
            s.cls_pred.unify((images, None, anchors))
            s.cls_target.unify((images, anchors))
            for slot in (s.loc_target, s.loc_mask):
                slot.unify((images, 4 * anchors))

    def rewrite(self, g: Any, anchor: Value, label: Value, cls_pred: Value) -> list[Value]:
        matched = g.node(MatchAnchors(self.overlap_threshold), (anchor, label))
        matches, best, states = matched.outputs[:3]
        if self.negative_mining_ratio > 0:
            keys = g._mining_keys(cls_pred, best, states, threshold=self.negative_mining_thresh)
            states = g._mine(states, keys, g._argsort(keys), ratio=self.negative_mining_ratio)
        made = g.node(MultiBoxTargets(self.ignore_label, self.variances), (anchor, label, matches, states))
        flat = (states.type.dims[0], 4 * states.type.dims[1])
        return [g.reshape(made.outputs[0], flat), g.reshape(made.outputs[1], flat), made.outputs[2]]

    def reference(self, anchor: np.ndarray, label: np.ndarray, cls_pred: np.ndarray) -> tuple[np.ndarray, ...]:
        matches, best, states = MatchAnchors(self.overlap_threshold).reference(anchor, label)[:3]
        if self.negative_mining_ratio > 0:
            keys = MiningKeys(self.negative_mining_thresh).reference(cls_pred, best, states)
            states = Mine(self.negative_mining_ratio).reference(states, keys, keys.argsort(-1, kind="stable"))
        target, mask, kinds = MultiBoxTargets(self.ignore_label, self.variances).reference(
            anchor, label, matches, states)
        return target.reshape(len(label), -1), mask.reshape(len(label), -1), kinds

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        return [None] * 3


# ---- detections ----------------------------------------------------------------------------------------------

@operator("_multibox_boxes", hidden=True)
class MultiBoxBoxes(Operator):
    """Rows (N, M, 6) of class, score and corners, for each anchor (1, M, 4) its best class but background (class 0) of
    cls_prob (N, K, M), if its score is not below `threshold`; -1 elsewhere.  loc_pred (N, 4·M): offsets of boxes.

    found: int32 (N, M), 1 where there is such a class.
    """

    threshold: float
    clip: bool
    variances: Floats
    inputs = ("cls_prob", "loc_pred", "anchor")
    outputs = ("rows", "found")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.cls_prob.rank is not None:
            s.rows.unify((s.cls_prob[0], s.cls_prob[2], 6))
            s.found.unify((s.cls_prob[0], s.cls_prob[2]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.rows, t.cls_prob)
        t.found.unify(DType.int32)

    def corners(self, F: Any, anchor: Box, offsets: Box) -> list[Any]:
        low, high = [], []
        for axis in (0, 1):
            extent, middle = anchor[axis + 2] - anchor[axis], (anchor[axis] + anchor[axis + 2]) / 2
            place = offsets[axis] * self.variances[axis] * extent + middle
            half = F.exp(offsets[axis + 2] * self.variances[axis + 2]) * extent / 2
            low.append(place - half)
            high.append(place + half)
        corners = low + high
        return [larger(F, smaller(F, x, 1), 0) for x in corners] if self.clip else corners

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (cls_prob, loc_pred, anchor), (rows, founds) = inputs, outputs
        images, classes, anchors = cls_prob.shape
        with k.jobs(images * anchors) as job:
            n, m = job // anchors, job % anchors
            score, kind = k.cell(cls_prob.dtype, -1), k.cell(cls_prob.dtype, -1)
            with k.loop((1, classes)) as c, k.when(cls_prob[n, c, m] > score.get()):
                score.set(cls_prob[n, c, m])
                kind.set(k.value(c - 1, cls_prob.dtype))
            box = self.corners(k.F, [anchor[0, m, c] for c in range(4)], [loc_pred[n, m * 4 + c] for c in range(4)])
            found = k.all(kind.get() >= 0, k.F.logical_not(score.get() < self.threshold))
            k.store(founds, (n, m), k.F.cast(found, DType.int32))
            for c, number in enumerate([kind.get(), score.get(), *box]):
                k.store(rows, (n, m, c), k.F.where(found, number, -1))

    def reference(self, cls_prob: np.ndarray, loc_pred: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, ...]:
        others = np.where(cls_prob[:, 1:] > -1, cls_prob[:, 1:], -np.inf)
        score, kind = others.max(1, initial=-1), others.argmax(1) if others.shape[1] else -1
        found = (score > -1) & ~(score < self.threshold)
        offsets = loc_pred.reshape(len(loc_pred), -1, 4)
        box = self.corners(NumPyMath, np.moveaxis(anchor[0], -1, 0), np.moveaxis(offsets, -1, 0))
        numbers = np.broadcast_arrays(kind, score, *box)
        rows = np.where(found[..., None], np.stack(numbers, -1), -1)
        return rows.astype(cls_prob.dtype), found.astype(np.int32)


@operator("_multibox_kept", hidden=True)
class MultiBoxKept(Suppression):
    """Boxes fall whose intersection over union is not below `threshold`."""

    coord_start: int
    id_index: int
    threshold: float

    def overlaps(self, F: Any, first: Box, second: Box) -> Any:
        return safe_overlap(F, first, second, 0) >= self.threshold


@operator("_multibox_rows", hidden=True)
class MultiBoxRows(Operator):
    """Rows (N, M, 6): the first ones are `ordered` (N, K, 6), those behind `unordered`; kept (N, K) says whose class
    stands, elsewhere it is -1."""

    inputs = ("ordered", "unordered", "kept")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.unordered.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.ordered, t.output)
        same_type(t.unordered, t.output)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        ordered, unordered, kept = inputs
        first = kept.shape[1]

        def element(n: Any, m: Any, c: Any) -> Any:
            at = te.clamp(m, 0, first - 1)
            stands = te.any(c > 0, te.select(m < first, te.F.cast(kept[n, at], DType.int32), 0) > 0)
            number = te.select(m < first, ordered[n, at, c], unordered[n, m, c])
            return te.F.where(stands, number, -1)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, ordered: np.ndarray, unordered: np.ndarray, kept: np.ndarray) -> np.ndarray:
        rows = unordered.copy()
        rows[:, :kept.shape[1]] = ordered
        rows[:, kept.shape[1]:, 0] = -1
        rows[:, :kept.shape[1], 0] = np.where(kept > 0, ordered[..., 0], -1)
        return rows


@operator("_contrib_MultiBoxDetection")
class MultiBoxDetection(Operator):
    """Detections (N, M, 6): class (background not counted), score and corners, the best one first, rows of -1 last.

    Suppressed detections, and those behind the first nms_topk, have the class -1 (the latter stand in the order of
    the anchors).  A threshold outside (0, 1] leaves all, in the order of the anchors.
    MXNet: _contrib_MultiBoxDetection; background_id does nothing there: background is class 0.
    """

    dtypes = REAL

    clip: bool = True
    threshold: float = 0.01
    background_id: int = 0
    nms_threshold: float = 0.5
    force_suppress: bool = False
    variances: Floats = VARIANCES
    nms_topk: int = -1
    inputs = ("cls_prob", "loc_pred", "anchor")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_variances(self.variances)
        boxes_expected(s.anchor, 3)
        if s.cls_prob.rank is not None and s.cls_prob.rank != 3:
            raise Conflict(f"cls_prob {show(s.cls_prob.shape)} must be (N, K, M)")
        if s.cls_prob.known:
            images, _, anchors = s.cls_prob.dims
            s.loc_pred.unify((images, 4 * anchors))
            s.anchor.unify((None, anchors, 4))
            s.output.unify((images, anchors, 6))

    def rewrite(self, g: Any, cls_prob: Value, loc_pred: Value, anchor: Value) -> list[Value]:
        boxes = g.node(MultiBoxBoxes(self.threshold, self.clip, self.variances), (cls_prob, loc_pred, anchor))
        rows, found = boxes.outputs
        front = g._take_rows(rows, g._compact(numbered(g, found.type.dims), found, count=anchor.type.dims[1]))
        if not self.suppresses:
            return [front]
        keys = g._box_nms_keys(front, score_index=1, valid_thresh=-1.0, id_index=-1, background_id=-1)
        order = first_places(g, keys, self.nms_topk or -1)
        ordered = g._take_rows(front, order)
        kept = g._multibox_kept(g.transpose(ordered, axes=(0, 2, 1)), g._take_along_rows(keys, order), coord_start=2,
                                id_index=-1 if self.force_suppress else 0, threshold=self.nms_threshold)
        return [g._multibox_rows(ordered, front, kept)]

    @property
    def suppresses(self) -> bool:
        return 0 < self.nms_threshold <= 1

    def reference(self, cls_prob: np.ndarray, loc_pred: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        boxes = MultiBoxBoxes(self.threshold, self.clip, self.variances)
        rows, found = boxes.reference(cls_prob, loc_pred, anchor)
        result = np.full_like(rows, -1)
        for image, candidates, chosen in zip(result, rows, found > 0, strict=True):
            own = candidates[chosen]
            image[:len(own)] = own
            if self.suppresses:
                self._suppress(image[:len(own)])
        return result

    def _suppress(self, rows: np.ndarray) -> None:
        """Put the detections of one image in order, and -1 for the classes of those that fall."""
        count = min(self.nms_topk, len(rows)) if self.nms_topk > 0 else len(rows)
        rows[:count] = rows[np.argsort(-rows[:, 1], kind="stable")[:count]]
        rows[count:, 0] = -1
        for m in range(count):
            others = rows[m + 1:count]
            if rows[m, 0] >= 0:
                falls = safe_overlap(NumPyMath, rows[m, 2:], others[:, 2:].T, 0) >= self.nms_threshold
                others[falls & (self.force_suppress | (others[:, 0] == rows[m, 0])), 0] = -1

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None] * 3
