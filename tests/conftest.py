"""Fixtures of all tests."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import settings

from symc.ir.graph import Graph
from symc.ir.text import parse_graph, print_graph
from symc.ir.verify import verify
from symc.ops.inference import infer, with_types
from symc.ops.operator import from_text

pytest_plugins = ("tests.native_code", "tests.group_code", "tests.c_programs",
                  "tests.command_line")   # fixtures that several rooms share

settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("quick")


def parse(text: str) -> Graph:
    """The graph of `text`, with the types that follow from those written."""
    graph = parse_graph(text, from_text)
    return with_types(graph, infer(graph))


@pytest.fixture
def graph() -> Callable[[str], Graph]:
    """`graph(text)`: the typed graph of a text."""
    return parse


@pytest.fixture
def unchanged() -> None:
    """What `check` is told to expect of a pass that must leave the graph alone."""


@pytest.fixture
def check() -> Callable[..., Graph]:
    """`check(pass, before, after)`: the pass turns one text into the other; returns the graph it makes.

    `after` lists the nodes in order, variables left out.  A line of '...' stands for any lines.  Types and
    '# from' remarks are compared where they are written.
    """
    def check_pass(apply: Callable[[Graph], Graph], before: str, after: str | None) -> Graph:
        original = parse(before)
        result = apply(original)
        verify(result, typed=True)
        if after is None:
            assert result is original, f"changed to\n{print_graph(result)}"
        else:
            assert_matches(print_graph(result), after)
        return result
    return check_pass


def assert_matches(text: str, pattern: str) -> None:
    """Compare the text of a graph with what `check` describes."""
    declaration = re.compile(r"%\S+: [^=\n]*")
    lines = [line.strip() for line in text.splitlines()]
    actual = "".join(f"{line}\n" for line in lines if line and not declaration.fullmatch(line.partition("  # ")[0]))
    expected = "".join(map(line_pattern, filter(None, map(str.strip, pattern.splitlines()))))
    assert re.fullmatch(expected, actual), f"expected\n{pattern}\nfound\n{actual}"


def line_pattern(line: str) -> str:
    """The regular expression of one line of `check`'s expected text."""
    if line == "...":
        return r"(?:.*\n)*?"
    body, remark = re.fullmatch(r"(.*?)(\s+# from .*)?", line).groups()
    name, equals, value = body.partition(" = ")
    types = r"(?:: (?:\([^)]*\)|\S+))?" if equals and name.startswith("%") and ":" not in name else ""
    pattern = re.escape(name) + types + re.escape(equals + value)
    return pattern + (re.escape("  " + remark.strip()) if remark else r"(?:  # from .*)?") + "\n"
