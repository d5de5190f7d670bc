"""Lines over logarithmic axes, as SVG. `plots.py` says what is on them.

Colours, and the estimate of how wide a text is, are those of the timelines: one drawing for both colour schemes, with a
background of its own.
"""

from __future__ import annotations

import math
import pathlib
import sys
from xml.sax.saxutils import escape

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "timelines"))

from draw import SIZE, TONES, number, style, width, write_or_check  # noqa: E402, F401

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 66, 190, 44, 48
# The colours of lines, then the same again with dashes.
COLOURS = ["work", "fresh", "held", "bad", "stale"]
DASHES = ["", "7 4", "2 4"]


class Plot:
    """Series of (x, y), both above zero."""

    def __init__(self, title: str, description: str, x: str, y: str, linear_x: bool = False) -> None:
        self.title, self.description, self.x_label, self.y_label = title, description, x, y
        self.linear_x = linear_x
        self.series: list[tuple[str, list[tuple[float, float]], str, str]] = []

    def line(self, name: str, points: list[tuple[float, float]], colour: int, dash: int = 0) -> None:
        points = [(x, y) for x, y in points if y > 0 and (x > 0 or self.linear_x)]
        if points:
            self.series.append((name, points, COLOURS[colour], DASHES[dash]))

    def svg(self) -> str:
        xs = [x for _, points, _, _ in self.series for x, _ in points]
        ys = [y for _, points, _, _ in self.series for _, y in points]
        self.first_x, self.last_x = self.scale_x(min(xs)), self.scale_x(max(xs))
        self.first_y, self.last_y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
        body = [*self._axes(sorted(set(xs))), *self._lines(), *self._names()]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="t d">',
                f'<title id="t">{escape(self.title)}</title>',
                f'<desc id="d">{escape(self.description)}</desc>',
                f"<style>\n{style()}\n{self._style()}\n</style>",
                f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
                *body,
                "</svg>\n",
            ]
        )

    def _style(self) -> str:
        def scheme(at: int) -> str:
            return "\n".join(f".line.{tone}{{stroke:{edge[at]};fill:none}}" for tone, (_, edge) in TONES.items())

        return f".line{{stroke-width:2;stroke-linejoin:round}}\n{scheme(0)}\n@media(prefers-color-scheme:dark){{\n{scheme(1)}\n}}"

    def scale_x(self, value: float) -> float:
        return value if self.linear_x else math.log10(value)

    def x(self, value: float) -> float:
        share = (self.scale_x(value) - self.first_x) / ((self.last_x - self.first_x) or 1)
        return LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 28)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.first_y) / ((self.last_y - self.first_y) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def _axes(self, xs: list[float]) -> list[str]:
        drawn = [f'<text class="lane" x="16" y="24">{escape(self.title)}, {escape(self.y_label)}</text>']
        for power in range(self.first_y, self.last_y + 1):
            y = number(self.y(10.0**power))
            drawn.append(f'<path class="rule" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
            drawn.append(f'<text class="muted end" x="{LEFT - 8}" y="{float(y) + 4:.1f}">{escape(short(10.0**power))}</text>')
        free = 0.0
        for x in xs:
            at, text = self.x(x), short(x)
            if at - width(text) / 2 < free:
                continue
            free = at + width(text) / 2 + 8
            drawn.append(f'<path class="rule" d="M{number(at)} {TOP}V{HEIGHT - BOTTOM}"/>')
            drawn.append(f'<text class="muted mid" x="{number(at)}" y="{HEIGHT - BOTTOM + 18}">{escape(text)}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        drawn.append(f'<text class="muted mid" x="{number(middle)}" y="{HEIGHT - 10}">{escape(self.x_label)}</text>')
        return drawn

    def _lines(self) -> list[str]:
        drawn = []
        for _, points, colour, dash in self.series:
            path = "L".join(f"{number(self.x(x))} {number(self.y(y))}" for x, y in points)
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            drawn.append(f'<path class="line {colour}"{dashes} d="M{path}"/>')
            drawn += [
                f'<circle class="dot {colour}" cx="{number(self.x(x))}" cy="{number(self.y(y))}" r="3"/>' for x, y in points
            ]
        return drawn

    def _names(self) -> list[str]:
        """Beside the ends of the lines, moved apart where those are close, with a stroke of the line before each."""
        ends = sorted((self.y(points[-1][1]), name, colour, dash) for name, points, colour, dash in self.series)
        drawn, free = [], TOP - SIZE
        room = HEIGHT - BOTTOM - (SIZE + 4) * (len(ends) - 1)
        for at, (y, name, colour, dash) in enumerate(ends):
            y = max(min(y, room + (SIZE + 4) * at), free)
            free = y + SIZE + 4
            x = WIDTH - RIGHT + 8
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            drawn.append(f'<path class="line {colour}"{dashes} d="M{x} {number(y)}h24"/>')
            assert x + 32 + width(name) < WIDTH - 4, f"{name!r} leaves the picture"
            drawn.append(f'<text x="{x + 32}" y="{number(y + 4)}">{escape(name)}</text>')
        return drawn


def short(value: float) -> str:
    """A number as it is read on an axis."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {letter}"
    return f"{value:.3g}"
