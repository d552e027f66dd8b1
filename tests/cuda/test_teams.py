"""Jobs that a block of threads does together: sorting, detection, factorisations, alignments, gradients of indexing.

Both orders of threads give the same: what they write at once is not read before a barrier.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.cuda.comparison import compare_with_interpreter

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")

random = np.random.default_rng(1)


def keys(rows, extent):
    """Many are equal, some are NaN."""
    result = random.integers(0, 50, (rows, extent)).astype(np.float32)
    result[0, ::7] = np.nan
    return result


def boxes(count, extent):
    """Class, score, corners."""
    result = random.random((count, extent, 6))
    result[..., 0] = random.integers(0, 2, (count, extent))
    result[..., 4:] += result[..., 2:4]
    return result


def positive_definite(count, extent):
    roots = random.standard_normal((count, extent, extent))
    return roots @ roots.transpose(0, 2, 1) + extent * np.eye(extent)


def anchors(extent):
    result = random.random((1, extent, 4))
    result[..., 2:] += result[..., :2]
    return result


def labels(count, rows):
    """The second image has a label less."""
    result = random.random((count, rows, 5))
    result[..., 3:] += result[..., 1:3]
    result[..., 0] = 1
    result[1, -1] = -1
    return result


def regions(count):
    """Of two images, and of none; some lie outside in part."""
    result = np.concatenate([random.integers(-1, 2, (count, 1)), random.integers(-3, 9, (count, 4))], 1)
    result[:, 3:] = np.maximum(result[:, 3:], result[:, 1:3])
    return result


CASES = {
    "a run": ("%a: f32[5,37]   %r = argsort(%a)   heads %r", {"a": keys(5, 37)}),
    "runs that are merged": ("%a: f32[2,2100]   %r = argsort(%a)   heads %r", {"a": keys(2, 2100)}),
    "many short rows": ("%a: f32[17000,3]   %r = argsort(%a)   heads %r", {"a": keys(17000, 3)}),
    "mask of the largest": ("%a: f32[5,70]   %r = topk(%a) k=3 ret_typ=mask   heads %r", {"a": keys(5, 70)}),
    "a few of many": ("%a: f32[2,2100]   %r = topk(%a) k=5 ret_typ=both   heads %r, %r#1", {"a": keys(2, 2100)}),
    "a few of a run": ("%a: f32[3,90]   %r = topk(%a) k=3 ret_typ=both   heads %r, %r#1", {"a": keys(3, 90)}),
    "most of several runs": ("%a: f32[1,2100]   %r = topk(%a) k=1500   heads %r", {"a": keys(1, 2100)}),
    "pairs": ("%a: f32[2,9,7]   %r = _contrib_bipartite_matching(%a) threshold=0.2   heads %r, %r#1",
              {"a": random.random((2, 9, 7))}),
    "again and again": ("%o: i32[2,40]   %k: i32[2,40]   %r = _compact(%o, %k) count=33 cyclic=True   heads %r",
                        {"o": random.permuted([range(40)] * 2, axis=1), "k": np.array([[0] * 40, [0, 1, 0, 0] * 10])}),
    "suppression of more than a team has": (
        "%a: f32[1,1100,6]   %r = _contrib_box_nms(%a) overlap_thresh=0.3 id_index=0   heads %r, %r#1",
        {"a": np.repeat(boxes(1, 11), 100, axis=1)[:, random.permutation(1100)]}),
    "suppression": ("%a: f32[2,150,6]   %r = _contrib_box_nms(%a) overlap_thresh=0.3 id_index=0   heads %r, %r#1",
                    {"a": boxes(2, 150)}),
    "matches": ("%a: f32[1,100,4]   %l: f32[2,5,5]   %c: f32[2,4,100]   "
                "%r = _contrib_MultiBoxTarget(%a, %l, %c) negative_mining_ratio=3.0   heads %r, %r#1, %r#2",
                {"a": anchors(100), "l": labels(2, 5)}),
    "Cholesky": ("%a: f32[2,40,40]   %r = _linalg_potrf(%a)   heads %r", {"a": positive_definite(2, 40)}),
    "inverse": ("%a: f32[2,40,40]   %r = _linalg_inverse(%a)   heads %r", {"a": positive_definite(2, 40)}),
    "triangles": ("%a: f32[2,40,40]   %b: f32[2,40,50]   %r = _linalg_trsm(%a, %b)   heads %r",
                  {"a": positive_definite(2, 40)}),
    "alignments": ("%a: f32[20,3,7]   %l: f32[3,5]   %r = CTCLoss(%a, %l)   heads %r, %r#1",
                   {"l": np.array([[1, 2, 2, 3, 0], [1, 1, 0, 0, 0], [6, 5, 4, 3, 6]])}),
    "rows that meet": ("%d: f32[2,300,33]   %i: f32[300]   %r = _backward_take(%d, %i) extent=70   heads %r",
                       {"i": random.integers(-3, 80, 300)}),
    "points that meet": ("%d: f32[40,3]   %i: i32[1,40]   %r = _scatter_points(%d, %i) shape=(20,3) add=True   "
                         "heads %r", {"i": random.integers(0, 20, (1, 40))}),
    "the last of several": ("%d: f32[40]   %i: i32[2,40]   %r = _scatter_points(%d, %i) shape=(4,4)   heads %r",
                            {"i": random.integers(0, 4, (2, 40))}),
    "running sums": ("%a: f32[3,700,2]   %r = _cumulative_sum(%a) backwards=True   heads %r", {}),
    "regions that overlap": ("%d: f32[9,3,2,3]   %i: f32[9,5]   %p: i32[9,3,2,3]   "
                             "%r = _backward_roi_pooling(%d, %i, %p) images=2 extents=(5,7)   heads %r",
                             {"i": regions(9), "p": random.integers(-1, 35, (9, 3, 2, 3))}),
    "samples that meet": ("%d: f32[9,3,2,3]   %i: f32[9,5]   %r = _backward_roi_align(%d, %i) pooled_size=(2,3) "
                          "spatial_scale=0.5 shape=(2,3,5,7)   heads %r", {"i": regions(9)}),
    "halves that meet": ("%g: f16[1,2,9,9]   %d: f16[1,3,9,9]   %r = _backward_bilinear_sampler_data(%g, %d) height=5 "
                         "width=7   heads %r",      # sums of eighths, which are exact
                         {"g": random.integers(-5, 6, (1, 2, 9, 9)) / 4, "d": random.integers(-4, 5, (1, 3, 9, 9))}),
    "taps that meet": ("%c: f32[2,70,36]   %o: f32[1,36,7,10]   %r = _backward_deformable_image(%c, %o) kernel=(3,3) "
                       "stride=(1,1) dilate=(1,1) pad=(1,1) num_group=2 num_deformable_group=2 is_modulated=False "
                       "extents=(7,10)   heads %r", {}),
    "taps of many channels": ("%c: f32[1,12,630]   %a: f32[1,3,4,70]   %o: f32[1,18,3,4]   "
                              "%r = _backward_deformable_offset(%c, %a, %o) kernel=(3,3) stride=(1,1) dilate=(1,1) "
                              "pad=(1,1) num_group=1 num_deformable_group=1 is_modulated=False   heads %r", {}),
    "statistics": ("%a: f32[4,70,9,9]   %r = _moments(%a) axes=(0,2,3)   heads %r, %r#1", {}),
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("network", "given"), CASES.values(), ids=list(CASES))
def test_teams_compute_what_the_interpreter_does(network, given, order, tmp_path_factory):
    lines = network.replace("   ", "\n")
    compare_with_interpreter(lines, order, tmp_path_factory.getbasetemp() / "emulated", given)
