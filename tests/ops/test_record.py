"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import dataclasses

import pytest

from symc.ops.record import Record, record


@record
class Point(Record):
    x: int
    y: int = 2


@record
class Listing(Record):
    title: str = ""
    items: list[int] = dataclasses.field(default_factory=list)


@record
class Named(Point):
    name: str = dataclasses.field(kw_only=True)


def test_fields_by_position_and_by_name():
    assert (Point(1).y, Point(1, 3).y, Point(y=4, x=1).y) == (2, 3, 4)
    assert Named(1, name="a") == Named(x=1, y=2, name="a") != Named(1, name="b")


def test_equal_by_class_and_fields():
    assert Point(1) == Point(1, 2) and hash(Point(1)) == hash(Point(1, 2)) and Point(1) != Named(1, name="")


@pytest.mark.parametrize(("args", "fields"), [((), {}), ((1,), {"z": 1}), ((1, 2, 3), {})])
def test_wrong_arguments(args, fields):
    with pytest.raises(TypeError, match="Point"):
        Point(*args, **fields)


def test_defaults_that_each_has_for_itself():
    assert Listing("a").items == [] and Listing("a").items is not Listing("a").items
    assert Listing("a", [1]) == dataclasses.replace(Listing("b", [1]), title="a") != Listing("a")


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1).x = 3
    assert dataclasses.replace(Point(1), y=5) == Point(1, 5) and repr(Point(1)) == "Point(x=1, y=2)"
