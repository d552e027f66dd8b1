"""Finding the parameters of a network in a file that calls them otherwise.

Networks and parameters were saved by different calls, and Gluon numbers its blocks anew in every process.  A rule may
rename arrays only where exactly one assignment exists in which all missing parameters are found and all shapes agree;
what was renamed, and by which rule, is told.  Where there is none, or more than one, the difference is explained.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from symc.errors import SymcError, raise_collected
from symc.ir.graph import Graph
from symc.ir.types import PartialShape
from symc.ops.record import Record, record
from symc.ops.slots import show

Arrays = Mapping[str, np.ndarray]
Renaming = dict[str, str]           # name in the network: name in the file

PREFIXES = re.compile(r"(arg:|aux:|module\.)+")
COUNTER = re.compile(r"(.*?)(\d+)")
# What Gluon calls the last part of a parameter's name.
ROLES = ("weight", "bias", "gamma", "beta", "running_mean", "running_var", "moving_mean", "moving_var", "alpha")
SHOWN, LISTED = 5, 20               # renamed and missing parameters in a message


@record
class Wanted(Record):
    """Parameters of a network that a file does not have under these names.

    graph: the network; shapes: of its missing parameters, as far as they follow; states: those that are auxiliary
    states.
    """

    graph: Graph
    shapes: Mapping[str, PartialShape | None]
    states: Collection[str]

    def fits(self, renaming: Renaming, arrays: Arrays) -> bool:
        """Whether all that is missing is found, each in an array of its own that has its shape."""
        return (renaming.keys() >= self.shapes.keys() and len(set(renaming.values())) == len(renaming)
                and all(agree(self.shapes[name], arrays[renaming[name]].shape) for name in self.shapes))


def agree(wanted: PartialShape | None, shape: tuple[int, ...]) -> bool:
    """Whether a shape is what is known of another."""
    return wanted is None or len(wanted) == len(shape) and all(
        extent in (None, own) for extent, own in zip(wanted, shape, strict=True))


def reconcile(wanted: Wanted, arrays: Arrays) -> tuple[Renaming, str]:
    """For all that is missing its name in the file, and how that was found out; nothing where it cannot be proved."""
    from symc.frontend.structural_names import by_structure  # which is seldom needed

    known = {node.name for node in wanted.graph.variables}
    spare = {name: array for name, array in arrays.items() if name not in known}
    for rule, how in ((_without_prefixes, "without the prefixes arg:, aux: and module."),
                      (_by_common_prefix, "by names, which differ in their beginning alone"),
                      (_by_counters, "by names, in which Gluon's counters began elsewhere"),
                      (by_structure, "by the order of Gluon's containers, by kinds and shapes: nothing else fits")):
        renaming = rule(wanted, spare)
        if renaming and wanted.fits(renaming, spare):
            return {name: renaming[name] for name in wanted.shapes}, how
    return {}, ""


def _without_prefixes(wanted: Wanted, spare: Arrays) -> Renaming:
    """arg:arg:fc_weight and module.fc_weight are fc_weight."""
    found: dict[str, list[str]] = {}
    for name in spare:
        found.setdefault(PREFIXES.sub("", name, count=1) if PREFIXES.match(name) else name, []).append(name)
    return {name: names[0] for name, names in found.items() if len(names) == 1 and name in wanted.shapes}


def _by_common_prefix(wanted: Wanted, spare: Arrays) -> Renaming:
    """resnetv10_conv0_weight is resnet0_conv0_weight if the others are called so too."""
    first = next(iter(wanted.shapes))
    renamings = {}
    for place in _starts(first):
        ending = first[place:]
        for name in spare:
            before = name.removesuffix(ending)
            if name.endswith(ending) and (not before or before[-1] in "_./:"):
                renaming = _replaced_prefix(wanted, spare, first[:place], before)
                renamings[tuple(renaming.items())] = renaming
    fitting = [renaming for renaming in renamings.values() if wanted.fits(renaming, spare)]
    return fitting[0] if len(fitting) == 1 else {}


def _starts(name: str) -> list[int]:
    """Where the parts of a name start, but for the last, which says no more than weight or running_mean."""
    starts = [0, *(i + 1 for i, letter in enumerate(name) if letter == "_")]
    return [start for start in starts if "_" in name[start:] and name[start:] not in ROLES]


def _replaced_prefix(wanted: Wanted, spare: Arrays, old: str, new: str) -> Renaming:
    names = {name: new + name[len(old):] for name in wanted.shapes if name.startswith(old)}
    return {name: other for name, other in names.items() if other in spare}


def _by_counters(wanted: Wanted, spare: Arrays) -> Renaming:
    """conv3_weight and conv4_weight are conv0_weight and conv1_weight, if there are as many on both sides."""
    ours, theirs = _ranked(wanted.shapes), _ranked(spare)
    return {name: theirs[key] for key, name in ours.items()} if ours.keys() == theirs.keys() else {}


def _ranked(names: Iterable[str]) -> dict[tuple[tuple[str, int], ...], str]:
    """Names by their parts, in which a counter is replaced by its rank among those of the same place."""
    names = list(names)
    parts = {name: [_counted(part) for part in name.split("_")] for name in names}
    counters: dict[tuple[tuple[tuple[str, int], ...], str], set[int]] = {}
    keys: dict[str, tuple[tuple[str, int], ...]] = dict.fromkeys(names, ())
    for depth in range(max(map(len, parts.values()), default=0)):
        deep = [name for name in names if depth < len(parts[name])]
        for name in deep:
            stem, counter = parts[name][depth]
            counters.setdefault((keys[name], stem), set()).add(counter)
        before = dict(keys)
        for name in deep:
            stem, counter = parts[name][depth]
            keys[name] += ((stem, sorted(counters[before[name], stem]).index(counter)),)
    return {key: name for name, key in keys.items()}


def _counted(part: str) -> tuple[str, int]:
    match = COUNTER.fullmatch(part)
    return (match[1], int(match[2])) if match else (part, -1)


# ---- explaining ------------------------------------------------------------------------------------------------


def refuse(wanted: Wanted, arrays: Arrays, file: str) -> None:
    """Raise for what is missing: shapes, the nearest names in the file, and whose names these look like."""
    known = {node.name for node in wanted.graph.variables}
    spare = [name for name in arrays if name not in known]
    problems = [f"parameter '{name}' {show(shape)} is missing"
                + (nearest(name, spare) if i < LISTED else "") for i, (name, shape) in enumerate(wanted.shapes.items())]
    if len(problems) > LISTED:
        problems[LISTED:] = [f"and {len(problems) - LISTED} more are missing"]
    raise_collected(SymcError, f"the parameters{f' in {file}' if file else ''}", problems,
                    _way_out(wanted, arrays, spare))


def nearest(name: str, others: Iterable[str]) -> str:
    """The nearest of the other names, for a message."""
    import difflib

    near = difflib.get_close_matches(name, others, 3)
    return f"; there is {', '.join(map(repr, near))}" if near else ""


def _way_out(wanted: Wanted, arrays: Arrays, spare: Sequence[str]) -> str:
    if wanted.shapes.keys() <= set(wanted.states):
        return ("the file lacks the auxiliary states (moving means and variances) alone: it was saved without them; in "
                "MXNet, mod.save_checkpoint, or nd.save with arg: and aux: names, saves both")
    examples = f"{', '.join(spare[:3])}{', ...' if len(spare) > 3 else ''}"
    if whose := _looks_like(spare):
        return (f"these look like {whose} ({examples}): several of them would fit, or some are not there; in Gluon, "
                "load them into the network and write both with net.export('NAME')")
    return "pass the file that was saved with this network"


def _looks_like(names: Sequence[str]) -> str:
    """Whose names these are; '' for nobody's."""
    dotted = sum("." in name and name.rpartition(".")[2] in ROLES for name in names)
    counted = sum(name.endswith(ROLES) and any(_counted(part)[1] >= 0 for part in name.split("_")) for name in names)
    if 2 * dotted > len(names):
        return "Gluon parameter names, as save_parameters writes them"
    return "Gluon parameter names of another instance of the network" if 2 * counted > len(names) else ""


def told(renaming: Renaming, how: str) -> str:
    """A sentence on what was renamed."""
    changed = [f"{other} → {name}" for name, other in list(renaming.items())[:SHOWN]]
    more = len(renaming) - SHOWN
    return (f"{len(renaming)} parameters were found {how}: {', '.join(changed)}"
            + (f" and {more} more" if more > 0 else ""))
