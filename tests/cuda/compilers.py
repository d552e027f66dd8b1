"""Whether kernels for GPUs can be compiled here.

NVRTC's package has 90 MB, three times what all else that the tests need has: they do not ask for it, and run what needs
it where it is installed.
"""

from __future__ import annotations

import pytest

from symc.codegen.cuda_compile import find_compiler
from symc.errors import SymcError


def why_not() -> str:
    """Why there is no compiler; '' where there is one."""
    try:
        find_compiler()
    except SymcError as problem:
        return str(problem)
    return ""


needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())
