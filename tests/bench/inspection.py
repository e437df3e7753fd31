# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cost of MqttInspect= for an agent, and for another program that uses the same libssl."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys

from loop import watching
from watchers import CGROUPS, LOAD_PROCESSOR, Watcher, control_group, pinned, wait_until

ROUNDS = 7
TRIPS, BATCHES = 500, 6
WAYS = ("plain", "tls")


def libraries_of(pid):
    """Counts as the function of this name in tests/live/mqtt_cases.py does."""
    events = links = 0
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            events += "perf_event" in os.readlink(link)
            info = pathlib.Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
            links += "probe_multi" in info
    return events / 9 + links / 5


def measure(way, group=None, watcher=None):
    """Median over the batches: microseconds of the processor a round trip. Waits until `watcher`
    has its uprobes in the program."""
    def prepare():
        pinned(LOAD_PROCESSOR)()
        if group:
            (group / "cgroup.procs").write_text("0")
    talk = subprocess.Popen(
        [sys.executable, pathlib.Path(__file__).with_name("talk.py"), way, str(TRIPS), str(BATCHES)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prepare)
    if watcher:
        wait_until(lambda: libraries_of(watcher.process.pid) >= 1, "uprobes are there")
    output, _ = talk.communicate("\n")
    return statistics.median(map(float, output.split()))


def one_round(programs, group):
    times = {"nothing": {way: measure(way) for way in WAYS}}
    with Watcher(watching(programs, group)):
        times["off"] = {way: measure(way, group) for way in WAYS}
    with Watcher([*watching(programs, group), "--set=MqttInspect=yes"]) as watcher:
        times["on"] = {way: measure(way, group, watcher) for way in WAYS}
        times["others"] = {way: measure(way) for way in WAYS}
    again = {way: measure(way) for way in WAYS}
    times["nothing"] = {way: (times["nothing"][way] + again[way]) / 2 for way in WAYS}
    return times


def run(programs):
    with control_group(CGROUPS, "inspection") as group:
        rounds = [one_round(programs, group) for _ in range(ROUNDS)]
    return {name: {way: statistics.median(times[name][way] for times in rounds) for way in WAYS}
            for name in rounds[0]}


def table(figures):
    yield ["processor time a round trip, in us", "nothing", "agent, MqttInspect=no",
           "agent, MqttInspect=yes", "another program meanwhile", "target", "met"]
    for way in WAYS:
        nothing, off, on, others = (figures[name][way] for name in ("nothing", "off", "on",
                                                                     "others"))
        yield [{"plain": "plain MQTT", "tls": "MQTT over TLS"}[way],
               *(f"{time:.1f}" for time in (nothing, off, on, others)),
               "another program: none measurable (within 1.1)", others <= 1.1 * nothing]
