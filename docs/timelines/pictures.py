#!/usr/bin/env python3
"""The timelines of `docs/freshness.md`, `docs/groups.md` and `docs/writes.md`.

    python3 docs/timelines/pictures.py            writes the pictures
    python3 docs/timelines/pictures.py --check    fails if they are not what this would write
"""

import math
import pathlib

from draw import Picture, check_colours, write_or_check

HERE = pathlib.Path(__file__).parent


def ttl() -> Picture:
    p = Picture(
        "ttl and jitter",
        "Three entries are stored in the same moment with a ttl of 10 minutes. Each ends at a moment of its own between "
        "9 and 10 minutes later, and is loaded again at the next call.",
        (-0.8, 13.4),
        ["caller", "entry 1", "entry 2", "entry 3", "source"],
    )
    for time, text in [(0, "0"), (3, "3 min"), (6, "6 min"), (9, "9 min"), (12, "12 min")]:
        p.tick(time, text)
    p.mark(9, "ttl less 10 %", "end")
    p.mark(10, "ttl", "start")
    p.call("caller", -0.5, "v1", "fresh", end=0)
    p.call("caller", 3, "v1", "fresh")
    p.call("caller", 6, "v1", "fresh")
    p.call("caller", 10.4, "v2, has waited", "fresh", end=10.9)
    for lane, end, again in [("entry 1", 9.3, 10.9), ("entry 2", 9.9, 11.5), ("entry 3", 9.6, 10.3)]:
        p.band(lane, 0, end, "fresh", "v1, stored in the same moment")
        p.band(lane, again, 13.2, "fresh", "v2")
    p.band("source", -0.5, 0, "work")
    for end in (10.3, 10.9, 11.5):
        p.band("source", end - 0.45, end - 0.02, "work")
    p.note("source", 0.15, "loads")
    p.note("source", 9.6, "three moments instead of one", "left")
    return p


def stale() -> Picture:
    p = Picture(
        "stale",
        "After the ttl, caller A gets the old value at once while a reload runs in the background. Caller B comes "
        "during the reload and gets the old value at once too; afterwards the new one.",
        (0, 17),
        ["caller A", "caller B", "background", "source", "entry"],
    )
    for time, text in [(0, "0"), (5, "5 min"), (10, "10 min"), (15, "15 min")]:
        p.tick(time, text)
    p.mark(10, "ttl", "end")
    p.mark(15, "ttl + stale")
    p.call("caller A", 4, "v1", "fresh")
    p.call("caller A", 10.8, "v1, at once", "stale")
    p.call("caller B", 11.6, "v1, at once", "stale")
    p.call("caller B", 14.2, "v2", "fresh")
    p.arrow("caller A", "background", 10.8)
    p.band("background", 10.8, 13.2, "work", "one reload")
    p.band("source", 11, 13, "work", "load")
    p.arrow("background", "entry", 13.2)
    p.band("entry", 0, 10, "fresh", "v1, fresh")
    p.band("entry", 10, 13.2, "stale", "v1, stale")
    p.band("entry", 13.2, 16.8, "fresh", "v2, fresh")
    return p


def early() -> Picture:
    p = Picture(
        "early",
        "A value with a ttl of 60 seconds takes 5 seconds to load. From 54 seconds on, each hit may start a "
        "reload, with a chance that rises towards the end. One hit does, and the new value is stored before the old one ends.",
        (46, 64),
        ["callers", "chance", "background", "source", "entry"],
    )
    for time in range(48, 64, 3):
        p.tick(time, f"{time} s")
    p.mark(54, "last 10 % of the ttl")
    p.mark(60, "ttl")
    for time in (47, 48.3, 49.1, 50.6, 51.4, 52.9, 53.6, 54.4):
        p.call("callers", time, "", "fresh")
    p.call("callers", 54.8, "draws the reload", "work", side="over")
    for time in (55.9, 57.3, 58.1, 59.4, 60.9, 61.8, 63.2):
        p.call("callers", time, "", "fresh")
    p.note("callers", 50, "nobody waits", "over")
    p.curve("chance", [(46, 0), (54, 0), *((at / 5, math.exp((at / 5 - 60) / 5)) for at in range(270, 301))])
    p.note("chance", 60, "certain", gap=8)
    p.note("chance", 53.6, "that a hit reloads", "left")
    p.arrow("callers", "background", 54.8)
    p.band("background", 54.8, 59.5, "work", "one reload")
    p.band("source", 55, 59.4, "work", "load, 5 s")
    p.arrow("background", "entry", 59.5)
    p.band("entry", 46, 59.5, "fresh", "v1, fresh")
    p.band("entry", 59.5, 63.8, "fresh", "v2, fresh")
    return p


def stale_if_error() -> Picture:
    p = Picture(
        "stale_if_error",
        "After the ttl, a load fails. Its caller and those of the next 30 seconds get the last good value, without "
        "another try. The first call after that loads again, now with success.",
        (0, 100),
        ["caller A", "caller B", "source", "entry"],
    )
    for time, text in [(0, "0"), (26, "10 min"), (63, "30 s later"), (91, "70 min")]:
        p.tick(time, text)
    p.mark(26, "ttl", "end")
    p.mark(91, "ttl + stale_if_error")
    p.call("caller A", 10, "v1", "fresh")
    p.call("caller A", 29, "v1, the last good", "stale", end=33)
    p.call("caller B", 41, "v1, at once", "stale")
    p.call("caller B", 65, "v2", "fresh", end=69)
    p.arrow("caller A", "source", 29)
    p.band("source", 29, 33, "bad")
    p.note("source", 29, "fails", "left", 8)
    p.band("source", 33, 63, "none", "30 s: nobody tries")
    p.arrow("caller B", "source", 65)
    p.band("source", 65, 69, "work")
    p.note("source", 69, "load", gap=6)
    p.band("entry", 0, 26, "fresh", "v1, fresh")
    p.band("entry", 26, 69, "stale", "v1, kept for the case of an error")
    p.band("entry", 69, 99, "fresh", "v2, fresh")
    return p


def soft_timeout() -> Picture:
    p = Picture(
        "soft_timeout",
        "After the ttl, caller A loads in the foreground. After 200 ms it gets the last good value, and the load goes "
        "on. Caller B waits for that load and gets the last good value after 200 ms. Caller C gets the new value.",
        (-130, 1010),
        ["caller A", "caller B", "caller C", "source", "entry"],
    )
    for time in range(0, 1000, 200):
        p.tick(time, f"{time} ms" if time else "0")
    p.mark(-60, "ttl")
    p.mark(200, "soft_timeout of A")
    p.call("caller A", 0, "v1, the last good", "stale", end=200)
    p.call("caller B", 150, "v1, the last good", "stale", end=350)
    p.call("caller C", 760, "v2", "fresh")
    p.arrow("caller A", "source", 0)
    p.band("source", 0, 200, "work", "load")
    p.band("source", 200, 680, "work", "goes on in the background")
    p.arrow("source", "entry", 680)
    p.band("entry", -130, -60, "fresh", "v1")
    p.band("entry", -60, 680, "stale", "v1, after its ttl")
    p.band("entry", 680, 1000, "fresh", "v2, fresh")
    return p


def sliding() -> Picture:
    p = Picture(
        "sliding",
        "An entry is stored for 10 minutes. A hit after half a minute changes nothing. A hit at 4 minutes renews the "
        "life to 14, one at 7.5 minutes to 17.5. Nobody asks after that, and the entry ends at 17.5 minutes.",
        (0, 22),
        ["callers", "first life", "second life", "third life", "entry"],
    )
    for time, text in [(0, "0"), (4, "4 min"), (10, "10 min"), (14, "14 min"), (17.5, "17.5 min")]:
        p.tick(time, text)
    p.call("callers", 0.5, "too soon", "fresh")
    p.call("callers", 4, "renews", "fresh")
    p.call("callers", 7.5, "renews, and is the last", "fresh")
    p.arrow("callers", "second life", 4)
    p.arrow("callers", "third life", 7.5)
    p.band("first life", 0, 10, "none", "10 min")
    p.band("second life", 4, 14, "none", "10 min")
    p.band("third life", 7.5, 17.5, "none", "10 min")
    p.band("entry", 0, 17.5, "fresh", "v1, for as long as somebody asks")
    p.note("entry", 17.8, "gone")
    return p


def ttl_with() -> Picture:
    p = Picture(
        "ttl_with",
        "Four values are stored with a ttl of 10 minutes. The first says 4 minutes, and lives 4. The second says 8. The "
        "third says 30 and lives 10, the ttl. The fourth says 0 and is not stored.",
        (0, 14),
        ["says 4 min", "says 8 min", "says 30 min", "says 0"],
    )
    for time, text in [(0, "0"), (4, "4 min"), (8, "8 min"), (10, "10 min")]:
        p.tick(time, text)
    p.mark(10, "ttl")
    p.band("says 4 min", 0, 4, "fresh", "v, fresh")
    p.band("says 8 min", 0, 8, "fresh", "v, fresh")
    p.band("says 30 min", 0, 10, "fresh", "v, fresh, no longer than the ttl")
    p.note("says 0", 0.2, "not stored: every call loads")
    return p


def previous() -> Picture:
    p = Picture(
        "previous and keep",
        "After the ttl, a reload finds the stored value and asks the source whether it has changed. It has not: the "
        "value is kept and fresh again, without being transferred. The next time it has changed, and is replaced.",
        (0, 26),
        ["caller", "load", "source", "entry"],
    )
    for time, text in [(0, "0"), (10, "10 min"), (21.8, "10 min later")]:
        p.tick(time, text)
    p.mark(10, "ttl", "end")
    p.mark(21.8, "ttl again", "end")
    p.call("caller", 10.8, "v1", "stale")
    p.call("caller", 14.5, "v1", "fresh")
    p.call("caller", 22.2, "v1", "stale")
    p.call("caller", 24.6, "v2", "fresh")
    p.arrow("caller", "load", 10.8)
    p.band("load", 10.8, 11.8, "work")
    p.note("load", 10.6, "previous() is v1", "left")
    p.note("load", 12, "keep()")
    p.band("source", 11, 11.6, "work")
    p.note("source", 12, "“not changed since v1”")
    p.arrow("load", "entry", 11.8)
    p.arrow("caller", "load", 22.2)
    p.band("load", 22.2, 23.9, "work")
    p.band("source", 22.4, 23.7, "work")
    p.note("source", 24.1, "v2")
    p.arrow("load", "entry", 23.9)
    p.band("entry", 0, 10, "fresh", "v1, fresh")
    p.band("entry", 10, 11.8, "stale", "stale")
    p.band("entry", 11.8, 21.8, "fresh", "v1, fresh again")
    p.band("entry", 21.8, 23.9, "stale", "stale")
    p.band("entry", 23.9, 25.9, "fresh", "v2")
    return p


def invalidation() -> Picture:
    p = Picture(
        "invalidation against stale serving",
        "A stale value is being reloaded in the background when a writer changes the source and invalidates. Value and "
        "lease are gone at once: the reload, which has read the old row, is refused, and the next caller waits for the "
        "new value.",
        (0, 24),
        ["caller A", "caller B", "background", "writer", "source", "entry"],
    )
    p.mark(4, "ttl", "end")
    p.mark(13, "invalidated")
    p.call("caller A", 5.5, "v1, at once", "stale")
    p.arrow("caller A", "background", 5.5)
    p.band("background", 5.5, 16.5, "work", "reload: has read v1")
    p.cross("background", 16.5)
    p.note("background", 16.9, "not stored", gap=2)
    p.band("source", 0, 10, "none", "v1")
    p.band("source", 10, 23.7, "none", "v2")
    p.band("writer", 9, 10.9, "work", "")
    p.note("writer", 8.7, "commits v2", "left")
    p.arrow("writer", "entry", 13)
    p.call("writer", 13, "", "none")
    p.call("caller B", 14, "v2, never v1", "fresh", end=18.5)
    p.band("entry", 0, 4, "fresh", "v1, fresh")
    p.band("entry", 4, 13, "stale", "v1, stale")
    p.band("entry", 13, 14, "none")
    p.band("entry", 14, 18.5, "work", "lease of B")
    p.band("entry", 18.5, 23.7, "fresh", "v2, fresh")
    return p


def tags() -> Picture:
    p = Picture(
        "tags",
        "Two entries carry the generation of their group as a stamp. Invalidating the group deletes the generation, "
        "whatever the number of entries. The next call of each finds another generation than its stamp, and loads.",
        (0, 22),
        ["caller", "writer", "category:7", "product 1", "product 2"],
    )
    p.mark(8, "invalidate_tag")
    p.call("caller", 3, "both: v1", "fresh")
    p.call("caller", 9.8, "product 1: v2", "fresh", end=11.8)
    p.call("caller", 15.6, "product 2: v2", "fresh", end=17.6)
    p.call("writer", 8, "one command", "none")
    p.arrow("writer", "category:7", 8)
    p.band("category:7", 0, 8, "held", "generation e3")
    p.band("category:7", 9.8, 21.8, "held", "generation 5c, made by the first who misses it")
    p.band("product 1", 0, 8, "fresh", "v1, stamp e3")
    p.band("product 1", 8, 9.8, "none", "")
    p.band("product 1", 9.8, 11.8, "work", "lease")
    p.band("product 1", 11.8, 21.8, "fresh", "v2, stamp 5c")
    p.band("product 2", 0, 8, "fresh", "v1, stamp e3")
    p.band("product 2", 8, 15.6, "none", "v1 counts as absent")
    p.band("product 2", 15.6, 17.6, "work", "lease")
    p.band("product 2", 17.6, 21.8, "fresh", "v2, stamp 5c")
    return p


def guard() -> Picture:
    p = Picture(
        "guard",
        "The writer plants a guard, which removes the entry, then commits and is killed before it can invalidate. While "
        "the guard stands, callers load and nothing is stored. When it has ended by itself, the next load reads what "
        "was committed, and is stored.",
        (0, 25),
        ["caller", "writer", "source", "guard", "entry"],
    )
    p.band("entry", 0, 3, "fresh", "v1")
    p.band("entry", 3, 18, "none", "nothing can be stored")
    p.band("entry", 18, 19, "none")
    p.band("entry", 19, 21, "work", "lease")
    p.band("entry", 21, 24.7, "fresh", "v2, fresh")
    p.arrow("writer", "guard", 3)
    p.band("writer", 3, 8.2, "work", "body")
    p.cross("writer", 8.2)
    p.note("writer", 8.2, "killed after its commit: no invalidation", gap=12)
    p.band("source", 0, 7, "none", "v1")
    p.band("source", 7, 24.7, "none", "v2")
    p.band("guard", 3, 8.2, "held", "renewed")
    p.band("guard", 8.2, 18, "held", "ends by itself: guard = \"10s\"")
    p.call("caller", 4.4, "v1, not stored", "work", end=5.6)
    p.call("caller", 11.6, "v2, not stored", "work", end=12.8)
    p.call("caller", 19, "v2, stored", "fresh", end=21)
    p.mark(18, "end of the guard")
    return p


def updates() -> Picture:
    p = Picture(
        "updates",
        "Writer A and then writer B take the lease of one entry. B commits v2 and stores it. A commits v3 after that, "
        "and may not store it, because the lease is no longer its own: it removes the entry. The next caller loads v3.",
        (0, 24),
        ["writer A", "writer B", "caller", "source", "entry"],
    )
    p.band("writer A", 1, 14, "work", "body: commits v3, after B")
    p.note("writer A", 14, "lost its lease: removes v2", gap=8)
    p.band("writer B", 4, 9, "work", "body: commits v2")
    p.note("writer B", 9, "stores v2", gap=8)
    p.arrow("writer A", "entry", 1)
    p.arrow("writer B", "entry", 4)
    p.arrow("writer B", "entry", 9)
    p.arrow("writer A", "entry", 14)
    p.band("source", 0, 7, "none", "v1")
    p.band("source", 7, 12, "none", "v2")
    p.band("source", 12, 23.7, "none", "v3")
    p.call("caller", 16.5, "v3", "fresh", end=19)
    p.band("entry", 0, 1, "fresh")
    p.band("entry", 1, 4, "fresh", "lease of A")
    p.band("entry", 4, 9, "fresh", "v1, lease of B")
    p.band("entry", 9, 14, "fresh", "v2")
    p.band("entry", 14, 16.5, "none", "absent")
    p.band("entry", 16.5, 19, "work", "lease")
    p.band("entry", 19, 23.7, "fresh", "v3, fresh")
    return p


def outbox() -> Picture:
    p = Picture(
        "an outbox",
        "The writer commits v2 together with a row that says what to invalidate, and is killed. Callers get v1 until "
        "another process replays the row: it invalidates the entry and deletes the row. The next caller loads v2.",
        (0, 24),
        ["caller", "writer", "outbox", "replay", "entry"],
    )
    p.mark(5, "commit")
    p.call("caller", 2, "v1", "fresh")
    p.call("caller", 8.5, "v1, outdated", "stale")
    p.call("caller", 17, "v2", "fresh", end=19.5)
    p.band("writer", 2.6, 6, "work", "body")
    p.cross("writer", 6)
    p.note("writer", 6, "killed", gap=12)
    p.band("outbox", 5, 15.5, "held", "row: invalidate the entry")
    p.band("replay", 13, 15.5, "work", "replay")
    p.note("replay", 15.5, "at the next start, or elsewhere", gap=8)
    p.arrow("replay", "entry", 14.6)
    p.band("entry", 0, 5, "fresh", "v1")
    p.band("entry", 5, 14.6, "stale", "v1, outdated")
    p.band("entry", 14.6, 17, "none", "absent")
    p.band("entry", 17, 19.5, "work", "lease")
    p.band("entry", 19.5, 23.7, "fresh", "v2, fresh")
    return p


PICTURES = [
    *(ttl, stale, early, stale_if_error, soft_timeout, sliding, ttl_with, previous),
    *(invalidation, tags, guard, updates, outbox),
]


def main() -> None:
    check_colours()
    pictures = {HERE / f"{picture.__name__}.svg": picture() for picture in PICTURES}
    problems = [f"{path.name}: {problem}" for path, picture in pictures.items() for problem in picture.problems()]
    if problems:
        raise SystemExit("\n".join(problems))
    drawn = {path: picture.svg() for path, picture in pictures.items()}
    write_or_check(drawn, "timelines", "docs/timelines/pictures.py")


if __name__ == "__main__":
    main()
