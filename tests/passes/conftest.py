"""Operators for the tests of passes."""

from __future__ import annotations

import numpy as np

from symc.ir.types import DType
from symc.ops.operator import Operator, operator


@operator("test_noise", hidden=True)
class Noise(Operator):
    """Random numbers for each element of data."""

    is_random = True

    def seeded(self, g, seed, salt, data):
        return [g.op("test_seeded_noise", data, seed, salt=salt)]

    def inference(self, g, data):
        return [data]


@operator("test_seeded_noise", hidden=True)
class SeededNoise(Operator):
    """The same as a pure function."""

    salt: int
    inputs = ("data", "seed")

    def infer_shape(self, s):
        s.output.unify(s.data.shape)

    def infer_type(self, t):
        t.seed.unify(DType.int64)
        t.output.unify(t.data.dtype)

    def reference(self, data, seed):
        return np.random.RandomState([self.salt, seed[0]]).uniform(size=data.shape).astype(data.dtype)

    def gradient(self, g, node, dy):
        return [None, None]


@operator("test_loss", hidden=True)
class Loss(Operator):
    """A loss head: data; its gradient is data - label, whatever comes in."""

    is_loss = True
    inputs = ("data", "label")

    def inference(self, g, data, label):
        return [g.relu(data)]

    def reference(self, data, label):
        return data

    def gradient(self, g, node, dy):
        assert dy is None
        return [g.elemwise_sub(*node.inputs), None]


@operator("test_running_mean", hidden=True)
class RunningMean(Operator):
    """relu(data), and a state that becomes its mean with backward."""

    auxiliary = ("state",)

    def infer_shape(self, s):
        s.output.unify(s.data.shape)
        s.state.unify((1,))

    def reference(self, data, state):
        return np.maximum(data, 0)

    def gradient(self, g, node, dy):
        return [dy, None]

    def updates(self, g, node, inputs):
        return {1: g.mean(inputs[0])}


@operator("test_opaque", hidden=True)
class Opaque(Operator):
    """data; without a gradient."""

    def reference(self, data):
        return data
