"""The runtime needs NumPy and the standard library, and nothing else of symc but its errors."""

import subprocess
import sys

BLOCKED = "import sys\nfor name in ('tvm', 'tvm_ffi', 'llvmlite', 'typer'):\n    sys.modules[name] = None\n"


def run(text, *arguments):
    command = [sys.executable, "-c", BLOCKED + text, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_package_runs_without_the_compiler(package_path):
    assert run("""
import numpy as np
from symc.runtime import load
print(load(sys.argv[1]).forward(data=np.ones(1000))[0].asnumpy()[:3].tolist())
""", str(package_path)) == ["[2.0,", "3.0,", "4.0]"]


def test_what_the_runtime_imports():
    modules = run("import symc.runtime\nprint(*(name for name in sys.modules if name.split('.')[0] == 'symc'))")
    assert {name for name in modules if not name.startswith("symc.runtime")} == {"symc", "symc.aliases", "symc.errors"}
    others = run("""
import numpy
before = set(sys.modules)
import symc.runtime
print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
""")
    assert set(others) <= {"symc", "numpy"}


def test_importing_the_runtime_makes_no_dataclasses():
    """Each takes a millisecond or two."""
    known = "import numpy\nprint('dataclasses' in sys.modules)"
    assert run(f"{known}\nimport symc.runtime\n{known}") in (["False", "False"], ["True", "True"])


def test_import_symc_imports_next_to_nothing():
    loaded = run("import symc\nprint(*(name for name in sys.modules if name.split('.')[0] in ('symc', 'numpy')))")
    assert sorted(loaded) == ["symc", "symc.aliases", "symc.errors"]
    assert run("import symc\nprint(symc.cpu(1), 'nd' in dir(symc), symc.nd.zeros((1,)).shape)") == \
        ["cpu(1)", "True", "(1,)"]
