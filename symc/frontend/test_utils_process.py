"""The surroundings of a test: environment, standard error, default context, repetition.  MXNet: mx.test_utils."""

from __future__ import annotations

import functools
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from symc.frontend.util import setenv
from symc.runtime import context
from symc.runtime.context import Context


def default_context() -> Context:
    """The context that tests run on: the current one."""
    return context.current_context()


def set_default_context(ctx: Context) -> None:
    """Make `ctx` what `current_context` gives this thread outside of any `with` block."""
    context.set_default_context(ctx)


def list_gpus() -> range:
    """The numbers of the GPUs that arrays can lie on."""
    return range(context.num_gpus())


@contextmanager
def environment(*args: Any) -> Iterator[None]:
    """Environment variables within a `with` block: a name and a value, or a dict of them; None removes a variable.

    What they were before is restored, also after an exception.
    """
    assert len(args) == 2 or len(args) == 1 and isinstance(args[0], Mapping), \
        "environment takes a dict, or the name of a variable and its value"
    wanted = dict(args[0]) if len(args) == 1 else {args[0]: args[1]}
    before = {name: os.environ.get(name) for name in wanted}
    _set_environment(wanted)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        setenv(name, value)


def set_env_var(key: str, val: str, default_val: str = "") -> str:
    """Set an environment variable; returns what it was, or `default_val`."""
    before = os.environ.get(key, default_val)
    os.environ[key] = val
    return before


class EnvManager:
    """An environment variable within a `with` block; restored afterwards.  `environment` takes several."""

    def __init__(self, key: str, val: str) -> None:
        self._scope = environment(key, val)

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(self, *problem: Any) -> None:
        self._scope.__exit__(*problem)


@contextmanager
def discard_stderr() -> Iterator[None]:
    """Within a `with` block, what is written to the file descriptor of standard error is lost."""
    sys.stderr.flush()
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ else 2
    kept = os.dup(descriptor)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, descriptor)
            os.close(kept)


def assert_exception(f: Callable[..., Any], exception_type: Any, *args: Any, **kwargs: Any) -> None:
    """AssertionError unless f(*args, **kwargs) raises an exception of this type."""
    try:
        f(*args, **kwargs)
    except exception_type:
        return
    raise AssertionError(f"{getattr(f, '__name__', f)} did not raise {exception_type}")


def retry(n: int) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Decorator of a test that depends on chance: it fails when n runs have failed."""
    assert n > 0, "a test runs once at least"

    def decorate(test: Callable[..., Any]) -> Callable[..., None]:
        @functools.wraps(test)
        def repeated(*args: Any, **kwargs: Any) -> None:
            for left in reversed(range(n)):
                try:
                    test(*args, **kwargs)
                    return
                except AssertionError:
                    if not left:
                        raise
        return repeated
    return decorate


def is_cd_run() -> bool:
    """Whether the environment says that this is a run of MXNet's continuous delivery."""
    return os.environ.get("CD_JOB") == "1"


def is_aarch64_run() -> bool:
    """Whether this machine is an ARM one."""
    return platform.machine() == "aarch64"


def has_tvm_ops() -> bool:
    """Whether there are MXNet's operators of the name TVM_OP: no, whatever symc compiles with."""
    return False


def is_op_runnable() -> bool:
    """Whether operators run on the current context: on CPUs always."""
    return True
