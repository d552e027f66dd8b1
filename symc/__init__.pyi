# ruff: noqa
"""The names of the package.  Written by `python -m symc.frontend.stubs`."""

from symc.frontend.attribute import AttrScope as AttrScope
from symc.runtime.context import Context as Context
from symc.runtime.executor import Executor as Executor
from symc.errors import MXNetError as MXNetError
from symc.ndarray import NDArray as NDArray
from symc.frontend.symbol import Symbol as Symbol
from symc.errors import SymcError as SymcError
from symc.frontend import attribute as attribute
from symc.frontend import base as base
from symc.compiler import compile as compile
from symc.compiler import compile_package as compile_package
from symc.runtime import context as context
from symc.frontend import contrib as contrib
from symc.runtime.context import cpu as cpu
from symc.runtime.context import cpu_pinned as cpu_pinned
from symc.runtime.context import current_context as current_context
from symc.frontend import engine as engine
from symc.runtime import executor as executor
from symc.runtime.context import gpu as gpu
from symc.frontend import initializer as init
from symc.frontend import initializer as initializer
from symc.frontend.util import is_np_array as is_np_array
from symc.frontend.util import is_np_shape as is_np_shape
from symc.frontend import model as model
from symc.frontend import monitor as mon
from symc.frontend import monitor as monitor
from symc.frontend import name as name
from symc import ndarray as nd
from symc import ndarray as ndarray
from symc.frontend.util import np_array as np_array
from symc.frontend.util import np_shape as np_shape
from symc.runtime.context import num_gpus as num_gpus
from symc.frontend import custom as operator
from symc.ndarray import random as random
from symc.ndarray import random as rnd
from symc.frontend import rnn as rnn
from symc import runtime as runtime
from symc.frontend.util import set_np_shape as set_np_shape
from symc import symbol as sym
from symc import symbol as symbol
from symc.frontend import test_utils as test_utils
from symc.frontend.util import use_np as use_np
from symc.frontend.util import use_np_array as use_np_array
from symc.frontend.util import use_np_shape as use_np_shape
from symc.frontend import util as util
from symc.frontend import visualization as visualization
from symc.frontend import visualization as viz

__version__: str
