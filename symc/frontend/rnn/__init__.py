"""Recurrent cells that compose symbols.  MXNet: mx.rnn.

    cell = mx.rnn.LSTMCell(100, prefix="lstm_")
    outputs, states = cell.unroll(30, mx.sym.Variable("data"), layout="NTC", merge_outputs=True)
"""

from symc.frontend.rnn import checkpoint as rnn
from symc.frontend.rnn import rnn_cell
from symc.frontend.rnn import sentences as io
from symc.frontend.rnn.checkpoint import do_rnn_checkpoint, load_rnn_checkpoint, rnn_unroll, save_rnn_checkpoint
from symc.frontend.rnn.rnn_cell import (
    BaseConvRNNCell,
    BaseRNNCell,
    BidirectionalCell,
    ConvGRUCell,
    ConvLSTMCell,
    ConvRNNCell,
    DropoutCell,
    FusedRNNCell,
    GRUCell,
    LSTMCell,
    ModifierCell,
    ResidualCell,
    RNNCell,
    RNNParams,
    SequentialRNNCell,
    ZoneoutCell,
)
from symc.frontend.rnn.sentences import BucketSentenceIter, encode_sentences

__all__ = ["BaseConvRNNCell", "BaseRNNCell", "BidirectionalCell", "BucketSentenceIter", "ConvGRUCell", "ConvLSTMCell",
           "ConvRNNCell", "DropoutCell", "FusedRNNCell", "GRUCell", "LSTMCell", "ModifierCell", "RNNCell", "RNNParams",
           "ResidualCell", "SequentialRNNCell", "ZoneoutCell", "do_rnn_checkpoint", "encode_sentences", "io",
           "load_rnn_checkpoint", "rnn", "rnn_cell", "rnn_unroll", "save_rnn_checkpoint"]
