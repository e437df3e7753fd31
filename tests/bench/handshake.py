# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cost of connwatch for a program that opens sessions over TLS: connect, handshake, 1 KiB.

The program goes back and forth between the watched control group and another, in which it runs no
program of connwatch's."""

import statistics
import subprocess

from loop import watching
from watchers import CGROUPS, LOAD_PROCESSOR, Watcher, control_group, pinned

TURNS = 250
SESSIONS = 8  # in each group, a turn


def measure(programs, group, other):
    """Pairs, one a turn: nanoseconds of the processor a session in the group, and in the other."""
    words = [programs / "tests/bench/handshake_loop", str(TURNS), str(SESSIONS), group, other]
    output = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True,
                            preexec_fn=pinned(LOAD_PROCESSOR)).stdout
    return [tuple(map(float, line.split())) for line in output.splitlines()]


def figures_of(pairs):
    return {
        "least_usec": [min(column) / 1000 for column in zip(*pairs)],
        "median_usec": [statistics.median(column) / 1000 for column in zip(*pairs)],
        "ratio_of_medians": statistics.median(one for one, _ in pairs)
        / statistics.median(other for _, other in pairs),
        "median_of_ratios": statistics.median(one / other for one, other in pairs),
    }


def run(programs):
    with control_group(CGROUPS, "handshake") as group, control_group(CGROUPS, "other") as other:
        nothing = figures_of(measure(programs, group, other))
        with Watcher(watching(programs, group)) as watcher:
            watcher.wait_for_group_lens()
            watched = figures_of(measure(programs, group, other))
    return {"nothing": nothing, "watched": watched}


def table(figures):
    nothing, watched = figures["nothing"], figures["watched"]
    yield ["", "nothing attached, in either group", "connwatch, in the watched group", "target", "met"]
    yield ["processor time a session, least, in us", f"{nothing['least_usec'][0]:,.0f}",
           f"{watched['least_usec'][0]:,.0f}", "", None]
    yield ["as a multiple of that in the other group (median of the turns)",
           f"{nothing['median_of_ratios']:.3f}", f"{watched['median_of_ratios']:.3f}", "1.05",
           watched["median_of_ratios"] <= 1.05]
