"""The tables of README.md and the chart, from the results of compare.py.

usage: python -m benchmarks.figures
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import chart
from benchmarks.peers import PEERS

HERE = Path(__file__).parent
RESULTS, README = HERE / "results.json", HERE / "README.md"
RESULTS_IN_BFLOAT16 = HERE / "results-bf16.json"
CHART = HERE.parent / "docs" / "benchmarks.svg"
TITLES = {"symc": "symc", **{peer.name: peer.title for peer in PEERS.values()}}
OF_A_BATCH = re.compile(r"(?!train_).*_b\d+")       # networks timed once more with a larger batch
BEGIN, END = "<!-- {}: begin -->\n", "<!-- {}: end -->"

Record = Mapping[str, Any]


def main() -> None:
    write(json.loads(RESULTS.read_text()))
    if RESULTS_IN_BFLOAT16.exists():
        write_bfloat16(json.loads(RESULTS_IN_BFLOAT16.read_text()))


def write(results: Mapping[str, Any]) -> None:
    """Write README.md and the chart anew."""
    text = README.read_text()
    for name, lines in sections(results).items():
        text = between(text, name, "\n".join(lines) + "\n")
    README.write_text(text)
    CHART.write_text(chart.svg(points(results["inference"]), TITLES))


def write_bfloat16(results: Mapping[str, Any]) -> None:
    """Write the part of README.md on bfloat16 anew."""
    machine = results["machine"]
    versions = ", ".join(f"{TITLES[name]} {version}" for name, version in results["versions"].items())
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['level']}; {results['date']}; {versions};",
             f"{results['rounds']} rounds of {results['seconds']} s each.", *tables(results["bf16"]), "",
             *differences(results["bf16"])]
    README.write_text(between(README.read_text(), "bf16", "\n".join(lines) + "\n"))


def differences(records: Sequence[Record]) -> Iterator[str]:
    """How far outputs are from MXNet's, relative to the largest one; numbers of threads change nothing."""
    systems = [name for name in TITLES if any(record["system"] == name for record in records)]
    yield "Largest difference from MXNet's output, in units of its largest element:"
    yield ""
    yield _row(["network", *(TITLES[name] for name in systems)])
    yield _row(["---"] * (len(systems) + 1))
    for name in _distinct(records, "network"):
        found = {record["system"]: f"{record['difference']:.1e}" for record in records if record["network"] == name}
        yield _row([name, *(found.get(system, "") for system in systems)])


def sections(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Lines of each generated part of README.md by its name."""
    return {"sitting": [sitting(results)], "inference": [*tables(results["inference"])],
            "training": [*tables(results["training"])],
            "memory": [*memory_table(results["inference"], results["packages"])]}


def between(text: str, name: str, content: str) -> str:
    """The text with another content between the marks of a name.  AssertionError: it has no such marks."""
    begin, end = BEGIN.format(name), END.format(name)
    assert begin in text and end in text, f"README.md has no marks {begin}{end}"
    return text[:text.index(begin) + len(begin)] + content + text[text.index(end):]


def sitting(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{TITLES[name]} {version}" for name, version in results["versions"].items())
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['level']}; {results['date']}; {versions};\n"
            f"{results['rounds']} rounds of {results['seconds']} s each. The largest relative difference of symc from "
            f"MXNet is {_difference(results['inference']):.0e} of outputs, {_difference(results['training']):.0e} of "
            "the sum of all gradients' sizes.")


def _difference(records: Sequence[Record]) -> float:
    return max((record.get("difference", math.nan) for record in records if record["system"] == "symc"),
               default=math.nan)


# ---- times ---------------------------------------------------------------------------------------------------------


def tables(records: Sequence[Record]) -> Iterator[str]:
    """One table for each number of threads."""
    for threads in _distinct(records, "threads"):
        chosen = [record for record in records if record["threads"] == threads]
        yield from ("", f"{threads} thread{'s' * (threads != 1)}, minimum / median in ms:", "", *table(chosen))


def table(records: Sequence[Record]) -> Iterator[str]:
    """Networks by systems; the mean is of those in their usual batch."""
    systems = [name for name in TITLES if any(record["system"] == name for record in records)]
    yield _row(["network", *(TITLES[name] for name in systems), "best / symc", "of medians"])
    yield _row(["---"] * (len(systems) + 3))
    groups = {name: [record for record in records if record["network"] == name]
              for name in _distinct(records, "network")}
    usual = {name: group for name, group in groups.items() if not OF_A_BATCH.fullmatch(name)}
    yield from (_times(name, group, systems) for name, group in usual.items())
    if len(usual) > 1:
        compared = [group for group in usual.values() if not math.isnan(ratio(group, "minimum_ms"))]
        means = (geometric_mean([ratio(group, key) for group in compared]) for key in ("minimum_ms", "median_ms"))
        yield _row([f"geometric mean of {len(compared)}", *[""] * len(systems), *(f"**{mean:.2f}**" for mean in means)])
    yield from (_times(name, group, systems) for name, group in groups.items() if name not in usual)


def _times(name: str, group: Sequence[Record], systems: Sequence[str]) -> str:
    by_system = {record["system"]: record for record in group}
    cells = [_figures(by_system[system]) if system in by_system else "" for system in systems]
    ratios = [ratio(group, key) for key in ("minimum_ms", "median_ms")]
    ratios_shown = ("" if math.isnan(value) else f"{value:.2f}" for value in ratios)
    return _row([name.removeprefix("train_"), *cells, *ratios_shown])


def _figures(record: Record) -> str:
    return f"{_three(record['minimum_ms'])} / {_three(record['median_ms'])}"


def _three(value: float) -> str:
    """Three digits that count."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def ratio(group: Sequence[Record], key: str) -> float:
    """The best of the others in units of symc; NaN where one of both is missing."""
    own = [record[key] for record in group if record["system"] == "symc"]
    others = [record[key] for record in group if record["system"] != "symc"]
    return min(others) / own[0] if own and others else math.nan


def geometric_mean(ratios: Sequence[float]) -> float:
    """Of those that are known."""
    known = [math.log(value) for value in ratios if not math.isnan(value)]
    return math.exp(sum(known) / len(known)) if known else math.nan


# ---- memory --------------------------------------------------------------------------------------------------------


def memory_table(records: Sequence[Record], packages: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """What each process took for the network at most, beyond its imports, with the fewest threads."""
    least = min((record["threads"] for record in records), default=1)
    chosen = [record for record in records if record["threads"] == least]
    systems = [name for name in TITLES if any(record["system"] == name for record in chosen)]
    yield _row(["network", "weights", "arena", *(TITLES[name] for name in systems)])
    yield _row(["---"] * (len(systems) + 3))
    for name in _distinct(chosen, "network"):
        by_system = {record["system"]: record for record in chosen if record["network"] == name}
        own = [_mebibytes(_own_kib(by_system[system]) * 1024) if system in by_system else "" for system in systems]
        yield _row([name, *(_mebibytes(packages[name][key]) for key in ("weights_bytes", "arena_bytes")), *own])
    imports = [min(r["imports_kib"] for r in chosen if r["system"] == system) * 1024 for system in systems]
    yield _row(["interpreter and imports", "", "", *map(_mebibytes, imports)])


def _own_kib(record: Record) -> int:
    return int(record["peak_kib"] - record["imports_kib"])


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f}" if count < 100 * 2**20 else f"{count / 2**20:.0f}"


# ---- what all of them need -----------------------------------------------------------------------------------------


def points(records: Sequence[Record]) -> dict[int, dict[str, dict[str, float]]]:
    """By threads, network and system: the minimum in units of symc."""
    own = {(r["threads"], r["network"]): r["minimum_ms"] for r in records if r["system"] == "symc"}
    found: dict[int, dict[str, dict[str, float]]] = {}
    for record in records:
        place = record["threads"], record["network"]
        if place in own and record["system"] != "symc":
            row = found.setdefault(place[0], {}).setdefault(place[1], {})
            row[record["system"]] = record["minimum_ms"] / own[place]
    return found


def _distinct(records: Sequence[Record], key: str) -> list[Any]:
    return list(dict.fromkeys(record[key] for record in records))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
