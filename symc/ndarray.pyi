# ruff: noqa
# mypy: ignore-errors
"""Arrays: the module mx.nd.  Written by `python -m symc.frontend.stubs`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

import numpy as np

from symc import ndarray as op
from symc.runtime.ndarray import NDArray as _NDArray

class NDArray(_NDArray):
    @property
    def T(self) -> NDArray:
        """A copy with the dimensions in reverse order; the array itself below two dimensions."""
    def __abs__(self) -> NDArray:
        ...
    def __add__(self, other: Any) -> NDArray:
        ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        ...
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of one array take the values (numpy.all); a NumPy number ∘ an array is the array's to
        compute.  TypeError for a NumPy array beside it, as in MXNet."""
    def __bool__(self) -> bool:
        ...
    def __copy__(self) -> NDArray:
        """A copy on the same context."""
    def __deepcopy__(self, _: object) -> NDArray:
        ...
    def __dlpack__(self, **options: Any) -> Any:
        """A DLPack capsule of the memory itself; the array counts as changed from now on."""
    def __dlpack_device__(self) -> tuple[int, int]:
        ...
    def __float__(self) -> float:
        ...
    def __getitem__(self, key: Any) -> NDArray:
        ...
    def __iadd__(self, other: Any) -> NDArray:
        ...
    def __imod__(self, other: Any) -> NDArray:
        ...
    def __imul__(self, other: Any) -> NDArray:
        ...
    def __index__(self) -> int:
        ...
    def __int__(self) -> int:
        ...
    def __ipow__(self, other: Any) -> NDArray:
        ...
    def __isub__(self, other: Any) -> NDArray:
        ...
    def __iter__(self) -> Iterator[NDArray]:
        ...
    def __itruediv__(self, other: Any) -> NDArray:
        ...
    def __len__(self) -> int:
        ...
    def __mod__(self, other: Any) -> NDArray:
        ...
    def __mul__(self, other: Any) -> NDArray:
        ...
    def __neg__(self) -> NDArray:
        ...
    def __pow__(self, other: Any) -> NDArray:
        """array ** other; squares of floats are products, as NumPy has them, which takes a third of the time."""
    def __radd__(self, other: Any) -> NDArray:
        ...
    def __rmod__(self, other: Any) -> NDArray:
        ...
    def __rmul__(self, other: Any) -> NDArray:
        ...
    def __rpow__(self, other: Any) -> NDArray:
        ...
    def __rsub__(self, other: Any) -> NDArray:
        ...
    def __rtruediv__(self, other: Any) -> NDArray:
        ...
    def __setitem__(self, key: Any, value: Any) -> None:
        ...
    def __sub__(self, other: Any) -> NDArray:
        ...
    def __truediv__(self, other: Any) -> NDArray:
        ...
    def abs(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.abs` of the array."""
    def arccos(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arccos` of the array."""
    def arccosh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arccosh` of the array."""
    def arcsin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arcsin` of the array."""
    def arcsinh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arcsinh` of the array."""
    def arctan(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arctan` of the array."""
    def arctanh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.arctanh` of the array."""
    def argmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.argmax` of the array."""
    def argmax_channel(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.argmax_channel` of the array."""
    def argmin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.argmin` of the array."""
    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.argsort` of the array."""
    def as_in_context(self, context: Any) -> NDArray:
        """This array when it lies on `context`, else a copy there."""
    def as_in_ctx(self, context: Any) -> NDArray:
        """This array when it lies on `context`, else a copy there."""
    def as_nd_ndarray(self) -> NDArray:
        """The array itself."""
    def asnumpy(self) -> np.ndarray:
        """A copy as a NumPy array; of bfloat16 with the dtype BFLOAT16."""
    def asscalar(self) -> Any:
        """The one element, as a NumPy scalar.  ValueError: more or fewer than one."""
    def astype(self, dtype: Any, copy: bool = True) -> NDArray:
        """A copy in another dtype; this array itself when the dtype is the same and copy=False."""
    def attach_grad(self, grad_req: str = 'write', stype: str | None = None) -> NoReturn:
        """MXNetError: there is no autograd."""
    def backward(self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True) -> NoReturn:
        """MXNetError: there is no autograd."""
    def broadcast_axes(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.broadcast_axes` of the array."""
    def broadcast_like(self, other: NDArray) -> NDArray:
        """The array repeated to the shape of `other`."""
    def broadcast_to(self, shape: Sequence[int]) -> NDArray:
        """The array repeated to `shape`, which may have more dimensions.  ValueError: it does not broadcast."""
    def cbrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.cbrt` of the array."""
    def ceil(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.ceil` of the array."""
    def clip(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.clip` of the array."""
    def copy(self) -> NDArray:
        """A copy on the same context."""
    def copyto(self, other: Any) -> NDArray | bool:
        """Copy into `other`, which keeps its dtype, or to a new array on a context; returns the target."""
    def cos(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.cos` of the array."""
    def cosh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.cosh` of the array."""
    def count_write(self) -> None:
        """To be called by whoever wrote to `memory`."""
    @property
    def ctx(self) -> Any:
        ...
    def degrees(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.degrees` of the array."""
    def depth_to_space(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.depth_to_space` of the array."""
    def detach(self) -> NDArray:
        """A view of all elements: no array belongs to a recorded computation."""
    def diag(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.diag` of the array."""
    @property
    def dtype(self) -> type:
        """The NumPy scalar type, as in MXNet; of bfloat16 the NumPy dtype that MXNet uses for it."""
    @property
    def escaped(self) -> bool:
        """Whether somebody else holds the memory and may write it uncounted."""
    def exp(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.exp` of the array."""
    def expand_dims(self, axis: int, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, with a dimension of extent 1 at `axis`."""
    def expm1(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.expm1` of the array."""
    def fix(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.fix` of the array."""
    def flatten(self, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, with all dimensions behind the first merged."""
    def flip(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.flip` of the array."""
    def floor(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.floor` of the array."""
    @property
    def grad(self) -> None:
        """None: no array has a gradient of its own; those of executors are in their `grad_dict`."""
    @property
    def is_bfloat16(self) -> bool:
        """Whether the elements are bfloat16: the upper halves of float32, in uint16, which MXNet lacks."""
    def item(self) -> Any:
        """The one element as a Python number.  ValueError: more or fewer than one."""
    def log(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log` of the array."""
    def log10(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log10` of the array."""
    def log1p(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log1p` of the array."""
    def log2(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log2` of the array."""
    def log_sigmoid(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log_sigmoid` of the array."""
    def log_softmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.log_softmax` of the array."""
    def max(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.max` of the array."""
    def mean(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.mean` of the array."""
    def min(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.min` of the array."""
    def mish(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.mish` of the array."""
    def nanprod(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.nanprod` of the array."""
    def nansum(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.nansum` of the array."""
    @property
    def ndim(self) -> int:
        ...
    def norm(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.norm` of the array."""
    def one_hot(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.one_hot` of the array."""
    def ones_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.ones_like` of the array."""
    def pad(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.pad` of the array."""
    def pick(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.pick` of the array."""
    def prod(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.prod` of the array."""
    def radians(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.radians` of the array."""
    def rcbrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.rcbrt` of the array."""
    def reciprocal(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.reciprocal` of the array."""
    def relu(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.relu` of the array."""
    def repeat(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.repeat` of the array."""
    def reshape(self, *shape: Any, **options: Any) -> NDArray:
        """A view of the same elements.  0 keeps a dimension, -1 is inferred, -2 keeps all the rest, -3 merges two,
        -4 splits one into the two that follow; reverse=True reads from the right.  MXNet: NDArray.reshape."""
    def reshape_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.reshape_like` of the array."""
    def rint(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.rint` of the array."""
    def round(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.round` of the array."""
    def rsqrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.rsqrt` of the array."""
    @property
    def shape(self) -> tuple[int, ...]:
        ...
    def shape_array(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.shape_array` of the array."""
    def sigmoid(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sigmoid` of the array."""
    def sign(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sign` of the array."""
    def sin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sin` of the array."""
    def sinh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sinh` of the array."""
    @property
    def size(self) -> int:
        ...
    def size_array(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.size_array` of the array."""
    def slice(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.slice` of the array."""
    def slice_assign(self, rhs: NDArray, begin: Any, end: Any, step: Any) -> NDArray:
        """Put `rhs` into array[begin:end:step]; the array itself."""
    def slice_assign_scalar(self, value: float, begin: Any, end: Any, step: Any) -> NDArray:
        """Fill array[begin:end:step] with a number; the array itself."""
    def slice_axis(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.slice_axis` of the array."""
    def slice_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.slice_like` of the array."""
    def softmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.softmax` of the array."""
    def softmin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.softmin` of the array."""
    def sort(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sort` of the array."""
    def space_to_depth(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.space_to_depth` of the array."""
    def split(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.split` of the array."""
    def split_v2(self, indices_or_sections: int | tuple[int, ...], axis: int = 0, squeeze_axis: bool = False) -> Any:
        """The array in that many equal parts, or split at these indices, along an axis."""
    def sqrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sqrt` of the array."""
    def square(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.square` of the array."""
    def squeeze(self, axis: int | Sequence[int] | None = None, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, without dimensions of extent 1: all, or those of `axis`; (1,) remains."""
    @property
    def stype(self) -> str:
        """Storage type; symc has dense arrays only."""
    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.sum` of the array."""
    def swapaxes(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.swapaxes` of the array."""
    def take(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.take` of the array."""
    def tan(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.tan` of the array."""
    def tanh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.tanh` of the array."""
    def tile(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.tile` of the array."""
    def to_dlpack_for_read(self) -> Any:
        """A DLPack capsule of the array's memory, to be read."""
    def to_dlpack_for_write(self) -> Any:
        """A DLPack capsule of the array's memory, to be written."""
    def topk(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.topk` of the array."""
    def tostype(self, stype: str) -> NDArray:
        """A copy as a dense array.  MXNetError: any other storage type."""
    def transpose(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.transpose` of the array."""
    def trunc(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.trunc` of the array."""
    def view(self, memory: np.ndarray) -> NDArray:
        """An NDArray of `memory`: a view that counts writes here when it shares memory, else a copy of its own."""
    def wait_to_read(self) -> None:
        """Nothing to wait for: results are there when a call returns."""
    @property
    def writes(self) -> int:
        """How often the memory was written, through this array or any view of it."""
    def zeros_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.nd.zeros_like` of the array."""

def Activation(data: NDArray | None = None,
               act_type: Literal['relu', 'sigmoid', 'softrelu', 'softsign', 'tanh'] = ..., *, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The function that `act_type` names.  Unlike the operator relu, this one gives 0 for NaN."""

def BatchNorm(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
              moving_mean: NDArray | None = None, moving_var: NDArray | None = None, eps: float = 0.001,
              momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
              output_mean_var: bool = False, axis: int = 1, cudnn_off: bool = False,
              min_calib_range: float | None = None, max_calib_range: float | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(data - mean) / √(variance + eps) · gamma + beta, channel by channel.  MXNet: BatchNorm."""

def BatchNorm_v1(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
                 moving_mean: NDArray | None = None, moving_var: NDArray | None = None, eps: float = 0.001,
                 momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                 output_mean_var: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
    """BatchNorm under the name of old files; the channels are axis 1.  MXNet: BatchNorm_v1."""

def BilinearSampler(data: NDArray | None = None, grid: NDArray | None = None, cudnn_off: bool | None = None, *,
                    name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                    **kwargs: Any) -> NDArray:
    """data (N, C, H, W) at the places of grid (N, 2, H', W'), by bilinear interpolation; 0 outside of the image."""

def BlockGrad(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
    """x; no gradient flows through it."""

def CTCLoss(data: NDArray | None = None, label: NDArray | None = None, data_lengths: NDArray | None = None,
            label_lengths: NDArray | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
            blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T, N,
    C)."""

def Cast(data: NDArray | None = None,
         dtype: Literal['bfloat16', 'bool', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ...,
         *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data as `dtype`: floats are truncated toward zero for integers; the gradient is converted back."""

def Concat(*data: NDArray, num_args: int = ..., dim: int = 1, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The inputs one behind the other along `dim`.  MXNet: Concat."""

def Convolution(data: NDArray | None = None, weight: NDArray | None = None, bias: NDArray | None = None,
                kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), num_filter: int = ...,
                num_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """y[n,o,·] = Σ data[n,c,stride·y + dilate·k - pad] · weight[o,c,k] + bias[o].  MXNet: Convolution."""

def Convolution_v1(data: NDArray | None = None, weight: NDArray | None = None, bias: NDArray | None = None,
                   kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                   dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), num_filter: int = ...,
                   num_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                   cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                   layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Convolution under the name of old files.  MXNet: Convolution_v1."""

def Correlation(data1: NDArray | None = None, data2: NDArray | None = None, kernel_size: int = 1,
                max_displacement: int = 1, stride1: int = 1, stride2: int = 1, pad_size: int = 0,
                is_multiply: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
    """The mean product (or |difference|) of windows of data1 with displaced windows of data2."""

def Crop(*data: NDArray, num_args: int = ..., offset: int | tuple[int, ...] = (0, 0),
         h_w: int | tuple[int, ...] = (0, 0), center_crop: bool = False, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """A window of (N, C, H, W): of size h_w, or of the H and W of a second input; at `offset`, or in the middle."""

def Custom(*data: NDArray, op_type: str = ..., name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """The operator registered as `op_type`, with the other parameters handed to its property as strings."""

def Deconvolution(data: NDArray | None = None, weight: NDArray | None = None, bias: NDArray | None = None,
                  kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                  dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (),
                  adj: int | tuple[int, ...] = (), target_shape: int | tuple[int, ...] = (), num_filter: int = ...,
                  num_group: int = 1, workspace: int = 512, no_bias: bool = True,
                  cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                  layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The gradient of a Convolution by its data, as an operator: a convolution with fractional stride."""

def Dropout(data: NDArray | None = None, p: float = 0.5, mode: Literal['always', 'training'] = 'training',
            axes: int | tuple[int, ...] = (), cudnn_off: bool | None = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Elements become 0 with probability p, the others are divided by 1 - p; elements along `axes` share their
    fate."""

def ElementWiseSum(*data: NDArray, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
    """The sum of all inputs, added up from left to right."""

def Embedding(data: NDArray | None = None, weight: NDArray | None = None, input_dim: int = ..., output_dim: int = ...,
              dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
              sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
    """The rows of weight (input_dim, output_dim) at the indices in data, clipped.  MXNet: Embedding."""

def Flatten(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """(N, d1, d2, ...) as (N, d1·d2·...).  MXNet: Flatten."""

def FullyConnected(data: NDArray | None = None, weight: NDArray | None = None, bias: NDArray | None = None,
                   num_hidden: int = ..., no_bias: bool = False, flatten: bool = True, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """y = x·Wᵀ + b; x is flattened to (N, ∏d) unless flatten=False.  MXNet: FullyConnected."""

def GridGenerator(data: NDArray | None = None, transform_type: Literal['affine', 'warp'] = ...,
                  target_shape: int | tuple[int, ...] = (0, 0), *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """A grid for BilinearSampler: of affine maps (N, 6) onto target_shape, or of optical flows (N, 2, H, W) in
    pixels."""

def GroupNorm(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
              num_groups: int = 1, eps: float = 1e-05, output_mean_var: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Each of `num_groups` groups of channels of a sample is normalized; gamma and beta have one entry a group."""

def IdentityAttachKLSparseReg(data: NDArray | None = None, moving_avg: NDArray | None = None,
                              sparseness_target: float = 0.1, penalty: float = 0.001, momentum: float = 0.9, *,
                              name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                              **kwargs: Any) -> NDArray:
    """data itself (N, C); its gradient pushes each channel's moving mean activation, in (0, 1), to
    sparseness_target."""

def InstanceNorm(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
                 eps: float = 0.001, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> NDArray:
    """Each channel of a sample is normalized by itself.  MXNet: InstanceNorm."""

def L2Normalization(data: NDArray | None = None, eps: float = 1e-10,
                    mode: Literal['channel', 'instance', 'spatial'] = 'instance', *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data / √(Σ data² + eps) over the channels (channel), all spatial positions of a channel (spatial) or the
    whole of each sample (instance).  The hidden output is the norm.  MXNet: L2Normalization."""

def LRN(data: NDArray | None = None, alpha: float = 0.0001, beta: float = 0.75, knorm: float = 2.0, nsize: int = ...,
        *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data / (knorm + alpha/nsize · Σ data² over `nsize` channels)^beta; the hidden output is the base of the
    power."""

def LayerNorm(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None, axis: int = -1,
              eps: float = 1e-05, output_mean_var: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(data - mean) / √(variance + eps) · gamma + beta, the statistics taken along `axis`.  MXNet: LayerNorm."""

def LeakyReLU(data: NDArray | None = None, gamma: NDArray | None = None,
              act_type: Literal['elu', 'gelu', 'leaky', 'prelu', 'rrelu', 'selu'] = 'leaky', slope: float = 0.25,
              lower_bound: float = 0.125, upper_bound: float = 0.334, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """x where it is positive, elsewhere as `act_type` says:"""

def LinearRegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> NDArray:
    """data itself; the gradient is data - label.  MXNet: LinearRegressionOutput."""

def LogisticRegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0, *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> NDArray:
    """sigmoid(data); the gradient is that less label.  MXNet: LogisticRegressionOutput."""

def MAERegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0, *,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> NDArray:
    """data itself; the gradient is the sign of data - label.  MXNet: MAERegressionOutput."""

def MakeLoss(data: NDArray | None = None, grad_scale: float = 1.0, valid_thresh: float = 0.0,
             normalization: Literal['batch', 'null', 'valid'] = 'null', *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data as a loss: its gradient is grad_scale, divided by the number of rows (all dimensions but the last one),
    or by that of the elements above valid_thresh (at least 1), as `normalization` says."""

def Pad(data: NDArray | None = None, mode: Literal['constant', 'edge', 'reflect'] = ...,
        pad_width: int | tuple[int, ...] = ..., constant_value: float = 0.0, *, name: str | None = None,
        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """pad_width = (before, after) for each axis, filled with a constant, the edge or the reflected inside."""

def Pooling(data: NDArray | None = None, kernel: int | tuple[int, ...] = (),
            pool_type: Literal['avg', 'lp', 'max', 'sum'] = 'max', global_pool: bool = False, cudnn_off: bool = False,
            pooling_convention: Literal['full', 'same', 'valid'] = 'valid', stride: int | tuple[int, ...] = (),
            pad: int | tuple[int, ...] = (), p_value: int | None = None, count_include_pad: bool | None = None,
            layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC', 'NWC'] | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The maximum, average, sum or lp norm (of the values, not their magnitudes) over windows.  MXNet: Pooling."""

def Pooling_v1(data: NDArray | None = None, kernel: int | tuple[int, ...] = (),
               pool_type: Literal['avg', 'lp', 'max', 'sum'] = 'max', global_pool: bool = False,
               pooling_convention: Literal['full', 'same', 'valid'] = 'valid', stride: int | tuple[int, ...] = (),
               pad: int | tuple[int, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """Pooling as MXNet 0.8 had it: padding is zeros, which a maximum may be and an average counts, as it does the
    taps beyond the padding; all elements equal to the maximum get the gradient.  MXNet: Pooling_v1."""

def RNN(data: NDArray | None = None, parameters: NDArray | None = None, state: NDArray | None = None,
        state_cell: NDArray | None = None, sequence_length: NDArray | None = None, state_size: int = ...,
        num_layers: int = ..., bidirectional: bool = False,
        mode: Literal['gru', 'lstm', 'rnn_relu', 'rnn_tanh'] = ..., p: float = 0.0, state_outputs: bool = False,
        projection_size: int | None = None, lstm_state_clip_min: float | None = None,
        lstm_state_clip_max: float | None = None, lstm_state_clip_nan: bool = False,
        use_sequence_length: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
        out: Any = None, **kwargs: Any) -> NDArray:
    """Layers of recurrent cells over data (time, batch, features), in one or both directions."""

def ROIPooling(data: NDArray | None = None, rois: NDArray | None = None, pooled_size: int | tuple[int, ...] = ...,
               spatial_scale: float = ..., *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """The largest of each bin (R, C, *pooled_size) of regions rois (R, 5) of data (N, C, H, W); 0 of an empty bin."""

def Reshape(data: NDArray | None = None, shape: int | tuple[int, ...] = (), reverse: bool = False,
            target_shape: int | tuple[int, ...] = (), keep_highest: bool = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The input under another shape, written with codes that copy, infer, merge and split dimensions."""

def SVMOutput(data: NDArray | None = None, label: NDArray | None = None, margin: float = 1.0,
              regularization_coefficient: float = 1.0, use_linear: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data itself; the gradient is that of the one-against-all hinge loss, squared unless use_linear."""

def SequenceLast(data: NDArray | None = None, sequence_length: NDArray | None = None,
                 use_sequence_length: bool = False, axis: int = 0, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The last element of each sequence; the first one of an empty sequence.  MXNet: SequenceLast."""

def SequenceMask(data: NDArray | None = None, sequence_length: NDArray | None = None,
                 use_sequence_length: bool = False, value: float = 0.0, axis: int = 0, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data, with `value` behind the end of each sequence.  MXNet: SequenceMask."""

def SequenceReverse(data: NDArray | None = None, sequence_length: NDArray | None = None,
                    use_sequence_length: bool = False, axis: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Each sequence in reverse order, what lies behind its end in place.  MXNet: SequenceReverse, of axis 0 only."""

def SliceChannel(data: NDArray | None = None, num_outputs: int = ..., axis: int = 1, squeeze_axis: bool = False, *,
                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> NDArray:
    """num_outputs equal parts along `axis`; squeeze_axis drops the axis where they have extent 1."""

def Softmax(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0,
            ignore_label: float = -1.0, multi_output: bool = False, use_ignore: bool = False,
            preserve_shape: bool = False, normalization: Literal['batch', 'null', 'valid'] = 'null',
            out_grad: bool = False, smooth_alpha: float = 0.0, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Softmax of data; the gradient is that of the cross entropy with label, times grad_scale.  MXNet:
    SoftmaxOutput."""

def SoftmaxActivation(data: NDArray | None = None, mode: Literal['channel', 'instance'] = 'instance', *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> NDArray:
    """softmax along axis 1 (channel) or the last one (instance).  MXNet: SoftmaxActivation, as its CPU build runs
    it: its gradient is always that of a softmax along axis 1."""

def SoftmaxOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0,
                  ignore_label: float = -1.0, multi_output: bool = False, use_ignore: bool = False,
                  preserve_shape: bool = False, normalization: Literal['batch', 'null', 'valid'] = 'null',
                  out_grad: bool = False, smooth_alpha: float = 0.0, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Softmax of data; the gradient is that of the cross entropy with label, times grad_scale.  MXNet:
    SoftmaxOutput."""

def SpatialTransformer(data: NDArray | None = None, loc: NDArray | None = None,
                       target_shape: int | tuple[int, ...] = (0, 0), transform_type: Literal['affine'] = ...,
                       sampler_type: Literal['bilinear'] = ..., cudnn_off: bool | None = None, *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> NDArray:
    """data (N, C, H, W) sampled bilinearly on the grid of the affine maps loc (N, 6).  MXNet: SpatialTransformer."""

def SwapAxis(data: NDArray | None = None, dim1: int = 0, dim2: int = 0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Axes dim1 and dim2 exchanged.  MXNet: SwapAxis."""

def UpSampling(*data: NDArray, scale: int = ..., num_filter: int = 0,
               sample_type: Literal['bilinear', 'nearest'] = ...,
               multi_input_mode: Literal['concat', 'sum'] = 'concat', num_args: int = ..., workspace: int = 512,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """Images enlarged `scale` times: each pixel repeated, or interpolated by a Deconvolution with the second
    input."""

def abs(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """|x|."""

def adam_update(weight: NDArray | None = None, grad: NDArray | None = None, mean: NDArray | None = None,
                var: NDArray | None = None, lr: float = ..., beta1: float = 0.9, beta2: float = 0.999,
                epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
    """Adam without correction of bias; the decay is part of the gradient.  MXNet: adam_update."""

def add(lhs: Any, rhs: Any) -> Any:
    """Elementwise add of two arrays, which broadcast, or numbers."""

def add_n(*data: NDArray, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """The sum of all inputs, added up from left to right."""

def all_finite(data: NDArray | None = None, init_output: bool = True, *, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Whether all elements are finite.  MXNet: all_finite."""

def amp_cast(data: NDArray | None = None,
             dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ..., *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data as `dtype` if it is of a floating type, otherwise as it is."""

def amp_multicast(*data: NDArray, num_outputs: int = ..., cast_narrow: bool = False, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """All inputs in one floating type: the widest among them, or the narrowest if `cast_narrow`."""

def arange(start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1,
           infer_range: bool | None = None, ctx: Any = None, dtype: Any = ...) -> NDArray:
    """start, start + step, ... below stop, each `repeat` times; arange(n) counts from 0.  MXNet: arange."""

def arccos(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse cosine."""

def arccosh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse of cosh."""

def arcsin(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse sine."""

def arcsinh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse of sinh."""

def arctan(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse tangent."""

def arctanh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """Inverse of tanh."""

def argmax(data: NDArray | None = None, axis: int | None = None, keepdims: bool = False, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Where x is largest along `axis`.  MXNet: argmax."""

def argmax_channel(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
    """Where x is largest along axis 1.  MXNet: argmax_channel."""

def argmin(data: NDArray | None = None, axis: int | None = None, keepdims: bool = False, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Where x is smallest along `axis`.  MXNet: argmin."""

def argsort(data: NDArray | None = None, axis: int | None = -1, is_ascend: bool = True,
            dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'] = 'float32', *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The places of the elements along `axis` in order, as `dtype`; axis None flattens.  MXNet: argsort."""

def array(source_array: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
    """A new array with the values of `source_array`: float32 unless `dtype` says otherwise or it is an NDArray."""

def batch_dot(lhs: NDArray | None = None, rhs: NDArray | None = None, transpose_a: bool = False,
              transpose_b: bool = False, forward_stype: str | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """op(lhs)·op(rhs) for each pair of matrices of two stacks (..., m, k) and (..., k, n).  MXNet: batch_dot."""

def batch_take(a: NDArray | None = None, indices: NDArray | None = None, *, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """a[..., indices[...]], indices (int32) clipped.  MXNet: batch_take."""

def broadcast_add(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs + rhs."""

def broadcast_axes(data: NDArray | None = None, axis: int | tuple[int, ...] = (), size: int | tuple[int, ...] = (), *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
    """data repeated along each `axis`, whose extent is 1, to the `size` that stands at its place."""

def broadcast_axis(data: NDArray | None = None, axis: int | tuple[int, ...] = (), size: int | tuple[int, ...] = (), *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
    """data repeated along each `axis`, whose extent is 1, to the `size` that stands at its place."""

def broadcast_div(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs / rhs; integers are divided as in C."""

def broadcast_equal(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs = rhs, else 0."""

def broadcast_greater(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs > rhs, else 0."""

def broadcast_greater_equal(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs ≥ rhs, else 0."""

def broadcast_hypot(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """√(lhs² + rhs²)."""

def broadcast_lesser(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs < rhs, else 0."""

def broadcast_lesser_equal(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs ≤ rhs, else 0."""

def broadcast_like(lhs: NDArray | None = None, rhs: NDArray | None = None,
                   lhs_axes: int | tuple[int, ...] | None = None, rhs_axes: int | tuple[int, ...] | None = None, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
    """lhs repeated to the shape of rhs, or only its `lhs_axes` to the extents of the `rhs_axes` of rhs."""

def broadcast_logical_and(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where both differ from 0, else 0."""

def broadcast_logical_or(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where either differs from 0, else 0."""

def broadcast_logical_xor(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where exactly one differs from 0, else 0."""

def broadcast_maximum(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The larger of both; NaN if either is."""

def broadcast_minimum(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The smaller of both; NaN if either is."""

def broadcast_minus(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs - rhs."""

def broadcast_mod(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The remainder of lhs / rhs with the sign of rhs; 0 where rhs is 0."""

def broadcast_mul(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs · rhs."""

def broadcast_not_equal(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """1 where lhs ≠ rhs, else 0."""

def broadcast_plus(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs + rhs."""

def broadcast_power(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs to the power of rhs."""

def broadcast_sub(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs - rhs."""

def broadcast_to(data: NDArray | None = None, shape: int | tuple[int, ...] = (), *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data repeated to `shape`; a 0 there keeps the extent of data."""

def cast(data: NDArray | None = None,
         dtype: Literal['bfloat16', 'bool', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ...,
         *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data as `dtype`: floats are truncated toward zero for integers; the gradient is converted back."""

def cbrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """∛x."""

def ceil(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """The smallest integer not below x."""

def choose_element_0index(data: NDArray | None = None, index: NDArray | None = None, axis: int | None = -1,
                          keepdims: bool = False, mode: Literal['clip', 'wrap'] = 'clip', *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data at index along `axis`, one element for each place on the other axes.  MXNet: pick."""

def clip(data: NDArray | None = None, a_min: float = ..., a_max: float = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """x between a_min and a_max, bounds that pass the gradient too; NaN stays."""

def col2im(data: NDArray | None = None, output_size: int | tuple[int, ...] = ..., kernel: int | tuple[int, ...] = ...,
           stride: int | tuple[int, ...] = (), dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), *,
           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(N, C·∏kernel, windows) → (N, C, output_size...), each pixel the sum over the windows.  MXNet: col2im."""

def concat(*data: NDArray, num_args: int = ..., dim: int = 1, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The inputs one behind the other along `dim`.  MXNet: Concat."""

def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """The arrays joined along `axis`; a single one is returned itself when always_copy=False."""

class contrib:
    @staticmethod
    def AdaptiveAvgPooling2D(data: NDArray | None = None, output_size: int | tuple[int, ...] = (), *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> NDArray:
        """The mean over each of output_size × output_size cells, which may overlap.  MXNet:
        contrib.AdaptiveAvgPooling2D."""
    @staticmethod
    def BatchNormWithReLU(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
                          moving_mean: NDArray | None = None, moving_var: NDArray | None = None, eps: float = 0.001,
                          momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                          output_mean_var: bool = False, axis: int = 1, cudnn_off: bool = False,
                          min_calib_range: float | None = None, max_calib_range: float | None = None, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> NDArray:
        """relu of BatchNorm; the last output, hidden, is what relu is applied to.  MXNet:
        contrib.BatchNormWithReLU."""
    @staticmethod
    def BilinearResize2D(data: NDArray | None = None, like: NDArray | None = None, height: int = 1, width: int = 1,
                         scale_height: float | None = None, scale_width: float | None = None,
                         mode: Literal['like', 'odd_scale', 'size', 'to_even_down', 'to_even_up', 'to_odd_down', 'to_odd_up'] = 'size',
                         align_corners: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                         out: Any = None, **kwargs: Any) -> NDArray:
        """Images (N, C, H, W) resized by bilinear interpolation.  MXNet: contrib.BilinearResize2D."""
    @staticmethod
    def CTCLoss(data: NDArray | None = None, label: NDArray | None = None, data_lengths: NDArray | None = None,
                label_lengths: NDArray | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
                blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T,
        N, C)."""
    @staticmethod
    def DeformableConvolution(data: NDArray | None = None, offset: NDArray | None = None,
                              weight: NDArray | None = None, bias: NDArray | None = None,
                              kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                              dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (),
                              num_filter: int = ..., num_group: int = 1, num_deformable_group: int = 1,
                              workspace: int = 1024, no_bias: bool = False,
                              layout: Literal['NCDHW', 'NCHW', 'NCW'] | None = None, *, name: str | None = None,
                              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """A convolution of data (N, C, H, W) whose taps offset (N, 2·taps·num_deformable_group, height, width)
        moves: along y, then along x, for each tap, in pixels."""
    @staticmethod
    def DeformablePSROIPooling(data: NDArray | None = None, rois: NDArray | None = None, trans: NDArray | None = None,
                               spatial_scale: float = ..., output_dim: int = ..., group_size: int = ...,
                               pooled_size: int = ..., part_size: int = 0, sample_per_part: int = 1,
                               trans_std: float = 0.0, no_trans: bool = False, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Means (R, output_dim, pooled_size, pooled_size) of samples of bins of regions rois (R, 5), each bin of a
        channel of its own of data (N, output_dim·group_size², H, W)."""
    @staticmethod
    def ModulatedDeformableConvolution(data: NDArray | None = None, offset: NDArray | None = None,
                                       mask: NDArray | None = None, weight: NDArray | None = None,
                                       bias: NDArray | None = None, kernel: int | tuple[int, ...] = ...,
                                       stride: int | tuple[int, ...] = (), dilate: int | tuple[int, ...] = (),
                                       pad: int | tuple[int, ...] = (), num_filter: int = ..., num_group: int = 1,
                                       num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                                       im2col_step: int = 64, layout: Literal['NCDHW', 'NCHW', 'NCW'] | None = None,
                                       *, name: str | None = None, attr: dict[str, str] | None = None,
                                       out: Any = None, **kwargs: Any) -> NDArray:
        """A deformable convolution whose taps are multiplied by mask (N, taps·num_deformable_group, height,
        width)."""
    @staticmethod
    def MultiBoxDetection(cls_prob: NDArray | None = None, loc_pred: NDArray | None = None,
                          anchor: NDArray | None = None, clip: bool = True, threshold: float = 0.01,
                          background_id: int = 0, nms_threshold: float = 0.5, force_suppress: bool = False,
                          variances: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2), nms_topk: int = -1, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> NDArray:
        """Detections (N, M, 6): class (background not counted), score and corners, the best one first, rows of -1
        last."""
    @staticmethod
    def MultiBoxPrior(data: NDArray | None = None, sizes: tuple[float, ...] = (1.0,),
                      ratios: tuple[float, ...] = (1.0,), clip: bool = False, steps: tuple[float, ...] = (-1.0, -1.0),
                      offsets: tuple[float, ...] = (0.5, 0.5), *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Anchors (1, H·W·A, 4) in corners, A of them around each pixel of data (N, C, H, W), in units of the
        image."""
    @staticmethod
    def MultiBoxTarget(anchor: NDArray | None = None, label: NDArray | None = None, cls_pred: NDArray | None = None,
                       overlap_threshold: float = 0.5, ignore_label: float = -1.0,
                       negative_mining_ratio: float = -1.0, negative_mining_thresh: float = 0.5,
                       minimum_negative_samples: int = 0, variances: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2), *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> NDArray:
        """Training targets of anchors (1, M, 4): offsets to the boxes that they are to find (N, 4·M), a mask of
        these, and classes (N, M): 0 for background, ignore_label for those that play no part."""
    @staticmethod
    def MultiProposal(cls_prob: NDArray | None = None, bbox_pred: NDArray | None = None,
                      im_info: NDArray | None = None, rpn_pre_nms_top_n: int = 6000, rpn_post_nms_top_n: int = 300,
                      threshold: float = 0.7, rpn_min_size: int = 16,
                      scales: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0), ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
                      feature_stride: int = 16, output_score: bool = False, iou_loss: bool = False, *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> NDArray:
        """Regions (N·rpn_post_nms_top_n, 5) of N images: number of image and corners.  MXNet:
        _contrib_MultiProposal."""
    @staticmethod
    def PSROIPooling(data: NDArray | None = None, rois: NDArray | None = None, spatial_scale: float = ...,
                     output_dim: int = ..., pooled_size: int = ..., group_size: int = 0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The mean of each bin (R, output_dim, pooled_size, pooled_size) of regions rois (R, 5) of data (N, C, H,
        W), of a channel that is the bin's own: C = output_dim·group_size².  0 of an empty bin.  MXNet:
        _contrib_PSROIPooling."""
    @staticmethod
    def Proposal(cls_prob: NDArray | None = None, bbox_pred: NDArray | None = None, im_info: NDArray | None = None,
                 rpn_pre_nms_top_n: int = 6000, rpn_post_nms_top_n: int = 300, threshold: float = 0.7,
                 rpn_min_size: int = 16, scales: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0),
                 ratios: tuple[float, ...] = (0.5, 1.0, 2.0), feature_stride: int = 16, output_score: bool = False,
                 iou_loss: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
        """Regions (rpn_post_nms_top_n, 5) of one image: 0 and corners in pixels; where fewer survive, they are
        repeated."""
    @staticmethod
    def ROIAlign(data: NDArray | None = None, rois: NDArray | None = None, pooled_size: int | tuple[int, ...] = ...,
                 spatial_scale: float = ..., sample_ratio: int = -1, position_sensitive: bool = False,
                 aligned: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
        """Means (R, C, *pooled_size) of samples of the bins of regions rois (R, 5) of data (N, C, H, W)."""
    @staticmethod
    def RROIAlign(data: NDArray | None = None, rois: NDArray | None = None, pooled_size: int | tuple[int, ...] = ...,
                  spatial_scale: float = ..., sampling_ratio: int = -1, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Means (R, C, *pooled_size) of samples of the bins of turned regions of data (N, C, H, W)."""
    @staticmethod
    def SparseEmbedding(data: NDArray | None = None, weight: NDArray | None = None, input_dim: int = ...,
                        output_dim: int = ...,
                        dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
                        sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> NDArray:
        """Embedding, whose gradient has row-sparse storage in MXNet; here it is dense.  MXNet:
        _contrib_SparseEmbedding."""
    @staticmethod
    def SyncBatchNorm(data: NDArray | None = None, gamma: NDArray | None = None, beta: NDArray | None = None,
                      moving_mean: NDArray | None = None, moving_var: NDArray | None = None, eps: float = 0.001,
                      momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                      output_mean_var: bool = False, ndev: int = 1, key: str = ..., *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """BatchNorm whose statistics are shared by `ndev` devices; there is one.  MXNet: contrib.SyncBatchNorm."""
    @staticmethod
    def adamw_update(weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, rescale_grad: NDArray | float,
                     lr: float, eta: float, **parameters: Any) -> Any:
        """A step of AdamW, see _adamw_update."""
    @staticmethod
    def allclose(a: NDArray | None = None, b: NDArray | None = None, rtol: float = 1e-05, atol: float = 1e-08,
                 equal_nan: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
        """1 if |a - b| ≤ atol + rtol·|b| everywhere, else 0; infinities must be equal, NaN as `equal_nan` says."""
    @staticmethod
    def arange_like(data: NDArray | None = None, start: float = 0.0, step: float = 1.0, repeat: int = 1,
                    ctx: str = '', axis: int | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """start, start + step, ..., each `repeat` times, in the shape of data, or as long as its `axis`."""
    @staticmethod
    def bipartite_matching(data: NDArray | None = None, is_ascend: bool = False, threshold: float = ...,
                           topk: int = -1, *, name: str | None = None, attr: dict[str, str] | None = None,
                           out: Any = None, **kwargs: Any) -> NDArray:
        """Pairs of rows and columns of scores (..., R, C), the largest ones (is_ascend: smallest) first: for each
        row its column (..., R), for each column its row (..., C), or -1."""
    @staticmethod
    def boolean_mask(data: NDArray | None = None, index: NDArray | None = None, axis: int = 0, *,
                     name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                     **kwargs: Any) -> NDArray:
        """The rows of data where index, of one element a row, is not zero.  MXNet: _contrib_boolean_mask."""
    @staticmethod
    def box_decode(data: NDArray | None = None, anchors: NDArray | None = None, std0: float = 1.0, std1: float = 1.0,
                   std2: float = 1.0, std3: float = 1.0, clip: float = -1.0,
                   format: Literal['center', 'corner'] = 'center', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Boxes (N, M, 4) in corners from offsets `data` (N, M, 4) of anchors (1, M, 4) in `format`."""
    @staticmethod
    def box_encode(samples: NDArray | None = None, matches: NDArray | None = None, anchors: NDArray | None = None,
                   refs: NDArray | None = None, means: NDArray | None = None, stds: NDArray | None = None, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
        """Offsets (N, M, 4) from anchors (N, M, 4) to the boxes refs (N, K, 4) that matches (N, M) chooses, and a
        mask."""
    @staticmethod
    def box_iou(lhs: NDArray | None = None, rhs: NDArray | None = None,
                format: Literal['center', 'corner'] = 'corner', *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The intersection over union of each box of lhs (..., 4) with each one of rhs (..., 4); 0 where they
        share none."""
    @staticmethod
    def box_nms(data: NDArray | None = None, overlap_thresh: float = 0.5, valid_thresh: float = 0.0, topk: int = -1,
                coord_start: int = 2, score_index: int = 1, id_index: int = -1, background_id: int = -1,
                force_suppress: bool = False, in_format: Literal['center', 'corner'] = 'corner',
                out_format: Literal['center', 'corner'] = 'corner', *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The boxes (..., M, W) that survive, in descending order of score, and rows of -1 behind them."""
    @staticmethod
    def box_non_maximum_suppression(data: NDArray | None = None, overlap_thresh: float = 0.5,
                                    valid_thresh: float = 0.0, topk: int = -1, coord_start: int = 2,
                                    score_index: int = 1, id_index: int = -1, background_id: int = -1,
                                    force_suppress: bool = False, in_format: Literal['center', 'corner'] = 'corner',
                                    out_format: Literal['center', 'corner'] = 'corner', *, name: str | None = None,
                                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The boxes (..., M, W) that survive, in descending order of score, and rows of -1 behind them."""
    @staticmethod
    def cond(pred: Any, then_func: Callable[[], Any], else_func: Callable[[], Any]) -> Any:
        """What `then_func()` returns if the one element of `pred` is not 0, else what `else_func()` returns."""
    @staticmethod
    def ctc_loss(data: NDArray | None = None, label: NDArray | None = None, data_lengths: NDArray | None = None,
                 label_lengths: NDArray | None = None, use_data_lengths: bool = False,
                 use_label_lengths: bool = False, blank_label: Literal['first', 'last'] = 'first', *,
                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> NDArray:
        """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T,
        N, C)."""
    @staticmethod
    def div_sqrt_dim(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                     out: Any = None, **kwargs: Any) -> NDArray:
        """data / √d, d being its last dimension; as in the attention of transformers."""
    @staticmethod
    def foreach(body: Callable[[Any, Any], tuple[Any, Any]], data: Any, init_states: Any) -> tuple[Any, Any]:
        """Run `body(slice, states)` → (outputs, states) on each slice of `data` along axis 0."""
    @staticmethod
    def gradientmultiplier(data: NDArray | None = None, scalar: float = 1.0, is_int: bool = True, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> NDArray:
        """x; its gradient is multiplied by `scalar`."""
    @staticmethod
    def hawkesll(lda: NDArray | None = None, alpha: NDArray | None = None, beta: NDArray | None = None,
                 state: NDArray | None = None, lags: NDArray | None = None, marks: NDArray | None = None,
                 valid_length: NDArray | None = None, max_time: NDArray | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Log likelihoods (N,) of points at the times Σ lags (N, T) with marks (N, T) in [0, K), up to max_time
        (N,)."""
    @staticmethod
    def index_array(data: NDArray | None = None, axes: int | tuple[int, ...] | None = None, *,
                    name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                    **kwargs: Any) -> NDArray:
        """The coordinates of each element of data, or those along `axes`, int64.  MXNet: _contrib_index_array."""
    @staticmethod
    def index_copy(old_tensor: NDArray | None = None, index_vector: NDArray | None = None,
                   new_tensor: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
        """old_tensor with the rows named by index_vector replaced by those of new_tensor, in order."""
    @staticmethod
    def interleaved_matmul_encdec_qk(queries: NDArray | None = None, keys_values: NDArray | None = None,
                                     heads: int = ..., *, name: str | None = None, attr: dict[str, str] | None = None,
                                     out: Any = None, **kwargs: Any) -> NDArray:
        """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_encdec_qk."""
    @staticmethod
    def interleaved_matmul_encdec_valatt(keys_values: NDArray | None = None, attention: NDArray | None = None,
                                         heads: int = ..., *, name: str | None = None,
                                         attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> NDArray:
        """attention·value of each head.  MXNet: _contrib_interleaved_matmul_encdec_valatt."""
    @staticmethod
    def interleaved_matmul_selfatt_qk(queries_keys_values: NDArray | None = None, heads: int = ..., *,
                                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                      **kwargs: Any) -> NDArray:
        """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_selfatt_qk."""
    @staticmethod
    def interleaved_matmul_selfatt_valatt(queries_keys_values: NDArray | None = None,
                                          attention: NDArray | None = None, heads: int = ..., *,
                                          name: str | None = None, attr: dict[str, str] | None = None,
                                          out: Any = None, **kwargs: Any) -> NDArray:
        """attention·value of each head.  MXNet: _contrib_interleaved_matmul_selfatt_valatt."""
    @staticmethod
    def isfinite(data: NDArray) -> NDArray:
        """1 where an element is neither infinite nor no number, 0 elsewhere, in the dtype of `data`."""
    @staticmethod
    def isinf(data: NDArray) -> NDArray:
        """1 where an element is infinite, 0 elsewhere, in the dtype of `data`."""
    @staticmethod
    def isnan(data: NDArray) -> NDArray:
        """1 where an element is no number, 0 elsewhere, in the dtype of `data`."""
    @staticmethod
    def mp_adamw_update(weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, weight32: NDArray,
                        rescale_grad: NDArray | float, lr: float, eta: float, **parameters: Any) -> Any:
        """A step of AdamW of a float32 copy of the weight, see _mp_adamw_update."""
    @staticmethod
    def multi_adamw_update(weights: Any, grads: Any, mean: Any, var: Any, rescale_grad: NDArray | float,
                           lrs: Sequence[float], wds: Sequence[float], etas: Sequence[float], size: int = 0,
                           **parameters: Any) -> Any:
        """A step of AdamW for each weight, see _multi_adamw_update."""
    @staticmethod
    def multi_lamb_update(weights: Any, grads: Any, mean: Any, var: Any, step_count: Sequence[int],
                          lrs: Sequence[float], wds: Sequence[float], num_tensors: int = 0, **parameters: Any) -> Any:
        """A step of LAMB for each weight, see _multi_lamb_update."""
    @staticmethod
    def multi_mp_adamw_update(weights: Any, grads: Any, mean: Any, var: Any, weights32: Any,
                              rescale_grad: NDArray | float, lrs: Sequence[float], wds: Sequence[float],
                              etas: Sequence[float], size: int = 0, **parameters: Any) -> Any:
        """A step of AdamW for the float32 copy of each weight, see _multi_mp_adamw_update."""
    @staticmethod
    def multi_mp_lamb_update(weights: Any, grads: Any, mean: Any, var: Any, weights32: Any, step_count: Sequence[int],
                             lrs: Sequence[float], wds: Sequence[float], num_tensors: int = 0,
                             **parameters: Any) -> Any:
        """A step of LAMB for the float32 copy of each weight, see _multi_mp_lamb_update."""
    @staticmethod
    def quadratic(data: NDArray | None = None, a: float = 0.0, b: float = 0.0, c: float = 0.0, *,
                  name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                  **kwargs: Any) -> NDArray:
        """a·x² + b·x + c."""
    @staticmethod
    def rand_zipfian(true_classes: Any, num_sampled: int, range_max: int, ctx: Any = None) -> tuple[Any, Any, Any]:
        """Classes c of [0, range_max), drawn with probabilities ln((c + 2) / (c + 1)) / ln(range_max + 1)."""
    @staticmethod
    def round_ste(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
        """The nearest integer, halves away from zero; the gradient passes unchanged."""
    @staticmethod
    def sign_ste(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
        """-1, 0 or 1; the gradient passes unchanged."""
    @staticmethod
    def while_loop(cond: Callable[..., Any], func: Callable[..., tuple[Any, Any]], loop_vars: Any,
                   max_iterations: int | None = None) -> tuple[Any, Any]:
        """Run `func(*loop_vars)` → (outputs, loop_vars) as long as `cond(*loop_vars)` is not 0, `max_iterations`
        times at most."""

def cos(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """Cosine."""

def cosh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Hyperbolic cosine."""

def crop(data: NDArray | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
         step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
         out: Any = None, **kwargs: Any) -> NDArray:
    """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""

def ctc_loss(data: NDArray | None = None, label: NDArray | None = None, data_lengths: NDArray | None = None,
             label_lengths: NDArray | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
             blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T, N,
    C)."""

def cumsum(a: NDArray | None = None, axis: int | None = None,
           dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None, *,
           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The running sum along `axis`, or through the flattened input, as `dtype`.  MXNet: _np_cumsum."""

def degrees(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """Radians to degrees."""

def depth_to_space(data: NDArray | None = None, block_size: int = ..., *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(N, b·b·C, H, W) → (N, C, H·b, W·b).  MXNet: depth_to_space."""

def diag(data: NDArray | None = None, k: int = 0, axis1: int = 0, axis2: int = 1, *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The k-th diagonal over axis1 and axis2, as the last axis; of a vector the matrix that has it as k-th
    diagonal."""

def divide(lhs: Any, rhs: Any) -> Any:
    """Elementwise divide of two arrays, which broadcast, or numbers."""

def dot(lhs: NDArray | None = None, rhs: NDArray | None = None, transpose_a: bool = False, transpose_b: bool = False,
        forward_stype: str | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
        out: Any = None, **kwargs: Any) -> NDArray:
    """Product over the last axis of lhs (the first if transpose_a) and the first axis of rhs (the last if
    transpose_b); the other axes stay in order.  Two vectors give shape (1,).  MXNet: dot."""

def elemwise_add(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs + rhs."""

def elemwise_div(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs / rhs; integers are divided as in C."""

def elemwise_mul(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs · rhs."""

def elemwise_sub(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lhs - rhs."""

def empty(shape: Any, ctx: Any = None, dtype: Any = None, stype: str | None = None) -> NDArray:
    """An array whose elements are not set."""

def equal(lhs: Any, rhs: Any) -> Any:
    """Elementwise equal of two arrays, which broadcast, or numbers."""

def erf(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """The error function."""

def erfinv(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """The inverse of erf; ±∞ at ±1, NaN outside."""

def exp(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """e to the power of x."""

def expand_dims(data: NDArray | None = None, axis: int = ..., *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """A dimension of extent 1 inserted before `axis`.  MXNet: expand_dims."""

def expm1(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """eˣ - 1, exact near 0."""

def eye(N: int, M: int = 0, k: int = 0, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """An N × M matrix (M = 0: N × N) with ones on the k-th diagonal."""

def fill_element_0index(lhs: NDArray, mhs: NDArray, rhs: NDArray) -> NDArray:
    """A copy of `lhs` with mhs[i] at column rhs[i] of each row i."""

def fix(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """The nearest integer toward zero."""

def flatten(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """(N, d1, d2, ...) as (N, d1·d2·...).  MXNet: Flatten."""

def flip(data: NDArray | None = None, axis: int | tuple[int, ...] = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The elements in reverse order along each of `axis`.  MXNet: reverse."""

def floor(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """The largest integer not above x."""

def from_dlpack(source: Any) -> NDArray:
    """An array over the memory of a DLPack capsule, or of an object that can make one, on the CPU or a GPU."""

def from_numpy(ndarray: np.ndarray, zero_copy: bool = True) -> NDArray:
    """An array of the same dtype; when zero_copy it has the memory of the source, which must be contiguous and can
    no longer be written through the name it was passed by; it counts as changed before every use."""

def ftml_update(weight: NDArray | None = None, grad: NDArray | None = None, d: NDArray | None = None,
                v: NDArray | None = None, z: NDArray | None = None, lr: float = ..., beta1: float = 0.6,
                beta2: float = 0.999, epsilon: float = 1e-08, t: int = ..., wd: float = 0.0,
                rescale_grad: float = 1.0, clip_grad: float = -1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Follow the moving leader; t is the number of the step, from 1.  MXNet: ftml_update."""

def ftrl_update(weight: NDArray | None = None, grad: NDArray | None = None, z: NDArray | None = None,
                n: NDArray | None = None, lr: float = ..., lamda1: float = 0.01, beta: float = 1.0, wd: float = 0.0,
                rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Follow the regularized leader: weights within lamda1 are 0.  MXNet: ftrl_update."""

def full(shape: Any, val: float, ctx: Any = None, dtype: Any = None, out: NDArray | None = None) -> NDArray:
    """An array, or `out`, filled with one value.  MXNetError: `out` has another shape."""

def gamma(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """Γ(x)."""

def gammaln(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """ln |Γ(x)|."""

def gather_nd(data: NDArray | None = None, indices: NDArray | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """data at the points indices[:, ...], whose coordinates lie along the first axis and name the leading axes of
    data, from their ends if negative; others are an error (MXNetError).  MXNet: gather_nd."""

def greater(lhs: Any, rhs: Any) -> Any:
    """Elementwise greater of two arrays, which broadcast, or numbers."""

def greater_equal(lhs: Any, rhs: Any) -> Any:
    """Elementwise greater_equal of two arrays, which broadcast, or numbers."""

def hard_sigmoid(data: NDArray | None = None, alpha: float = 0.2, beta: float = 0.5, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """alpha·x + beta between 0 and 1."""

def histogram(a: NDArray, bins: Any = 10, range: tuple[float, float] | None = None) -> list[NDArray]:
    """Counts of the elements of `a` in `bins` equal parts of `range` (default: from the least to the largest), or
    between the edges that the array `bins` has; and the edges."""

def hypot(lhs: Any, rhs: Any) -> Any:
    """Elementwise hypot of two arrays, which broadcast, or numbers."""

def identity(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
    """x."""

def im2col(data: NDArray | None = None, kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
           dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(N, C, image...) → (N, C·∏kernel, windows), padding as 0.  MXNet: im2col."""

class image:
    @staticmethod
    def adjust_lighting(data: NDArray | None = None, alpha: tuple[float, ...] = ..., *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """An image lit by `alpha` of each principal component of ImageNet's colours.  MXNet:
        image.adjust_lighting."""
    @staticmethod
    def crop(data: NDArray | None = None, x: int = ..., y: int = ..., width: int = ..., height: int = ..., *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """`height` × `width` pixels of an image from column x and row y on.  MXNet: image.crop."""
    @staticmethod
    def flip_left_right(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> NDArray:
        """An image mirrored, left for right.  MXNet: image.flip_left_right, which leaves odd middles unset."""
    @staticmethod
    def flip_top_bottom(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> NDArray:
        """An image upside down.  MXNet: image.flip_top_bottom, which leaves odd middles unset."""
    @staticmethod
    def normalize(data: NDArray | None = None, mean: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
                  std: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0), *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """(data - mean) / std of each channel of (C, H, W) or (N, C, H, W), 1 or 3 channels.  MXNet:
        image.normalize."""
    @staticmethod
    def random_brightness(data: NDArray | None = None, min_factor: float = ..., max_factor: float = ..., *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> NDArray:
        """All pixels times a random factor.  MXNet: image.random_brightness."""
    @staticmethod
    def random_color_jitter(data: NDArray | None = None, brightness: float = ..., contrast: float = ...,
                            saturation: float = ..., hue: float = ..., *, name: str | None = None,
                            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Brightness, contrast, saturation and hue changed in random order, by up to the given shares (0: not at
        all)."""
    @staticmethod
    def random_contrast(data: NDArray | None = None, min_factor: float = ..., max_factor: float = ..., *,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> NDArray:
        """Distances from the mean lightness times a random factor.  MXNet: image.random_contrast."""
    @staticmethod
    def random_flip_left_right(data: NDArray | None = None, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """An image, mirrored half of the time.  MXNet: image.random_flip_left_right."""
    @staticmethod
    def random_flip_top_bottom(data: NDArray | None = None, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """An image, upside down half of the time.  MXNet: image.random_flip_top_bottom."""
    @staticmethod
    def random_hue(data: NDArray | None = None, min_factor: float = ..., max_factor: float = ..., *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
        """The hue turned by a random part of the circle.  MXNet: image.random_hue."""
    @staticmethod
    def random_lighting(data: NDArray | None = None, alpha_std: float = 0.05, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """An image lit by normally distributed parts of the principal components.  MXNet: image.random_lighting."""
    @staticmethod
    def random_saturation(data: NDArray | None = None, min_factor: float = ..., max_factor: float = ..., *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> NDArray:
        """Distances from gray (MXNet's: a share of blue) times a random factor.  MXNet: image.random_saturation."""
    @staticmethod
    def resize(data: NDArray | None = None, size: int | tuple[int, ...] = (), keep_ratio: bool = False,
               interp: int = 1, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
        """Images (H, W, C) or (N, H, W, C) resized to (width, height), to size × size, or their shorter side to
        size."""
    @staticmethod
    def to_tensor(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
        """(H, W, C) from 0 to 255 as float32 (C, H, W) from 0 to 1; batches alike.  MXNet: image.to_tensor."""

def imdecode(*_: Any, **__: Any) -> NoReturn:
    """MXNetError: symc reads no images."""

def khatri_rao(*data: NDArray, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """For matrices (mᵢ, n) the matrix (∏ mᵢ, n) whose columns are the Kronecker products of theirs."""

def lamb_update_phase1(weight: NDArray | None = None, grad: NDArray | None = None, mean: NDArray | None = None,
                       var: NDArray | None = None, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-06,
                       t: int = ..., bias_correction: bool = True, wd: float = ..., rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> NDArray:
    """The direction of a LAMB step: Adam's, plus wd·weight; t is the number of the step.  MXNet:
    lamb_update_phase1."""

def lamb_update_phase2(weight: NDArray | None = None, g: NDArray | None = None, r1: NDArray | None = None,
                       r2: NDArray | None = None, lr: float = ..., lower_bound: float = -1.0,
                       upper_bound: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> NDArray:
    """weight - lr·(r1 / r2)·g, r1 within bounds; r1 and r2 are norms, of weight and g.  MXNet: lamb_update_phase2."""

def lesser(lhs: Any, rhs: Any) -> Any:
    """Elementwise lesser of two arrays, which broadcast, or numbers."""

def lesser_equal(lhs: Any, rhs: Any) -> Any:
    """Elementwise lesser_equal of two arrays, which broadcast, or numbers."""

class linalg:
    @staticmethod
    def det(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> NDArray:
        """The determinants of matrices (..., n, n), as (...), or (1,) of one.  The gradient of a singular matrix
        is 0."""
    @staticmethod
    def extractdiag(A: NDArray | None = None, offset: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The diagonals j - i = offset of matrices (..., n, n), as (..., n - |offset|).  MXNet:
        _linalg_extractdiag."""
    @staticmethod
    def extracttrian(A: NDArray | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """A triangle of matrices (..., n, n) as (..., m·(m + 1)/2), m = n - |offset|.  MXNet:
        _linalg_extracttrian."""
    @staticmethod
    def gelqf(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """Q (..., m, n) and L (..., m, m) of A = L·Q, m ≤ n: Q has orthonormal rows, L is a lower triangle."""
    @staticmethod
    def gemm(A: NDArray | None = None, B: NDArray | None = None, C: NDArray | None = None, transpose_a: bool = False,
             transpose_b: bool = False, alpha: float = 1.0, beta: float = 1.0, axis: int = -2, *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """alpha·op(A)·op(B) + beta·C for stacks of matrices, whose rows lie along `axis` and whose columns along
        the last axis.  Of beta = 0 C is not read, whatever it holds.  MXNet: _linalg_gemm."""
    @staticmethod
    def gemm2(A: NDArray | None = None, B: NDArray | None = None, transpose_a: bool = False,
              transpose_b: bool = False, alpha: float = 1.0, axis: int = -2, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """alpha·op(A)·op(B) for each pair of matrices, whose rows lie along `axis` and whose columns along the
        last axis."""
    @staticmethod
    def inverse(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """A⁻¹ of square matrices.  MXNetError: a matrix is singular.  MXNet: _linalg_inverse."""
    @staticmethod
    def makediag(A: NDArray | None = None, offset: int = 0, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Zero matrices (..., n + |offset|, n + |offset|) with (..., n) on the diagonal j - i = offset."""
    @staticmethod
    def maketrian(A: NDArray | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Zero matrices with a triangle of (..., m·(m + 1)/2), the inverse of extracttrian.  MXNet:
        _linalg_maketrian."""
    @staticmethod
    def potrf(A: NDArray | None = None, lower: bool = True, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """L of A = L·Lᵀ, or U of A = Uᵀ·U unless `lower`, of symmetric positive definite matrices, of which that
        triangle alone is read.  MXNetError: a matrix is not positive definite; a factor with NaN where it has
        NaN is no error. MXNet: _linalg_potrf."""
    @staticmethod
    def potri(A: NDArray | None = None, lower: bool = True, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """(L·Lᵀ)⁻¹ of lower triangles L, or (Uᵀ·U)⁻¹ of upper ones unless `lower`; the other triangle is not read."""
    @staticmethod
    def slogdet(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """The signs of the determinants of matrices (..., n, n), and ln |det A|, as (...), or (1,) of one."""
    @staticmethod
    def sumlogdiag(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
        """Σ ln A[i, i] of matrices (..., n, n), as (...), or (1,) of one.  MXNet: _linalg_sumlogdiag."""
    @staticmethod
    def syevd(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """U (..., n, n) and eigenvalues L (..., n), ascending, of symmetric A = Uᵀ·diag(L)·U, of which the lower
        triangle is read.  The largest element of each row of U is positive.  MXNet: _linalg_syevd."""
    @staticmethod
    def syrk(A: NDArray | None = None, transpose: bool = False, alpha: float = 1.0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """alpha·A·Aᵀ, or alpha·Aᵀ·A if `transpose`, of each matrix of a stack.  MXNet: _linalg_syrk."""
    @staticmethod
    def trmm(A: NDArray | None = None, B: NDArray | None = None, transpose: bool = False, rightside: bool = False,
             lower: bool = True, alpha: float = 1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """alpha·op(A)·B, or alpha·B·op(A) if `rightside`, A being the lower or upper triangle of a square matrix,
        whose other elements are not read.  MXNet: _linalg_trmm."""
    @staticmethod
    def trsm(A: NDArray | None = None, B: NDArray | None = None, transpose: bool = False, rightside: bool = False,
             lower: bool = True, alpha: float = 1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """X of op(A)·X = alpha·B, or of X·op(A) = alpha·B if `rightside`, A being the lower or upper triangle of a
        square matrix, whose other elements are not read.  A zero on its diagonal gives infinities.  MXNet:
        _linalg_trsm."""

def linalg_det(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """The determinants of matrices (..., n, n), as (...), or (1,) of one.  The gradient of a singular matrix is 0."""

def linalg_extractdiag(A: NDArray | None = None, offset: int = 0, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The diagonals j - i = offset of matrices (..., n, n), as (..., n - |offset|).  MXNet: _linalg_extractdiag."""

def linalg_extracttrian(A: NDArray | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """A triangle of matrices (..., n, n) as (..., m·(m + 1)/2), m = n - |offset|.  MXNet: _linalg_extracttrian."""

def linalg_gelqf(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
    """Q (..., m, n) and L (..., m, m) of A = L·Q, m ≤ n: Q has orthonormal rows, L is a lower triangle."""

def linalg_gemm(A: NDArray | None = None, B: NDArray | None = None, C: NDArray | None = None,
                transpose_a: bool = False, transpose_b: bool = False, alpha: float = 1.0, beta: float = 1.0,
                axis: int = -2, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                **kwargs: Any) -> NDArray:
    """alpha·op(A)·op(B) + beta·C for stacks of matrices, whose rows lie along `axis` and whose columns along the
    last axis.  Of beta = 0 C is not read, whatever it holds.  MXNet: _linalg_gemm."""

def linalg_gemm2(A: NDArray | None = None, B: NDArray | None = None, transpose_a: bool = False,
                 transpose_b: bool = False, alpha: float = 1.0, axis: int = -2, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """alpha·op(A)·op(B) for each pair of matrices, whose rows lie along `axis` and whose columns along the last
    axis."""

def linalg_inverse(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
    """A⁻¹ of square matrices.  MXNetError: a matrix is singular.  MXNet: _linalg_inverse."""

def linalg_makediag(A: NDArray | None = None, offset: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Zero matrices (..., n + |offset|, n + |offset|) with (..., n) on the diagonal j - i = offset."""

def linalg_maketrian(A: NDArray | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Zero matrices with a triangle of (..., m·(m + 1)/2), the inverse of extracttrian.  MXNet: _linalg_maketrian."""

def linalg_potrf(A: NDArray | None = None, lower: bool = True, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """L of A = L·Lᵀ, or U of A = Uᵀ·U unless `lower`, of symmetric positive definite matrices, of which that
    triangle alone is read.  MXNetError: a matrix is not positive definite; a factor with NaN where it has NaN
    is no error. MXNet: _linalg_potrf."""

def linalg_potri(A: NDArray | None = None, lower: bool = True, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(L·Lᵀ)⁻¹ of lower triangles L, or (Uᵀ·U)⁻¹ of upper ones unless `lower`; the other triangle is not read."""

def linalg_slogdet(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
    """The signs of the determinants of matrices (..., n, n), and ln |det A|, as (...), or (1,) of one."""

def linalg_sumlogdiag(A: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> NDArray:
    """Σ ln A[i, i] of matrices (..., n, n), as (...), or (1,) of one.  MXNet: _linalg_sumlogdiag."""

def linalg_syrk(A: NDArray | None = None, transpose: bool = False, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """alpha·A·Aᵀ, or alpha·Aᵀ·A if `transpose`, of each matrix of a stack.  MXNet: _linalg_syrk."""

def linalg_trmm(A: NDArray | None = None, B: NDArray | None = None, transpose: bool = False, rightside: bool = False,
                lower: bool = True, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """alpha·op(A)·B, or alpha·B·op(A) if `rightside`, A being the lower or upper triangle of a square matrix,
    whose other elements are not read.  MXNet: _linalg_trmm."""

def linalg_trsm(A: NDArray | None = None, B: NDArray | None = None, transpose: bool = False, rightside: bool = False,
                lower: bool = True, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """X of op(A)·X = alpha·B, or of X·op(A) = alpha·B if `rightside`, A being the lower or upper triangle of a
    square matrix, whose other elements are not read.  A zero on its diagonal gives infinities.  MXNet:
    _linalg_trsm."""

def linspace(start: float, stop: float, num: int, endpoint: bool = True, ctx: Any = None,
             dtype: Any = ...) -> NDArray:
    """`num` values from start to stop, which is one of them if `endpoint`."""

def load(fname: Any) -> list[NDArray] | dict[str, NDArray]:
    """The arrays of a .params or .npz file: by name, or a list when they have none."""

def load_frombuffer(buf: bytes) -> list[NDArray] | dict[str, NDArray]:
    """As `load`, from the bytes of a file."""

def log(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """ln x."""

def log10(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """The logarithm to base 10."""

def log1p(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """ln(1 + x), exact near 0."""

def log2(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """The logarithm to base 2."""

def log_sigmoid(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
    """ln(sigmoid(x)), without overflow.  In MXNet since 2.0."""

def log_softmax(data: NDArray | None = None, axis: int = -1, temperature: float | None = None,
                dtype: Literal['float16', 'float32', 'float64'] | None = None, use_length: bool | None = False, *,
                name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                **kwargs: Any) -> NDArray:
    """x - log Σ exp(x), x = data/temperature, along `axis`.  MXNet: log_softmax."""

def logical_and(lhs: Any, rhs: Any) -> Any:
    """Elementwise logical_and of two arrays, which broadcast, or numbers."""

def logical_not(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
    """1 where x is 0, else 0."""

def logical_or(lhs: Any, rhs: Any) -> Any:
    """Elementwise logical_or of two arrays, which broadcast, or numbers."""

def logical_xor(lhs: Any, rhs: Any) -> Any:
    """Elementwise logical_xor of two arrays, which broadcast, or numbers."""

def make_loss(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
    """data as a loss: its gradient is 1."""

def max(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """The largest x; NaN if there is one.  MXNet: max; its gradient goes to every x that is the largest."""

def max_axis(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> NDArray:
    """The largest x; NaN if there is one.  MXNet: max; its gradient goes to every x that is the largest."""

def maximum(lhs: Any, rhs: Any) -> Any:
    """Elementwise maximum of two arrays, which broadcast, or numbers."""

def mean(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
         exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Σ x / n; of integers truncated, of truth values whether one is true.  MXNet: mean."""

def min(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """The smallest x; NaN if there is one.  MXNet: min; its gradient goes to every x that is the smallest."""

def min_axis(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> NDArray:
    """The smallest x; NaN if there is one.  MXNet: min; its gradient goes to every x that is the smallest."""

def minimum(lhs: Any, rhs: Any) -> Any:
    """Elementwise minimum of two arrays, which broadcast, or numbers."""

def mish(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """x·tanh(ln(1 + exp(x))) (Misra, 2019).  In MXNet since 2.0."""

def modulo(lhs: Any, rhs: Any) -> Any:
    """Elementwise modulo of two arrays, which broadcast, or numbers."""

def moments(data: NDArray | None = None, axes: int | tuple[int, ...] | None = None, keepdims: bool = False, *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Mean and variance over `axes`.  MXNet: moments."""

def moveaxis(tensor: NDArray, source: int | Sequence[int], destination: int | Sequence[int]) -> NDArray:
    """`tensor` with axes moved to other places, the rest in order.  ValueError: an axis out of range, or twice."""

def mp_lamb_update_phase1(weight: NDArray | None = None, grad: NDArray | None = None, mean: NDArray | None = None,
                          var: NDArray | None = None, weight32: NDArray | None = None, beta1: float = 0.9,
                          beta2: float = 0.999, epsilon: float = 1e-06, t: int = ..., bias_correction: bool = True,
                          wd: float = ..., rescale_grad: float = 1.0, clip_gradient: float = -1.0, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> NDArray:
    """lamb_update_phase1 of a float32 copy of the weight; the direction is float32.  MXNet: mp_lamb_update_phase1."""

def mp_lamb_update_phase2(weight: NDArray | None = None, g: NDArray | None = None, r1: NDArray | None = None,
                          r2: NDArray | None = None, weight32: NDArray | None = None, lr: float = ...,
                          lower_bound: float = -1.0, upper_bound: float = -1.0, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """lamb_update_phase2 of a float32 copy of the weight, which stays as it is.  MXNet: mp_lamb_update_phase2."""

def mp_nag_mom_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                      weight32: NDArray | None = None, lr: float = ..., momentum: float = 0.0, wd: float = 0.0,
                      rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """nag_mom_update of a float32 copy; its momentum is decayed by the new weight.  MXNet: mp_nag_mom_update."""

def mp_sgd_mom_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                      weight32: NDArray | None = None, lr: float = ..., momentum: float = 0.0, wd: float = 0.0,
                      rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> NDArray:
    """sgd_mom_update of a float32 copy of the weight.  MXNet: mp_sgd_mom_update."""

def mp_sgd_update(weight: NDArray | None = None, grad: NDArray | None = None, weight32: NDArray | None = None,
                  lr: float = ..., wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                  lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
    """sgd_update of a float32 copy of the weight.  MXNet: mp_sgd_update."""

def multi_all_finite(*data: NDArray, num_arrays: int = 1, init_output: bool = True, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Whether all elements of all inputs are finite.  MXNet: multi_all_finite."""

def multi_lars(lrs: NDArray | None = None, weights_sum_sq: NDArray | None = None, grads_sum_sq: NDArray | None = None,
               wds: NDArray | None = None, eta: float = ..., eps: float = ..., rescale_grad: float = 1.0, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """Rates for many weights, from the sums of squares of weights and gradients.  MXNet: multi_lars."""

def multi_mp_sgd_mom_update(*data: NDArray, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                            momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                            num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                            out: Any = None, **kwargs: Any) -> NDArray:
    """mp_sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_mom_update."""

def multi_mp_sgd_update(*data: NDArray, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                        rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> NDArray:
    """mp_sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_update."""

def multi_sgd_mom_update(*data: NDArray, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                         momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                         num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                         out: Any = None, **kwargs: Any) -> NDArray:
    """sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_mom_update."""

def multi_sgd_update(*data: NDArray, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                     rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1,
                     name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                     **kwargs: Any) -> NDArray:
    """sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_update."""

def multi_sum_sq(*data: NDArray, num_arrays: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
    """Σ x² of each input, float32 (num_arrays,).  MXNet: multi_sum_sq."""

def multiply(lhs: Any, rhs: Any) -> Any:
    """Elementwise multiply of two arrays, which broadcast, or numbers."""

def nag_mom_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                   lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                   clip_gradient: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
    """Nesterov's momentum, looking one step ahead.  MXNet: nag_mom_update."""

def nanprod(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
            exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> NDArray:
    """Π x, a NaN counting as 1.  MXNet: nanprod."""

def nansum(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
           exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
           **kwargs: Any) -> NDArray:
    """Σ x, a NaN counting as 0.  MXNet: nansum."""

def negative(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
    """-x."""

def norm(data: NDArray | None = None, ord: int = 2, axis: int | tuple[int, ...] | None = None,
         out_dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None,
         keepdims: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Σ |x| (ord=1) or √Σ x² (ord=2) over `axis`; None and () stand for all axes."""

def normal(loc: float = 0.0, scale: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
           dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the normal distribution with parameters loc, scale."""

def not_equal(lhs: Any, rhs: Any) -> Any:
    """Elementwise not_equal of two arrays, which broadcast, or numbers."""

def one_hot(indices: NDArray | None = None, depth: int = ..., on_value: float = 1.0, off_value: float = 0.0,
            dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
            *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> NDArray:
    """A new last axis of extent `depth`: on_value at the index, off_value elsewhere, and everywhere for an index
    outside.  MXNet: one_hot."""

def onehot_encode(indices: NDArray, out: NDArray) -> NDArray:
    """`out`, whose row i is 1 at indices[i] and 0 elsewhere."""

def ones(shape: Any, ctx: Any = None, dtype: Any = None, out: NDArray | None = None) -> NDArray:
    """An array, or `out`, of ones."""

def ones_like(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
    """Ones in the shape and dtype of x."""

def pad(data: NDArray | None = None, mode: Literal['constant', 'edge', 'reflect'] = ...,
        pad_width: int | tuple[int, ...] = ..., constant_value: float = 0.0, *, name: str | None = None,
        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """pad_width = (before, after) for each axis, filled with a constant, the edge or the reflected inside."""

def pick(data: NDArray | None = None, index: NDArray | None = None, axis: int | None = -1, keepdims: bool = False,
         mode: Literal['clip', 'wrap'] = 'clip', *, name: str | None = None, attr: dict[str, str] | None = None,
         out: Any = None, **kwargs: Any) -> NDArray:
    """data at index along `axis`, one element for each place on the other axes.  MXNet: pick."""

def power(lhs: Any, rhs: Any) -> Any:
    """Elementwise power of two arrays, which broadcast, or numbers."""

def preloaded_multi_mp_sgd_mom_update(*data: NDArray, momentum: float = 0.0, rescale_grad: float = 1.0,
                                      clip_gradient: float = -1.0, num_weights: int = 1, name: str | None = None,
                                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """mp_sgd_mom_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_mp_sgd_update(*data: NDArray, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                                  num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                                  out: Any = None, **kwargs: Any) -> NDArray:
    """mp_sgd_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_sgd_mom_update(*data: NDArray, momentum: float = 0.0, rescale_grad: float = 1.0,
                                   clip_gradient: float = -1.0, num_weights: int = 1, name: str | None = None,
                                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """sgd_mom_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_sgd_update(*data: NDArray, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                               num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                               out: Any = None, **kwargs: Any) -> NDArray:
    """sgd_update of num_weights weights; the last inputs are their rates and decays."""

def prod(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
         exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Π x.  MXNet: prod; its gradient divides by x, so it is NaN where x is 0."""

def radians(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """Degrees to radians."""

class random:
    @staticmethod
    def exponential(scale: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                    **kwargs: Any) -> Any:
        """Draws of the distribution exponential; arguments: scale, shape, dtype, ctx, out."""
    @staticmethod
    def exponential_like(data: NDArray | None = None, lam: float = 1.0, *, name: str | None = None,
                         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the exponential distribution with parameters lam, in the shape and dtype of data."""
    @staticmethod
    def gamma(alpha: Any = 1, beta: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
              **kwargs: Any) -> Any:
        """Draws of the distribution gamma; arguments: alpha, beta, shape, dtype, ctx, out."""
    @staticmethod
    def gamma_like(data: NDArray | None = None, alpha: float = 1.0, beta: float = 1.0, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the gamma distribution with parameters alpha, beta, in the shape and dtype of data."""
    @staticmethod
    def generalized_negative_binomial(mu: Any = 1, alpha: Any = 1, shape: Any = None, dtype: Any = None,
                                      ctx: Any = None, out: Any = None, **kwargs: Any) -> Any:
        """Draws of the distribution generalized_negative_binomial; arguments: mu, alpha, shape, dtype, ctx, out."""
    @staticmethod
    def generalized_negative_binomial_like(data: NDArray | None = None, mu: float = 1.0, alpha: float = 1.0, *,
                                           name: str | None = None, attr: dict[str, str] | None = None,
                                           out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the generalized negative binomial distribution with parameters mu, alpha, in the shape and
        dtype of data."""
    @staticmethod
    def multinomial(data: Any, shape: Any = None, get_prob: bool = False, dtype: Any = 'int32', **kwargs: Any) -> Any:
        """Draws of indices with the probabilities that the last axis of `data` has; with get_prob also their log."""
    @staticmethod
    def negative_binomial(k: Any = 1, p: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None,
                          out: Any = None, **kwargs: Any) -> Any:
        """Draws of the distribution negative_binomial; arguments: k, p, shape, dtype, ctx, out."""
    @staticmethod
    def negative_binomial_like(data: NDArray | None = None, k: int = 1, p: float = 1.0, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the negative binomial distribution with parameters k, p, in the shape and dtype of data."""
    @staticmethod
    def normal(loc: Any = 0, scale: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
               **kwargs: Any) -> Any:
        """Draws of the distribution normal; arguments: loc, scale, shape, dtype, ctx, out."""
    @staticmethod
    def normal_like(data: NDArray | None = None, loc: float = 0.0, scale: float = 1.0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the normal distribution with parameters loc, scale, in the shape and dtype of data."""
    @staticmethod
    def poisson(lam: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution poisson; arguments: lam, shape, dtype, ctx, out."""
    @staticmethod
    def poisson_like(data: NDArray | None = None, lam: float = 1.0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the poisson distribution with parameters lam, in the shape and dtype of data."""
    @staticmethod
    def randint(low: Any, high: Any, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution randint; arguments: low, high, shape, dtype, ctx, out."""
    @staticmethod
    def randn(*shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
        """Draws of a normal distribution in the shape that the positional arguments are."""
    @staticmethod
    def seed(seed_state: int, ctx: Any = 'all') -> None:
        """Make random operators repeat from here: equal seeds give equal draws, whatever the number of threads."""
    @staticmethod
    def shuffle(data: Any, **kwargs: Any) -> Any:
        """`data` in a random order along its first axis."""
    @staticmethod
    def uniform(low: Any = 0, high: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution uniform; arguments: low, high, shape, dtype, ctx, out."""
    @staticmethod
    def uniform_like(data: NDArray | None = None, low: float = 0.0, high: float = 1.0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Samples of the uniform distribution with parameters low, high, in the shape and dtype of data."""

def random_exponential(lam: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                       dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the exponential distribution with parameters lam."""

def random_gamma(alpha: float = 1.0, beta: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                 dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the gamma distribution with parameters alpha, beta."""

def random_generalized_negative_binomial(mu: float = 1.0, alpha: float = 1.0,
                                         shape: int | tuple[int, ...] | None = None, ctx: str = '',
                                         dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> NDArray:
    """Samples of the generalized negative binomial distribution with parameters mu, alpha."""

def random_negative_binomial(k: int = 1, p: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                             dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> NDArray:
    """Samples of the negative binomial distribution with parameters k, p."""

def random_normal(loc: float = 0.0, scale: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                  dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the normal distribution with parameters loc, scale."""

def random_pdf_dirichlet(sample: NDArray | None = None, alpha: NDArray | None = None, is_log: bool = False, *,
                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                         **kwargs: Any) -> NDArray:
    """The density of the Dirichlet distribution at each sample, a vector along the last axis, or its logarithm."""

def random_pdf_exponential(sample: NDArray | None = None, lam: NDArray | None = None, is_log: bool = False, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> NDArray:
    """The density of the exponential distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_gamma(sample: NDArray | None = None, alpha: NDArray | None = None, beta: NDArray | None = None,
                     is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                     out: Any = None, **kwargs: Any) -> NDArray:
    """The density of the gamma distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_generalized_negative_binomial(sample: NDArray | None = None, mu: NDArray | None = None,
                                             alpha: NDArray | None = None, is_log: bool = False, *,
                                             name: str | None = None, attr: dict[str, str] | None = None,
                                             out: Any = None, **kwargs: Any) -> NDArray:
    """The density of the generalized negative binomial distribution at each sample, or its logarithm; the
    parameters broadcast."""

def random_pdf_negative_binomial(sample: NDArray | None = None, k: NDArray | None = None, p: NDArray | None = None,
                                 is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                                 out: Any = None, **kwargs: Any) -> NDArray:
    """The density of the negative binomial distribution at each sample, or its logarithm; the parameters
    broadcast."""

def random_pdf_normal(sample: NDArray | None = None, mu: NDArray | None = None, sigma: NDArray | None = None,
                      is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> NDArray:
    """The density of the normal distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_poisson(sample: NDArray | None = None, lam: NDArray | None = None, is_log: bool = False, *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> NDArray:
    """The density of the Poisson distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_uniform(sample: NDArray | None = None, low: NDArray | None = None, high: NDArray | None = None,
                       is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> NDArray:
    """The density of the uniform distribution at each sample, or its logarithm; the parameters broadcast."""

def random_poisson(lam: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the poisson distribution with parameters lam."""

def random_randint(low: int = ..., high: int = ..., shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'int32', 'int64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Integers from low to high - 1, all with the same chance."""

def random_uniform(low: float = 0.0, high: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the uniform distribution with parameters low, high."""

def ravel_multi_index(data: NDArray | None = None, shape: int | tuple[int, ...] | None = None, *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> NDArray:
    """Places in the flattened tensor of `shape` from coordinates (rank, n).  MXNet: _ravel_multi_index."""

def rcbrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """1/∛x."""

def reciprocal(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """1/x."""

def relu(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """max(x, 0); NaN stays NaN, forward and backward."""

def repeat(data: NDArray | None = None, repeats: int = ..., axis: int | None = None, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Each element `repeats` times along `axis`, or of the flattened input.  MXNet: repeat."""

def reset_arrays(*data: NDArray, num_arrays: int) -> list[NDArray]:
    """Set all elements of `num_arrays` arrays to 0.  ValueError: that many are not given."""

def reshape(data: NDArray | None = None, shape: int | tuple[int, ...] = (), reverse: bool = False,
            target_shape: int | tuple[int, ...] = (), keep_highest: bool = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The input under another shape, written with codes that copy, infer, merge and split dimensions."""

def reshape_like(lhs: NDArray | None = None, rhs: NDArray | None = None, lhs_begin: int | None = None,
                 lhs_end: int | None = None, rhs_begin: int | None = None, rhs_end: int | None = None, *,
                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> NDArray:
    """lhs with its dimensions [lhs_begin, lhs_end) replaced by those of rhs [rhs_begin, rhs_end)."""

def reverse(data: NDArray | None = None, axis: int | tuple[int, ...] = ..., *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The elements in reverse order along each of `axis`.  MXNet: reverse."""

def rint(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """The nearest integer; halves go down, as in MXNet."""

def rmsprop_update(weight: NDArray | None = None, grad: NDArray | None = None, n: NDArray | None = None,
                   lr: float = ..., gamma1: float = 0.95, epsilon: float = 1e-08, wd: float = 0.0,
                   rescale_grad: float = 1.0, clip_gradient: float = -1.0, clip_weights: float = -1.0, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
    """Steps divided by the root of a moving mean of squares.  MXNet: rmsprop_update."""

def rmspropalex_update(weight: NDArray | None = None, grad: NDArray | None = None, n: NDArray | None = None,
                       g: NDArray | None = None, delta: NDArray | None = None, lr: float = ..., gamma1: float = 0.95,
                       gamma2: float = 0.9, epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, clip_weights: float = -1.0, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """RMSProp by the variance of gradients, with momentum (Graves 2013).  MXNet: rmspropalex_update."""

def round(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """The nearest integer; halves go away from zero."""

def rsqrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """1/√x."""

def sample_exponential(lam: NDArray | None = None, shape: int | tuple[int, ...] = (),
                       dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the exponential distribution in the given shape."""

def sample_gamma(alpha: NDArray | None = None, beta: NDArray | None = None, shape: int | tuple[int, ...] = (),
                 dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the gamma distribution in the given shape."""

def sample_generalized_negative_binomial(mu: NDArray | None = None, alpha: NDArray | None = None,
                                         shape: int | tuple[int, ...] = (),
                                         dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the generalized negative binomial distribution in the given
    shape."""

def sample_multinomial(data: NDArray | None = None, shape: int | tuple[int, ...] = (), get_prob: bool = False,
                       dtype: Literal['float16', 'float32', 'float64', 'int32', 'uint8'] = 'int32', *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> NDArray:
    """Categories drawn with the probabilities that the last axis of data holds, in `shape` for each line."""

def sample_negative_binomial(k: NDArray | None = None, p: NDArray | None = None, shape: int | tuple[int, ...] = (),
                             dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the negative binomial distribution in the given shape."""

def sample_normal(mu: NDArray | None = None, sigma: NDArray | None = None, shape: int | tuple[int, ...] = (),
                  dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the normal distribution in the given shape."""

def sample_poisson(lam: NDArray | None = None, shape: int | tuple[int, ...] = (),
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the poisson distribution in the given shape."""

def sample_uniform(low: NDArray | None = None, high: NDArray | None = None, shape: int | tuple[int, ...] = (),
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """For each element of the parameters, samples of the uniform distribution in the given shape."""

def save(fname: Any, data: NDArray | Sequence[NDArray] | Mapping[str, NDArray]) -> None:
    """Write arrays, with names if a mapping is given, as a .params file that MXNet reads."""

def scatter_nd(data: NDArray | None = None, indices: NDArray | None = None, shape: int | tuple[int, ...] = ..., *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """Zeros of `shape` with data at the points indices[:, ...]; of several values at one point the last counts."""

def sgd_mom_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                   lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                   clip_gradient: float = -1.0, lazy_update: bool = True, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """mom = momentum·mom - lr·(wd·weight + clip(rescale_grad·grad)); weight + mom.  MXNet: sgd_mom_update."""

def sgd_update(weight: NDArray | None = None, grad: NDArray | None = None, lr: float = ..., wd: float = 0.0,
               rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """weight·(1 - lr·wd) - lr·clip(rescale_grad·grad).  `lazy_update` is for sparse gradients.  MXNet: sgd_update."""

def shape_array(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
    """The shape of data."""

def shuffle(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """data with its first axis in a random order, each with the same chance."""

def sigmoid(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """1 / (1 + exp(-x))."""

def sign(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """-1, 0 or 1; 0 for NaN."""

def signsgd_update(weight: NDArray | None = None, grad: NDArray | None = None, lr: float = ..., wd: float = 0.0,
                   rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """weight·(1 - lr·wd) - lr·sign(grad); clip_gradient has no effect on a sign.  MXNet: signsgd_update."""

def signum_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                  lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                  clip_gradient: float = -1.0, wd_lh: float = 0.0, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The sign of a momentum that has no lr in it; wd_lh decays the weight itself.  MXNet: signum_update."""

def sin(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """Sine."""

def sinh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Hyperbolic sine."""

def size_array(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """The number of elements of data."""

def slice(data: NDArray | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
          step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""

def slice_axis(data: NDArray | None = None, axis: int = ..., begin: int = ..., end: int | None = None, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """[begin, end) of one axis; negative bounds count from its end.  MXNet: slice_axis."""

def slice_like(data: NDArray | None = None, shape_like: NDArray | None = None, axes: int | tuple[int, ...] = (), *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> NDArray:
    """The leading part of data with the extents of shape_like along `axes`, by default along all."""

def smooth_l1(data: NDArray | None = None, scalar: float = 1.0, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """σ²x²/2 where |x| ≤ 1/σ², |x| - 1/(2σ²) outside; σ is `scalar`, a whole number beside integers."""

def softmax(data: NDArray | None = None, length: NDArray | None = None, axis: int = -1,
            temperature: float | None = None, dtype: Literal['float16', 'float32', 'float64'] | None = None,
            use_length: bool | None = False, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
    """exp(x) / Σ exp(x), x = data/temperature, along `axis`.  MXNet: softmax."""

def softmax_cross_entropy(data: NDArray | None = None, label: NDArray | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """-Σ log softmax(data)[n, label[n]], each probability counted as at least 1e-8; shape (1,)."""

def softmin(data: NDArray | None = None, axis: int = -1, temperature: float | None = None,
            dtype: Literal['float16', 'float32', 'float64'] | None = None, use_length: bool | None = False, *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The softmax of -data.  MXNet: softmin."""

def softsign(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
    """x / (1 + |x|)."""

def sort(data: NDArray | None = None, axis: int | None = -1, is_ascend: bool = True, *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The elements along `axis` in order; axis None flattens.  MXNet: sort."""

def space_to_depth(data: NDArray | None = None, block_size: int = ..., *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """(N, C, H·b, W·b) → (N, b·b·C, H, W).  MXNet: space_to_depth."""

class sparse:
    @staticmethod
    def BaseSparseNDArray(*_: Any, **__: Any) -> None:
        """There are none; for isinstance tests."""
    @staticmethod
    def CSRNDArray(*_: Any, **__: Any) -> None:
        """There are none; for isinstance tests."""
    @staticmethod
    def ElementWiseSum(*data: NDArray, num_args: int = ..., name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The sum of all inputs, added up from left to right."""
    @staticmethod
    def Embedding(data: NDArray | None = None, weight: NDArray | None = None, input_dim: int = ...,
                  output_dim: int = ...,
                  dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
                  sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
        """The rows of weight (input_dim, output_dim) at the indices in data, clipped.  MXNet: Embedding."""
    @staticmethod
    def FullyConnected(data: NDArray | None = None, weight: NDArray | None = None, bias: NDArray | None = None,
                       num_hidden: int = ..., no_bias: bool = False, flatten: bool = True, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """y = x·Wᵀ + b; x is flattened to (N, ∏d) unless flatten=False.  MXNet: FullyConnected."""
    @staticmethod
    def LinearRegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0, *,
                               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                               **kwargs: Any) -> NDArray:
        """data itself; the gradient is data - label.  MXNet: LinearRegressionOutput."""
    @staticmethod
    def LogisticRegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0,
                                 *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                 **kwargs: Any) -> NDArray:
        """sigmoid(data); the gradient is that less label.  MXNet: LogisticRegressionOutput."""
    @staticmethod
    def MAERegressionOutput(data: NDArray | None = None, label: NDArray | None = None, grad_scale: float = 1.0, *,
                            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                            **kwargs: Any) -> NDArray:
        """data itself; the gradient is the sign of data - label.  MXNet: MAERegressionOutput."""
    @staticmethod
    def RowSparseNDArray(*_: Any, **__: Any) -> None:
        """There are none; for isinstance tests."""
    @staticmethod
    def abs(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """|x|."""
    @staticmethod
    def adam_update(weight: NDArray | None = None, grad: NDArray | None = None, mean: NDArray | None = None,
                    var: NDArray | None = None, lr: float = ..., beta1: float = 0.9, beta2: float = 0.999,
                    epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                    lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                    out: Any = None, **kwargs: Any) -> NDArray:
        """Adam without correction of bias; the decay is part of the gradient.  MXNet: adam_update."""
    @staticmethod
    def add_n(*data: NDArray, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """The sum of all inputs, added up from left to right."""
    @staticmethod
    def arccos(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse cosine."""
    @staticmethod
    def arccosh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse of cosh."""
    @staticmethod
    def arcsin(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse sine."""
    @staticmethod
    def arcsinh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse of sinh."""
    @staticmethod
    def arctan(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse tangent."""
    @staticmethod
    def arctanh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """Inverse of tanh."""
    @staticmethod
    def array(source_array: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
        """A new array with the values of `source_array`: float32 unless `dtype` says otherwise or it is an
        NDArray."""
    @staticmethod
    def broadcast_add(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs + rhs."""
    @staticmethod
    def broadcast_div(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs / rhs; integers are divided as in C."""
    @staticmethod
    def broadcast_minus(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs - rhs."""
    @staticmethod
    def broadcast_mul(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs · rhs."""
    @staticmethod
    def broadcast_plus(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs + rhs."""
    @staticmethod
    def broadcast_sub(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs - rhs."""
    @staticmethod
    def cbrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """∛x."""
    @staticmethod
    def ceil(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """The smallest integer not below x."""
    @staticmethod
    def clip(data: NDArray | None = None, a_min: float = ..., a_max: float = ..., *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """x between a_min and a_max, bounds that pass the gradient too; NaN stays."""
    @staticmethod
    def concat(*data: NDArray, num_args: int = ..., dim: int = 1, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """The inputs one behind the other along `dim`.  MXNet: Concat."""
    @staticmethod
    def cos(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """Cosine."""
    @staticmethod
    def cosh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """Hyperbolic cosine."""
    @staticmethod
    def csr_matrix(*_: Any, **__: Any) -> NoReturn:
        """MXNetError: there are no sparse arrays."""
    @staticmethod
    def degrees(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """Radians to degrees."""
    @staticmethod
    def dot(lhs: NDArray | None = None, rhs: NDArray | None = None, transpose_a: bool = False,
            transpose_b: bool = False, forward_stype: str | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """Product over the last axis of lhs (the first if transpose_a) and the first axis of rhs (the last if
        transpose_b); the other axes stay in order.  Two vectors give shape (1,).  MXNet: dot."""
    @staticmethod
    def elemwise_add(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs + rhs."""
    @staticmethod
    def elemwise_div(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs / rhs; integers are divided as in C."""
    @staticmethod
    def elemwise_mul(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs · rhs."""
    @staticmethod
    def elemwise_sub(lhs: NDArray | None = None, rhs: NDArray | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """lhs - rhs."""
    @staticmethod
    def empty(stype: str, shape: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
        """As nd.empty, if `stype` is 'default'."""
    @staticmethod
    def exp(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """e to the power of x."""
    @staticmethod
    def expm1(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """eˣ - 1, exact near 0."""
    @staticmethod
    def fix(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """The nearest integer toward zero."""
    @staticmethod
    def floor(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """The largest integer not above x."""
    @staticmethod
    def ftrl_update(weight: NDArray | None = None, grad: NDArray | None = None, z: NDArray | None = None,
                    n: NDArray | None = None, lr: float = ..., lamda1: float = 0.01, beta: float = 1.0,
                    wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, *,
                    name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                    **kwargs: Any) -> NDArray:
        """Follow the regularized leader: weights within lamda1 are 0.  MXNet: ftrl_update."""
    @staticmethod
    def gamma(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """Γ(x)."""
    @staticmethod
    def gammaln(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """ln |Γ(x)|."""
    @staticmethod
    def log(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """ln x."""
    @staticmethod
    def log10(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """The logarithm to base 10."""
    @staticmethod
    def log1p(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """ln(1 + x), exact near 0."""
    @staticmethod
    def log2(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """The logarithm to base 2."""
    @staticmethod
    def make_loss(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
        """data as a loss: its gradient is 1."""
    @staticmethod
    def mean(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> NDArray:
        """Σ x / n; of integers truncated, of truth values whether one is true.  MXNet: mean."""
    @staticmethod
    def negative(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> NDArray:
        """-x."""
    @staticmethod
    def norm(data: NDArray | None = None, ord: int = 2, axis: int | tuple[int, ...] | None = None,
             out_dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None,
             keepdims: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> NDArray:
        """Σ |x| (ord=1) or √Σ x² (ord=2) over `axis`; None and () stand for all axes."""
    @staticmethod
    def radians(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """Degrees to radians."""
    @staticmethod
    def relu(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """max(x, 0); NaN stays NaN, forward and backward."""
    @staticmethod
    def rint(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """The nearest integer; halves go down, as in MXNet."""
    @staticmethod
    def round(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """The nearest integer; halves go away from zero."""
    @staticmethod
    def row_sparse_array(*_: Any, **__: Any) -> NoReturn:
        """MXNetError: there are no sparse arrays."""
    @staticmethod
    def rsqrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """1/√x."""
    @staticmethod
    def sgd_mom_update(weight: NDArray | None = None, grad: NDArray | None = None, mom: NDArray | None = None,
                       lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, lazy_update: bool = True, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """mom = momentum·mom - lr·(wd·weight + clip(rescale_grad·grad)); weight + mom.  MXNet: sgd_mom_update."""
    @staticmethod
    def sgd_update(weight: NDArray | None = None, grad: NDArray | None = None, lr: float = ..., wd: float = 0.0,
                   rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> NDArray:
        """weight·(1 - lr·wd) - lr·clip(rescale_grad·grad).  `lazy_update` is for sparse gradients.  MXNet:
        sgd_update."""
    @staticmethod
    def sigmoid(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> NDArray:
        """1 / (1 + exp(-x))."""
    @staticmethod
    def sign(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """-1, 0 or 1; 0 for NaN."""
    @staticmethod
    def sin(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """Sine."""
    @staticmethod
    def sinh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """Hyperbolic sine."""
    @staticmethod
    def slice(data: NDArray | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
              step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""
    @staticmethod
    def sqrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """√x."""
    @staticmethod
    def square(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
        """x²."""
    @staticmethod
    def stop_gradient(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> NDArray:
        """x; no gradient flows through it."""
    @staticmethod
    def sum(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
            exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> NDArray:
        """Σ x; integers wrap.  MXNet: sum."""
    @staticmethod
    def tan(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> NDArray:
        """Tangent."""
    @staticmethod
    def tanh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> NDArray:
        """Hyperbolic tangent."""
    @staticmethod
    def trunc(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> NDArray:
        """x without its fraction."""
    @staticmethod
    def where(condition: NDArray | None = None, x: NDArray | None = None, y: NDArray | None = None, *,
              name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
        """x where condition is not 0, else y.  A condition of one axis chooses among the rows of x and y."""
    @staticmethod
    def zeros(stype: str, shape: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
        """As nd.zeros, if `stype` is 'default'."""
    @staticmethod
    def zeros_like(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> NDArray:
        """Zeros in the shape and dtype of x."""

def split(data: NDArray | None = None, num_outputs: int = ..., axis: int = 1, squeeze_axis: bool = False, *,
          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """num_outputs equal parts along `axis`; squeeze_axis drops the axis where they have extent 1."""

def split_v2(ary: NDArray, indices_or_sections: int | tuple[int, ...], axis: int = 0,
             squeeze_axis: bool = False) -> Any:
    """`ary` in that many equal parts, or split at these indices, along an axis."""

def sqrt(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """√x."""

def square(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> NDArray:
    """x²."""

def squeeze(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The dimensions of `axis`, by default all of extent 1, taken out; one dimension remains.  MXNet: squeeze."""

def stack(*data: NDArray, axis: int = 0, num_args: int = ..., name: str | None = None,
          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The inputs, all of one shape, along a new axis.  MXNet: stack."""

def stop_gradient(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> NDArray:
    """x; no gradient flows through it."""

def subtract(lhs: Any, rhs: Any) -> Any:
    """Elementwise subtract of two arrays, which broadcast, or numbers."""

def sum(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """Σ x; integers wrap.  MXNet: sum."""

def sum_axis(data: NDArray | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> NDArray:
    """Σ x; integers wrap.  MXNet: sum."""

def swapaxes(data: NDArray | None = None, dim1: int = 0, dim2: int = 0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Axes dim1 and dim2 exchanged.  MXNet: SwapAxis."""

def take(a: NDArray | None = None, indices: NDArray | None = None, axis: int = 0,
         mode: Literal['clip', 'raise', 'wrap'] = 'clip', *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The slices of `a` at `indices` along `axis`; their shape takes the place of the axis."""

def tan(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> NDArray:
    """Tangent."""

def tanh(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> NDArray:
    """Hyperbolic tangent."""

def tile(data: NDArray | None = None, reps: int | tuple[int, ...] = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The whole input repeated reps[i] times along axis i, counted from the last.  MXNet: tile."""

def to_dlpack_for_read(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be read."""

def to_dlpack_for_write(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be written."""

def topk(data: NDArray | None = None, axis: int | None = -1, k: int = 1,
         ret_typ: Literal['both', 'indices', 'mask', 'value'] = 'indices', is_ascend: bool = False,
         dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'] = 'float32', *,
         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """The k largest (is_ascend: smallest) elements along `axis` in order: their values, their indices as `dtype`,
    both, or a mask of the input's shape.  k<1 takes all, axis None flattens.  MXNet: topk."""

def transpose(data: NDArray | None = None, axes: int | tuple[int, ...] = (), *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Output axis i is input axis axes[i]; by default the axes are reversed.  MXNet: transpose."""

def true_divide(lhs: Any, rhs: Any) -> Any:
    """Elementwise true_divide of two arrays, which broadcast, or numbers."""

def trunc(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> NDArray:
    """x without its fraction."""

def uniform(low: float = 0.0, high: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
            dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Samples of the uniform distribution with parameters low, high."""

def unravel_index(data: NDArray | None = None, shape: int | tuple[int, ...] | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """Coordinates (rank, n) from places in the flattened tensor of `shape`, whose first extent does not matter and
    may be -1; those of a negative place are those of its magnitude, negated, as C divides.  MXNet:
    _unravel_index."""

def waitall() -> None:
    """Nothing to wait for: results are there when a call returns."""

def where(condition: NDArray | None = None, x: NDArray | None = None, y: NDArray | None = None, *,
          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> NDArray:
    """x where condition is not 0, else y.  A condition of one axis chooses among the rows of x and y."""

def zeros(shape: Any, ctx: Any = None, dtype: Any = None, stype: str | None = None,
          out: NDArray | None = None) -> NDArray:
    """An array, or `out`, of zeros."""

def zeros_like(data: NDArray | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> NDArray:
    """Zeros in the shape and dtype of x."""
