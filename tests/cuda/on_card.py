"""Runs carried cases on a GPU and counts what agrees with MXNet.  Needs NumPy and cuda-bindings, no compiler.

usage: python -m tests.cuda.on_card FILE [--device N] [--ids NAME,...]

FILE is of `python -m tests.cuda.carry`.  Exits with 1 if a case differs.
"""

from __future__ import annotations

import argparse
import base64
import collections
import json
import sys
import traceback
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symc.runtime import cuda
from symc.runtime.devices import Driver, Function
from symc.runtime.gpu_module import fitting
from symc.runtime.images import unpack_images
from symc.runtime.plan import Plan
from tests import golden
from tests.cuda import recorded


def main() -> None:
    options = parse_options()
    driver = cuda.open_device(options.device)
    with zipfile.ZipFile(options.file) as file:
        functions = load(driver, file)
        cases = [json.loads(line) for line in file.read("cases.jsonl").splitlines()]
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for case in cases:
        if options.ids and case["id"] not in options.ids:
            continue
        problems = check(case, driver, functions)
        counts[case["family"]]["wrong" if problems else "right"] += 1
        if problems:
            print(case["family"], case["id"], problems[0][:300], flush=True)
    for family, found in counts.items():
        print(f"{family:<20} {found['right']} of {found.total()}")
    right, wrong = (sum(found[key] for found in counts.values()) for key in ("right", "wrong"))
    print(f"{right} of {right + wrong} cases agree on {cuda.devices()[options.device].name}")
    sys.exit(bool(wrong))


def load(driver: cuda.CudaDriver, file: zipfile.ZipFile) -> Mapping[str, Function]:
    """All kernels, in the code that the card runs."""
    names = [name.removeprefix("images/") for name in file.namelist() if name.startswith("images/")]
    chosen = fitting(names, driver.architecture)
    if chosen is None:
        sys.exit(f"the file has code for {', '.join(names)}, the card is {driver.architecture}: carry it again, --arch "
                 f"{driver.architecture}")
    return driver.load([image.code for image in unpack_images(str(file.filename), file.read(f"images/{chosen}"))])


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--ids", type=lambda text: text.split(","), default=[])
    return parser.parse_args()


def check(case: dict[str, Any], driver: Driver, functions: Mapping[str, Function]) -> list[str]:
    """What differs, or how it failed."""
    case["arrays"] = {key: golden.unpacked(*packed) for key, packed in case["arrays"].items()}
    weights = np.frombuffer(base64.b64decode(case["weights"]), np.uint8)
    try:
        return recorded.differences(case, recorded.run(case, Plan.from_json(case["plan"]), weights, driver, functions))
    except Exception:
        return [traceback.format_exc(limit=-1)]


if __name__ == "__main__":
    main()
