"""Writes what a machine with a GPU checks: recorded cases, compiled, with their arrays.

usage: python -m tests.cuda.carry FILE [--arch sm_80,sm_90] [--every N] [--families NAME,...] [--seconds S]

FILE is a zip: `cases.jsonl` has a case with its plan a line, `images` the code of all kernels for each architecture.
The machine with the GPU needs NumPy, cuda-bindings and this folder: `python -m tests.cuda.on_card FILE`.
With --seconds it ends in about that time, with as many cases of each family as that allows.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import math
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from symc.codegen.compile_groups import compile_images
from symc.codegen.cuda_compile import find_compiler, named_architectures
from symc.runtime.images import Image, pack_images
from tests import golden
from tests.cuda import recorded

SHARE = 0.5     # of the time, for plans; the rest for the code of their kernels


def main() -> None:
    options = parse_options()
    texts: dict[bytes, list[str]] = {}
    lines = [json.dumps(record) for record in records(options, texts)]
    write(options.file, lines, compile_images(texts, named_architectures(options.arch), find_compiler(), None))
    print(f"{len(lines)} cases, {len(texts)} groups of kernels, {options.file.stat().st_size >> 10} KiB")


def write(file: Path, lines: Sequence[str], images: Mapping[str, Sequence[Image]]) -> None:
    """The zip of these records, and of code for each architecture."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cases.jsonl", "".join(f"{line}\n" for line in lines))
        for architecture, found in images.items():
            archive.writestr(f"images/{architecture}", pack_images(found))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--arch", type=lambda text: text.split(","), default=None)
    parser.add_argument("--every", type=int, default=1, help="take one case of so many")
    parser.add_argument("--families", type=lambda text: text.split(","), default=golden.families())
    parser.add_argument("--seconds", type=float, default=math.inf)
    return parser.parse_args()


def records(options: argparse.Namespace, texts: dict[bytes, list[str]]) -> Iterator[dict[str, Any]]:
    """The cases that a plan can compute, packed; `texts` gets those of their kernels."""
    end = time.monotonic() + SHARE * options.seconds
    for family, case in in_turn([(family, golden.cases(family)[::options.every]) for family in options.families]):
        if time.monotonic() > end:
            return
        try:
            prepared = recorded.prepare(case)
        except recorded.NotForPlans:
            continue
        print(family, case["id"], file=sys.stderr)
        texts |= {text.encode(): [case["id"]] for text in prepared.texts}
        arrays = {key: golden.packed(array) for key, array in case["arrays"].items()}
        weights = base64.b64encode(prepared.weights.tobytes()).decode()
        yield {"family": family, **case, "arrays": arrays, "plan": prepared.plan.to_json(), "weights": weights}


def in_turn(families: Sequence[tuple[str, Sequence[golden.Case]]]) -> Iterator[tuple[str, golden.Case]]:
    """One case of each family, the next of each, and so on: whoever ends early has seen all of them."""
    for row in itertools.zip_longest(*[[(family, case) for case in cases] for family, cases in families]):
        yield from filter(None, row)


if __name__ == "__main__":
    main()
