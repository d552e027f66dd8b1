"""What `inspect` shows."""

import json

from symc import report
from symc.frontend.reader import print_graph


def test_a_network_with_shared_parameters_and_unknown_shapes(graph, tmp_path):
    (tmp_path / "net.json").write_text(print_graph(graph("""
        %data, %w: ?[*]
        %a = FullyConnected(%data, %w) num_hidden=4 no_bias=True
        %b = FullyConnected(%a, %w) num_hidden=4 no_bias=True
        heads %b
    """)))
    known = report.inspect(tmp_path / "net.json", {"data": (2, 4)})
    assert known["parameters"] == 16 and known["inputs"] == {"data": "f32[2,4]"}
    assert known["outputs"] == {"b_output": "f32[2,4]"} and known["operators"] == {"FullyConnected": 2}
    assert [(row["layer"], row["parameters"], row["inputs"]) for row in known["layers"]] == [
        ("a", 16, ["data"]), ("b", 0, ["a"])]
    unknown = report.inspect(tmp_path / "net.json", {})
    assert [row["parameters"] for row in unknown["layers"]] == ["?", 0] and unknown["inputs"]["data"].startswith("f32[")
    assert json.loads(json.dumps(known)) == known
