"""What the rooms may import, how long files may be, and that every operator says what it is."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import symc
from symc.ops.registry import REGISTRY

ROOT = Path(symc.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LONGEST = 600
# what they hold is lowered, or put in their place, by passes
HOLDERS = ("group", "_gradient", "_scan", "_branch")

# room: the rooms it may import besides itself (docs/architecture.md); a file's own row goes before that of its folder
ROOMS = {
    "errors.py": (),
    "ir": ("errors",),
    "ops": ("ir", "errors"),
    "interpreter.py": ("ir", "ops", "errors"),
    "imperative.py": ("ir", "ops", "errors", "interpreter", "passes", "runtime.random"),
    "frontend/te.py": ("ir", "ops", "frontend.te_math", "frontend.te_random"),
    "frontend/te_random.py": ("ir", "ops", "frontend.te_math"),
    "frontend/te_math.py": ("ir", "ops", "frontend.te"),
    "frontend": ("ir", "ops", "errors", "interpreter", "imperative", "runtime"),
    "passes": ("ir", "ops", "errors", "interpreter"),
    "codegen": ("ir", "ops", "errors", "passes", "runtime", "frontend.te", "frontend.te_math",
                "frontend.te_random", "interpreter"),
    "runtime": ("errors",),
    "loading.py": ("ir", "ops", "errors", "frontend", "passes", "runtime"),
    "verification": ("ir", "ops", "errors", "interpreter", "passes", "codegen", "runtime"),
    "host_steps.py": ("ir", "ops", "errors", "codegen"),
    "prepared.py": ("ir", "ops", "errors", "frontend", "passes", "codegen", "runtime"),
    "saving.py": ("ir", "ops", "errors", "frontend", "passes", "codegen", "runtime", "verification", "host_steps",
                  "prepared"),
    "lowering.py": ("ir", "ops", "errors", "frontend", "passes", "codegen", "runtime", "loading", "prepared"),
    "bound.py": ("ir", "ops", "errors", "frontend", "passes", "codegen", "runtime", "host_steps", "lowering",
                 "prepared"),
    "compiler.py": ("ir", "ops", "errors", "interpreter", "frontend", "passes", "codegen", "runtime", "loading",
                    "host_steps", "prepared", "lowering", "bound"),
}
# imported inside functions alone, when the user asks for what lies above
LAZILY = {"frontend": ("compiler", "bound", "passes"), "report.py": ("lowering", "loading"), "prepared.py": ("saving",)}
FOREIGN = {"tvm": ("frontend/te", "frontend/relax", "codegen/tir", "codegen/relax"),
           "tvm_ffi": ("frontend/te", "codegen/tir", "codegen/relax"),
           "llvmlite": ("codegen/llvm",), "graphviz": ("frontend/visualization",), "PIL": ("cli/images",),
           "cryptography": ("runtime/signature",), "cuda": ("runtime/cuda",),
           "_sha2": ("runtime/sha256",), "_sha256": ("runtime/sha256",),      # of the standard library of some versions
           "fsspec": ("frontend/files",), "typer": ("cli/",), "numpy": ("",)}


def room_of(name: str) -> str:
    return next((room for room in (name, name.split("/")[0]) if room in ROOMS), "")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports when it runs, and whether at its top; what is for the type checker does not count."""
    tree = ast.parse(path.read_text())
    found: list[tuple[str, bool]] = []
    waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
    while waiting:
        node, top = waiting.pop()
        if isinstance(node, ast.Import):
            found += [(alias.name, top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found += [(f"{module}.{alias.name}" if module == "symc" else module, top) for alias in node.names]
        inside = top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and child in node.body):
                waiting.append((child, inside))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports(path):
    name = str(path.relative_to(ROOT))
    room = room_of(name)
    own = room.removesuffix(".py").replace("/", ".")
    for module, top in imports(path):
        first, _, rest = module.partition(".")
        if first != "symc":
            allowed = FOREIGN.get(first, ()) if first not in sys.stdlib_module_names else ("",)
            assert any(name.startswith(prefix) for prefix in allowed), f"{name} imports {module}"
        elif room and rest and rest != "__version__":
            allowed = (own, *ROOMS[room], *(() if top else LAZILY.get(room, ())))
            assert any(f"{rest}.".startswith(f"{other}.") for other in allowed), f"{name} imports {module}"


def test_nothing_imports_mxnet():
    files = [*FILES, *(ROOT.parent / "tests").rglob("*.py"), *(ROOT.parent / "examples").rglob("*.py")]
    assert not [path for path in files if any(module.split(".")[0] == "mxnet" for module, _ in imports(path))]


@pytest.mark.parametrize("path", [*FILES, *sorted((ROOT.parent / "tests").rglob("*.py"))],
                         ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_length(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text())) or path.name == "__main__.py"


def test_every_operator_is_documented():
    blocks = [block for name, block in REGISTRY.items() if name == block.name and block.__module__.startswith("symc")]
    assert len(blocks) > 200
    missing = [block.name for block in blocks if not (block.__doc__ or "").strip() or block.__doc__.startswith(
        f"{block.__name__}(")]                         # what dataclasses make up
    assert not missing, missing


def test_every_operator_has_one_lowering_and_a_meaning():
    for name, block in REGISTRY.items():
        if name != block.name or not block.__module__.startswith("symc") or name in HOLDERS:
            continue
        lowerings = [kind for kind in ("expression", "compute", "contraction", "imperative") if getattr(block, kind)]
        lowerings += [kind for kind in ("is_view", "is_placement", "is_host", "has_kernel") if getattr(block, kind)]
        for_grids = [kind for kind in ("compute", "cooperative") if block.imperative and getattr(block, kind)]
        lowerings = [kind for kind in lowerings if kind not in for_grids]
        assert len(lowerings) <= 1 and len(for_grids) <= 1, f"{name}: {lowerings}, {for_grids}"
        assert block.imperative or not block.cooperative, f"{name} has a form for GPUs alone"
        assert lowerings or block.rewrite or block.seeded, f"{name} has no lowering"
        assert block.reference or block.is_random, f"{name} has no reference"


def test_the_same_names_on_both_sides_of_the_wall():
    """The runtime may not import the passes that make what it looks for."""
    from symc.passes import gradient, seed_random
    from symc.runtime import executor, random

    assert seed_random.SEED == random.SEED
    assert gradient.HEAD_GRADIENT.format(0) == executor.HEAD_GRADIENT + "0"
