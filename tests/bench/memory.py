# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory: idle, and with many watched connections."""

import time

from crowds import Crowd
from daemon import Daemon
from watchers import CGROUPS, MEMORY_V1, PEERS, Watcher, control_group

COUNTS = [10, 1_000, 100_000]
LIMIT = 64 * 2**20
REST_SECONDS = 6  # SETTLING_TIME of daemon.c, and some more


def kernel_memory(group):
    """Returns the kernel's memory for the members of a memory control group: BPF maps, storage in
    sockets, page tables."""
    if group.is_relative_to(MEMORY_V1):
        return int((group / "memory.kmem.usage_in_bytes").read_text())
    lines = (group / "memory.stat").read_text().splitlines()
    return int(dict(line.split() for line in lines)["kernel"])


def measure(watcher, group):
    """Once it has come to rest: what was needed for a moment is given back."""
    time.sleep(REST_SECONDS)
    watcher.wait_idle()
    memory, kernel = watcher.memory(), kernel_memory(group)
    return {**memory, "kernel": kernel, "all": memory["Rss"] - memory["mapped"] + kernel}


def run(programs):
    hierarchy = MEMORY_V1 if MEMORY_V1.exists() else CGROUPS
    figures = {}
    with control_group(CGROUPS, "crowd") as watched:
        with control_group(hierarchy, "memory") as group:
            for name, words in PEERS.items():
                with Watcher(words, join=group) as watcher:
                    figures[name] = measure(watcher, group)
            with Daemon(programs, watched, join=group) as daemon:
                figures["idle"] = measure(daemon, group)
            for count in COUNTS:
                with Daemon(programs, watched, join=group) as daemon:
                    with Crowd(programs, count, watched):
                        figures[str(count)] = measure(daemon, group)
    return figures


def mebibytes(count):
    return f"{count / 2**20:.2f} MiB"


def table(figures):
    rows = {"tcplife, idle": "tcplife", "tcpstates, idle": "tcpstates", "connwatchd, idle": "idle",
            **{f"connwatchd, {count:,} watched connections": str(count) for count in COUNTS}}
    yield ["", "RSS", "PSS", "of it anonymous", "in the kernel", "all", "target", "met"]
    for what, name in rows.items():
        memory = figures[name]
        target, met = "", None
        if name == "idle":
            target, met = "RSS of tcplife", memory["Rss"] <= figures["tcplife"]["Rss"]
        if name == str(COUNTS[-1]):
            target, met = "all below 64 MiB", memory["all"] < LIMIT
        yield [what, *map(mebibytes, [memory["Rss"], memory["Pss"], memory["Anonymous"],
                                      memory["kernel"], memory["all"]]), target, met]
