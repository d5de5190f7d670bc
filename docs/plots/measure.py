#!/usr/bin/env python3
"""Measures everything that `docs/costs.md` and `docs/performance.md` show, writes the tables there, and draws the plots.

    python3 docs/plots/measure.py              for a quiet machine: some five minutes after the build
    python3 docs/plots/measure.py --quick      to see that it works; restores nothing, so do not commit what it writes
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time

from plots import PAGES, TABLE, main as draw

ROOT = pathlib.Path(__file__).parent.parent.parent
LOCAL = ROOT / "benches" / "local"

# The program, and where it is built.
COMMANDS = [
    (["cargo", "bench", "--bench", "payloads"], ROOT),
    (["cargo", "bench", "--bench", "growth"], ROOT),
    (["cargo", "bench", "--bench", "removals"], ROOT),
    (["cargo", "run", "--release"], LOCAL),
]


def build() -> None:
    for command, folder in COMMANDS:
        only = ["--no-run"] if command[1] == "bench" else []
        verb = command[:2] if only else ["cargo", "build"]
        subprocess.run([*verb, *command[2:], *only], cwd=folder, check=True)


def measured(quick: bool) -> dict[str, str]:
    found = {}
    for command, folder in COMMANDS:
        arguments = ["--", "--quick"] if quick else []
        began = time.monotonic()
        run = subprocess.run([*command, *arguments], cwd=folder, check=True, text=True, stdout=subprocess.PIPE)
        print(run.stdout, end="")
        print(f"{' '.join(command)}: {time.monotonic() - began:.0f} s\n", flush=True)
        found.update({name: text for name, text in TABLE.findall(run.stdout)})
    return found


def main() -> None:
    build()
    found = measured("--quick" in sys.argv)
    for page in PAGES:
        text = page.read_text()
        page.write_text(TABLE.sub(lambda of: f"<!-- figures: {of[1]} -->\n{found.pop(of[1], of[2])}", text))
    assert not found, f"no page has a table of {', '.join(found)}"
    sys.argv[1:] = []
    draw()


if __name__ == "__main__":
    main()
