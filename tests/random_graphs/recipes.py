"""What operators need beyond what their declarations say: shapes of first inputs, values of parameters and inputs.

Keys are 'Operator.name', or 'name' for a parameter or input that means the same wherever it occurs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from symc.ir.types import DType

Shape = tuple[int, ...]
EXTENTS = (1, 2, 3, 4, 5, 8, 17)
SMALL = (1, 2, 3, 4, 5)
IMAGE = (3, 4, 5, 6, 8)
INDEX_TYPES = (DType.float32, DType.int32, DType.int64, DType.float64)
HALF_FREE = (DType.float32, DType.float64)


@dataclass
class Draw:
    """An operator in the making: the shape of its first input, and the parameters drawn so far."""

    random: Random
    name: str
    shape: Shape = ()
    chosen: dict[str, Any] = field(default_factory=dict)

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def axis(self, low: int = 0) -> int:
        """An axis of the first input, sometimes counted from the end."""
        rank = max(len(self.shape), 1)
        axis = self.random.randrange(min(low, rank - 1), rank)
        return axis - rank if self.random.random() < 0.2 else axis

    def axes(self) -> tuple[int, ...]:
        count = self.random.randint(1, max(len(self.shape), 1))
        return tuple(sorted(self.random.sample(range(max(len(self.shape), 1)), count)))

    def dims(self, rank: int, *choices: int) -> Shape:
        return tuple(self.random.choice(choices) for _ in range(rank))

    def extent(self, axis: int) -> int:
        return self.shape[axis] if -len(self.shape) <= axis < len(self.shape) else 1

    def divisor(self, number: int) -> int:
        return self.random.choice([k for k in range(1, max(number, 1) + 1) if number % k == 0] or [1])

    @property
    def spatial(self) -> Shape:
        return self.shape[2:]

    @property
    def kernel(self) -> Shape:
        return self.chosen.get("kernel") or ()


# ---- shapes of first inputs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class First:
    """make: a shape that an operator's first input may have.  fits: whether one will do."""

    make: Callable[[Random], Shape]
    fits: Callable[[Shape], bool]


def of_rank(*ranks: int, extents: tuple[int, ...] = SMALL) -> First:
    return First(lambda r: tuple(r.choice(extents) for _ in range(r.choice(ranks))), lambda s: len(s) in ranks)


def ending(lead: Callable[[Random], Shape], *last: int) -> First:
    return First(lambda r: (*lead(r), *last), lambda s: len(s) > len(last) and s[-len(last):] == last)


def _leading(random: Random) -> Shape:
    return tuple(random.choice(SMALL) for _ in range(random.choice((0, 1, 1))))


def _square(random: Random) -> Shape:
    n = random.choice((1, 2, 3, 5))
    return (*_leading(random), n, n)


def _photos(random: Random) -> Shape:
    return (*random.choice(((), (2,))), *_photo(random))


def _photo(random: Random) -> Shape:
    return (random.choice(IMAGE), random.choice(IMAGE), random.choice((1, 3)))


def _blocks(random: Random) -> Shape:
    return (random.choice((1, 2)), 4 * random.choice((1, 2)), 2 * random.choice((1, 2, 3)), 2 * random.choice((1, 2)))


IMAGES = First(lambda r: (r.choice((1, 2)), r.choice((1, 2, 3, 4, 16, 17)), r.choice(IMAGE), r.choice(IMAGE)),
               lambda s: len(s) == 4 and min(s[2:]) > 2)
SPATIAL = First(lambda r: (r.choice((1, 2)), r.choice((1, 2, 3, 4, 8, 16, 17)),
                           *(r.choice(IMAGE) for _ in range(r.choice((1, 2, 2, 2, 3))))),
                lambda s: len(s) in (3, 4, 5) and min(s[2:]) > 2)
SQUARE = First(_square, lambda s: len(s) > 1 and s[-1] == s[-2] > 0)
MATRIX = of_rank(2, 3, extents=(1, 2, 3, 5))
TWO = of_rank(2, 3, 4)
PHOTO = First(_photo, lambda s: len(s) == 3 and s[-1] in (1, 3) and min(s) > 0)
PHOTOS = First(_photos, lambda s: len(s) in (3, 4) and s[-1] in (1, 3) and min(s) > 0)
COLOUR = First(lambda r: (r.choice(IMAGE), r.choice(IMAGE), 3), lambda s: len(s) == 3 and s[-1] == 3 and min(s) > 0)
DEFAULT = First(lambda r: tuple(r.choice(EXTENTS if rank < 3 else SMALL) for rank in [r.choice((1, 2, 2, 3, 3, 4))]
                                for _ in range(rank)), lambda s: True)


def _wide(random: Random) -> Shape:
    rows = random.choice((1, 2, 3))
    return (*_leading(random), rows, rows + random.choice((0, 1, 3)))


def _triangle(random: Random) -> Shape:
    n = random.choice((1, 2, 3, 4))
    return (*_leading(random), n * (n + 1) // 2)


def _attention(parts: int) -> First:
    return First(lambda r: (r.choice((1, 3, 4)), r.choice((1, 2)), parts * 4), lambda s: False)


FIRST: dict[str, First] = {
    "_contrib_hawkesll": of_rank(2), "_contrib_DeformableConvolution": IMAGES,
    "_contrib_ModulatedDeformableConvolution": IMAGES,
    "CTCLoss": of_rank(3),
    **dict.fromkeys(("Convolution", "Convolution_v1", "Deconvolution", "Pooling", "Pooling_v1", "im2col"), SPATIAL),
    **dict.fromkeys(("BilinearSampler", "SpatialTransformer", "LRN", "UpSampling", "Crop", "Correlation", "ROIPooling",
                     "_contrib_AdaptiveAvgPooling2D", "_contrib_BilinearResize2D", "_contrib_MultiBoxPrior",
                     "_contrib_ROIAlign", "_contrib_RROIAlign"), IMAGES),
    **dict.fromkeys(("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU"),
                    of_rank(2, 3, 4, 5)),
    "GroupNorm": of_rank(3, 4, 5), "InstanceNorm": of_rank(3, 4, 5), "L2Normalization": of_rank(2, 3, 4),
    "Pad": of_rank(4, 4, 5, extents=(1, 2, 3, 4)), "RNN": of_rank(3), "SVMOutput": of_rank(2),
    "SoftmaxOutput": of_rank(2, 2, 3, 4), "SequenceLast": TWO, "SequenceMask": TWO, "SequenceReverse": TWO,
    "FullyConnected": TWO, "Flatten": TWO, "batch_dot": of_rank(3), "dot": of_rank(1, 2, 3),
    "softmax_cross_entropy": of_rank(2), "batch_take": of_rank(2), "khatri_rao": of_rank(2), "diag": of_rank(1, 2, 3),
    "argmax_channel": TWO, "_sample_multinomial": of_rank(1, 2), "SoftmaxActivation": TWO,
    "depth_to_space": First(_blocks, lambda s: len(s) == 4 and s[1] % 4 == 0 and min(s) > 0),
    "space_to_depth": First(_blocks, lambda s: len(s) == 4 and s[2] % 2 == 0 and s[3] % 2 == 0 and min(s) > 0),
    "GridGenerator": First(lambda r: (r.choice((1, 2)), 6), lambda s: len(s) == 2 and s[1] == 6),
    "col2im": First(lambda r: (1, 8, 9), lambda s: False),
    **dict.fromkeys(("_linalg_gemm", "_linalg_gemm2", "_linalg_syrk"), MATRIX),
    "_linalg_makediag": of_rank(1, 2), "_linalg_maketrian": First(_triangle, lambda s: False),
    **dict.fromkeys(("_linalg_det", "_linalg_slogdet", "_linalg_inverse", "_linalg_potrf", "_linalg_potri",
                     "_linalg_syevd", "_linalg_sumlogdiag", "_linalg_extractdiag", "_linalg_trmm", "_linalg_trsm",
                     "_linalg_extracttrian"), SQUARE),
    "_linalg_gelqf": First(_wide, lambda s: len(s) > 1 and s[-2] <= s[-1]),
    **dict.fromkeys(("_image_crop", "_image_resize", "_image_to_tensor"), PHOTOS),
    **dict.fromkeys(("_image_flip_left_right", "_image_flip_top_bottom", "_image_random_flip_left_right",
    "_image_random_flip_top_bottom"), PHOTO),
    **dict.fromkeys(("_image_adjust_lighting", "_image_random_brightness", "_image_random_color_jitter",
                     "_image_random_contrast", "_image_random_hue", "_image_random_lighting",
                     "_image_random_saturation"), COLOUR),
    "_image_normalize": First(lambda r: (r.choice((1, 3)), r.choice(IMAGE), r.choice(IMAGE)),
                              lambda s: len(s) in (3, 4) and s[-3] in (1, 3)),
    "_contrib_interleaved_matmul_encdec_qk": _attention(1), "_contrib_interleaved_matmul_selfatt_qk": _attention(3),
    "_contrib_interleaved_matmul_encdec_valatt": _attention(2),
    "_contrib_interleaved_matmul_selfatt_valatt": _attention(3),
    "_contrib_box_nms": First(lambda r: (*_leading(r), r.choice((1, 3, 8)), r.choice((6, 7))), lambda s: False),
    "_contrib_box_iou": ending(lambda r: (r.choice(SMALL),), 4), "_contrib_bipartite_matching": MATRIX,
    "_contrib_box_decode": First(lambda r: (r.choice((1, 2)), r.choice(SMALL), 4), lambda s: len(s) == 3 and s[2] == 4),
    "_contrib_box_encode": First(lambda r: (r.choice((1, 2)), r.choice(SMALL)), lambda s: len(s) == 2),
    "_contrib_MultiBoxDetection": First(lambda r: (r.choice((1, 2)), r.choice((2, 3)), r.choice((1, 4, 9))),
                                        lambda s: len(s) == 3 and s[1] > 1),
    "_contrib_MultiBoxTarget": First(lambda r: (1, r.choice((1, 4, 9)), 4), lambda s: False),
    "_contrib_Proposal": First(lambda r: (1, 4, r.choice((2, 3)), r.choice((2, 3))), lambda s: False),
    "_contrib_MultiProposal": First(lambda r: (2, 4, r.choice((2, 3)), r.choice((2, 3))), lambda s: False),
    "_contrib_PSROIPooling": First(lambda r: (r.choice((1, 2)), 8, 6, 6), lambda s: False),
    "_contrib_DeformablePSROIPooling": First(lambda r: (r.choice((1, 2)), 8, 6, 6), lambda s: False),
    "_ravel_multi_index": First(lambda r: (2, r.choice(SMALL)), lambda s: False),
    "_contrib_index_copy": TWO, "_contrib_div_sqrt_dim": TWO,
    "multi_lars": of_rank(1),
    "_random_pdf_dirichlet": TWO,
}


# ---- parameters ----------------------------------------------------------------------------------------------------


def _groups(d: Draw) -> int:
    """A number of groups that divides channels and filters, which are drawn with it."""
    groups = d.divisor(d.extent(1)) if d.random.random() < 0.3 else 1
    d.chosen["num_filter"] = groups * d.pick(1, 2, 3, 8, 16, 17) if groups < 8 else groups
    return groups


def _paddings(d: Draw) -> Shape:
    inner = [d.random.randint(0, max(0, min(2, extent - 1))) for extent in d.spatial for _ in range(2)]
    return (0, 0, 0, 0, *inner)


def _reshape(d: Draw) -> tuple[int, ...]:
    options = [(-1,), (-2,), (0, -1), (-3, -2), (-4, 1, -1, -2), (-1, 1), (0, 0, -1)]
    options.append((*d.random.sample(d.shape, len(d.shape)),))
    return d.random.choice([o for o in options if o and 0 not in d.shape] or [(-2,)])


def _window(d: Draw, low: bool) -> tuple[int | None, ...]:
    return tuple(d.random.choice((None, 0, 0, min(1, n - 1), -n) if low else (None, n, n, -1 if n > 1 else n, n + 2))
                 for n in d.shape[:d.random.randint(1, max(len(d.shape), 1))])


def _steps(d: Draw) -> tuple[int | None, ...]:
    return d.pick((), tuple(d.pick(1, 2, None) for _ in d.chosen["begin"]))


def _ends(d: Draw) -> tuple[int | None, ...]:
    return tuple(d.random.choice((None, n, n + 1)) for n in d.shape[:len(d.chosen["begin"])])


def _last(d: Draw) -> int | None:
    extent = d.extent(d.chosen["axis"])
    return d.pick(None, extent, min(d.chosen["begin"] + 1, extent))


def _pieces(d: Draw) -> int:
    """A number of pieces of an axis that is drawn with it."""
    d.chosen["axis"] = d.axis()
    return d.divisor(d.extent(d.chosen["axis"]))


def _is_unit(d: Draw) -> bool:
    return d.extent(d.chosen["axis"]) == d.chosen["num_outputs"]


def _permutation(d: Draw) -> Shape:
    return d.pick((), tuple(d.random.sample(range(len(d.shape)), len(d.shape))))


def _sizes(d: Draw) -> Shape:
    return tuple(d.pick(2, 3) for _ in d.chosen["axis"])


def _broadcast_axes(d: Draw) -> Shape:
    return tuple(i for i, n in enumerate(d.shape) if n == 1)[:2]


def _broadcast_shape(d: Draw) -> Shape:
    return tuple(d.pick(0, 2, 3) if n == 1 else d.pick(n, 0) for n in d.shape)


def _wide_pad(d: Draw) -> Shape:
    return d.pick((), tuple(d.random.randint(0, k // 2) for k in d.kernel))


def _strides(d: Draw) -> Shape:
    return d.pick((), d.dims(len(d.kernel), 1, 2, 3))


def _adjustments(d: Draw) -> Shape:
    stride = d.chosen.get("stride") or (1,) * len(d.kernel)
    return d.pick((), (), tuple(d.random.randrange(s) for s in stride))


def _heads(d: Draw) -> int:
    return d.pick(1, 2, 4)


def _weights(d: Draw) -> int:
    return len(d.chosen.get("wds", (1,)))


def _of_weights(number: float) -> Callable[[Draw], tuple[float, ...]]:
    """A list with a number for each weight of an update of several."""
    return lambda d: (number,) * len(d.chosen.get("lrs", d.chosen.get("learning_rates", d.pick((1,), (1, 2)))))


Parameter = Any     # a value, or a function of the draw
PARAMETERS: dict[str, Parameter] = {
    # windows
    "kernel": lambda d: tuple(d.random.randint(1, min(3, n)) for n in d.spatial),
    "stride": _strides, "pad": _wide_pad, "dilate": lambda d: d.pick((), d.dims(len(d.kernel), 1, 2)),
    "adj": _adjustments, "num_group": _groups, "layout": None, "target_shape": (), "p_value": lambda d: d.pick(1, 2, 3),
    "Pooling.global_pool": lambda d: d.random.random() < 0.15, "workspace": 512, "output_size": lambda d: (4, 4),
    "Pooling_v1.global_pool": lambda d: d.random.random() < 0.15,
    "Pooling_v1.pooling_convention": lambda d: d.pick("full", "valid"), "Pooling_v1.pool_type": "max",
    "_contrib_AdaptiveAvgPooling2D.output_size": lambda d: d.pick((), (1,), (2, 3), (4, 7)),
    "col2im.kernel": (2, 2), "col2im.stride": (), "col2im.pad": (), "col2im.dilate": (),
    "im2col.pad": lambda d: d.dims(len(d.kernel), 0, 1), "pad_width": _paddings,
    "nsize": lambda d: d.pick(1, 3, 5), "LRN.alpha": lambda d: d.pick(1e-4, 0.1), "LRN.knorm": lambda d: d.pick(1, 2.0),
    "LRN.beta": lambda d: d.pick(0.75, 0.5),
    "scale": lambda d: d.pick(1, 2, 3), "UpSampling.num_args": lambda d: 1 + (d.chosen["sample_type"] == "bilinear"),
    "UpSampling.num_filter": lambda d: d.extent(1), "block_size": 2,
    "kernel_size": lambda d: d.pick(1, 1, 3), "max_displacement": lambda d: d.pick(0, 1, 2),
    "stride1": lambda d: d.pick(1, 2), "stride2": lambda d: d.pick(1, 2), "pad_size": lambda d: d.pick(2, 3),
    "num_deformable_group": 1, "im2col_step": 64,
    # axes
    "axis": lambda d: d.axis(), "axes": lambda d: d.axes(), "dim": lambda d: d.axis(), "dim1": lambda d: d.axis(),
    "dim2": lambda d: d.axis(), "axis1": 0, "axis2": -1, "transpose.axes": _permutation,
    **{f"{name}.axis": (lambda d: d.pick(None, d.axes(), d.axes()))
       for name in ("sum", "_square_sum", "mean", "prod", "max", "min", "nansum", "nanprod", "norm")},
    "norm.ord": lambda d: d.pick(1, 2), "norm.out_dtype": None, "moments.axes": lambda d: d.axes(),
    "norm.axis": lambda d: d.pick(None, d.axes()[:2]), "_np_cumsum.axis": lambda d: d.pick(None, d.axis()),
    "_np_cumsum.dtype": None,
    **{f"{name}.axis": (lambda d: d.pick(None, d.axis())) for name in ("argmax", "argmin", "argsort", "sort", "repeat",
                                                                      "topk", "_contrib_arange_like")},
    "BatchNorm.axis": lambda d: d.axis(1), "LayerNorm.axis": lambda d: d.axis(), "reverse.axis": lambda d: d.axes(),
    "squeeze.axis": None, "expand_dims.axis": lambda d: d.random.randint(-len(d.shape) - 1, len(d.shape)),
    "stack.axis": lambda d: d.random.randint(-len(d.shape) - 1, len(d.shape)), "softmax.use_length": False,
    "log_softmax.use_length": False, "softmin.use_length": False, "temperature": lambda d: d.pick(None, 0.5, 2.0),
    "SequenceMask.axis": lambda d: d.pick(0, 1), "SequenceLast.axis": lambda d: d.pick(0, 1), "SequenceReverse.axis": 0,
    "broadcast_axis.axis": _broadcast_axes, "broadcast_axis.size": _sizes, "broadcast_to.shape": _broadcast_shape,
    "lhs_axes": None, "rhs_axes": None, "slice_like.axes": lambda d: d.pick((), d.axes()),
    "_contrib_index_array.axes": lambda d: d.pick(None, d.axes()), "Dropout.axes": lambda d: d.pick((), (0,)),
    "_linalg_gemm.axis": -2, "_linalg_gemm2.axis": -2,
    "lhs_begin": None, "lhs_end": None, "rhs_begin": None, "rhs_end": None,
    # parts
    "begin": lambda d: _window(d, True), "end": _ends, "step": _steps,
    "slice_axis.begin": lambda d: d.random.randrange(max(d.extent(d.chosen["axis"]), 1)), "slice_axis.end": _last,
    "SliceChannel.num_outputs": _pieces, "SliceChannel.squeeze_axis": _is_unit,
    "_split_v2.sections": lambda d: d.divisor(d.extent(d.chosen["axis"])), "_split_v2.indices": (),
    "_split_v2.squeeze_axis": False,
    "offset": 0, "Crop.offset": lambda d: d.dims(2, 0, 1), "h_w": lambda d: d.dims(2, 1, 2),
    "Reshape.shape": _reshape, "Reshape.reverse": lambda d: False, "reps": lambda d: d.dims(d.pick(1, 2, 3), 1, 2, 3),
    "repeats": lambda d: d.pick(1, 2, 3), "num_args": lambda d: d.pick(1, 2, 3), "num_arrays": lambda d: d.pick(1, 2),
    "amp_multicast.num_outputs": lambda d: d.pick(1, 2, 3), "k": lambda d: d.pick(-1, 0, 1),
    "topk.k": lambda d: d.random.randint(1, max(d.extent(d.chosen["axis"] or 0), 1)),
    "Concat.dim": lambda d: d.axis(), "_rnn_param_concat.dim": 0, "shape": lambda d: d.dims(d.pick(1, 2, 3), 1, 2, 5),
    "scatter_nd.shape": lambda d: d.pick((4, 5), (4, *d.shape[1:])), "_unravel_index.shape": lambda d: (3, 7),
    "_ravel_multi_index.shape": (3, 7),
    "depth": lambda d: d.pick(1, 4, 7), "input_dim": 9, "output_dim": lambda d: d.pick(1, 4, 5),
    "Embedding.dtype": "float32",
    # sizes
    "num_hidden": lambda d: d.pick(1, 3, 5, 17), "num_groups": lambda d: d.divisor(d.extent(1)), "heads": _heads,
    "state_size": lambda d: d.pick(1, 2, 5), "num_layers": lambda d: d.pick(1, 2), "projection_size": None,
    "lstm_state_clip_min": None, "lstm_state_clip_max": None, "lstm_state_clip_nan": False, "RNN.p": 0.0,
    "RNN.use_sequence_length": False,
    "ndev": 1, "momentum": lambda d: d.pick(0.9, 0.5), "InstanceNorm.num_groups": 1,
    "min_calib_range": None, "max_calib_range": None, "p": lambda d: d.pick(0.25, 0.5), "ord": 2,
    "eps": lambda d: d.pick(1e-3, 1e-5), "epsilon": lambda d: d.pick(1e-3, 1e-5),
    # regions and boxes
    "pooled_size": lambda d: d.dims(2, 1, 2, 3), "spatial_scale": lambda d: d.pick(1.0, 0.5),
    "_contrib_PSROIPooling.pooled_size": 2, "_contrib_PSROIPooling.output_dim": 2, "group_size": 2,
    "_contrib_DeformablePSROIPooling.pooled_size": 2, "_contrib_DeformablePSROIPooling.output_dim": 2, "part_size": 2,
    "sample_per_part": lambda d: d.pick(1, 2), "trans_std": lambda d: d.pick(0.0, 0.1),
    "position_sensitive": False, "sample_ratio": lambda d: d.pick(-1, 1, 2), "sampling_ratio": lambda d: d.pick(-1, 2),
    "sizes": lambda d: d.pick((0.5,), (0.2, 0.4)), "ratios": lambda d: d.pick((1.0,), (1.0, 2.0, 0.5)),
    "steps": lambda d: d.pick((-1.0, -1.0), (0.1, 0.2)), "offsets": (0.5, 0.5), "variances": (0.1, 0.1, 0.2, 0.2),
    "scales": (8.0, 4.0), "_contrib_Proposal.ratios": (1.0,), "_contrib_MultiProposal.ratios": (1.0,),
    "feature_stride": 8, "rpn_pre_nms_top_n": lambda d: d.pick(6, 100), "rpn_post_nms_top_n": lambda d: d.pick(3, 8),
    "rpn_min_size": 2, "iou_loss": lambda d: d.pick(True, False), "nms_topk": lambda d: d.pick(-1, 2),
    "topk": lambda d: d.pick(-1, 2), "coord_start": 2, "score_index": 1, "id_index": lambda d: d.pick(-1, 0),
    "background_id": lambda d: d.pick(-1, 0), "threshold": lambda d: d.pick(0.01, 0.5),
    "overlap_thresh": lambda d: d.pick(0.3, 0.5), "overlap_threshold": 0.5, "valid_thresh": lambda d: d.pick(0.0, 0.3),
    "negative_mining_ratio": lambda d: d.pick(-1.0, 3.0), "clip_gradient": lambda d: d.pick(-1.0, 0.5),
    "_contrib_box_decode.clip": lambda d: d.pick(-1.0, 1.0),
    # images
    "_contrib_BilinearResize2D.mode": "size", "height": lambda d: d.pick(1, 3, 7), "width": lambda d: d.pick(1, 3, 7),
    "scale_height": None, "scale_width": None, "x": 0, "y": lambda d: d.pick(0, 1), "_image_crop.height": 2,
    "_image_crop.width": 2, "size": lambda d: d.pick((3,), (5, 7)), "interp": lambda d: d.pick(0, 1, 2, 3, 4),
    "GridGenerator.target_shape": lambda d: d.dims(2, 2, 3), "GridGenerator.transform_type": "affine",
    "SpatialTransformer.target_shape": lambda d: d.dims(2, 2, 3), "mean": (0.5,), "std": (2.0,),
    "_image_adjust_lighting.alpha": (0.1, -0.2, 0.3), "alpha_std": 0.1,
    "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.1, "min_factor": 0.7, "max_factor": 1.3,
    # made of nothing
    "start": lambda d: d.pick(0.0, -1.5), "stop": lambda d: d.pick(4.0, 7.5),
    "_arange.step": lambda d: d.pick(1.0, 0.5),
    "_contrib_arange_like.step": lambda d: d.pick(1.0, 0.5), "num": lambda d: d.pick(1, 4, 9),
    "N": lambda d: d.pick(1, 4),
    "M": lambda d: d.pick(0, 3), "infer_range": False, "range_max": 40, "bin_cnt": lambda d: d.pick(1, 5),
    "range": "(-1, 1)",
    "_zeros_without_dtype.dtype": 0, "low": 0.0, "high": 9.0, "lam": lambda d: d.pick(0.5, 3.0),
    "_random_randint.low": -3, "_random_randint.high": 9,
    "_sample_unique_zipfian.shape": lambda d: d.dims(2, 1, 4), "_sample_multinomial.shape": lambda d: d.pick((), (3,)),
    "repeat": lambda d: d.pick(1, 2),
    **{f"_random_negative_binomial{suffix}.k": 3 for suffix in ("", "_like")},
    **{f"_random_negative_binomial{suffix}.p": 0.4 for suffix in ("", "_like")},
    **{f"{prefix}{name}{suffix}.{parameter}": 1.5 for prefix in ("_random_",) for suffix in ("", "_like")
       for name in ("gamma", "generalized_negative_binomial", "normal") for parameter in ("alpha", "beta", "mu",
       "scale")},
    # numbers
    "num_weights": _weights, "num_tensors": _weights,
    **dict.fromkeys(("lrs", "learning_rates", "etas"), _of_weights(0.1)),
    "wds": _of_weights(0.01), "step_count": _of_weights(2),
    "lr": 0.1, "eta": 0.1, "wd": lambda d: d.pick(0.0, 0.01), "t": lambda d: d.pick(1, 3), "beta1": 0.9, "beta2": 0.99,
    "gamma1": 0.9, "gamma2": 0.8, "scalar": lambda d: d.pick(0.5, 2.0, -1.0, 0.0, 1.0, 3.0), "is_int": True,
    "ftrl_update.beta": 1.0, "rescale_grad": lambda d: d.pick(1.0, 0.5),
    "a_min": lambda d: d.pick(-0.5, 0.0),
    "a_max": lambda d: d.pick(0.5, 2.0),
    "slope": lambda d: d.pick(0.25, 0.1), "lower_bound": lambda d: d.pick(0.125, 0.3), "upper_bound": 0.334,
    "lamb_update_phase2.lower_bound": lambda d: d.pick(-1.0, 0.3), "mp_lamb_update_phase2.lower_bound": -1.0,
    "sparseness_target": 0.1, "penalty": 0.001, "forward_stype": None, "sparse_grad": False, "ctx": "", "key": "",
    "margin": lambda d: d.pick(1.0, 0.5), "smooth_alpha": lambda d: d.pick(0.0, 0.1),
    "ignore_label": lambda d: d.pick(-1.0, 0.0), "_contrib_allclose.rtol": 1e-3, "_contrib_allclose.atol": 0.5,
    "_power_scalar.scalar": lambda d: d.pick(2.0, 3.0, 2.5), "value": lambda d: d.pick(0.0, 2.0),
}


# ---- inputs ----------------------------------------------------------------------------------------------------------


def _flat_count(d: Draw) -> int:
    return math.prod(d.shape) if d.shape else 1


def _factor(d: Draw) -> Shape:
    """What a matrix, or its transpose, can be multiplied by."""
    inner, outer = d.shape[-2 if d.chosen["transpose_a"] else -1], d.pick(1, 4, 16)
    return (*d.shape[:-2], *((outer, inner) if d.chosen["transpose_b"] else (inner, outer)))


Other = Callable[[Draw], Shape]
OTHERS: dict[str, Other] = {
    "lags": lambda d: (d.shape[0], 4), "_contrib_hawkesll.marks": lambda d: (d.shape[0], 4),
        # shapes of inputs behind the first, where nothing says more
    "BilinearSampler.grid": lambda d: (d.shape[0], 2, d.pick(1, 3), d.pick(1, 4)),
    "rois": lambda d: (d.pick(1, 3), 6 if d.name == "_contrib_RROIAlign" else 5),
    "where.x": lambda d: d.shape, "indices": lambda d: d.dims(d.pick(1, 2), 1, 3, 4),
    "gather_nd.indices": lambda d: (min(len(d.shape), d.pick(1, 2)), d.pick(1, 3)),
    "scatter_nd.indices": lambda d: (d.pick(1, 2), *d.shape[:1]), "batch_take.indices": lambda d: d.shape[:1],
    "pick.index": lambda d: _without(d.shape, d.chosen.get("axis")),
    "embedding.weight": lambda d: (9, 5), "label": lambda d: d.shape, "parameters": lambda d: (1,),
    "SoftmaxOutput.label": lambda d: d.shape[:1], "_contrib_MultiBoxTarget.label": lambda d: (2, d.pick(1, 3), 5),
    "_contrib_MultiBoxTarget.cls_pred": lambda d: (2, 3, d.shape[1]),
    "loc_pred": lambda d: (d.shape[0], 4 * d.shape[2]), "anchor": lambda d: (1, d.shape[2], 4),
    "_contrib_MultiBoxDetection.anchor": lambda d: (1, d.shape[2], 4),
    "anchors": lambda d: (1, d.shape[1], 4), "refs": lambda d: (d.shape[0], d.pick(1, 3), 4),
    "_contrib_box_encode.anchors": lambda d: (*d.shape, 4), "means": lambda d: (4,), "stds": lambda d: (4,),
    "_contrib_box_iou.rhs": lambda d: (d.pick(1, 3), 4), "bbox_pred": lambda d: (d.shape[0], 8, *d.shape[2:]),
    "im_info": lambda d: (d.shape[0], 3), "dot.rhs": lambda d: (d.shape[-1], *d.dims(d.pick(0, 1, 2), 1, 3, 7)),
    "batch_dot.rhs": _factor,
    "_linalg_gemm.B": _factor, "_linalg_gemm2.B": _factor,
    "_linalg_trmm.B": lambda d: (*d.shape[:-1], d.shape[-1]), "_linalg_trsm.B": lambda d: (*d.shape[:-1], d.shape[-1]),
    "SpatialTransformer.loc": lambda d: (d.shape[0], 6), "rescale_grad": lambda d: (1,),
    "keys_values": lambda d: (d.pick(2, 4), d.shape[1], 2 * d.shape[2]),
    "attention": lambda d: (d.shape[1] * d.chosen["heads"], d.pick(2, 3), d.shape[0]),
    "selfatt.attention": lambda d: (d.shape[1] * d.chosen["heads"], d.shape[0], d.shape[0]),
    "slice_like.shape_like": lambda d: tuple(d.random.randint(1, max(n, 1)) for n in d.shape),
    "khatri_rao.arg1": lambda d: (d.pick(1, 2), d.shape[-1]), "khatri_rao.arg2": lambda d: (d.pick(1, 2), d.shape[-1]),
    "Crop.arg1": lambda d: (d.shape[0], 1, d.pick(1, 2), d.pick(1, 2)), "r1": lambda d: (1,), "r2": lambda d: (1,),
    "index_vector": lambda d: (d.pick(1, 2),), "bins": lambda d: (4,),
    "reshape_like.rhs": lambda d: tuple(d.random.sample(d.shape, len(d.shape))),
    "broadcast_like.rhs": lambda d: tuple(3 if n == 1 else n for n in d.shape),
    **{f"_random_pdf_{name}.{parameter}": (lambda d: d.shape[:-1] or d.shape)
       for name, parameters in {"exponential": ["lam"], "gamma": ["alpha", "beta"], "normal": ["mu", "sigma"],
                                "negative_binomial": ["k", "p"], "poisson": ["lam"], "uniform": ["low", "high"],
                                "generalized_negative_binomial": ["mu", "alpha"]}.items() for parameter in parameters},
    "_random_pdf_dirichlet.alpha": lambda d: d.shape[-1:],
}


def _without(shape: Shape, axis: int | None) -> Shape:
    if axis is None:
        return (math.prod(shape),)
    return shape[:axis % len(shape)] + shape[axis % len(shape) + 1:] if shape else shape


INPUTS: dict[str, Callable[[Draw], str]] = {     # kinds of values of inputs; see values.KINDS
    **{name: (lambda d: "v") for name in (
        "moving_var", "var", "n", "v", "sigma", "lam", "alpha", "beta", "mu", "k", "z", "d", "stds", "r1", "r2",
        "lrs", "weights_sum_sq", "grads_sum_sq", "wds", "moving_avg", "_random_pdf_gamma.sample",
        "_random_pdf_dirichlet.sample",
        "_random_pdf_exponential.sample", "high", "gammaln.data", "gamma.data", "rescale_grad")},
    "moving_mean": lambda d: "m", "mean": lambda d: "m", "weight32": lambda d: "w", "bias": lambda d: "u",
    **{name: (lambda d: "p") for name in ("p", "arcsin.data", "arccos.data", "arctanh.data", "erfinv.data", "low",
                                          "_sample_multinomial.data", "IdentityAttachKLSparseReg.data",
                                          "cls_prob", "_random_pdf_uniform.sample", "im_info")},
    **{name: (lambda d: "k6") for name in ("_random_pdf_poisson.sample", "_random_pdf_negative_binomial.sample",
                                           "_random_pdf_generalized_negative_binomial.sample")},
    "k": lambda d: "n4", "arccosh.data": lambda d: "e", "max_time": lambda d: "e", "lags": lambda d: "p",
    **{f"{name}.{key}": (lambda d: "v") for name in ("log", "log2", "log10", "sqrt", "rsqrt",
    "rcbrt") for key in ("data",)},
    "rmspropalex_update.n": lambda d: "e",     # above the square of g, or their difference is rounding errors
    "_power.lhs": lambda d: "v", "broadcast_power.lhs": lambda d: "v", "_random_pdf_uniform.high": lambda d: "n3",
    "_sample_negative_binomial.k": lambda d: "n4", "Embedding.data": lambda d: "k9",
    "indices": lambda d: f"k{max(d.extent(d.chosen.get('axis', 0)), 1)}", "one_hot.indices": lambda d: "k5",
    "gather_nd.indices": lambda d: f"k{min(d.shape[:2] or (1,))}", "scatter_nd.indices": lambda d: "k4",
    "batch_take.indices": lambda d: f"k{d.extent(1)}", "pick.index": lambda d: f"k{d.extent(-1)}",
    **{f"_contrib_hawkesll.{name}": (lambda d: "v") for name in ("lda", "alpha", "beta", "state")},
    "_contrib_hawkesll.marks": lambda d: f"k{d.extent(1)}", "valid_length": lambda d: "k4",
    "_contrib_SparseEmbedding.data": lambda d: "k9",
    "index_vector": lambda d: f"k{d.extent(0)}", "_unravel_index.data": lambda d: "k21", "bins": lambda d: "o",
    "_ravel_multi_index.data": lambda d: "k3", "where.condition": lambda d: "c",
    "sequence_length": lambda d: f"n{d.extent(d.chosen.get('axis', 0))}",
    "SoftmaxOutput.label": lambda d: f"k{d.extent(1)}", "SVMOutput.label": lambda d: f"k{d.extent(1)}",
    "softmax_cross_entropy.label": lambda d: f"k{d.extent(1)}",
    "rois": lambda d: f"r{d.extent(0)}", "_contrib_box_nms.data": lambda d: "d", "anchor": lambda d: "b",
    "anchors": lambda d: "b", "refs": lambda d: "b", "_contrib_box_iou.lhs": lambda d: "b",
    "_contrib_box_iou.rhs": lambda d: "b", "_contrib_MultiBoxTarget.label": lambda d: "l", "samples": lambda d: "c",
    "matches": lambda d: "c", "_image_to_tensor.data": lambda d: "k256",
    **{f"_linalg_{name}.A": (lambda d: "s") for name in ("potrf", "syevd", "det", "slogdet", "inverse")},
    "_linalg_gelqf.A": lambda d: "w",
    **{f"_linalg_{name}.A": (lambda d: "g") for name in ("potri", "trsm", "sumlogdiag")},
}
PARTICULAR = {"k", "n", "o", "r", "d", "l", "s", "g", "b", "p"}     # kinds for which no other value will do
INDEX_KINDS = {"k", "n"}
EXCLUDED = {
    "Custom": "is computed by the user's code; tests/test_custom.py",
    "_contrib_boolean_mask": "the shape of its output depends on data; tests/runtime/test_dynamic.py",
    "_foreach": "holds graphs, which the front end builds; tests/frontend/test_control_flow.py",
    "_while_loop": "holds graphs, which the front end builds; tests/frontend/test_control_flow.py",
    "_cond": "holds graphs, which the front end builds; tests/frontend/test_control_flow.py",
}
