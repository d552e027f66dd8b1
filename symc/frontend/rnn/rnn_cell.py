"""The cells.  MXNet: mx.rnn.rnn_cell."""

from symc.frontend.rnn.base import BaseRNNCell, RNNParams
from symc.frontend.rnn.cells import GRUCell, LSTMCell, RNNCell
from symc.frontend.rnn.containers import BidirectionalCell, SequentialRNNCell
from symc.frontend.rnn.convolutional import BaseConvRNNCell, ConvGRUCell, ConvLSTMCell, ConvRNNCell
from symc.frontend.rnn.fused import FusedRNNCell
from symc.frontend.rnn.modifiers import DropoutCell, ModifierCell, ResidualCell, ZoneoutCell

__all__ = ["BaseConvRNNCell", "BaseRNNCell", "BidirectionalCell", "ConvGRUCell", "ConvLSTMCell", "ConvRNNCell",
           "DropoutCell", "FusedRNNCell", "GRUCell", "LSTMCell", "ModifierCell", "RNNCell", "RNNParams",
           "ResidualCell", "SequentialRNNCell", "ZoneoutCell"]
