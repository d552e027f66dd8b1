"""What the verifier refuses."""

import numpy as np
import pytest

from symc.ir.graph import Gradient, Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ir.verify import verify
from symc.ops.families.activation import relu

F32 = TensorType((2,), DType.float32)
HERE = (Source("here"),)
X = variable("x", F32)


def refused(*nodes, match, typed=False, gradients=()):
    with pytest.raises(AssertionError, match=match):
        verify(Graph(tuple(map(Value, nodes)), gradients), typed)


def test_sound_graph():
    verify(Graph((Value(Node("y", relu(), (Value(X),), (F32,), sources=HERE)),)), typed=True)


def test_reads_an_output_that_is_none():
    refused(Node("y", relu(), (Value(X, 1),), (F32,), sources=HERE), match="which has 1 outputs")


def test_head_that_is_none():
    with pytest.raises(AssertionError, match="only 1 outputs"):
        verify(Graph((Value(X, 2),)))


def test_lost_sources():
    refused(Node("y", relu(), (Value(X),), (F32,)), match="lost its sources")


def test_number_of_types():
    refused(Node("y", relu(), (Value(X),), (F32, F32), sources=HERE), match="2 types for 1 outputs")


def test_unknown_types_of_a_typed_graph():
    loose = Node("y", relu(), (Value(X),), sources=HERE)
    verify(Graph((Value(loose),)))
    refused(loose, match="unknown types", typed=True)


def test_constant_of_another_type():
    refused(Node("c", types=(F32,), sources=HERE, value=np.zeros(3, np.float32)), match=r"float32\[3\]")
    refused(Node("c", types=(F32,), sources=HERE, value=np.zeros(2)), match="float64")


def test_gradient_of_no_variable():
    y = Node("y", relu(), (Value(X),), (F32,), sources=HERE)
    refused(y, match="is no variable", gradients=(Gradient(y, Value(y)),))


def test_layout_without_a_shape():
    refused(variable("x", TensorType(None, DType.float32, "aBcd16b")), match="layout without a shape")
