"""Runs carried cases on a GPU and counts what agrees with MXNet.  Needs NumPy and cuda-bindings, no compiler.

usage: python -m tests.cuda.on_card FILE [--device N] [--sample N]

FILE is of `python -m tests.cuda.carry`.  Exits with 1 if a case differs, or if FILE has none.
"""

from __future__ import annotations

import argparse
import base64
import collections
import json
import sys
import traceback
import zipfile
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from symc.runtime import cuda
from symc.runtime.devices import Driver, Function, KernelFailure
from symc.runtime.gpu_module import fitting
from symc.runtime.images import unpack_images
from symc.runtime.plan import Plan
from tests import golden
from tests.cuda import recorded


def main() -> None:
    options = parse_options()
    driver = cuda.open_device(options.device)
    with zipfile.ZipFile(options.file) as file:
        cases = spread([json.loads(line) for line in file.read("cases.jsonl").splitlines()], options.sample)
        functions = load(driver, file, {kernel["name"] for case in cases for kernel in case["plan"]["kernels"]})
    sys.exit(not all_agree(cases, driver, functions))


def spread(cases: list[dict[str, Any]], count: int | None) -> list[dict[str, Any]]:
    """So many of the cases, from all over the file; None: all."""
    taken = len(cases) if count is None else min(count, len(cases))
    return [cases[number * len(cases) // taken] for number in range(taken)]


def all_agree(cases: list[dict[str, Any]], driver: Driver, functions: Mapping[str, Function]) -> bool:
    """Whether there are cases and each computes what MXNet did; prints what differs and how many of a family agree.

    A kernel that fails ends it: nothing runs on the GPU after that in this process.
    """
    counts: dict[str, collections.Counter[bool]] = collections.defaultdict(collections.Counter)
    for case in cases:
        try:
            problems = check(case, driver, functions)
        except KernelFailure as failure:
            print(case["family"], case["id"], f"{failure.message}; it and all behind it are not counted", flush=True)
            break
        counts[case["family"]][not problems] += 1
        if problems:
            print(case["family"], case["id"], problems[0][:300], flush=True)
    for family, found in counts.items():
        print(f"{family:<20} {found[True]} of {found.total()}")
    right = sum(found[True] for found in counts.values())
    print(f"{right} of {len(cases)} cases agree", flush=True)
    return 0 < right == len(cases)


def load(driver: Driver, file: zipfile.ZipFile, wanted: Set[str]) -> Mapping[str, Function]:
    """The kernels that are wanted, in the code that the card runs."""
    names = [name.removeprefix("images/") for name in file.namelist() if name.startswith("images/")]
    chosen = fitting(names, driver.architecture)
    if chosen is None:
        sys.exit(f"the file has code for {', '.join(names)}, the card is {driver.architecture}: carry it again, --arch "
                 f"{driver.architecture}")
    images = unpack_images(str(file.filename), file.read(f"images/{chosen}"))
    return driver.load([image.code for image in images if any(kernel.name in wanted for kernel in image.kernels)])


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--sample", type=int, help="check so many cases only")
    return parser.parse_args()


def check(case: dict[str, Any], driver: Driver, functions: Mapping[str, Function]) -> list[str]:
    """What differs, or how it failed.  KernelFailure: a kernel did."""
    case["arrays"] = {key: golden.unpacked(*packed) for key, packed in case["arrays"].items()}
    weights = np.frombuffer(base64.b64decode(case["weights"]), np.uint8)
    try:
        return recorded.differences(case, recorded.run(case, Plan.from_json(case["plan"]), weights, driver, functions))
    except KernelFailure:
        raise
    except Exception:
        return [traceback.format_exc(limit=-1)]


if __name__ == "__main__":
    main()
