"""No file that is read becomes Python code: no pickle, no eval; the source text that is compiled is symc's own."""

import ast
from pathlib import Path

import pytest

import symc

ROOT = Path(symc.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FOREIGN = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml", "jsonpickle"}
RUNNING = {"eval", "exec", "compile", "__import__"}
# What they compile is printed from expressions of operators, and annotations of symc's own sources.
OWN_TEXT = {"ops/specialise.py": {"exec"}, "ops/elementwise.py": {"eval"}, "frontend/stubs.py": {"eval"}}
# Loaders that unpickle unless they are told otherwise.
LOADERS = {"load", "read_array", "write_array"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_and_no_eval(path):
    allowed = OWN_TEXT.get(str(path.relative_to(ROOT)), set())
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                assert not FOREIGN & {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module)):
                assert module.partition(".")[0] not in FOREIGN
            case ast.Call(func=ast.Name(id=name)):
                assert name not in RUNNING - allowed, f"{path}:{node.lineno}"
            case ast.Call(func=ast.Attribute(value=owner, attr=name), keywords=given) if name in LOADERS and (
                    ast.unparse(owner) in ("np", "numpy", "npy", "format", "np.lib.format")):
                pickles = [word.value for word in given if word.arg == "allow_pickle"]
                assert [ast.unparse(value) for value in pickles] == ["False"], f"{path}:{node.lineno}"
