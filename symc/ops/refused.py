"""Operators that symc leaves out on purpose: why, and what serves instead (`data/refused.json`)."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from symc.errors import did_you_mean
from symc.ops.record import Record, record
from symc.ops.registry import REGISTRY

LIST = Path(__file__).parent / "data" / "refused.json"
GENERAL = "choose outputs that do not need it, or write it as a Custom operator"


@record
class Refusal(Record):
    """Why symc lacks an operator, '' where nothing is known of it, and what the user can do."""

    reason: str
    instead: str


def is_supported(name: str) -> bool:
    """Whether networks may use an operator: blocks made by passes are not for them."""
    return name in REGISTRY and not REGISTRY[name].hidden


def refusal(name: str) -> Refusal:
    """Of an operator that is not supported."""
    known = _refusals()
    prefix = next((start for start in known if start.endswith("*") and name.startswith(start[:-1])), "")
    return known.get(name) or known.get(prefix) or _unknown(name)


def _unknown(name: str) -> Refusal:
    question = did_you_mean(name, filter(is_supported, REGISTRY), likeness=0.8)
    return Refusal("", f"{question} Else {GENERAL}" if question else GENERAL)


def reason_in_words(name: str) -> str:
    """': why' for a message that says that an operator is not supported; '' where no reason is known."""
    reason = refusal(name).reason
    return f": {reason}" if reason else ""


@functools.cache
def _refusals() -> dict[str, Refusal]:
    """By operator, and by prefix with a star behind it."""
    text = LIST.read_text(encoding="utf-8")
    return {name: Refusal(group["reason"], group["instead"]) for group in json.loads(text)["groups"]
            for name in (*group["operators"], *(f"{prefix}*" for prefix in group.get("prefixes", ())))}


def listed() -> list[str]:
    """The names that the list has."""
    return [name for name in _refusals() if not name.endswith("*")]
