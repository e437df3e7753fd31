# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cost of connwatch for a program that opens and resets connections as fast as it can."""

import statistics
import subprocess

from watchers import (CGROUPS, LOAD_PROCESSOR, PEERS, Watcher, bpf_statistics, control_group,
                      pinned)

ROUNDS = 9
BATCHES = 16
CONNECTIONS = 400  # a batch


def measure(programs, group=None):
    """Medians over the batches: (nanoseconds by the clock, of the processor) a connection."""
    words = [programs / "tests/bench/connection_loop", str(BATCHES), str(CONNECTIONS)]
    words += [group] if group else []
    output = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True,
                            preexec_fn=pinned(LOAD_PROCESSOR)).stdout
    batches = [tuple(map(float, line.split())) for line in output.splitlines()]
    return tuple(statistics.median(column) for column in zip(*batches))


def watching(programs, group):
    return [programs / "connwatchctl", "watch", "--output=json",
            "--cgroup=/" + str(group.relative_to(CGROUPS))]


def one_round(programs, group):
    """{who watches: (by the clock, of the processor)}, measured one after the other."""
    times = {"nothing": measure(programs)}
    with Watcher([programs / "tests/bench/tracepoint_floor"]):
        times["floor"] = measure(programs)
    with Watcher(watching(programs, group)) as watcher:
        watcher.wait_for_group_lens()
        measure(programs)  # a processor that has rested is faster for a while
        times["unwatched"] = measure(programs)
        times["watched"] = measure(programs, group)
    with Watcher(watching(programs, group)):
        times["host lens"] = measure(programs)
    for name, words in PEERS.items():
        with Watcher(words):
            times[name] = measure(programs)
    again = measure(programs)
    times["nothing"] = tuple(map(statistics.mean, zip(times["nothing"], again)))
    return times


def kernel_time(watcher, programs, group=None):
    """Nanoseconds of its BPF programs (a connection, a change of state seen by a tracepoint, or
    None), and their runs a connection."""
    before = watcher.kernel_time()
    measure(programs, group)
    after = watcher.kernel_time()
    spent = {name: (time - before[name][0], runs - before[name][1])
             for name, (time, runs) in after.items()}
    changes = [spent[name] for name in ["socket_state", "handle_set_state", "inet_sock_set_state"]
               if name in spent and spent[name][1]]
    return (sum(time for time, _ in spent.values()) / (BATCHES * CONNECTIONS),
            changes[0][0] / changes[0][1] if changes else None,
            sum(runs for _, runs in spent.values()) / (BATCHES * CONNECTIONS))


def kernel_times(programs, group):
    times = {}
    with bpf_statistics():
        with Watcher([programs / "tests/bench/tracepoint_floor"]) as watcher:
            times["floor"] = kernel_time(watcher, programs)
        with Watcher(watching(programs, group)) as watcher:
            times["host lens"] = kernel_time(watcher, programs)
            watcher.wait_for_group_lens()
            times["unwatched"] = kernel_time(watcher, programs)
            times["watched"] = kernel_time(watcher, programs, group)
        for name, words in PEERS.items():
            with Watcher(words) as watcher:
                times[name] = kernel_time(watcher, programs)
    return times


def run(programs):
    with control_group(CGROUPS, "loop") as group:
        rounds = [one_round(programs, group) for _ in range(ROUNDS)]
        kernel = kernel_times(programs, group)
    who = rounds[0].keys()
    return {
        "usec_a_connection": {
            name: statistics.median(times[name][0] for times in rounds) / 1000 for name in who},
        "processor_usec_a_connection": {
            name: statistics.median(times[name][1] for times in rounds) / 1000 for name in who},
        "ratio": {
            name: statistics.median(times[name][0] / times["nothing"][0] for times in rounds)
            for name in who},
        "processor_ratio": {
            name: statistics.median(times[name][1] / times["nothing"][1] for times in rounds)
            for name in who},
        "kernel_nsec_a_connection": {name: times[0] for name, times in kernel.items()},
        "kernel_nsec_a_state_change": {name: times[1] for name, times in kernel.items()
                                       if times[1]},
        "runs_a_connection": {name: times[2] for name, times in kernel.items()},
    }


WHO = ["nothing", "unwatched", "watched", "host lens", "floor", "tcplife", "tcpstates"]
HEADINGS = ["nothing", "connwatch, unwatched program", "connwatch, watched program",
            "the same, unwatched, with the host's lens", "floor: tracepoints that do nothing",
            "tcplife", "tcpstates"]


def row(what, values, form, target, met):
    return [what, *(form.format(values[name]) if name in values else "" for name in WHO), target,
            met]


def table(figures):
    ratio = figures["processor_ratio"]
    change = figures["kernel_nsec_a_state_change"]
    yield ["", *HEADINGS, "target", "met"]
    yield row("connections opened and reset a second",
              {name: 1e6 / usec for name, usec in figures["usec_a_connection"].items()}, "{:,.0f}",
              "", None)
    yield row("time a connection, as a multiple (processor time)", ratio, "{:.3f}",
              "unwatched 1.01, watched 1.06 and below both peers",
              ratio["unwatched"] <= 1.01 and ratio["watched"] <= 1.06
              and ratio["watched"] < min(ratio["tcplife"], ratio["tcpstates"]))
    yield row("the same (clock)", figures["ratio"], "{:.3f}", "", None)
    yield row("in BPF programs: ns a connection", figures["kernel_nsec_a_connection"], "{:,.0f}",
              "", None)
    yield row("runs of BPF programs a connection", figures["runs_a_connection"], "{:,.1f}",
              "unwatched 2: the RST, sent and received",
              figures["runs_a_connection"]["unwatched"] < 2.1)
    yield row("in BPF programs: ns a change of state that a tracepoint sees", change, "{:,.0f}",
              "", None)
