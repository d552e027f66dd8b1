"""Recorded networks on gpu(0), compiled here: inference and a step of training of each, beside what MXNet answered.

usage: python -m tests.cuda.networks_on_card [--seconds S]

The smallest come first; those for which there was no time are named.  Exits with 1 if one differs, or if none was run.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence

import symc as mx
from tests.networks import NAMES, Network

Run = tuple[str, Callable[[mx.Context], None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=math.inf)
    sys.exit(not all_agree(runs(), parser.parse_args().seconds))


def runs() -> list[Run]:
    """What is run, by name."""
    networks = sorted(map(Network, NAMES), key=lambda network: network.symbol.stat().st_size)
    found: list[Run] = []
    for network in networks:
        found.append((network.name, network.check_inference))
        if network.trains:
            found.append((f"{network.name} in training", network.check_training))
    return found


def all_agree(wanted: Sequence[Run], seconds: float) -> bool:
    """Whether some are run within the time, and each agrees; what differs and what is left out is printed."""
    end = time.monotonic() + seconds
    done: dict[str, bool] = {}
    for name, run in wanted:
        if time.monotonic() > end:
            break
        done[name] = agrees(name, run)
    left = [name for name, _ in wanted[len(done):]]
    print(f"{sum(done.values())} of {len(done)} runs of networks agree"
          + (f"; there was no time for {', '.join(left)}" if left else ""), flush=True)
    return bool(done) and all(done.values())


def agrees(name: str, run: Callable[[mx.Context], None]) -> bool:
    try:
        run(mx.gpu(0))
    except Exception:
        print(name, traceback.format_exc(limit=-1), flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
