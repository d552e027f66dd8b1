"""Random graphs, and the comparison of what they compile to with the interpreter.

`templates` grows networks of common operators, `registry` graphs of all operators there are; `compare` runs either.
`python -m tests.random_graphs` tries many.
"""

from tests.random_graphs.comparing import compare
from tests.random_graphs.registry import random_graph
from tests.random_graphs.templates import random_text
from tests.random_graphs.values import parse, values_of

__all__ = ["compare", "parse", "random_graph", "random_text", "values_of"]
