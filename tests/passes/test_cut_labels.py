"""Losses whose labels are computed."""

import pytest

from symc.passes.cut_labels import cut_labels

TEXT = """
    %data: f32[2,4]    %w: f32[3,4]    %label: f32[2]    %cls_label: f32[1]
    %fc = FullyConnected(%data, %w) num_hidden=3 no_bias=True
    %target = broadcast_add(%label, %cls_label)
    %cls = SoftmaxOutput(%fc, %target)
    %out = MakeLoss(%cls) grad_scale=0.0
    heads %out
"""


def test_labels_that_are_computed(graph):
    cut = cut_labels(graph(TEXT), ["data"])
    assert [node.name for node in cut.variables] == ["data", "w", "cls_label_"]
    assert [node.name for node in cut.nodes if not node.is_variable] == ["fc", "cls", "out"]


@pytest.mark.parametrize("text, given", [
    (TEXT, ["data", "label"]),                                                              # its shape is known
    (TEXT.replace("%target)", "%label)"), ["data"]),                                        # is no computed one
    (TEXT.replace("(%label, %cls_label)", "(%data, %data)").replace("SoftmaxOutput(%fc",    # data is needed anyway
                                                                    "LinearRegressionOutput(%data"), ["data"]),
    (TEXT.replace("SoftmaxOutput(%fc, %target)", "softmax(%fc)"), ["data"])])
def test_others_stay(graph, text, given):
    network = graph(text)
    assert cut_labels(network, given) is network
