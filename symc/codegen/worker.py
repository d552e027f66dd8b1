"""A compile worker: `python -m symc.codegen.worker [modules to import first]`.

Reads tasks, one JSON object a line, from standard input; compiles each group, or text for GPUs, puts its code in the
kernel cache, and answers with one line.  A crash of TVM, LLVM or NVRTC ends this process, not the user's.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO, Any

from symc.codegen import cache
from symc.codegen.choice import Choice
from symc.codegen.group_code import GroupCode
from symc.errors import SymcError
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.runtime.images import pack_images

YOUNG_OBJECTS = 200_000     # between two searches for garbage: importing TVM makes many objects, and none


def compile_group(text: str, level: str, name: str, choice: str) -> GroupCode:
    """Code of the group whose canonical text this is; its kernels are named after `name`."""
    from symc.codegen.lower import lower_group

    return lower_group(parse_graph(text, from_text), name, level, Choice.parse(choice))


def compile_source(source: str, architecture: str, compiler: Sequence[str]) -> bytes:
    """The image of a source file for GPUs, as the cache keeps it."""
    from symc.codegen.cuda_compile import Compiler, compile_image

    return pack_images([compile_image(Compiler(*compiler), source, architecture)])


def time_group(text: str, level: str, threads: int) -> dict[str, Any]:
    """The record of the fastest schedule of the group whose canonical text this is."""
    from symc.codegen.time_choices import time_choices

    return asdict(time_choices(parse_graph(text, from_text), level, threads))


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """error: the trace of what went wrong, refusal: what the user can mend; None when all is well.

    record: what `time_group` gives, where the task is one of timing; code that is compiled goes to the cache.
    """
    os.environ["SYMC_CACHE_DIR"] = task["cache"]
    error = refusal = record = None
    try:
        if "threads" in task:
            record = time_group(task["text"], task["level"], task["threads"])
        elif "architecture" in task:
            image = compile_source(task["source"], task["architecture"], task["compiler"])
            cache.write_bytes(cache.IMAGES, task["key"], image)
        else:
            cache.write(task["key"], compile_group(task["text"], task["level"], task["name"], task["choice"]))
    except SymcError as problem:
        refusal = str(problem)
    except Exception:
        error = traceback.format_exc()
    return {"key": task["key"], "error": error, "refusal": refusal, "record": record}


def serve(tasks: IO[str], answers: IO[str]) -> None:
    for line in tasks:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def end_with_parent() -> None:
    """End this process soon after the one that started it, whatever it is compiling."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Answers go to the original standard output; whatever libraries print there goes to standard error."""
    gc.set_threshold(YOUNG_OBJECTS)
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in sys.argv[1:]:
        importlib.import_module(module)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
