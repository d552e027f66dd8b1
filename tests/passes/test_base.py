"""Running lists of passes."""

from dataclasses import dataclass, replace

import pytest

from symc.ir.graph import Graph
from symc.passes.base import Pass, is_typed, run_passes
from symc.passes.common_subexpressions import MergeCommonSubexpressions
from symc.passes.simplify import Simplify

TEXT = "%x: f32[2]\n%y = _copy(%x)\n%z = relu(%y)\nheads %z"


@dataclass(frozen=True)
class LoseSources(Pass):
    name = "lose-sources"

    def __call__(self, graph: Graph) -> Graph:
        return graph.rewrite(lambda node: replace(node, sources=()).outputs)


def test_dump_and_times(graph, tmp_path):
    times = {}
    run_passes(graph(TEXT), [Simplify(), MergeCommonSubexpressions(), Simplify()], dump=tmp_path / "new", times=times)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "00_input.txt", "01_simplify.txt", "02_merge-common-subexpressions.txt", "03_simplify.txt"]
    assert "_copy" in (tmp_path / "new/00_input.txt").read_text()
    assert "_copy" not in (tmp_path / "new/01_simplify.txt").read_text()
    assert list(times) == ["simplify", "merge-common-subexpressions"]


@pytest.mark.parametrize("names, shown", [({"simplify"}, True), ({"all"}, True), ({"legalize"}, False), ((), False)])
def test_print_after(graph, capsys, names, shown):
    run_passes(graph(TEXT), [Simplify()], print_after=names)
    assert ("# after simplify\n%x: f32[2]\n" in capsys.readouterr().out) == shown


def test_verify_names_the_pass(graph):
    with pytest.raises(AssertionError, match="after pass lose-sources: .*\n.*lost its sources"):
        run_passes(graph(TEXT), [LoseSources()], verify=True)


def test_is_typed(graph):
    assert is_typed(graph(TEXT))
    assert not is_typed(graph("%x: f32[?]\n%y = relu(%x)\nheads %y"))
