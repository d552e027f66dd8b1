# ruff: noqa
# mypy: ignore-errors
"""Symbols: the module mx.sym.  Written by `python -m symc.frontend.stubs`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

import numpy as np

from symc import symbol as op
from symc.frontend.symbol import Symbol as _Symbol

class Symbol(_Symbol):
    def __abs__(self) -> Symbol:
        ...
    def __add__(self, other: Any) -> Any:
        ...
    def __bool__(self) -> NoReturn:
        ...
    def __copy__(self) -> Symbol:
        ...
    def __deepcopy__(self, _: object) -> Symbol:
        ...
    def __getitem__(self, index: int | str | slice) -> Symbol:
        """One output by position or by name (as `list_outputs` gives it), or a group of some."""
    def __iadd__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __imod__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __imul__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __ipow__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __isub__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __iter__(self) -> Iterator[Symbol]:
        ...
    def __itruediv__(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def __len__(self) -> int:
        ...
    def __mod__(self, other: Any) -> Any:
        ...
    def __mul__(self, other: Any) -> Any:
        ...
    def __neg__(self) -> Symbol:
        ...
    def __pow__(self, other: Any) -> Any:
        ...
    def __radd__(self, other: Any) -> Any:
        ...
    def __rmod__(self, other: Any) -> Any:
        ...
    def __rmul__(self, other: Any) -> Any:
        ...
    def __rpow__(self, other: Any) -> Any:
        ...
    def __rsub__(self, other: Any) -> Any:
        ...
    def __rtruediv__(self, other: Any) -> Any:
        ...
    def __setstate__(self, state: Mapping[str, str]) -> None:
        ...
    def __sub__(self, other: Any) -> Any:
        ...
    def __truediv__(self, other: Any) -> Any:
        ...
    def abs(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.abs` of the symbol."""
    def arccos(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arccos` of the symbol."""
    def arccosh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arccosh` of the symbol."""
    def arcsin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arcsin` of the symbol."""
    def arcsinh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arcsinh` of the symbol."""
    def arctan(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arctan` of the symbol."""
    def arctanh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.arctanh` of the symbol."""
    def argmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.argmax` of the symbol."""
    def argmax_channel(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.argmax_channel` of the symbol."""
    def argmin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.argmin` of the symbol."""
    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.argsort` of the symbol."""
    def as_in_context(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def as_nd_ndarray(self) -> Symbol:
        """The symbol itself, as of every classic symbol."""
    def as_np_ndarray(self) -> Symbol:
        """The symbol itself: symc has one kind of symbols, MXNet's classic ones."""
    def asnumpy(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def asscalar(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def astype(self, *args: Any, **kwargs: Any) -> Symbol:
        """The `cast` of the symbol."""
    def attr(self, key: str) -> str | None:
        """One attribute: a parameter of the operator, or one of the user's, `mood` and `__mood__` being the same."""
    def attr_dict(self) -> dict[str, dict[str, str]]:
        """The attributes and parameters of all nodes that have some, by the nodes' names."""
    def backward(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def bind(self, ctx: Any, args: Any, args_grad: Any = None, grad_req: Any = 'write', aux_states: Any = None,
             group2ctx: Any = None, shared_exec: Any = None) -> Any:
        """An Executor on these arrays.  MXNet: Symbol.bind."""
    def broadcast_axes(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.broadcast_axes` of the symbol."""
    def broadcast_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.broadcast_like` of the symbol."""
    def broadcast_to(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.broadcast_to` of the symbol."""
    def cbrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.cbrt` of the symbol."""
    def ceil(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.ceil` of the symbol."""
    def clip(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.clip` of the symbol."""
    def copy(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def cos(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.cos` of the symbol."""
    def cosh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.cosh` of the symbol."""
    def debug_str(self) -> str:
        """The nodes with their inputs and attributes, to be read by people."""
    def degrees(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.degrees` of the symbol."""
    def depth_to_space(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.depth_to_space` of the symbol."""
    def detach(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def diag(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.diag` of the symbol."""
    def eval(self, ctx: Any = None, **kwargs: Any) -> Any:
        """The outputs for these arguments, a list of NDArrays; to run it more than once, `bind` it."""
    def exp(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.exp` of the symbol."""
    def expand_dims(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.expand_dims` of the symbol."""
    def expm1(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.expm1` of the symbol."""
    def fix(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.fix` of the symbol."""
    def flatten(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.flatten` of the symbol."""
    def flip(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.flip` of the symbol."""
    def floor(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.floor` of the symbol."""
    def get_backend_symbol(self, backend: str) -> Symbol:
        """The symbol for one of MXNet's back ends (`symc.frontend.backends`): itself.  MXNetError: there is none
        such."""
    def get_children(self) -> Symbol | None:
        """A group of the inputs of the heads' nodes; None when they are all variables."""
    def get_inputs(self) -> Symbol:
        """A group of all variables of the graph, auxiliary states included."""
    def get_internals(self) -> Symbol:
        """A group of the outputs of all nodes, variables included: `net.get_internals()['fc1_output']`."""
    def gradient(self, wrt: Sequence[str]) -> Symbol:
        """The gradients of the sum of the outputs by the arguments named in `wrt`, as a group of one output for
        each."""
    def has_dynamic_shape_op(self) -> bool:
        """Whether the shape of some value is known only when the graph runs, as behind `contrib.boolean_mask`."""
    def infer_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes of the arguments, outputs and auxiliary states, from some arguments' given by position or by
        name."""
    def infer_shape_partial(self, *args: Any, **kwargs: Any) -> Any:
        """As `infer_shape`, with 0 and () where something does not follow."""
    def infer_type(self, *args: Any, **kwargs: Any) -> Any:
        """Types of the arguments, outputs and auxiliary states, as NumPy scalar types, from some arguments'."""
    def infer_type_partial(self, *args: Any, **kwargs: Any) -> Any:
        """As `infer_type`, with None for a type that does not follow."""
    def list_arguments(self) -> list[str]:
        """Names of the variables to be given that are no auxiliary states, in the order of the graph."""
    def list_attr(self, recursive: bool = False) -> dict[str, str]:
        """The user's attributes; {} of a group.  recursive: those of all nodes, each as name_key (`attr_dict` has
        them by node, and the operators' parameters too)."""
    def list_auxiliary_states(self) -> list[str]:
        """Names of the variables that operators keep state in, as BatchNorm its moving statistics."""
    def list_inputs(self) -> list[str]:
        """Names of all variables."""
    def list_outputs(self) -> list[str]:
        """Names of the outputs: 'fc1_output', 'split0_output1', or the variable's own."""
    def log(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log` of the symbol."""
    def log10(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log10` of the symbol."""
    def log1p(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log1p` of the symbol."""
    def log2(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log2` of the symbol."""
    def log_sigmoid(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log_sigmoid` of the symbol."""
    def log_softmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.log_softmax` of the symbol."""
    def max(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.max` of the symbol."""
    def mean(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.mean` of the symbol."""
    def min(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.min` of the symbol."""
    def mish(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.mish` of the symbol."""
    @property
    def name(self) -> str | None:
        """The name; None for a group."""
    def nanprod(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.nanprod` of the symbol."""
    def nansum(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.nansum` of the symbol."""
    def norm(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.norm` of the symbol."""
    def one_hot(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.one_hot` of the symbol."""
    def ones_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.ones_like` of the symbol."""
    def optimize_for(self, backend: str, args: Any = None, aux: Any = None, ctx: Any = None, shape_dict: Any = None,
                     type_dict: Any = None, stype_dict: Any = None, skip_infer: bool = False,
                     **kwargs: Any) -> Symbol:
        """The symbol for one of MXNet's back ends, checked against what is given."""
    def pad(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.pad` of the symbol."""
    def pick(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.pick` of the symbol."""
    def prod(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.prod` of the symbol."""
    def radians(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.radians` of the symbol."""
    def rcbrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.rcbrt` of the symbol."""
    def reciprocal(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.reciprocal` of the symbol."""
    def relu(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.relu` of the symbol."""
    def repeat(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.repeat` of the symbol."""
    def reshape(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.reshape` of the symbol."""
    def reshape_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.reshape_like` of the symbol."""
    def rint(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.rint` of the symbol."""
    def round(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.round` of the symbol."""
    def rsqrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.rsqrt` of the symbol."""
    def save(self, fname: str, remove_amp_cast: bool = True) -> None:
        """Write the symbol.json text to a file, which is replaced whole."""
    def shape_array(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.shape_array` of the symbol."""
    def sigmoid(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sigmoid` of the symbol."""
    def sign(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sign` of the symbol."""
    def simple_bind(self, ctx: Any, grad_req: Any = 'write', type_dict: Any = None, stype_dict: Any = None,
                    group2ctx: Any = None, shared_arg_names: Any = None, shared_exec: Any = None,
                    shared_buffer: Any = None, **kwargs: Any) -> Any:
        """An Executor on new arrays of zeros; kwargs are shapes of arguments.  MXNet: Symbol.simple_bind."""
    def sin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sin` of the symbol."""
    def sinh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sinh` of the symbol."""
    def size_array(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.size_array` of the symbol."""
    def slice(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.slice` of the symbol."""
    def slice_axis(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.slice_axis` of the symbol."""
    def slice_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.slice_like` of the symbol."""
    def softmax(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.softmax` of the symbol."""
    def softmin(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.softmin` of the symbol."""
    def sort(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sort` of the symbol."""
    def space_to_depth(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.space_to_depth` of the symbol."""
    def split(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.split` of the symbol."""
    def split_v2(self, *args: Any, **kwargs: Any) -> Symbol:
        """`symc.sym.split_v2` of the symbol."""
    def sqrt(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sqrt` of the symbol."""
    def square(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.square` of the symbol."""
    def squeeze(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.squeeze` of the symbol."""
    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.sum` of the symbol."""
    def swapaxes(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.swapaxes` of the symbol."""
    def take(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.take` of the symbol."""
    def tan(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.tan` of the symbol."""
    def tanh(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.tanh` of the symbol."""
    def tile(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.tile` of the symbol."""
    def tojson(self, remove_amp_cast: bool = True) -> str:
        """The symbol.json text, as MXNet 1.9.1 writes it; amp_cast and amp_multicast are left out unless kept."""
    def topk(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.topk` of the symbol."""
    def transpose(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.transpose` of the symbol."""
    def trunc(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.trunc` of the symbol."""
    def wait_to_read(self, *_: object) -> NoReturn:
        """Arrays have it; a symbol raises NotImplementedForSymbol."""
    def zeros_like(self, *args: Any, **kwargs: Any) -> Any:
        """`symc.sym.zeros_like` of the symbol."""

def Activation(data: Symbol | None = None, act_type: Literal['relu', 'sigmoid', 'softrelu', 'softsign', 'tanh'] = ...,
               *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> Symbol:
    """The function that `act_type` names.  Unlike the operator relu, this one gives 0 for NaN."""

def BatchNorm(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
              moving_mean: Symbol | None = None, moving_var: Symbol | None = None, eps: float = 0.001,
              momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
              output_mean_var: bool = False, axis: int = 1, cudnn_off: bool = False,
              min_calib_range: float | None = None, max_calib_range: float | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(data - mean) / √(variance + eps) · gamma + beta, channel by channel.  MXNet: BatchNorm."""

def BatchNorm_v1(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
                 moving_mean: Symbol | None = None, moving_var: Symbol | None = None, eps: float = 0.001,
                 momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                 output_mean_var: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
    """BatchNorm under the name of old files; the channels are axis 1.  MXNet: BatchNorm_v1."""

def BilinearSampler(data: Symbol | None = None, grid: Symbol | None = None, cudnn_off: bool | None = None, *,
                    name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                    **kwargs: Any) -> Symbol:
    """data (N, C, H, W) at the places of grid (N, 2, H', W'), by bilinear interpolation; 0 outside of the image."""

def BlockGrad(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
    """x; no gradient flows through it."""

def CTCLoss(data: Symbol | None = None, label: Symbol | None = None, data_lengths: Symbol | None = None,
            label_lengths: Symbol | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
            blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T, N,
    C)."""

def Cast(data: Symbol | None = None,
         dtype: Literal['bfloat16', 'bool', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ...,
         *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data as `dtype`: floats are truncated toward zero for integers; the gradient is converted back."""

def Concat(*data: Symbol, num_args: int = ..., dim: int = 1, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The inputs one behind the other along `dim`.  MXNet: Concat."""

def Convolution(data: Symbol | None = None, weight: Symbol | None = None, bias: Symbol | None = None,
                kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), num_filter: int = ...,
                num_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """y[n,o,·] = Σ data[n,c,stride·y + dilate·k - pad] · weight[o,c,k] + bias[o].  MXNet: Convolution."""

def Convolution_v1(data: Symbol | None = None, weight: Symbol | None = None, bias: Symbol | None = None,
                   kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                   dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), num_filter: int = ...,
                   num_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                   cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                   layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Convolution under the name of old files.  MXNet: Convolution_v1."""

def Correlation(data1: Symbol | None = None, data2: Symbol | None = None, kernel_size: int = 1,
                max_displacement: int = 1, stride1: int = 1, stride2: int = 1, pad_size: int = 0,
                is_multiply: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
    """The mean product (or |difference|) of windows of data1 with displaced windows of data2."""

def Crop(*data: Symbol, num_args: int = ..., offset: int | tuple[int, ...] = (0, 0),
         h_w: int | tuple[int, ...] = (0, 0), center_crop: bool = False, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """A window of (N, C, H, W): of size h_w, or of the H and W of a second input; at `offset`, or in the middle."""

def Custom(*data: Symbol, op_type: str = ..., name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """The operator registered as `op_type`, with the other parameters handed to its property as strings."""

def Deconvolution(data: Symbol | None = None, weight: Symbol | None = None, bias: Symbol | None = None,
                  kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
                  dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (),
                  adj: int | tuple[int, ...] = (), target_shape: int | tuple[int, ...] = (), num_filter: int = ...,
                  num_group: int = 1, workspace: int = 512, no_bias: bool = True,
                  cudnn_tune: Literal['fastest', 'limited_workspace', 'off'] | None = None, cudnn_off: bool = False,
                  layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'] | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The gradient of a Convolution by its data, as an operator: a convolution with fractional stride."""

def Dropout(data: Symbol | None = None, p: float = 0.5, mode: Literal['always', 'training'] = 'training',
            axes: int | tuple[int, ...] = (), cudnn_off: bool | None = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Elements become 0 with probability p, the others are divided by 1 - p; elements along `axes` share their
    fate."""

def ElementWiseSum(*data: Symbol, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
    """The sum of all inputs, added up from left to right."""

def Embedding(data: Symbol | None = None, weight: Symbol | None = None, input_dim: int = ..., output_dim: int = ...,
              dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
              sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
    """The rows of weight (input_dim, output_dim) at the indices in data, clipped.  MXNet: Embedding."""

def Flatten(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """(N, d1, d2, ...) as (N, d1·d2·...).  MXNet: Flatten."""

def FullyConnected(data: Symbol | None = None, weight: Symbol | None = None, bias: Symbol | None = None,
                   num_hidden: int = ..., no_bias: bool = False, flatten: bool = True, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """y = x·Wᵀ + b; x is flattened to (N, ∏d) unless flatten=False.  MXNet: FullyConnected."""

def GridGenerator(data: Symbol | None = None, transform_type: Literal['affine', 'warp'] = ...,
                  target_shape: int | tuple[int, ...] = (0, 0), *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """A grid for BilinearSampler: of affine maps (N, 6) onto target_shape, or of optical flows (N, 2, H, W) in
    pixels."""

def Group(symbols: Sequence[Symbol], create_fn: Any = ...) -> Symbol:
    """A symbol with the outputs of all `symbols`."""

def GroupNorm(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
              num_groups: int = 1, eps: float = 1e-05, output_mean_var: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Each of `num_groups` groups of channels of a sample is normalized; gamma and beta have one entry a group."""

def IdentityAttachKLSparseReg(data: Symbol | None = None, moving_avg: Symbol | None = None,
                              sparseness_target: float = 0.1, penalty: float = 0.001, momentum: float = 0.9, *,
                              name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                              **kwargs: Any) -> Symbol:
    """data itself (N, C); its gradient pushes each channel's moving mean activation, in (0, 1), to
    sparseness_target."""

def InstanceNorm(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
                 eps: float = 0.001, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> Symbol:
    """Each channel of a sample is normalized by itself.  MXNet: InstanceNorm."""

def L2Normalization(data: Symbol | None = None, eps: float = 1e-10,
                    mode: Literal['channel', 'instance', 'spatial'] = 'instance', *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data / √(Σ data² + eps) over the channels (channel), all spatial positions of a channel (spatial) or the
    whole of each sample (instance).  The hidden output is the norm.  MXNet: L2Normalization."""

def LRN(data: Symbol | None = None, alpha: float = 0.0001, beta: float = 0.75, knorm: float = 2.0, nsize: int = ...,
        *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data / (knorm + alpha/nsize · Σ data² over `nsize` channels)^beta; the hidden output is the base of the
    power."""

def LayerNorm(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None, axis: int = -1,
              eps: float = 1e-05, output_mean_var: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(data - mean) / √(variance + eps) · gamma + beta, the statistics taken along `axis`.  MXNet: LayerNorm."""

def LeakyReLU(data: Symbol | None = None, gamma: Symbol | None = None,
              act_type: Literal['elu', 'gelu', 'leaky', 'prelu', 'rrelu', 'selu'] = 'leaky', slope: float = 0.25,
              lower_bound: float = 0.125, upper_bound: float = 0.334, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """x where it is positive, elsewhere as `act_type` says:"""

def LinearRegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> Symbol:
    """data itself; the gradient is data - label.  MXNet: LinearRegressionOutput."""

def LogisticRegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> Symbol:
    """sigmoid(data); the gradient is that less label.  MXNet: LogisticRegressionOutput."""

def MAERegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> Symbol:
    """data itself; the gradient is the sign of data - label.  MXNet: MAERegressionOutput."""

def MakeLoss(data: Symbol | None = None, grad_scale: float = 1.0, valid_thresh: float = 0.0,
             normalization: Literal['batch', 'null', 'valid'] = 'null', *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data as a loss: its gradient is grad_scale, divided by the number of rows (all dimensions but the last one),
    or by that of the elements above valid_thresh (at least 1), as `normalization` says."""

def Pad(data: Symbol | None = None, mode: Literal['constant', 'edge', 'reflect'] = ...,
        pad_width: int | tuple[int, ...] = ..., constant_value: float = 0.0, *, name: str | None = None,
        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """pad_width = (before, after) for each axis, filled with a constant, the edge or the reflected inside."""

def Pooling(data: Symbol | None = None, kernel: int | tuple[int, ...] = (),
            pool_type: Literal['avg', 'lp', 'max', 'sum'] = 'max', global_pool: bool = False, cudnn_off: bool = False,
            pooling_convention: Literal['full', 'same', 'valid'] = 'valid', stride: int | tuple[int, ...] = (),
            pad: int | tuple[int, ...] = (), p_value: int | None = None, count_include_pad: bool | None = None,
            layout: Literal['NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC', 'NWC'] | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The maximum, average, sum or lp norm (of the values, not their magnitudes) over windows.  MXNet: Pooling."""

def Pooling_v1(data: Symbol | None = None, kernel: int | tuple[int, ...] = (),
               pool_type: Literal['avg', 'lp', 'max', 'sum'] = 'max', global_pool: bool = False,
               pooling_convention: Literal['full', 'same', 'valid'] = 'valid', stride: int | tuple[int, ...] = (),
               pad: int | tuple[int, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """Pooling as MXNet 0.8 had it: padding is zeros, which a maximum may be and an average counts, as it does the
    taps beyond the padding; all elements equal to the maximum get the gradient.  MXNet: Pooling_v1."""

def RNN(data: Symbol | None = None, parameters: Symbol | None = None, state: Symbol | None = None,
        state_cell: Symbol | None = None, sequence_length: Symbol | None = None, state_size: int = ...,
        num_layers: int = ..., bidirectional: bool = False,
        mode: Literal['gru', 'lstm', 'rnn_relu', 'rnn_tanh'] = ..., p: float = 0.0, state_outputs: bool = False,
        projection_size: int | None = None, lstm_state_clip_min: float | None = None,
        lstm_state_clip_max: float | None = None, lstm_state_clip_nan: bool = False,
        use_sequence_length: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
        out: Any = None, **kwargs: Any) -> Symbol:
    """Layers of recurrent cells over data (time, batch, features), in one or both directions."""

def ROIPooling(data: Symbol | None = None, rois: Symbol | None = None, pooled_size: int | tuple[int, ...] = ...,
               spatial_scale: float = ..., *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """The largest of each bin (R, C, *pooled_size) of regions rois (R, 5) of data (N, C, H, W); 0 of an empty bin."""

def Reshape(data: Symbol | None = None, shape: int | tuple[int, ...] = (), reverse: bool = False,
            target_shape: int | tuple[int, ...] = (), keep_highest: bool = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The input under another shape, written with codes that copy, infer, merge and split dimensions."""

def SVMOutput(data: Symbol | None = None, label: Symbol | None = None, margin: float = 1.0,
              regularization_coefficient: float = 1.0, use_linear: bool = False, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data itself; the gradient is that of the one-against-all hinge loss, squared unless use_linear."""

def SequenceLast(data: Symbol | None = None, sequence_length: Symbol | None = None, use_sequence_length: bool = False,
                 axis: int = 0, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> Symbol:
    """The last element of each sequence; the first one of an empty sequence.  MXNet: SequenceLast."""

def SequenceMask(data: Symbol | None = None, sequence_length: Symbol | None = None, use_sequence_length: bool = False,
                 value: float = 0.0, axis: int = 0, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
    """data, with `value` behind the end of each sequence.  MXNet: SequenceMask."""

def SequenceReverse(data: Symbol | None = None, sequence_length: Symbol | None = None,
                    use_sequence_length: bool = False, axis: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Each sequence in reverse order, what lies behind its end in place.  MXNet: SequenceReverse, of axis 0 only."""

def SliceChannel(data: Symbol | None = None, num_outputs: int = ..., axis: int = 1, squeeze_axis: bool = False, *,
                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> Symbol:
    """num_outputs equal parts along `axis`; squeeze_axis drops the axis where they have extent 1."""

def Softmax(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0,
            ignore_label: float = -1.0, multi_output: bool = False, use_ignore: bool = False,
            preserve_shape: bool = False, normalization: Literal['batch', 'null', 'valid'] = 'null',
            out_grad: bool = False, smooth_alpha: float = 0.0, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Softmax of data; the gradient is that of the cross entropy with label, times grad_scale.  MXNet:
    SoftmaxOutput."""

def SoftmaxActivation(data: Symbol | None = None, mode: Literal['channel', 'instance'] = 'instance', *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> Symbol:
    """softmax along axis 1 (channel) or the last one (instance).  MXNet: SoftmaxActivation, as its CPU build runs
    it: its gradient is always that of a softmax along axis 1."""

def SoftmaxOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0,
                  ignore_label: float = -1.0, multi_output: bool = False, use_ignore: bool = False,
                  preserve_shape: bool = False, normalization: Literal['batch', 'null', 'valid'] = 'null',
                  out_grad: bool = False, smooth_alpha: float = 0.0, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Softmax of data; the gradient is that of the cross entropy with label, times grad_scale.  MXNet:
    SoftmaxOutput."""

def SpatialTransformer(data: Symbol | None = None, loc: Symbol | None = None,
                       target_shape: int | tuple[int, ...] = (0, 0), transform_type: Literal['affine'] = ...,
                       sampler_type: Literal['bilinear'] = ..., cudnn_off: bool | None = None, *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> Symbol:
    """data (N, C, H, W) sampled bilinearly on the grid of the affine maps loc (N, 6).  MXNet: SpatialTransformer."""

def SwapAxis(data: Symbol | None = None, dim1: int = 0, dim2: int = 0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Axes dim1 and dim2 exchanged.  MXNet: SwapAxis."""

def UpSampling(*data: Symbol, scale: int = ..., num_filter: int = 0,
               sample_type: Literal['bilinear', 'nearest'] = ...,
               multi_input_mode: Literal['concat', 'sum'] = 'concat', num_args: int = ..., workspace: int = 512,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Images enlarged `scale` times: each pixel repeated, or interpolated by a Deconvolution with the second
    input."""

def Variable(name: str, attr: Mapping[str, str] | None = None, shape: Any = None, lr_mult: float | None = None,
             wd_mult: float | None = None, dtype: Any = None, init: Any = None, stype: str | None = None,
             profiler_scope: str | None = None, **kwargs: Any) -> Symbol:
    """A variable.  MXNet: var, Variable."""

def abs(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """|x|."""

def adam_update(weight: Symbol | None = None, grad: Symbol | None = None, mean: Symbol | None = None,
                var: Symbol | None = None, lr: float = ..., beta1: float = 0.9, beta2: float = 0.999,
                epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
    """Adam without correction of bias; the decay is part of the gradient.  MXNet: adam_update."""

def add_n(*data: Symbol, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> Symbol:
    """The sum of all inputs, added up from left to right."""

def all_finite(data: Symbol | None = None, init_output: bool = True, *, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Whether all elements are finite.  MXNet: all_finite."""

def amp_cast(data: Symbol | None = None,
             dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ..., *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data as `dtype` if it is of a floating type, otherwise as it is."""

def amp_multicast(*data: Symbol, num_outputs: int = ..., cast_narrow: bool = False, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """All inputs in one floating type: the widest among them, or the narrowest if `cast_narrow`."""

def arange(start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: bool = False,
           name: str | None = None, dtype: Any = None) -> Symbol:
    """start, start + step, ... below stop, each `repeat` times; arange(n) counts from 0."""

def arccos(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse cosine."""

def arccosh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse of cosh."""

def arcsin(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse sine."""

def arcsinh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse of sinh."""

def arctan(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse tangent."""

def arctanh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """Inverse of tanh."""

def argmax(data: Symbol | None = None, axis: int | None = None, keepdims: bool = False, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Where x is largest along `axis`.  MXNet: argmax."""

def argmax_channel(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
    """Where x is largest along axis 1.  MXNet: argmax_channel."""

def argmin(data: Symbol | None = None, axis: int | None = None, keepdims: bool = False, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Where x is smallest along `axis`.  MXNet: argmin."""

def argsort(data: Symbol | None = None, axis: int | None = -1, is_ascend: bool = True,
            dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'] = 'float32', *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The places of the elements along `axis` in order, as `dtype`; axis None flattens.  MXNet: argsort."""

def batch_dot(lhs: Symbol | None = None, rhs: Symbol | None = None, transpose_a: bool = False,
              transpose_b: bool = False, forward_stype: str | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """op(lhs)·op(rhs) for each pair of matrices of two stacks (..., m, k) and (..., k, n).  MXNet: batch_dot."""

def batch_take(a: Symbol | None = None, indices: Symbol | None = None, *, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """a[..., indices[...]], indices (int32) clipped.  MXNet: batch_take."""

def broadcast_add(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs + rhs."""

def broadcast_axes(data: Symbol | None = None, axis: int | tuple[int, ...] = (), size: int | tuple[int, ...] = (), *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
    """data repeated along each `axis`, whose extent is 1, to the `size` that stands at its place."""

def broadcast_axis(data: Symbol | None = None, axis: int | tuple[int, ...] = (), size: int | tuple[int, ...] = (), *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
    """data repeated along each `axis`, whose extent is 1, to the `size` that stands at its place."""

def broadcast_div(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs / rhs; integers are divided as in C."""

def broadcast_equal(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs = rhs, else 0."""

def broadcast_greater(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs > rhs, else 0."""

def broadcast_greater_equal(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs ≥ rhs, else 0."""

def broadcast_hypot(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """√(lhs² + rhs²)."""

def broadcast_lesser(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs < rhs, else 0."""

def broadcast_lesser_equal(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs ≤ rhs, else 0."""

def broadcast_like(lhs: Symbol | None = None, rhs: Symbol | None = None,
                   lhs_axes: int | tuple[int, ...] | None = None, rhs_axes: int | tuple[int, ...] | None = None, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
    """lhs repeated to the shape of rhs, or only its `lhs_axes` to the extents of the `rhs_axes` of rhs."""

def broadcast_logical_and(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where both differ from 0, else 0."""

def broadcast_logical_or(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where either differs from 0, else 0."""

def broadcast_logical_xor(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where exactly one differs from 0, else 0."""

def broadcast_maximum(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The larger of both; NaN if either is."""

def broadcast_minimum(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The smaller of both; NaN if either is."""

def broadcast_minus(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs - rhs."""

def broadcast_mod(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The remainder of lhs / rhs with the sign of rhs; 0 where rhs is 0."""

def broadcast_mul(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs · rhs."""

def broadcast_not_equal(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """1 where lhs ≠ rhs, else 0."""

def broadcast_plus(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs + rhs."""

def broadcast_power(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs to the power of rhs."""

def broadcast_sub(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs - rhs."""

def broadcast_to(data: Symbol | None = None, shape: int | tuple[int, ...] = (), *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data repeated to `shape`; a 0 there keeps the extent of data."""

def cast(data: Symbol | None = None,
         dtype: Literal['bfloat16', 'bool', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = ...,
         *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data as `dtype`: floats are truncated toward zero for integers; the gradient is converted back."""

def cbrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """∛x."""

def ceil(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """The smallest integer not below x."""

def choose_element_0index(data: Symbol | None = None, index: Symbol | None = None, axis: int | None = -1,
                          keepdims: bool = False, mode: Literal['clip', 'wrap'] = 'clip', *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data at index along `axis`, one element for each place on the other axes.  MXNet: pick."""

def clip(data: Symbol | None = None, a_min: float = ..., a_max: float = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """x between a_min and a_max, bounds that pass the gradient too; NaN stays."""

def col2im(data: Symbol | None = None, output_size: int | tuple[int, ...] = ..., kernel: int | tuple[int, ...] = ...,
           stride: int | tuple[int, ...] = (), dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), *,
           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(N, C·∏kernel, windows) → (N, C, output_size...), each pixel the sum over the windows.  MXNet: col2im."""

def concat(*data: Symbol, num_args: int = ..., dim: int = 1, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The inputs one behind the other along `dim`.  MXNet: Concat."""

class contrib:
    @staticmethod
    def AdaptiveAvgPooling2D(data: Symbol | None = None, output_size: int | tuple[int, ...] = (), *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> Symbol:
        """The mean over each of output_size × output_size cells, which may overlap.  MXNet:
        contrib.AdaptiveAvgPooling2D."""
    @staticmethod
    def BatchNormWithReLU(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
                          moving_mean: Symbol | None = None, moving_var: Symbol | None = None, eps: float = 0.001,
                          momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                          output_mean_var: bool = False, axis: int = 1, cudnn_off: bool = False,
                          min_calib_range: float | None = None, max_calib_range: float | None = None, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> Symbol:
        """relu of BatchNorm; the last output, hidden, is what relu is applied to.  MXNet:
        contrib.BatchNormWithReLU."""
    @staticmethod
    def BilinearResize2D(data: Symbol | None = None, like: Symbol | None = None, height: int = 1, width: int = 1,
                         scale_height: float | None = None, scale_width: float | None = None,
                         mode: Literal['like', 'odd_scale', 'size', 'to_even_down', 'to_even_up', 'to_odd_down', 'to_odd_up'] = 'size',
                         align_corners: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                         out: Any = None, **kwargs: Any) -> Symbol:
        """Images (N, C, H, W) resized by bilinear interpolation.  MXNet: contrib.BilinearResize2D."""
    @staticmethod
    def CTCLoss(data: Symbol | None = None, label: Symbol | None = None, data_lengths: Symbol | None = None,
                label_lengths: Symbol | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
                blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T,
        N, C)."""
    @staticmethod
    def DeformableConvolution(data: Symbol | None = None, offset: Symbol | None = None, weight: Symbol | None = None,
                              bias: Symbol | None = None, kernel: int | tuple[int, ...] = ...,
                              stride: int | tuple[int, ...] = (), dilate: int | tuple[int, ...] = (),
                              pad: int | tuple[int, ...] = (), num_filter: int = ..., num_group: int = 1,
                              num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                              layout: Literal['NCDHW', 'NCHW', 'NCW'] | None = None, *, name: str | None = None,
                              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """A convolution of data (N, C, H, W) whose taps offset (N, 2·taps·num_deformable_group, height, width)
        moves: along y, then along x, for each tap, in pixels."""
    @staticmethod
    def DeformablePSROIPooling(data: Symbol | None = None, rois: Symbol | None = None, trans: Symbol | None = None,
                               spatial_scale: float = ..., output_dim: int = ..., group_size: int = ...,
                               pooled_size: int = ..., part_size: int = 0, sample_per_part: int = 1,
                               trans_std: float = 0.0, no_trans: bool = False, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Means (R, output_dim, pooled_size, pooled_size) of samples of bins of regions rois (R, 5), each bin of a
        channel of its own of data (N, output_dim·group_size², H, W)."""
    @staticmethod
    def ModulatedDeformableConvolution(data: Symbol | None = None, offset: Symbol | None = None,
                                       mask: Symbol | None = None, weight: Symbol | None = None,
                                       bias: Symbol | None = None, kernel: int | tuple[int, ...] = ...,
                                       stride: int | tuple[int, ...] = (), dilate: int | tuple[int, ...] = (),
                                       pad: int | tuple[int, ...] = (), num_filter: int = ..., num_group: int = 1,
                                       num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
                                       im2col_step: int = 64, layout: Literal['NCDHW', 'NCHW', 'NCW'] | None = None,
                                       *, name: str | None = None, attr: dict[str, str] | None = None,
                                       out: Any = None, **kwargs: Any) -> Symbol:
        """A deformable convolution whose taps are multiplied by mask (N, taps·num_deformable_group, height,
        width)."""
    @staticmethod
    def MultiBoxDetection(cls_prob: Symbol | None = None, loc_pred: Symbol | None = None,
                          anchor: Symbol | None = None, clip: bool = True, threshold: float = 0.01,
                          background_id: int = 0, nms_threshold: float = 0.5, force_suppress: bool = False,
                          variances: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2), nms_topk: int = -1, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> Symbol:
        """Detections (N, M, 6): class (background not counted), score and corners, the best one first, rows of -1
        last."""
    @staticmethod
    def MultiBoxPrior(data: Symbol | None = None, sizes: tuple[float, ...] = (1.0,),
                      ratios: tuple[float, ...] = (1.0,), clip: bool = False, steps: tuple[float, ...] = (-1.0, -1.0),
                      offsets: tuple[float, ...] = (0.5, 0.5), *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Anchors (1, H·W·A, 4) in corners, A of them around each pixel of data (N, C, H, W), in units of the
        image."""
    @staticmethod
    def MultiBoxTarget(anchor: Symbol | None = None, label: Symbol | None = None, cls_pred: Symbol | None = None,
                       overlap_threshold: float = 0.5, ignore_label: float = -1.0,
                       negative_mining_ratio: float = -1.0, negative_mining_thresh: float = 0.5,
                       minimum_negative_samples: int = 0, variances: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2), *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> Symbol:
        """Training targets of anchors (1, M, 4): offsets to the boxes that they are to find (N, 4·M), a mask of
        these, and classes (N, M): 0 for background, ignore_label for those that play no part."""
    @staticmethod
    def MultiProposal(cls_prob: Symbol | None = None, bbox_pred: Symbol | None = None, im_info: Symbol | None = None,
                      rpn_pre_nms_top_n: int = 6000, rpn_post_nms_top_n: int = 300, threshold: float = 0.7,
                      rpn_min_size: int = 16, scales: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0),
                      ratios: tuple[float, ...] = (0.5, 1.0, 2.0), feature_stride: int = 16,
                      output_score: bool = False, iou_loss: bool = False, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Regions (N·rpn_post_nms_top_n, 5) of N images: number of image and corners.  MXNet:
        _contrib_MultiProposal."""
    @staticmethod
    def PSROIPooling(data: Symbol | None = None, rois: Symbol | None = None, spatial_scale: float = ...,
                     output_dim: int = ..., pooled_size: int = ..., group_size: int = 0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The mean of each bin (R, output_dim, pooled_size, pooled_size) of regions rois (R, 5) of data (N, C, H,
        W), of a channel that is the bin's own: C = output_dim·group_size².  0 of an empty bin.  MXNet:
        _contrib_PSROIPooling."""
    @staticmethod
    def Proposal(cls_prob: Symbol | None = None, bbox_pred: Symbol | None = None, im_info: Symbol | None = None,
                 rpn_pre_nms_top_n: int = 6000, rpn_post_nms_top_n: int = 300, threshold: float = 0.7,
                 rpn_min_size: int = 16, scales: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0),
                 ratios: tuple[float, ...] = (0.5, 1.0, 2.0), feature_stride: int = 16, output_score: bool = False,
                 iou_loss: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
        """Regions (rpn_post_nms_top_n, 5) of one image: 0 and corners in pixels; where fewer survive, they are
        repeated."""
    @staticmethod
    def ROIAlign(data: Symbol | None = None, rois: Symbol | None = None, pooled_size: int | tuple[int, ...] = ...,
                 spatial_scale: float = ..., sample_ratio: int = -1, position_sensitive: bool = False,
                 aligned: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
        """Means (R, C, *pooled_size) of samples of the bins of regions rois (R, 5) of data (N, C, H, W)."""
    @staticmethod
    def RROIAlign(data: Symbol | None = None, rois: Symbol | None = None, pooled_size: int | tuple[int, ...] = ...,
                  spatial_scale: float = ..., sampling_ratio: int = -1, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Means (R, C, *pooled_size) of samples of the bins of turned regions of data (N, C, H, W)."""
    @staticmethod
    def SparseEmbedding(data: Symbol | None = None, weight: Symbol | None = None, input_dim: int = ...,
                        output_dim: int = ...,
                        dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
                        sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> Symbol:
        """Embedding, whose gradient has row-sparse storage in MXNet; here it is dense.  MXNet:
        _contrib_SparseEmbedding."""
    @staticmethod
    def SyncBatchNorm(data: Symbol | None = None, gamma: Symbol | None = None, beta: Symbol | None = None,
                      moving_mean: Symbol | None = None, moving_var: Symbol | None = None, eps: float = 0.001,
                      momentum: float = 0.9, fix_gamma: bool = True, use_global_stats: bool = False,
                      output_mean_var: bool = False, ndev: int = 1, key: str = ..., *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """BatchNorm whose statistics are shared by `ndev` devices; there is one.  MXNet: contrib.SyncBatchNorm."""
    @staticmethod
    def allclose(a: Symbol | None = None, b: Symbol | None = None, rtol: float = 1e-05, atol: float = 1e-08,
                 equal_nan: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
        """1 if |a - b| ≤ atol + rtol·|b| everywhere, else 0; infinities must be equal, NaN as `equal_nan` says."""
    @staticmethod
    def arange_like(data: Symbol | None = None, start: float = 0.0, step: float = 1.0, repeat: int = 1, ctx: str = '',
                    axis: int | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                    out: Any = None, **kwargs: Any) -> Symbol:
        """start, start + step, ..., each `repeat` times, in the shape of data, or as long as its `axis`."""
    @staticmethod
    def bipartite_matching(data: Symbol | None = None, is_ascend: bool = False, threshold: float = ...,
                           topk: int = -1, *, name: str | None = None, attr: dict[str, str] | None = None,
                           out: Any = None, **kwargs: Any) -> Symbol:
        """Pairs of rows and columns of scores (..., R, C), the largest ones (is_ascend: smallest) first: for each
        row its column (..., R), for each column its row (..., C), or -1."""
    @staticmethod
    def boolean_mask(data: Symbol | None = None, index: Symbol | None = None, axis: int = 0, *,
                     name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                     **kwargs: Any) -> Symbol:
        """The rows of data where index, of one element a row, is not zero.  MXNet: _contrib_boolean_mask."""
    @staticmethod
    def box_decode(data: Symbol | None = None, anchors: Symbol | None = None, std0: float = 1.0, std1: float = 1.0,
                   std2: float = 1.0, std3: float = 1.0, clip: float = -1.0,
                   format: Literal['center', 'corner'] = 'center', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Boxes (N, M, 4) in corners from offsets `data` (N, M, 4) of anchors (1, M, 4) in `format`."""
    @staticmethod
    def box_encode(samples: Symbol | None = None, matches: Symbol | None = None, anchors: Symbol | None = None,
                   refs: Symbol | None = None, means: Symbol | None = None, stds: Symbol | None = None, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
        """Offsets (N, M, 4) from anchors (N, M, 4) to the boxes refs (N, K, 4) that matches (N, M) chooses, and a
        mask."""
    @staticmethod
    def box_iou(lhs: Symbol | None = None, rhs: Symbol | None = None, format: Literal['center', 'corner'] = 'corner',
                *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                **kwargs: Any) -> Symbol:
        """The intersection over union of each box of lhs (..., 4) with each one of rhs (..., 4); 0 where they
        share none."""
    @staticmethod
    def box_nms(data: Symbol | None = None, overlap_thresh: float = 0.5, valid_thresh: float = 0.0, topk: int = -1,
                coord_start: int = 2, score_index: int = 1, id_index: int = -1, background_id: int = -1,
                force_suppress: bool = False, in_format: Literal['center', 'corner'] = 'corner',
                out_format: Literal['center', 'corner'] = 'corner', *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The boxes (..., M, W) that survive, in descending order of score, and rows of -1 behind them."""
    @staticmethod
    def box_non_maximum_suppression(data: Symbol | None = None, overlap_thresh: float = 0.5,
                                    valid_thresh: float = 0.0, topk: int = -1, coord_start: int = 2,
                                    score_index: int = 1, id_index: int = -1, background_id: int = -1,
                                    force_suppress: bool = False, in_format: Literal['center', 'corner'] = 'corner',
                                    out_format: Literal['center', 'corner'] = 'corner', *, name: str | None = None,
                                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The boxes (..., M, W) that survive, in descending order of score, and rows of -1 behind them."""
    @staticmethod
    def cond(pred: Symbol, then_func: Callable[[], Any], else_func: Callable[[], Any], name: str = 'cond') -> Any:
        """What `then_func()` returns if the one element of `pred` is not 0, else what `else_func()` returns."""
    @staticmethod
    def ctc_loss(data: Symbol | None = None, label: Symbol | None = None, data_lengths: Symbol | None = None,
                 label_lengths: Symbol | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
                 blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T,
        N, C)."""
    @staticmethod
    def div_sqrt_dim(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                     out: Any = None, **kwargs: Any) -> Symbol:
        """data / √d, d being its last dimension; as in the attention of transformers."""
    @staticmethod
    def foreach(body: Callable[[Any, Any], tuple[Any, Any]], data: Any, init_states: Any,
                name: str = 'foreach') -> tuple[Any, Any]:
        """Run `body(slice, states)` → (outputs, states) on each slice of `data` along axis 0."""
    @staticmethod
    def gradientmultiplier(data: Symbol | None = None, scalar: float = 1.0, is_int: bool = True, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> Symbol:
        """x; its gradient is multiplied by `scalar`."""
    @staticmethod
    def hawkesll(lda: Symbol | None = None, alpha: Symbol | None = None, beta: Symbol | None = None,
                 state: Symbol | None = None, lags: Symbol | None = None, marks: Symbol | None = None,
                 valid_length: Symbol | None = None, max_time: Symbol | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Log likelihoods (N,) of points at the times Σ lags (N, T) with marks (N, T) in [0, K), up to max_time
        (N,)."""
    @staticmethod
    def index_array(data: Symbol | None = None, axes: int | tuple[int, ...] | None = None, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The coordinates of each element of data, or those along `axes`, int64.  MXNet: _contrib_index_array."""
    @staticmethod
    def index_copy(old_tensor: Symbol | None = None, index_vector: Symbol | None = None,
                   new_tensor: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
        """old_tensor with the rows named by index_vector replaced by those of new_tensor, in order."""
    @staticmethod
    def interleaved_matmul_encdec_qk(queries: Symbol | None = None, keys_values: Symbol | None = None,
                                     heads: int = ..., *, name: str | None = None, attr: dict[str, str] | None = None,
                                     out: Any = None, **kwargs: Any) -> Symbol:
        """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_encdec_qk."""
    @staticmethod
    def interleaved_matmul_encdec_valatt(keys_values: Symbol | None = None, attention: Symbol | None = None,
                                         heads: int = ..., *, name: str | None = None,
                                         attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> Symbol:
        """attention·value of each head.  MXNet: _contrib_interleaved_matmul_encdec_valatt."""
    @staticmethod
    def interleaved_matmul_selfatt_qk(queries_keys_values: Symbol | None = None, heads: int = ..., *,
                                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                      **kwargs: Any) -> Symbol:
        """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_selfatt_qk."""
    @staticmethod
    def interleaved_matmul_selfatt_valatt(queries_keys_values: Symbol | None = None, attention: Symbol | None = None,
                                          heads: int = ..., *, name: str | None = None,
                                          attr: dict[str, str] | None = None, out: Any = None,
                                          **kwargs: Any) -> Symbol:
        """attention·value of each head.  MXNet: _contrib_interleaved_matmul_selfatt_valatt."""
    @staticmethod
    def quadratic(data: Symbol | None = None, a: float = 0.0, b: float = 0.0, c: float = 0.0, *,
                  name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                  **kwargs: Any) -> Symbol:
        """a·x² + b·x + c."""
    @staticmethod
    def rand_zipfian(true_classes: Any, num_sampled: int, range_max: int, ctx: Any = None) -> tuple[Any, Any, Any]:
        """Classes c of [0, range_max), drawn with probabilities ln((c + 2) / (c + 1)) / ln(range_max + 1)."""
    @staticmethod
    def round_ste(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
        """The nearest integer, halves away from zero; the gradient passes unchanged."""
    @staticmethod
    def sign_ste(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
        """-1, 0 or 1; the gradient passes unchanged."""
    @staticmethod
    def while_loop(cond: Callable[..., Any], func: Callable[..., tuple[Any, Any]], loop_vars: Any,
                   max_iterations: int | None = None, name: str = 'while_loop') -> tuple[Any, Any]:
        """Run `func(*loop_vars)` → (outputs, loop_vars) as long as `cond(*loop_vars)` is not 0, `max_iterations`
        times at most."""

def cos(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """Cosine."""

def cosh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Hyperbolic cosine."""

def crop(data: Symbol | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
         step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
         out: Any = None, **kwargs: Any) -> Symbol:
    """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""

def ctc_loss(data: Symbol | None = None, label: Symbol | None = None, data_lengths: Symbol | None = None,
             label_lengths: Symbol | None = None, use_data_lengths: bool = False, use_label_lengths: bool = False,
             blank_label: Literal['first', 'last'] = 'first', *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T, N,
    C)."""

def cumsum(a: Symbol | None = None, axis: int | None = None,
           dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None, *,
           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The running sum along `axis`, or through the flattened input, as `dtype`.  MXNet: _np_cumsum."""

def degrees(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """Radians to degrees."""

def depth_to_space(data: Symbol | None = None, block_size: int = ..., *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(N, b·b·C, H, W) → (N, C, H·b, W·b).  MXNet: depth_to_space."""

def diag(data: Symbol | None = None, k: int = 0, axis1: int = 0, axis2: int = 1, *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The k-th diagonal over axis1 and axis2, as the last axis; of a vector the matrix that has it as k-th
    diagonal."""

def dot(lhs: Symbol | None = None, rhs: Symbol | None = None, transpose_a: bool = False, transpose_b: bool = False,
        forward_stype: str | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
        out: Any = None, **kwargs: Any) -> Symbol:
    """Product over the last axis of lhs (the first if transpose_a) and the first axis of rhs (the last if
    transpose_b); the other axes stay in order.  Two vectors give shape (1,).  MXNet: dot."""

def elemwise_add(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs + rhs."""

def elemwise_div(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs / rhs; integers are divided as in C."""

def elemwise_mul(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs · rhs."""

def elemwise_sub(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lhs - rhs."""

def erf(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """The error function."""

def erfinv(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """The inverse of erf; ±∞ at ±1, NaN outside."""

def exp(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """e to the power of x."""

def expand_dims(data: Symbol | None = None, axis: int = ..., *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """A dimension of extent 1 inserted before `axis`.  MXNet: expand_dims."""

def expm1(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """eˣ - 1, exact near 0."""

def eye(N: int, M: int = 0, k: int = 0, dtype: Any = None, **kwargs: Any) -> Symbol:
    """An N × M matrix (M = 0: N × N) with ones on the k-th diagonal."""

def fix(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """The nearest integer toward zero."""

def flatten(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """(N, d1, d2, ...) as (N, d1·d2·...).  MXNet: Flatten."""

def flip(data: Symbol | None = None, axis: int | tuple[int, ...] = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The elements in reverse order along each of `axis`.  MXNet: reverse."""

def floor(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """The largest integer not above x."""

def fromjson(json_str: str) -> Symbol:
    """The symbol of a symbol.json text."""

def ftml_update(weight: Symbol | None = None, grad: Symbol | None = None, d: Symbol | None = None,
                v: Symbol | None = None, z: Symbol | None = None, lr: float = ..., beta1: float = 0.6,
                beta2: float = 0.999, epsilon: float = 1e-08, t: int = ..., wd: float = 0.0,
                rescale_grad: float = 1.0, clip_grad: float = -1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Follow the moving leader; t is the number of the step, from 1.  MXNet: ftml_update."""

def ftrl_update(weight: Symbol | None = None, grad: Symbol | None = None, z: Symbol | None = None,
                n: Symbol | None = None, lr: float = ..., lamda1: float = 0.01, beta: float = 1.0, wd: float = 0.0,
                rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Follow the regularized leader: weights within lamda1 are 0.  MXNet: ftrl_update."""

def full(shape: Any, val: float, dtype: Any = None, **kwargs: Any) -> Symbol:
    """One value everywhere."""

def gamma(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """Γ(x)."""

def gammaln(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """ln |Γ(x)|."""

def gather_nd(data: Symbol | None = None, indices: Symbol | None = None, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """data at the points indices[:, ...], whose coordinates lie along the first axis and name the leading axes of
    data, from their ends if negative; others are an error (MXNetError).  MXNet: gather_nd."""

def hard_sigmoid(data: Symbol | None = None, alpha: float = 0.2, beta: float = 0.5, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """alpha·x + beta between 0 and 1."""

def histogram(a: Symbol, bins: Any = 10, range: tuple[float, float] | None = None, **kwargs: Any) -> Symbol:
    """Counts of the elements of `a` in `bins` equal parts of `range`, or between the edges that the symbol `bins`
    has."""

def hypot(left: Any, right: Any) -> Any:
    """√(left² + right²), elementwise; each a symbol or a number."""

def identity(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
    """x."""

def im2col(data: Symbol | None = None, kernel: int | tuple[int, ...] = ..., stride: int | tuple[int, ...] = (),
           dilate: int | tuple[int, ...] = (), pad: int | tuple[int, ...] = (), *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(N, C, image...) → (N, C·∏kernel, windows), padding as 0.  MXNet: im2col."""

class image:
    @staticmethod
    def adjust_lighting(data: Symbol | None = None, alpha: tuple[float, ...] = ..., *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """An image lit by `alpha` of each principal component of ImageNet's colours.  MXNet:
        image.adjust_lighting."""
    @staticmethod
    def crop(data: Symbol | None = None, x: int = ..., y: int = ..., width: int = ..., height: int = ..., *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """`height` × `width` pixels of an image from column x and row y on.  MXNet: image.crop."""
    @staticmethod
    def flip_left_right(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> Symbol:
        """An image mirrored, left for right.  MXNet: image.flip_left_right, which leaves odd middles unset."""
    @staticmethod
    def flip_top_bottom(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                        out: Any = None, **kwargs: Any) -> Symbol:
        """An image upside down.  MXNet: image.flip_top_bottom, which leaves odd middles unset."""
    @staticmethod
    def normalize(data: Symbol | None = None, mean: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
                  std: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0), *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """(data - mean) / std of each channel of (C, H, W) or (N, C, H, W), 1 or 3 channels.  MXNet:
        image.normalize."""
    @staticmethod
    def random_brightness(data: Symbol | None = None, min_factor: float = ..., max_factor: float = ..., *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> Symbol:
        """All pixels times a random factor.  MXNet: image.random_brightness."""
    @staticmethod
    def random_color_jitter(data: Symbol | None = None, brightness: float = ..., contrast: float = ...,
                            saturation: float = ..., hue: float = ..., *, name: str | None = None,
                            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Brightness, contrast, saturation and hue changed in random order, by up to the given shares (0: not at
        all)."""
    @staticmethod
    def random_contrast(data: Symbol | None = None, min_factor: float = ..., max_factor: float = ..., *,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> Symbol:
        """Distances from the mean lightness times a random factor.  MXNet: image.random_contrast."""
    @staticmethod
    def random_flip_left_right(data: Symbol | None = None, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """An image, mirrored half of the time.  MXNet: image.random_flip_left_right."""
    @staticmethod
    def random_flip_top_bottom(data: Symbol | None = None, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """An image, upside down half of the time.  MXNet: image.random_flip_top_bottom."""
    @staticmethod
    def random_hue(data: Symbol | None = None, min_factor: float = ..., max_factor: float = ..., *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
        """The hue turned by a random part of the circle.  MXNet: image.random_hue."""
    @staticmethod
    def random_lighting(data: Symbol | None = None, alpha_std: float = 0.05, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """An image lit by normally distributed parts of the principal components.  MXNet: image.random_lighting."""
    @staticmethod
    def random_saturation(data: Symbol | None = None, min_factor: float = ..., max_factor: float = ..., *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> Symbol:
        """Distances from gray (MXNet's: a share of blue) times a random factor.  MXNet: image.random_saturation."""
    @staticmethod
    def resize(data: Symbol | None = None, size: int | tuple[int, ...] = (), keep_ratio: bool = False,
               interp: int = 1, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
               **kwargs: Any) -> Symbol:
        """Images (H, W, C) or (N, H, W, C) resized to (width, height), to size × size, or their shorter side to
        size."""
    @staticmethod
    def to_tensor(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
        """(H, W, C) from 0 to 255 as float32 (C, H, W) from 0 to 1; batches alike.  MXNet: image.to_tensor."""

def khatri_rao(*data: Symbol, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """For matrices (mᵢ, n) the matrix (∏ mᵢ, n) whose columns are the Kronecker products of theirs."""

def lamb_update_phase1(weight: Symbol | None = None, grad: Symbol | None = None, mean: Symbol | None = None,
                       var: Symbol | None = None, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-06,
                       t: int = ..., bias_correction: bool = True, wd: float = ..., rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> Symbol:
    """The direction of a LAMB step: Adam's, plus wd·weight; t is the number of the step.  MXNet:
    lamb_update_phase1."""

def lamb_update_phase2(weight: Symbol | None = None, g: Symbol | None = None, r1: Symbol | None = None,
                       r2: Symbol | None = None, lr: float = ..., lower_bound: float = -1.0,
                       upper_bound: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> Symbol:
    """weight - lr·(r1 / r2)·g, r1 within bounds; r1 and r2 are norms, of weight and g.  MXNet: lamb_update_phase2."""

class linalg:
    @staticmethod
    def det(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> Symbol:
        """The determinants of matrices (..., n, n), as (...), or (1,) of one.  The gradient of a singular matrix
        is 0."""
    @staticmethod
    def extractdiag(A: Symbol | None = None, offset: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The diagonals j - i = offset of matrices (..., n, n), as (..., n - |offset|).  MXNet:
        _linalg_extractdiag."""
    @staticmethod
    def extracttrian(A: Symbol | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """A triangle of matrices (..., n, n) as (..., m·(m + 1)/2), m = n - |offset|.  MXNet:
        _linalg_extracttrian."""
    @staticmethod
    def gelqf(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """Q (..., m, n) and L (..., m, m) of A = L·Q, m ≤ n: Q has orthonormal rows, L is a lower triangle."""
    @staticmethod
    def gemm(A: Symbol | None = None, B: Symbol | None = None, C: Symbol | None = None, transpose_a: bool = False,
             transpose_b: bool = False, alpha: float = 1.0, beta: float = 1.0, axis: int = -2, *,
             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """alpha·op(A)·op(B) + beta·C for stacks of matrices, whose rows lie along `axis` and whose columns along
        the last axis.  Of beta = 0 C is not read, whatever it holds.  MXNet: _linalg_gemm."""
    @staticmethod
    def gemm2(A: Symbol | None = None, B: Symbol | None = None, transpose_a: bool = False, transpose_b: bool = False,
              alpha: float = 1.0, axis: int = -2, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """alpha·op(A)·op(B) for each pair of matrices, whose rows lie along `axis` and whose columns along the
        last axis."""
    @staticmethod
    def inverse(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """A⁻¹ of square matrices.  MXNetError: a matrix is singular.  MXNet: _linalg_inverse."""
    @staticmethod
    def makediag(A: Symbol | None = None, offset: int = 0, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Zero matrices (..., n + |offset|, n + |offset|) with (..., n) on the diagonal j - i = offset."""
    @staticmethod
    def maketrian(A: Symbol | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Zero matrices with a triangle of (..., m·(m + 1)/2), the inverse of extracttrian.  MXNet:
        _linalg_maketrian."""
    @staticmethod
    def potrf(A: Symbol | None = None, lower: bool = True, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """L of A = L·Lᵀ, or U of A = Uᵀ·U unless `lower`, of symmetric positive definite matrices, of which that
        triangle alone is read.  MXNetError: a matrix is not positive definite; a factor with NaN where it has
        NaN is no error. MXNet: _linalg_potrf."""
    @staticmethod
    def potri(A: Symbol | None = None, lower: bool = True, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """(L·Lᵀ)⁻¹ of lower triangles L, or (Uᵀ·U)⁻¹ of upper ones unless `lower`; the other triangle is not read."""
    @staticmethod
    def slogdet(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """The signs of the determinants of matrices (..., n, n), and ln |det A|, as (...), or (1,) of one."""
    @staticmethod
    def sumlogdiag(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
        """Σ ln A[i, i] of matrices (..., n, n), as (...), or (1,) of one.  MXNet: _linalg_sumlogdiag."""
    @staticmethod
    def syevd(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """U (..., n, n) and eigenvalues L (..., n), ascending, of symmetric A = Uᵀ·diag(L)·U, of which the lower
        triangle is read.  The largest element of each row of U is positive.  MXNet: _linalg_syevd."""
    @staticmethod
    def syrk(A: Symbol | None = None, transpose: bool = False, alpha: float = 1.0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """alpha·A·Aᵀ, or alpha·Aᵀ·A if `transpose`, of each matrix of a stack.  MXNet: _linalg_syrk."""
    @staticmethod
    def trmm(A: Symbol | None = None, B: Symbol | None = None, transpose: bool = False, rightside: bool = False,
             lower: bool = True, alpha: float = 1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """alpha·op(A)·B, or alpha·B·op(A) if `rightside`, A being the lower or upper triangle of a square matrix,
        whose other elements are not read.  MXNet: _linalg_trmm."""
    @staticmethod
    def trsm(A: Symbol | None = None, B: Symbol | None = None, transpose: bool = False, rightside: bool = False,
             lower: bool = True, alpha: float = 1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """X of op(A)·X = alpha·B, or of X·op(A) = alpha·B if `rightside`, A being the lower or upper triangle of a
        square matrix, whose other elements are not read.  A zero on its diagonal gives infinities.  MXNet:
        _linalg_trsm."""

def linalg_det(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """The determinants of matrices (..., n, n), as (...), or (1,) of one.  The gradient of a singular matrix is 0."""

def linalg_extractdiag(A: Symbol | None = None, offset: int = 0, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The diagonals j - i = offset of matrices (..., n, n), as (..., n - |offset|).  MXNet: _linalg_extractdiag."""

def linalg_extracttrian(A: Symbol | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """A triangle of matrices (..., n, n) as (..., m·(m + 1)/2), m = n - |offset|.  MXNet: _linalg_extracttrian."""

def linalg_gelqf(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
    """Q (..., m, n) and L (..., m, m) of A = L·Q, m ≤ n: Q has orthonormal rows, L is a lower triangle."""

def linalg_gemm(A: Symbol | None = None, B: Symbol | None = None, C: Symbol | None = None, transpose_a: bool = False,
                transpose_b: bool = False, alpha: float = 1.0, beta: float = 1.0, axis: int = -2, *,
                name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                **kwargs: Any) -> Symbol:
    """alpha·op(A)·op(B) + beta·C for stacks of matrices, whose rows lie along `axis` and whose columns along the
    last axis.  Of beta = 0 C is not read, whatever it holds.  MXNet: _linalg_gemm."""

def linalg_gemm2(A: Symbol | None = None, B: Symbol | None = None, transpose_a: bool = False,
                 transpose_b: bool = False, alpha: float = 1.0, axis: int = -2, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """alpha·op(A)·op(B) for each pair of matrices, whose rows lie along `axis` and whose columns along the last
    axis."""

def linalg_inverse(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
    """A⁻¹ of square matrices.  MXNetError: a matrix is singular.  MXNet: _linalg_inverse."""

def linalg_makediag(A: Symbol | None = None, offset: int = 0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Zero matrices (..., n + |offset|, n + |offset|) with (..., n) on the diagonal j - i = offset."""

def linalg_maketrian(A: Symbol | None = None, offset: int = 0, lower: bool = True, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Zero matrices with a triangle of (..., m·(m + 1)/2), the inverse of extracttrian.  MXNet: _linalg_maketrian."""

def linalg_potrf(A: Symbol | None = None, lower: bool = True, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """L of A = L·Lᵀ, or U of A = Uᵀ·U unless `lower`, of symmetric positive definite matrices, of which that
    triangle alone is read.  MXNetError: a matrix is not positive definite; a factor with NaN where it has NaN
    is no error. MXNet: _linalg_potrf."""

def linalg_potri(A: Symbol | None = None, lower: bool = True, *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(L·Lᵀ)⁻¹ of lower triangles L, or (Uᵀ·U)⁻¹ of upper ones unless `lower`; the other triangle is not read."""

def linalg_slogdet(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
    """The signs of the determinants of matrices (..., n, n), and ln |det A|, as (...), or (1,) of one."""

def linalg_sumlogdiag(A: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> Symbol:
    """Σ ln A[i, i] of matrices (..., n, n), as (...), or (1,) of one.  MXNet: _linalg_sumlogdiag."""

def linalg_syrk(A: Symbol | None = None, transpose: bool = False, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """alpha·A·Aᵀ, or alpha·Aᵀ·A if `transpose`, of each matrix of a stack.  MXNet: _linalg_syrk."""

def linalg_trmm(A: Symbol | None = None, B: Symbol | None = None, transpose: bool = False, rightside: bool = False,
                lower: bool = True, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """alpha·op(A)·B, or alpha·B·op(A) if `rightside`, A being the lower or upper triangle of a square matrix,
    whose other elements are not read.  MXNet: _linalg_trmm."""

def linalg_trsm(A: Symbol | None = None, B: Symbol | None = None, transpose: bool = False, rightside: bool = False,
                lower: bool = True, alpha: float = 1.0, *, name: str | None = None,
                attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """X of op(A)·X = alpha·B, or of X·op(A) = alpha·B if `rightside`, A being the lower or upper triangle of a
    square matrix, whose other elements are not read.  A zero on its diagonal gives infinities.  MXNet:
    _linalg_trsm."""

def linspace(start: float, stop: float, num: int, endpoint: bool = True, name: str | None = None,
             dtype: Any = None) -> Symbol:
    """`num` values from start to stop, which is one of them if `endpoint`."""

def load(fname: str) -> Symbol:
    """The symbol of a symbol.json file of any MXNet release."""

def load_json(json_str: str) -> Symbol:
    """The symbol of a symbol.json text."""

def log(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """ln x."""

def log10(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """The logarithm to base 10."""

def log1p(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """ln(1 + x), exact near 0."""

def log2(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """The logarithm to base 2."""

def log_sigmoid(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
    """ln(sigmoid(x)), without overflow.  In MXNet since 2.0."""

def log_softmax(data: Symbol | None = None, axis: int = -1, temperature: float | None = None,
                dtype: Literal['float16', 'float32', 'float64'] | None = None, use_length: bool | None = False, *,
                name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                **kwargs: Any) -> Symbol:
    """x - log Σ exp(x), x = data/temperature, along `axis`.  MXNet: log_softmax."""

def logical_not(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
    """1 where x is 0, else 0."""

def make_loss(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
    """data as a loss: its gradient is 1."""

def max(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """The largest x; NaN if there is one.  MXNet: max; its gradient goes to every x that is the largest."""

def max_axis(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> Symbol:
    """The largest x; NaN if there is one.  MXNet: max; its gradient goes to every x that is the largest."""

def maximum(left: Any, right: Any) -> Any:
    """The larger of two, elementwise; each a symbol or a number."""

def mean(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
         exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Σ x / n; of integers truncated, of truth values whether one is true.  MXNet: mean."""

def min(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """The smallest x; NaN if there is one.  MXNet: min; its gradient goes to every x that is the smallest."""

def min_axis(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> Symbol:
    """The smallest x; NaN if there is one.  MXNet: min; its gradient goes to every x that is the smallest."""

def minimum(left: Any, right: Any) -> Any:
    """The smaller of two, elementwise; each a symbol or a number."""

def mish(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """x·tanh(ln(1 + exp(x))) (Misra, 2019).  In MXNet since 2.0."""

def moments(data: Symbol | None = None, axes: int | tuple[int, ...] | None = None, keepdims: bool = False, *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Mean and variance over `axes`.  MXNet: moments."""

def mp_lamb_update_phase1(weight: Symbol | None = None, grad: Symbol | None = None, mean: Symbol | None = None,
                          var: Symbol | None = None, weight32: Symbol | None = None, beta1: float = 0.9,
                          beta2: float = 0.999, epsilon: float = 1e-06, t: int = ..., bias_correction: bool = True,
                          wd: float = ..., rescale_grad: float = 1.0, clip_gradient: float = -1.0, *,
                          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                          **kwargs: Any) -> Symbol:
    """lamb_update_phase1 of a float32 copy of the weight; the direction is float32.  MXNet: mp_lamb_update_phase1."""

def mp_lamb_update_phase2(weight: Symbol | None = None, g: Symbol | None = None, r1: Symbol | None = None,
                          r2: Symbol | None = None, weight32: Symbol | None = None, lr: float = ...,
                          lower_bound: float = -1.0, upper_bound: float = -1.0, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """lamb_update_phase2 of a float32 copy of the weight, which stays as it is.  MXNet: mp_lamb_update_phase2."""

def mp_nag_mom_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                      weight32: Symbol | None = None, lr: float = ..., momentum: float = 0.0, wd: float = 0.0,
                      rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """nag_mom_update of a float32 copy; its momentum is decayed by the new weight.  MXNet: mp_nag_mom_update."""

def mp_sgd_mom_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                      weight32: Symbol | None = None, lr: float = ..., momentum: float = 0.0, wd: float = 0.0,
                      rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> Symbol:
    """sgd_mom_update of a float32 copy of the weight.  MXNet: mp_sgd_mom_update."""

def mp_sgd_update(weight: Symbol | None = None, grad: Symbol | None = None, weight32: Symbol | None = None,
                  lr: float = ..., wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                  lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
    """sgd_update of a float32 copy of the weight.  MXNet: mp_sgd_update."""

def multi_all_finite(*data: Symbol, num_arrays: int = 1, init_output: bool = True, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Whether all elements of all inputs are finite.  MXNet: multi_all_finite."""

def multi_lars(lrs: Symbol | None = None, weights_sum_sq: Symbol | None = None, grads_sum_sq: Symbol | None = None,
               wds: Symbol | None = None, eta: float = ..., eps: float = ..., rescale_grad: float = 1.0, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Rates for many weights, from the sums of squares of weights and gradients.  MXNet: multi_lars."""

def multi_mp_sgd_mom_update(*data: Symbol, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                            momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                            num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                            out: Any = None, **kwargs: Any) -> Symbol:
    """mp_sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_mom_update."""

def multi_mp_sgd_update(*data: Symbol, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                        rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1,
                        name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                        **kwargs: Any) -> Symbol:
    """mp_sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_update."""

def multi_sgd_mom_update(*data: Symbol, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                         momentum: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                         num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                         out: Any = None, **kwargs: Any) -> Symbol:
    """sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_mom_update."""

def multi_sgd_update(*data: Symbol, lrs: tuple[float, ...] = ..., wds: tuple[float, ...] = ...,
                     rescale_grad: float = 1.0, clip_gradient: float = -1.0, num_weights: int = 1,
                     name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                     **kwargs: Any) -> Symbol:
    """sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_update."""

def multi_sum_sq(*data: Symbol, num_arrays: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
    """Σ x² of each input, float32 (num_arrays,).  MXNet: multi_sum_sq."""

def nag_mom_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                   lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                   clip_gradient: float = -1.0, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
    """Nesterov's momentum, looking one step ahead.  MXNet: nag_mom_update."""

def nanprod(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
            exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> Symbol:
    """Π x, a NaN counting as 1.  MXNet: nanprod."""

def nansum(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
           exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
           **kwargs: Any) -> Symbol:
    """Σ x, a NaN counting as 0.  MXNet: nansum."""

def negative(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
    """-x."""

def norm(data: Symbol | None = None, ord: int = 2, axis: int | tuple[int, ...] | None = None,
         out_dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None,
         keepdims: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Σ |x| (ord=1) or √Σ x² (ord=2) over `axis`; None and () stand for all axes."""

def normal(loc: float = 0.0, scale: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
           dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the normal distribution with parameters loc, scale."""

def one_hot(indices: Symbol | None = None, depth: int = ..., on_value: float = 1.0, off_value: float = 0.0,
            dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
            *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """A new last axis of extent `depth`: on_value at the index, off_value elsewhere, and everywhere for an index
    outside.  MXNet: one_hot."""

def ones(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Ones of a shape."""

def ones_like(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
    """Ones in the shape and dtype of x."""

def pad(data: Symbol | None = None, mode: Literal['constant', 'edge', 'reflect'] = ...,
        pad_width: int | tuple[int, ...] = ..., constant_value: float = 0.0, *, name: str | None = None,
        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """pad_width = (before, after) for each axis, filled with a constant, the edge or the reflected inside."""

def pick(data: Symbol | None = None, index: Symbol | None = None, axis: int | None = -1, keepdims: bool = False,
         mode: Literal['clip', 'wrap'] = 'clip', *, name: str | None = None, attr: dict[str, str] | None = None,
         out: Any = None, **kwargs: Any) -> Symbol:
    """data at index along `axis`, one element for each place on the other axes.  MXNet: pick."""

def pow(base: Any, exp: Any) -> Any:
    """base to the power of exp; each a symbol or a number."""

def power(base: Any, exp: Any) -> Any:
    """base to the power of exp; each a symbol or a number."""

def preloaded_multi_mp_sgd_mom_update(*data: Symbol, momentum: float = 0.0, rescale_grad: float = 1.0,
                                      clip_gradient: float = -1.0, num_weights: int = 1, name: str | None = None,
                                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """mp_sgd_mom_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_mp_sgd_update(*data: Symbol, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                                  num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                                  out: Any = None, **kwargs: Any) -> Symbol:
    """mp_sgd_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_sgd_mom_update(*data: Symbol, momentum: float = 0.0, rescale_grad: float = 1.0,
                                   clip_gradient: float = -1.0, num_weights: int = 1, name: str | None = None,
                                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """sgd_mom_update of num_weights weights; the last inputs are their rates and decays."""

def preloaded_multi_sgd_update(*data: Symbol, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                               num_weights: int = 1, name: str | None = None, attr: dict[str, str] | None = None,
                               out: Any = None, **kwargs: Any) -> Symbol:
    """sgd_update of num_weights weights; the last inputs are their rates and decays."""

def prod(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
         exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Π x.  MXNet: prod; its gradient divides by x, so it is NaN where x is 0."""

def radians(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """Degrees to radians."""

class random:
    @staticmethod
    def exponential(scale: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                    **kwargs: Any) -> Any:
        """Draws of the distribution exponential; arguments: scale, shape, dtype, ctx, out."""
    @staticmethod
    def exponential_like(data: Symbol | None = None, lam: float = 1.0, *, name: str | None = None,
                         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the exponential distribution with parameters lam, in the shape and dtype of data."""
    @staticmethod
    def gamma(alpha: Any = 1, beta: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
              **kwargs: Any) -> Any:
        """Draws of the distribution gamma; arguments: alpha, beta, shape, dtype, ctx, out."""
    @staticmethod
    def gamma_like(data: Symbol | None = None, alpha: float = 1.0, beta: float = 1.0, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the gamma distribution with parameters alpha, beta, in the shape and dtype of data."""
    @staticmethod
    def generalized_negative_binomial(mu: Any = 1, alpha: Any = 1, shape: Any = None, dtype: Any = None,
                                      ctx: Any = None, out: Any = None, **kwargs: Any) -> Any:
        """Draws of the distribution generalized_negative_binomial; arguments: mu, alpha, shape, dtype, ctx, out."""
    @staticmethod
    def generalized_negative_binomial_like(data: Symbol | None = None, mu: float = 1.0, alpha: float = 1.0, *,
                                           name: str | None = None, attr: dict[str, str] | None = None,
                                           out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the generalized negative binomial distribution with parameters mu, alpha, in the shape and
        dtype of data."""
    @staticmethod
    def multinomial(data: Any, shape: Any = None, get_prob: bool = True, dtype: Any = 'int32', **kwargs: Any) -> Any:
        """Draws of indices with the probabilities that the last axis of `data` has; with get_prob also their log."""
    @staticmethod
    def negative_binomial(k: Any = 1, p: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None,
                          out: Any = None, **kwargs: Any) -> Any:
        """Draws of the distribution negative_binomial; arguments: k, p, shape, dtype, ctx, out."""
    @staticmethod
    def negative_binomial_like(data: Symbol | None = None, k: int = 1, p: float = 1.0, *, name: str | None = None,
                               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the negative binomial distribution with parameters k, p, in the shape and dtype of data."""
    @staticmethod
    def normal(loc: Any = 0, scale: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
               **kwargs: Any) -> Any:
        """Draws of the distribution normal; arguments: loc, scale, shape, dtype, ctx, out."""
    @staticmethod
    def normal_like(data: Symbol | None = None, loc: float = 0.0, scale: float = 1.0, *, name: str | None = None,
                    attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the normal distribution with parameters loc, scale, in the shape and dtype of data."""
    @staticmethod
    def poisson(lam: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution poisson; arguments: lam, shape, dtype, ctx, out."""
    @staticmethod
    def poisson_like(data: Symbol | None = None, lam: float = 1.0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the poisson distribution with parameters lam, in the shape and dtype of data."""
    @staticmethod
    def randint(low: Any, high: Any, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution randint; arguments: low, high, shape, dtype, ctx, out."""
    @staticmethod
    def randn(*shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
        """Draws of a normal distribution in the shape that the positional arguments are."""
    @staticmethod
    def shuffle(data: Any, **kwargs: Any) -> Any:
        """`data` in a random order along its first axis."""
    @staticmethod
    def uniform(low: Any = 0, high: Any = 1, shape: Any = None, dtype: Any = None, ctx: Any = None, out: Any = None,
                **kwargs: Any) -> Any:
        """Draws of the distribution uniform; arguments: low, high, shape, dtype, ctx, out."""
    @staticmethod
    def uniform_like(data: Symbol | None = None, low: float = 0.0, high: float = 1.0, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Samples of the uniform distribution with parameters low, high, in the shape and dtype of data."""

def random_exponential(lam: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                       dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the exponential distribution with parameters lam."""

def random_gamma(alpha: float = 1.0, beta: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                 dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the gamma distribution with parameters alpha, beta."""

def random_generalized_negative_binomial(mu: float = 1.0, alpha: float = 1.0,
                                         shape: int | tuple[int, ...] | None = None, ctx: str = '',
                                         dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> Symbol:
    """Samples of the generalized negative binomial distribution with parameters mu, alpha."""

def random_negative_binomial(k: int = 1, p: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                             dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> Symbol:
    """Samples of the negative binomial distribution with parameters k, p."""

def random_normal(loc: float = 0.0, scale: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                  dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the normal distribution with parameters loc, scale."""

def random_pdf_dirichlet(sample: Symbol | None = None, alpha: Symbol | None = None, is_log: bool = False, *,
                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                         **kwargs: Any) -> Symbol:
    """The density of the Dirichlet distribution at each sample, a vector along the last axis, or its logarithm."""

def random_pdf_exponential(sample: Symbol | None = None, lam: Symbol | None = None, is_log: bool = False, *,
                           name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                           **kwargs: Any) -> Symbol:
    """The density of the exponential distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_gamma(sample: Symbol | None = None, alpha: Symbol | None = None, beta: Symbol | None = None,
                     is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                     out: Any = None, **kwargs: Any) -> Symbol:
    """The density of the gamma distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_generalized_negative_binomial(sample: Symbol | None = None, mu: Symbol | None = None,
                                             alpha: Symbol | None = None, is_log: bool = False, *,
                                             name: str | None = None, attr: dict[str, str] | None = None,
                                             out: Any = None, **kwargs: Any) -> Symbol:
    """The density of the generalized negative binomial distribution at each sample, or its logarithm; the
    parameters broadcast."""

def random_pdf_negative_binomial(sample: Symbol | None = None, k: Symbol | None = None, p: Symbol | None = None,
                                 is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                                 out: Any = None, **kwargs: Any) -> Symbol:
    """The density of the negative binomial distribution at each sample, or its logarithm; the parameters
    broadcast."""

def random_pdf_normal(sample: Symbol | None = None, mu: Symbol | None = None, sigma: Symbol | None = None,
                      is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> Symbol:
    """The density of the normal distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_poisson(sample: Symbol | None = None, lam: Symbol | None = None, is_log: bool = False, *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> Symbol:
    """The density of the Poisson distribution at each sample, or its logarithm; the parameters broadcast."""

def random_pdf_uniform(sample: Symbol | None = None, low: Symbol | None = None, high: Symbol | None = None,
                       is_log: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                       out: Any = None, **kwargs: Any) -> Symbol:
    """The density of the uniform distribution at each sample, or its logarithm; the parameters broadcast."""

def random_poisson(lam: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the poisson distribution with parameters lam."""

def random_randint(low: int = ..., high: int = ..., shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'int32', 'int64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Integers from low to high - 1, all with the same chance."""

def random_uniform(low: float = 0.0, high: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the uniform distribution with parameters low, high."""

def ravel_multi_index(data: Symbol | None = None, shape: int | tuple[int, ...] | None = None, *,
                      name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                      **kwargs: Any) -> Symbol:
    """Places in the flattened tensor of `shape` from coordinates (rank, n).  MXNet: _ravel_multi_index."""

def rcbrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """1/∛x."""

def reciprocal(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """1/x."""

def relu(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """max(x, 0); NaN stays NaN, forward and backward."""

def repeat(data: Symbol | None = None, repeats: int = ..., axis: int | None = None, *, name: str | None = None,
           attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Each element `repeats` times along `axis`, or of the flattened input.  MXNet: repeat."""

def reshape(data: Symbol | None = None, shape: int | tuple[int, ...] = (), reverse: bool = False,
            target_shape: int | tuple[int, ...] = (), keep_highest: bool = False, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The input under another shape, written with codes that copy, infer, merge and split dimensions."""

def reshape_like(lhs: Symbol | None = None, rhs: Symbol | None = None, lhs_begin: int | None = None,
                 lhs_end: int | None = None, rhs_begin: int | None = None, rhs_end: int | None = None, *,
                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                 **kwargs: Any) -> Symbol:
    """lhs with its dimensions [lhs_begin, lhs_end) replaced by those of rhs [rhs_begin, rhs_end)."""

def reverse(data: Symbol | None = None, axis: int | tuple[int, ...] = ..., *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The elements in reverse order along each of `axis`.  MXNet: reverse."""

def rint(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """The nearest integer; halves go down, as in MXNet."""

def rmsprop_update(weight: Symbol | None = None, grad: Symbol | None = None, n: Symbol | None = None, lr: float = ...,
                   gamma1: float = 0.95, epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0,
                   clip_gradient: float = -1.0, clip_weights: float = -1.0, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Steps divided by the root of a moving mean of squares.  MXNet: rmsprop_update."""

def rmspropalex_update(weight: Symbol | None = None, grad: Symbol | None = None, n: Symbol | None = None,
                       g: Symbol | None = None, delta: Symbol | None = None, lr: float = ..., gamma1: float = 0.95,
                       gamma2: float = 0.9, epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, clip_weights: float = -1.0, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """RMSProp by the variance of gradients, with momentum (Graves 2013).  MXNet: rmspropalex_update."""

def round(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """The nearest integer; halves go away from zero."""

def rsqrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """1/√x."""

def sample_exponential(lam: Symbol | None = None, shape: int | tuple[int, ...] = (),
                       dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the exponential distribution in the given shape."""

def sample_gamma(alpha: Symbol | None = None, beta: Symbol | None = None, shape: int | tuple[int, ...] = (),
                 dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                 attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the gamma distribution in the given shape."""

def sample_generalized_negative_binomial(mu: Symbol | None = None, alpha: Symbol | None = None,
                                         shape: int | tuple[int, ...] = (),
                                         dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                                         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                         **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the generalized negative binomial distribution in the given
    shape."""

def sample_multinomial(data: Symbol | None = None, shape: int | tuple[int, ...] = (), get_prob: bool = False,
                       dtype: Literal['float16', 'float32', 'float64', 'int32', 'uint8'] = 'int32', *,
                       name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                       **kwargs: Any) -> Symbol:
    """Categories drawn with the probabilities that the last axis of data holds, in `shape` for each line."""

def sample_negative_binomial(k: Symbol | None = None, p: Symbol | None = None, shape: int | tuple[int, ...] = (),
                             dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *,
                             name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                             **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the negative binomial distribution in the given shape."""

def sample_normal(mu: Symbol | None = None, sigma: Symbol | None = None, shape: int | tuple[int, ...] = (),
                  dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the normal distribution in the given shape."""

def sample_poisson(lam: Symbol | None = None, shape: int | tuple[int, ...] = (),
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the poisson distribution in the given shape."""

def sample_uniform(low: Symbol | None = None, high: Symbol | None = None, shape: int | tuple[int, ...] = (),
                   dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """For each element of the parameters, samples of the uniform distribution in the given shape."""

def scatter_nd(data: Symbol | None = None, indices: Symbol | None = None, shape: int | tuple[int, ...] = ..., *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Zeros of `shape` with data at the points indices[:, ...]; of several values at one point the last counts."""

def sgd_mom_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                   lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                   clip_gradient: float = -1.0, lazy_update: bool = True, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """mom = momentum·mom - lr·(wd·weight + clip(rescale_grad·grad)); weight + mom.  MXNet: sgd_mom_update."""

def sgd_update(weight: Symbol | None = None, grad: Symbol | None = None, lr: float = ..., wd: float = 0.0,
               rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """weight·(1 - lr·wd) - lr·clip(rescale_grad·grad).  `lazy_update` is for sparse gradients.  MXNet: sgd_update."""

def shape_array(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
    """The shape of data."""

def shuffle(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """data with its first axis in a random order, each with the same chance."""

def sigmoid(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """1 / (1 + exp(-x))."""

def sign(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """-1, 0 or 1; 0 for NaN."""

def signsgd_update(weight: Symbol | None = None, grad: Symbol | None = None, lr: float = ..., wd: float = 0.0,
                   rescale_grad: float = 1.0, clip_gradient: float = -1.0, *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """weight·(1 - lr·wd) - lr·sign(grad); clip_gradient has no effect on a sign.  MXNet: signsgd_update."""

def signum_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                  lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                  clip_gradient: float = -1.0, wd_lh: float = 0.0, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The sign of a momentum that has no lr in it; wd_lh decays the weight itself.  MXNet: signum_update."""

def sin(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """Sine."""

def sinh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Hyperbolic sine."""

def size_array(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """The number of elements of data."""

def slice(data: Symbol | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
          step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
          out: Any = None, **kwargs: Any) -> Symbol:
    """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""

def slice_axis(data: Symbol | None = None, axis: int = ..., begin: int = ..., end: int | None = None, *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """[begin, end) of one axis; negative bounds count from its end.  MXNet: slice_axis."""

def slice_like(data: Symbol | None = None, shape_like: Symbol | None = None, axes: int | tuple[int, ...] = (), *,
               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The leading part of data with the extents of shape_like along `axes`, by default along all."""

def smooth_l1(data: Symbol | None = None, scalar: float = 1.0, *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """σ²x²/2 where |x| ≤ 1/σ², |x| - 1/(2σ²) outside; σ is `scalar`, a whole number beside integers."""

def softmax(data: Symbol | None = None, length: Symbol | None = None, axis: int = -1,
            temperature: float | None = None, dtype: Literal['float16', 'float32', 'float64'] | None = None,
            use_length: bool | None = False, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
    """exp(x) / Σ exp(x), x = data/temperature, along `axis`.  MXNet: softmax."""

def softmax_cross_entropy(data: Symbol | None = None, label: Symbol | None = None, *, name: str | None = None,
                          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """-Σ log softmax(data)[n, label[n]], each probability counted as at least 1e-8; shape (1,)."""

def softmin(data: Symbol | None = None, axis: int = -1, temperature: float | None = None,
            dtype: Literal['float16', 'float32', 'float64'] | None = None, use_length: bool | None = False, *,
            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The softmax of -data.  MXNet: softmin."""

def softsign(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
    """x / (1 + |x|)."""

def sort(data: Symbol | None = None, axis: int | None = -1, is_ascend: bool = True, *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The elements along `axis` in order; axis None flattens.  MXNet: sort."""

def space_to_depth(data: Symbol | None = None, block_size: int = ..., *, name: str | None = None,
                   attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """(N, C, H·b, W·b) → (N, b·b·C, H, W).  MXNet: space_to_depth."""

class sparse:
    @staticmethod
    def ElementWiseSum(*data: Symbol, num_args: int = ..., name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The sum of all inputs, added up from left to right."""
    @staticmethod
    def Embedding(data: Symbol | None = None, weight: Symbol | None = None, input_dim: int = ...,
                  output_dim: int = ...,
                  dtype: Literal['bfloat16', 'float16', 'float32', 'float64', 'int32', 'int64', 'int8', 'uint8'] = 'float32',
                  sparse_grad: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
        """The rows of weight (input_dim, output_dim) at the indices in data, clipped.  MXNet: Embedding."""
    @staticmethod
    def FullyConnected(data: Symbol | None = None, weight: Symbol | None = None, bias: Symbol | None = None,
                       num_hidden: int = ..., no_bias: bool = False, flatten: bool = True, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """y = x·Wᵀ + b; x is flattened to (N, ∏d) unless flatten=False.  MXNet: FullyConnected."""
    @staticmethod
    def LinearRegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                               name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                               **kwargs: Any) -> Symbol:
        """data itself; the gradient is data - label.  MXNet: LinearRegressionOutput."""
    @staticmethod
    def LogisticRegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                                 name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                                 **kwargs: Any) -> Symbol:
        """sigmoid(data); the gradient is that less label.  MXNet: LogisticRegressionOutput."""
    @staticmethod
    def MAERegressionOutput(data: Symbol | None = None, label: Symbol | None = None, grad_scale: float = 1.0, *,
                            name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                            **kwargs: Any) -> Symbol:
        """data itself; the gradient is the sign of data - label.  MXNet: MAERegressionOutput."""
    @staticmethod
    def abs(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """|x|."""
    @staticmethod
    def adam_update(weight: Symbol | None = None, grad: Symbol | None = None, mean: Symbol | None = None,
                    var: Symbol | None = None, lr: float = ..., beta1: float = 0.9, beta2: float = 0.999,
                    epsilon: float = 1e-08, wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0,
                    lazy_update: bool = True, *, name: str | None = None, attr: dict[str, str] | None = None,
                    out: Any = None, **kwargs: Any) -> Symbol:
        """Adam without correction of bias; the decay is part of the gradient.  MXNet: adam_update."""
    @staticmethod
    def add_n(*data: Symbol, num_args: int = ..., name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """The sum of all inputs, added up from left to right."""
    @staticmethod
    def arccos(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse cosine."""
    @staticmethod
    def arccosh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse of cosh."""
    @staticmethod
    def arcsin(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse sine."""
    @staticmethod
    def arcsinh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse of sinh."""
    @staticmethod
    def arctan(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse tangent."""
    @staticmethod
    def arctanh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """Inverse of tanh."""
    @staticmethod
    def broadcast_add(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs + rhs."""
    @staticmethod
    def broadcast_div(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs / rhs; integers are divided as in C."""
    @staticmethod
    def broadcast_minus(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                        attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs - rhs."""
    @staticmethod
    def broadcast_mul(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs · rhs."""
    @staticmethod
    def broadcast_plus(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs + rhs."""
    @staticmethod
    def broadcast_sub(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                      attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs - rhs."""
    @staticmethod
    def cbrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """∛x."""
    @staticmethod
    def ceil(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """The smallest integer not below x."""
    @staticmethod
    def clip(data: Symbol | None = None, a_min: float = ..., a_max: float = ..., *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """x between a_min and a_max, bounds that pass the gradient too; NaN stays."""
    @staticmethod
    def concat(*data: Symbol, num_args: int = ..., dim: int = 1, name: str | None = None,
               attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """The inputs one behind the other along `dim`.  MXNet: Concat."""
    @staticmethod
    def cos(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """Cosine."""
    @staticmethod
    def cosh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """Hyperbolic cosine."""
    @staticmethod
    def degrees(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """Radians to degrees."""
    @staticmethod
    def dot(lhs: Symbol | None = None, rhs: Symbol | None = None, transpose_a: bool = False,
            transpose_b: bool = False, forward_stype: str | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """Product over the last axis of lhs (the first if transpose_a) and the first axis of rhs (the last if
        transpose_b); the other axes stay in order.  Two vectors give shape (1,).  MXNet: dot."""
    @staticmethod
    def elemwise_add(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs + rhs."""
    @staticmethod
    def elemwise_div(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs / rhs; integers are divided as in C."""
    @staticmethod
    def elemwise_mul(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs · rhs."""
    @staticmethod
    def elemwise_sub(lhs: Symbol | None = None, rhs: Symbol | None = None, *, name: str | None = None,
                     attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """lhs - rhs."""
    @staticmethod
    def exp(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """e to the power of x."""
    @staticmethod
    def expm1(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """eˣ - 1, exact near 0."""
    @staticmethod
    def fix(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """The nearest integer toward zero."""
    @staticmethod
    def floor(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """The largest integer not above x."""
    @staticmethod
    def ftrl_update(weight: Symbol | None = None, grad: Symbol | None = None, z: Symbol | None = None,
                    n: Symbol | None = None, lr: float = ..., lamda1: float = 0.01, beta: float = 1.0,
                    wd: float = 0.0, rescale_grad: float = 1.0, clip_gradient: float = -1.0, *,
                    name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                    **kwargs: Any) -> Symbol:
        """Follow the regularized leader: weights within lamda1 are 0.  MXNet: ftrl_update."""
    @staticmethod
    def gamma(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """Γ(x)."""
    @staticmethod
    def gammaln(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """ln |Γ(x)|."""
    @staticmethod
    def log(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """ln x."""
    @staticmethod
    def log10(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """The logarithm to base 10."""
    @staticmethod
    def log1p(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """ln(1 + x), exact near 0."""
    @staticmethod
    def log2(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """The logarithm to base 2."""
    @staticmethod
    def make_loss(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
        """data as a loss: its gradient is 1."""
    @staticmethod
    def mean(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> Symbol:
        """Σ x / n; of integers truncated, of truth values whether one is true.  MXNet: mean."""
    @staticmethod
    def negative(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                 out: Any = None, **kwargs: Any) -> Symbol:
        """-x."""
    @staticmethod
    def norm(data: Symbol | None = None, ord: int = 2, axis: int | tuple[int, ...] | None = None,
             out_dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'int8'] | None = None,
             keepdims: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> Symbol:
        """Σ |x| (ord=1) or √Σ x² (ord=2) over `axis`; None and () stand for all axes."""
    @staticmethod
    def radians(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """Degrees to radians."""
    @staticmethod
    def relu(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """max(x, 0); NaN stays NaN, forward and backward."""
    @staticmethod
    def rint(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """The nearest integer; halves go down, as in MXNet."""
    @staticmethod
    def round(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """The nearest integer; halves go away from zero."""
    @staticmethod
    def rsqrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """1/√x."""
    @staticmethod
    def sgd_mom_update(weight: Symbol | None = None, grad: Symbol | None = None, mom: Symbol | None = None,
                       lr: float = ..., momentum: float = 0.0, wd: float = 0.0, rescale_grad: float = 1.0,
                       clip_gradient: float = -1.0, lazy_update: bool = True, *, name: str | None = None,
                       attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """mom = momentum·mom - lr·(wd·weight + clip(rescale_grad·grad)); weight + mom.  MXNet: sgd_mom_update."""
    @staticmethod
    def sgd_update(weight: Symbol | None = None, grad: Symbol | None = None, lr: float = ..., wd: float = 0.0,
                   rescale_grad: float = 1.0, clip_gradient: float = -1.0, lazy_update: bool = True, *,
                   name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
                   **kwargs: Any) -> Symbol:
        """weight·(1 - lr·wd) - lr·clip(rescale_grad·grad).  `lazy_update` is for sparse gradients.  MXNet:
        sgd_update."""
    @staticmethod
    def sigmoid(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                out: Any = None, **kwargs: Any) -> Symbol:
        """1 / (1 + exp(-x))."""
    @staticmethod
    def sign(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """-1, 0 or 1; 0 for NaN."""
    @staticmethod
    def sin(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """Sine."""
    @staticmethod
    def sinh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """Hyperbolic sine."""
    @staticmethod
    def slice(data: Symbol | None = None, begin: tuple[int | None, ...] = None, end: tuple[int | None, ...] = None,
              step: tuple[int | None, ...] = (), *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds."""
    @staticmethod
    def sqrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """√x."""
    @staticmethod
    def square(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
        """x²."""
    @staticmethod
    def stop_gradient(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                      out: Any = None, **kwargs: Any) -> Symbol:
        """x; no gradient flows through it."""
    @staticmethod
    def sum(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
            exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
            **kwargs: Any) -> Symbol:
        """Σ x; integers wrap.  MXNet: sum."""
    @staticmethod
    def tan(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
            out: Any = None, **kwargs: Any) -> Symbol:
        """Tangent."""
    @staticmethod
    def tanh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
             out: Any = None, **kwargs: Any) -> Symbol:
        """Hyperbolic tangent."""
    @staticmethod
    def trunc(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
              out: Any = None, **kwargs: Any) -> Symbol:
        """x without its fraction."""
    @staticmethod
    def where(condition: Symbol | None = None, x: Symbol | None = None, y: Symbol | None = None, *,
              name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
        """x where condition is not 0, else y.  A condition of one axis chooses among the rows of x and y."""
    @staticmethod
    def zeros_like(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                   out: Any = None, **kwargs: Any) -> Symbol:
        """Zeros in the shape and dtype of x."""

def split(data: Symbol | None = None, num_outputs: int = ..., axis: int = 1, squeeze_axis: bool = False, *,
          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """num_outputs equal parts along `axis`; squeeze_axis drops the axis where they have extent 1."""

def split_v2(ary: Symbol, indices_or_sections: int | Sequence[int], axis: int = 0,
             squeeze_axis: bool = False) -> Symbol:
    """`ary` in that many equal parts, or split at these indices, along an axis."""

def sqrt(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """√x."""

def square(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
           out: Any = None, **kwargs: Any) -> Symbol:
    """x²."""

def squeeze(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The dimensions of `axis`, by default all of extent 1, taken out; one dimension remains.  MXNet: squeeze."""

def stack(*data: Symbol, axis: int = 0, num_args: int = ..., name: str | None = None,
          attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The inputs, all of one shape, along a new axis.  MXNet: stack."""

def stop_gradient(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
                  out: Any = None, **kwargs: Any) -> Symbol:
    """x; no gradient flows through it."""

def sum(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
        exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """Σ x; integers wrap.  MXNet: sum."""

def sum_axis(data: Symbol | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
             exclude: bool = False, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
             **kwargs: Any) -> Symbol:
    """Σ x; integers wrap.  MXNet: sum."""

def swapaxes(data: Symbol | None = None, dim1: int = 0, dim2: int = 0, *, name: str | None = None,
             attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Axes dim1 and dim2 exchanged.  MXNet: SwapAxis."""

def take(a: Symbol | None = None, indices: Symbol | None = None, axis: int = 0,
         mode: Literal['clip', 'raise', 'wrap'] = 'clip', *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The slices of `a` at `indices` along `axis`; their shape takes the place of the axis."""

def tan(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
        **kwargs: Any) -> Symbol:
    """Tangent."""

def tanh(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
         **kwargs: Any) -> Symbol:
    """Hyperbolic tangent."""

def tile(data: Symbol | None = None, reps: int | tuple[int, ...] = ..., *, name: str | None = None,
         attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The whole input repeated reps[i] times along axis i, counted from the last.  MXNet: tile."""

def topk(data: Symbol | None = None, axis: int | None = -1, k: int = 1,
         ret_typ: Literal['both', 'indices', 'mask', 'value'] = 'indices', is_ascend: bool = False,
         dtype: Literal['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'] = 'float32', *,
         name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """The k largest (is_ascend: smallest) elements along `axis` in order: their values, their indices as `dtype`,
    both, or a mask of the input's shape.  k<1 takes all, axis None flattens.  MXNet: topk."""

def transpose(data: Symbol | None = None, axes: int | tuple[int, ...] = (), *, name: str | None = None,
              attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Output axis i is input axis axes[i]; by default the axes are reversed.  MXNet: transpose."""

def trunc(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None, out: Any = None,
          **kwargs: Any) -> Symbol:
    """x without its fraction."""

def uniform(low: float = 0.0, high: float = 1.0, shape: int | tuple[int, ...] | None = None, ctx: str = '',
            dtype: Literal['None', 'float16', 'float32', 'float64'] = 'None', *, name: str | None = None,
            attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Samples of the uniform distribution with parameters low, high."""

def unravel_index(data: Symbol | None = None, shape: int | tuple[int, ...] | None = None, *, name: str | None = None,
                  attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """Coordinates (rank, n) from places in the flattened tensor of `shape`, whose first extent does not matter and
    may be -1; those of a negative place are those of its magnitude, negated, as C divides.  MXNet:
    _unravel_index."""

def var(name: str, attr: Mapping[str, str] | None = None, shape: Any = None, lr_mult: float | None = None,
        wd_mult: float | None = None, dtype: Any = None, init: Any = None, stype: str | None = None,
        profiler_scope: str | None = None, **kwargs: Any) -> Symbol:
    """A variable.  MXNet: var, Variable."""

def where(condition: Symbol | None = None, x: Symbol | None = None, y: Symbol | None = None, *,
          name: str | None = None, attr: dict[str, str] | None = None, out: Any = None, **kwargs: Any) -> Symbol:
    """x where condition is not 0, else y.  A condition of one axis chooses among the rows of x and y."""

def zeros(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Zeros of a shape."""

def zeros_like(data: Symbol | None = None, *, name: str | None = None, attr: dict[str, str] | None = None,
               out: Any = None, **kwargs: Any) -> Symbol:
    """Zeros in the shape and dtype of x."""
