#!/usr/bin/env python3
"""The plots of `docs/costs.md`, drawn from the tables in it.

    python3 docs/plots/plots.py            draws them
    python3 docs/plots/plots.py --check    fails if they are not what this would draw

A table stands below a line `<!-- figures: NAME -->`. `measure.py` measures, and writes those tables.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

from plot import Plot, write_or_check

HERE = pathlib.Path(__file__).parent
PAGES = [HERE.parent / "costs.md", HERE.parent / "performance.md"]
TABLE = re.compile(r"<!-- figures: ([\w-]+) -->\n((?:\|.*\n)+)")

Points = list[tuple[float, float]]


class Figures:
    """A table of numbers, by the names of its columns."""

    def __init__(self, text: str) -> None:
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
        self.columns, self.rows = lines[0], lines[2:]

    def points(self, x: str, y: str) -> Points:
        at = [self.columns.index(x), self.columns.index(y)]
        cells = [[row[column].replace(",", "") for column in at] for row in self.rows]
        return [(float(x), float(y)) for x, y in cells if is_number(x) and is_number(y)]


def is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[\d.]+", cell) is not None


def tables() -> dict[str, Figures]:
    found = {}
    for page in PAGES:
        for name, text in TABLE.findall(page.read_text()):
            found[name] = Figures(text)
    return found


def codecs(figures: Figures) -> Plot:
    p = Plot(
        "Codecs",
        "Encoding and decoding of lists of products take time in proportion to their length with each codec. Of the three, "
        "the table gives the numbers.",
        "bytes of JSON",
        "µs",
    )
    for colour, codec in enumerate(["JSON", "MessagePack", "postcard"]):
        for dash, what in enumerate(["encode", "decode"]):
            p.line(f"{codec}, {what}", figures.points("JSON, bytes", f"{codec}, {what}, µs"), colour, dash)
    return p


def seals(figures: Figures) -> Plot:
    p = Plot(
        "Compression and encryption",
        "What compressing, encrypting and the way back add to a put and a hit, in proportion to the length of the value.",
        "bytes as they are",
        "µs",
    )
    for colour, seal in enumerate(["LZ4", "zstd", "encrypted"]):
        for dash, what in enumerate(["seal", "open"]):
            name = f"{seal}, {what}".replace("encrypted, seal", "encrypt").replace("encrypted, open", "decrypt")
            p.line(name, figures.points("as it is, bytes", f"{seal}, {what}, µs"), colour, dash)
    return p


def growth(title: str, x: str, sides: list[str], linear_x: bool = False) -> Callable[[Figures], Plot]:
    """One line for each side."""

    def draw(figures: Figures) -> Plot:
        description = f"{', '.join(sides)}: microseconds of the wall clock for each call. The table gives the numbers."
        p = Plot(title, description, x, "µs", linear_x)
        for colour, name in enumerate(sides):
            p.line(name, figures.points(x, f"{name}, µs"), colour)
        return p

    return draw


PLOTS = {
    "codecs": codecs,
    "seals": seals,
    "keys": growth("More keys", "keys", ["raw GET", "hit", "hit on a copy"]),
    "values": growth("Larger values", "bytes", ["raw GET", "hit", "raw GET and SET", "miss"]),
    "tags": growth("More tags", "tags", ["hit", "miss", "invalidation of one"], linear_x=True),
    "tasks": growth("More tasks", "tasks", ["raw GET", "hit", "raw GET and SET", "miss"]),
}


def main() -> None:
    found = tables()
    missing = PLOTS.keys() - found.keys()
    assert not missing, f"no table of {', '.join(sorted(missing))}"
    drawn = {HERE / f"{name}.svg": draw(found[name]).svg() for name, draw in PLOTS.items()}
    write_or_check(drawn, "plots", "docs/plots/plots.py")


if __name__ == "__main__":
    main()
