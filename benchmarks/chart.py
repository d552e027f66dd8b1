"""A chart of times in units of symc, as SVG: a panel for each number of threads, a line for each network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

COLOURS = {"openvino": "#7b4fb5", "onnxruntime": "#1f77b4", "torch": "#e4572e", "mxnet": "#2a9d5c"}
TICKS = (0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 16)
NAMES, PANEL, GAP, ROW, TOP, MARGIN = 150, 330, 40, 24, 84, 24      # pixels

Rows = Mapping[str, Mapping[str, float]]        # network → system → time in units of symc


def svg(panels: Mapping[int, Rows], titles: Mapping[str, str]) -> str:
    """The chart as the text of a file.  panels: by number of threads."""
    names = list(dict.fromkeys(name for rows in panels.values() for name in rows))
    all_rows = [row for rows in panels.values() for row in rows.values()]
    values = [value for row in all_rows for value in row.values()]
    scale = Scale(min([0.9, *values]) / 1.05, max([1.5, *values]) * 1.05)
    width = NAMES + len(panels) * PANEL + max(0, len(panels) - 1) * GAP + MARGIN
    height = TOP + len(names) * ROW + 2 * MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             _text(MARGIN / 2, 20, "Time of one run in units of symc's: what lies right of 1 is slower",
                   'font-size="14" font-weight="bold"'),
             *_legend([system for system in COLOURS if any(system in row for row in all_rows)], titles),
             *(_text(NAMES - 10, _line(i) + 4, name, 'text-anchor="end"') for i, name in enumerate(names))]
    for number, (threads, rows) in enumerate(panels.items()):
        left = NAMES + number * (PANEL + GAP)
        title = f"{threads} thread{'s' * (threads != 1)}"
        parts += [f'<g transform="translate({left} 0)">', *_panel(title, rows, names, scale), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


class Scale:
    """Places of values on a logarithmic axis as wide as a panel."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, value: float) -> float:
        return PANEL * math.log(value / self.low) / math.log(self.high / self.low)

    @property
    def ticks(self) -> list[float]:
        return [tick for tick in TICKS if self.low <= tick <= self.high]


def _line(number: int) -> float:
    return TOP + (number + 0.5) * ROW


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'


def _legend(systems: Sequence[str], titles: Mapping[str, str]) -> Iterator[str]:
    place = float(NAMES)
    for system in systems:
        yield f'<circle cx="{place:.1f}" cy="40" r="5" fill="{COLOURS[system]}"/>'
        yield _text(place + 10, 44, titles[system])
        place += 34 + 7.2 * len(titles[system])


def _panel(title: str, rows: Rows, names: list[str], scale: Scale) -> Iterator[str]:
    bottom = TOP + len(names) * ROW
    yield _text(PANEL / 2, TOP - 14, title, 'text-anchor="middle" font-weight="bold"')
    for tick in scale.ticks:
        style = 'stroke="#333" stroke-width="1.5"' if tick == 1 else 'stroke="#ddd"'
        yield f'<line x1="{scale(tick):.1f}" x2="{scale(tick):.1f}" y1="{TOP}" y2="{bottom}" {style}/>'
        yield _text(scale(tick), bottom + 16, f"{tick:g}", 'text-anchor="middle" fill="#555"')
    for number, name in enumerate(names):
        yield from _marks(rows.get(name, {}), _line(number), scale)


def _marks(row: Mapping[str, float], y: float, scale: Scale) -> Iterator[str]:
    """The points of a network, and a bar from symc to the best of the others."""
    if not row:
        return
    first, last = sorted((scale(1), scale(min(row.values()))))
    yield (f'<rect x="{first:.1f}" y="{y - 3:.1f}" width="{last - first:.1f}" height="6" '
           f'fill="{"#cfe8d8" if min(row.values()) >= 1 else "#f6c9c0"}"/>')
    for system, value in row.items():
        yield (f'<circle cx="{scale(value):.1f}" cy="{y:.1f}" r="5" fill="{COLOURS[system]}" fill-opacity="0.85">'
               f"<title>{system} {value:.2f}</title></circle>")
