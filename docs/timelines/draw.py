"""Timelines as SVG: lanes over a time axis. `pictures.py` says what is on them.

A picture is drawn once for both colour schemes: elements have classes, and a media query gives the classes their
colours. It brings its own background, because the scheme of the page around it may be another than the reader's.

Nothing here can look, so it measures: texts that would touch, leave the picture or stick out of a band, and colours
that are hard to read on each other, are errors.
"""

from __future__ import annotations

import pathlib
import sys
from xml.sax.saxutils import escape

WIDTH = 760
LEFT, RIGHT, TOP = 104, 20, 34
LANE, BAND = 42, 22
SIZE = 12

# What is drawn: colour in the light scheme, in the dark one.
PAPER = ("#ffffff", "#0d1117")
INK = ("#1f2328", "#e6edf3")
MUTED = ("#59636e", "#9198a1")
RULE = ("#d1d9e0", "#30363d")
# A tone's surface, its edge and the colour of its dots.
TONES = {
    "fresh": (("#d3f3da", "#12361f"), ("#1a7f37", "#3fb950")),
    "stale": (("#fdeab8", "#453209"), ("#9a6700", "#d29922")),
    "work": (("#d8ebff", "#0f2d52"), ("#0969da", "#58a6ff")),
    "held": (("#ecdfff", "#34215c"), ("#8250df", "#bc8cff")),
    "bad": (("#ffdcd9", "#561a1d"), ("#cf222e", "#ff7b72")),
    "none": (PAPER, MUTED),
}


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: 4.5 is enough for text, 3 for shapes."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def check_colours() -> None:
    for scheme in (0, 1):
        pairs = [(INK, PAPER, 4.5), (MUTED, PAPER, 4.5)]
        for surface, edge in TONES.values():
            pairs += [(INK, surface, 4.5), (edge, PAPER, 3)]
        for one, other, least in pairs:
            found = contrast(one[scheme], other[scheme])
            assert found >= least, f"{one[scheme]} on {other[scheme]}: {found:.1f}, less than {least}"


def style() -> str:
    def scheme(at: int) -> str:
        rules = [
            f".paper{{fill:{PAPER[at]};stroke:{RULE[at]}}}",
            f"text{{fill:{INK[at]};stroke:{PAPER[at]}}}",
            f".muted{{fill:{MUTED[at]}}}",
            f".rule{{stroke:{RULE[at]}}}",
            f".mark,.wait,.arrow{{stroke:{MUTED[at]}}}",
            f".head{{fill:{MUTED[at]}}}",
        ]
        for tone, (surface, edge) in TONES.items():
            rules.append(f".{tone}{{fill:{surface[at]};stroke:{edge[at]}}}")
            rules.append(f".dot.{tone}{{fill:{edge[at]}}}")
        return "\n".join(rules)

    return "\n".join(
        [
            f"text{{font:{SIZE}px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;"
            "paint-order:stroke;stroke-width:4px;stroke-linejoin:round}",
            ".lane{font-weight:600}",
            ".in{stroke:none}",
            ".mid{text-anchor:middle}",
            ".end{text-anchor:end}",
            ".mark,.none{stroke-dasharray:3 3}",
            ".dot{stroke-dasharray:none}",
            ".wait{stroke-width:3;stroke-linecap:round}",
            ".cross{stroke-width:2.5}",
            ".curve.work{fill:none;stroke-width:2}",
            scheme(0),
            "@media(prefers-color-scheme:dark){",
            scheme(1),
            "}",
        ]
    )


def width(text: str) -> float:
    """An estimate for the widest of the usual fonts."""
    shares = {**dict.fromkeys("iljI|.,:;'!()[]", 0.38), **dict.fromkeys("ftr -", 0.42), **dict.fromkeys("mwMW%", 0.95)}
    return SIZE * sum(shares.get(char, 0.68 if char.isupper() else 0.62) for char in text)


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


class Picture:
    """A timeline. Positions are (lane, time); times are in the units of `span`."""

    def __init__(self, title: str, description: str, span: tuple[float, float], lanes: list[str]) -> None:
        self.title, self.description, self.span = title, description, span
        self.lanes = lanes
        self.bottom = TOP + LANE * len(lanes)
        # Room for marks above and ticks below is taken where there are any.
        self.top_edge, self.bottom_edge = TOP - 14, self.bottom + 16
        # Later layers are drawn over earlier ones.
        self.layers: dict[str, list[str]] = {layer: [] for layer in ("rules", "bands", "lines", "dots", "texts")}
        self.boxes: list[tuple[float, float, float, float, str]] = []
        self.arrows: list[tuple[float, float, float]] = []
        # Texts that stick out of their bands.
        self.tight: list[str] = []
        for lane in lanes:
            y = self.y(lane)
            self._add("rules", f'<path class="rule" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
            self._text(LEFT - 12, y + 4, lane, "lane end")
        self._add("rules", f'<path class="arrow" d="M{LEFT} {self.bottom + 6}H{WIDTH - RIGHT}" marker-end="url(#h)"/>')

    # What can be on a timeline

    def tick(self, time: float, text: str) -> None:
        """A place on the time axis."""
        self.bottom_edge = self.bottom + 34
        x = number(self.x(time))
        self._add("rules", f'<path class="arrow" d="M{x} {self.bottom + 2}v8"/>')
        self._text(self.x(time), self.bottom + 24, text, "muted mid")

    def mark(self, time: float, text: str, anchor: str = "mid") -> None:
        """A moment that matters to all lanes."""
        self.top_edge = 0
        x = number(self.x(time))
        self._add("rules", f'<path class="mark" d="M{x} {TOP - 6}V{self.bottom + 6}"/>')
        self._text(self.x(time), TOP - 14, text, f"muted {anchor}".removesuffix(" start"))

    def band(self, lane: str, start: float, end: float, tone: str, text: str = "") -> None:
        """What is so for some time: the state of an entry, a load."""
        left, right = self.x(start), self.x(end)
        y = self.y(lane) - BAND / 2
        self._add(
            "bands",
            f'<rect class="{tone}" x="{number(left)}" y="{number(y)}" width="{number(right - left)}" '
            f'height="{BAND}" rx="4"/>',
        )
        if text:
            room = right - left - 6
            if width(text) > room:
                self.tight.append(f"{text!r} needs {width(text):.0f} in a band of {room:.0f}")
            self._text((left + right) / 2, self.y(lane) + 4, text, "in mid")

    def call(self, lane: str, start: float, text: str, tone: str, end: float | None = None, side: str = "right") -> None:
        """A call, which is answered at once or waits until `end`; and what it gets."""
        y = self.y(lane)
        if end is not None:
            self._add("lines", f'<path class="wait" d="M{number(self.x(start))} {y}H{number(self.x(end))}"/>')
        x = self.x(start if end is None else end)
        self._add("dots", f'<circle class="dot {tone}" cx="{number(x)}" cy="{y}" r="5"/>')
        if text:
            self.note(lane, start if end is None else end, text, side, 10)

    def note(self, lane: str, time: float, text: str, side: str = "right", gap: float = 0) -> None:
        """Words beside or over a place in a lane."""
        x, y = self.x(time), self.y(lane)
        dx, dy, classes = {
            "right": (gap, 4, ""),
            "left": (-gap, 4, "end"),
            "over": (0, -11, "mid"),
        }[side]
        self._text(x + dx, y + dy, text, classes)

    def arrow(self, start: str, end: str, time: float) -> None:
        """Something goes from one lane to another."""
        step = 1 if self.y(end) > self.y(start) else -1
        # From edge to edge of the bands that are there.
        reach = step * (BAND // 2 + 1)
        top, tip = self.y(start) + reach, self.y(end) - reach
        self.arrows.append((self.x(time), *sorted((top, tip))))
        self._add("lines", f'<path class="arrow" d="M{number(self.x(time))} {top}V{number(tip)}" marker-end="url(#h)"/>')

    def cross(self, lane: str, time: float) -> None:
        """A failure, a refusal, an end."""
        x, y = self.x(time), self.y(lane)
        self._add("dots", f'<path class="cross bad" d="M{number(x - 5)} {y - 5}l10 10m0-10l-10 10"/>')

    def curve(self, lane: str, points: list[tuple[float, float]]) -> None:
        """A quantity from 0 to 1 over the time."""
        base = self.y(lane) + 14
        path = "L".join(f"{number(self.x(time))} {number(base - 28 * share)}" for time, share in points)
        self._add("lines", f'<path class="curve work" d="M{path}"/>')

    # The rest

    def x(self, time: float) -> float:
        first, last = self.span
        return LEFT + (time - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(self, lane: str) -> int:
        return TOP + LANE * self.lanes.index(lane) + LANE // 2

    def _add(self, layer: str, element: str) -> None:
        self.layers[layer].append(element)

    def _text(self, x: float, y: float, text: str, classes: str) -> None:
        reach = width(text)
        left = x - reach if "end" in classes else x - reach / 2 if "mid" in classes else x
        self.boxes.append((left, y - SIZE + 2, left + reach, y + 3, text))
        attribute = f' class="{classes}"' if classes else ""
        self._add("texts", f'<text{attribute} x="{number(x)}" y="{number(y)}">{escape(text)}</text>')

    def problems(self) -> list[str]:
        """What would be hard to read."""
        found = list(self.tight)
        for at, (left, top, right, bottom, text) in enumerate(self.boxes):
            if left < 4 or right > WIDTH - 4:
                found.append(f"{text!r} leaves the picture")
            for other in self.boxes[:at]:
                if left < other[2] + 3 and other[0] < right + 3 and top < other[3] and other[1] < bottom:
                    found.append(f"{text!r} touches {other[4]!r}")
            for x, start, end in self.arrows:
                if left - 1 < x < right + 1 and top < end and start < bottom:
                    found.append(f"an arrow crosses {text!r}")
        return found

    def svg(self) -> str:
        layers = [element for layer in self.layers.values() for element in layer]
        height = self.bottom_edge - self.top_edge
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {self.top_edge} {WIDTH} {height}" '
                f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="t d">',
                f'<title id="t">{escape(self.title)}</title>',
                f'<desc id="d">{escape(self.description)}</desc>',
                f"<style>\n{style()}\n</style>",
                '<defs><marker id="h" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
                '<path class="head" d="M0 0l8 4-8 4z"/></marker></defs>',
                f'<rect class="paper" x=".5" y="{self.top_edge + 0.5}" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
                *layers,
                "</svg>\n",
            ]
        )


def write_or_check(drawn: dict[pathlib.Path, str], what: str, script: str) -> None:
    """Writes the pictures. With `--check` it fails if they, or others beside them, are not as drawn."""
    if sys.argv[1:] == ["--check"]:
        beside = {path for folder in {path.parent for path in drawn} for path in folder.glob("*.svg")}
        wrong = [path.name for path in drawn if not path.exists() or path.read_text() != drawn[path]]
        wrong += [path.name for path in beside - drawn.keys()]
        for name in sorted(wrong):
            print(f"{name} is not what {script} draws: run it")
        print(f"{len(drawn)} {what}, {len(wrong)} are not as drawn")
        raise SystemExit(bool(wrong))
    for path, svg in drawn.items():
        path.write_text(svg)
