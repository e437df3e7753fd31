# SPDX-License-Identifier: LGPL-2.1-or-later
"""The engine alone: events a second, allocations."""

import json
import pathlib
import re
import subprocess
import tempfile

from watchers import LOAD_PROCESSOR, pinned

TRACES = sorted(pathlib.Path(__file__).parents[1].glob("traces/*.trace"))
SECONDS = 3
TARGET = 2_000_000


def replay(words, *more):
    output = subprocess.run([*words, *more, *TRACES], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=True,
                            preexec_fn=pinned(LOAD_PROCESSOR)).stdout
    return json.loads(output)


def instructions(program):
    """Instructions an event, in engine_step()."""
    with tempfile.NamedTemporaryFile("r") as profile:
        done = replay(["valgrind", "--tool=callgrind", "--toggle-collect=engine_step",
                       f"--callgrind-out-file={profile.name}", program], "-n", "1")
        return int(re.search(r"^summary: (\d+)", profile.read(), re.MULTILINE)[1]) / done["events"]


def run(programs):
    program = programs / "tests/bench/engine_replay"
    return {**replay([program], str(SECONDS)), "instructions_an_event": instructions(program)}


def table(figures):
    rate = figures["events"] / figures["seconds"]
    yield ["", "", "target", "met"]
    yield [f"events a second, all of tests/traces ({len(TRACES)}) again and again", f"{rate:,.0f}",
           f"{TARGET:,}", rate >= TARGET]
    yield ["events for each record",
           f"{figures['events'] / figures['records']:.1f}", "", None]
    yield ["instructions an event", f"{figures['instructions_an_event']:,.0f}", "", None]
    yield ["allocations", f"{figures['allocations']}", "0", figures["allocations"] == 0]
