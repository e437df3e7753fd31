#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the cost of connwatch beside that of its peers.

    tests/bench/run.py [--build DIR] [--document FILE] [PART...]

Each part is a module with run(programs), which measures, and table(figures), which says in rows
what came out: headings first, then a row a figure, with its target and whether that is met. The
figures are kept in build/bench/PART.json, the tables in the document. Fails where a part cannot be
measured, never for a figure.
"""

import argparse
import datetime
import importlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "live"))
import signals  # noqa: E402

PARTS = ["loop", "handshake", "bulk", "memory", "storm", "idle", "engine", "detection",
         "inspection"]
TRACEFS = pathlib.Path("/sys/kernel/tracing")


def machine():
    """Describes the machine, on which the figures depend."""
    names = re.findall(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(),
                       re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{os.cpu_count()} x {names[0] if names else platform.machine()}, {memory:.0f} GiB, "
            f"Linux {platform.release()}")


def as_markdown(rows):
    def line(cells):
        return "| " + " | ".join(cells) + " |"
    headings, *rows = rows
    yield line(headings)
    yield line(["---"] * len(headings))
    for row in rows:
        *cells, met = row
        yield line([*cells, {True: "yes", False: "**no**", None: ""}[met]])


def keep_in_document(document, part, lines):
    """Between the marks of this part."""
    text = document.read_text()
    begin, end = f"<!-- bench {part} -->\n", f"<!-- /bench {part} -->"
    if begin not in text:
        raise RuntimeError(f"{document} has no place for {part}: {begin.strip()}")
    before, rest = text.split(begin)
    document.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def run_part(part, options):
    module = importlib.import_module(part)
    begin = time.monotonic()
    figures = module.run(options.build.resolve())
    kept = {"part": part, "date": datetime.date.today().isoformat(), "machine": machine(),
            "seconds": round(time.monotonic() - begin, 1), "figures": figures}
    directory = options.build / "bench"
    directory.mkdir(exist_ok=True)
    (directory / f"{part}.json").write_text(json.dumps(kept, indent="\t") + "\n")
    table = list(as_markdown(module.table(figures)))
    print("\n".join([f"{part} ({kept['seconds']} s)", *table, ""]), flush=True)
    if options.document:
        place = f"{kept['date']}, {kept['machine']}:"
        keep_in_document(options.document, part, [place, "", *table])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--document", type=pathlib.Path)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    signals.keep_from_children()
    if not TRACEFS.joinpath("events").exists():  # where the peers look; in a mount namespace of ours
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)
    status = 0
    for part in options.parts or PARTS:
        if part not in PARTS:
            parser.error(f"there is no part {part}")
        try:
            run_part(part, options)
        except RuntimeError as error:
            print(f"{part}: {error}\n", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
