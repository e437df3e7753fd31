# SPDX-License-Identifier: LGPL-2.1-or-later
"""The times until an end is in the journal, until a restart begins, and of a start, with systemd."""

import asyncio
import importlib.util
import json
import pathlib
import shutil
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM = HERE.parent / "system"
CACHE = HERE.parents[1] / "build/system-root"
SECONDS = 120
UNIT_STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f"  # MESSAGE_ID, systemd's own catalog


def load_system_tests():
    """The module tests/system/run.py: ours has the same name."""
    sys.path.append(str(SYSTEM))
    specification = importlib.util.spec_from_file_location("system_tests", SYSTEM / "run.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def play(programs):
    """Runs detection.bash in a container; returns the directory with what it left."""
    system = load_system_tests()
    if system.missing():
        raise RuntimeError(system.missing())
    results = programs / "bench/detection"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    tree = system.root_tree.ensure(CACHE)
    case = HERE / "detection.bash"
    binds = [*system.binds(tree, programs, results, case), (HERE, "/bench", "-ro"),
             (programs / "tests/bench", "/bench-programs", "-ro")]
    with open(results / "console", "w") as console:
        asyncio.run(system.container.boot(
            tree, 0, binds,
            {"CASE": f"../../bench/{case.name}", "CASE_SECONDS": SECONDS, "FAULTS": 0},
            ["--unit=case.target", "--show-status=no"], console, SECONDS, system.MEMORY_LIMIT))
    status = results / "status"
    if not status.exists() or int(status.read_text()):
        output = results / "output"
        raise RuntimeError(output.read_text() if output.exists() else f"see {results}")
    return results


def read_times(path):
    """{cookie: microseconds}"""
    return {cookie: int(time) for cookie, time in map(str.split, path.read_text().splitlines())}


def delays(entries, field, times):
    """Microseconds from each end to its entry in the journal, as journald took it in."""
    return [int(entry["__MONOTONIC_TIMESTAMP"]) - times[entry[field]] for entry in entries
            if entry.get(field) in times]


def restart_delays(entries, times):
    """From each end to what systemd says first when it stops the agent."""
    stops = sorted(int(entry["__MONOTONIC_TIMESTAMP"]) for entry in entries
                   if entry.get("MESSAGE_ID") == UNIT_STOPPING
                   and entry.get("UNIT") == "agent.service")
    ends = sorted(times.values())
    for end, following in zip(ends, [*ends[1:], float("inf")]):
        stop = next((stop for stop in stops if end <= stop < following), None)
        if stop:
            yield stop - end


def starts(path):
    """Seconds from the start of each process to READY=1."""
    times = dict.fromkeys(["InactiveExit", "ActiveEnter"], ())
    for line in path.read_text().splitlines():
        name, _, time = line.partition("TimestampMonotonic=")
        times[name] += (int(time),)
    return [(ready - begun) / 1e6 for begun, ready in zip(*times.values())]


def summary(values):
    values = sorted(values)
    return {"count": len(values), "median": statistics.median(values),
            "p99": values[int(len(values) * 0.99)]}


def run(programs):
    results = play(programs)
    entries = [json.loads(line) for line in (results / "journal.json").read_text().splitlines()]
    ended = [entry for entry in entries if entry.get("CONNWATCH_KIND") == "ended"]
    return {
        "floor": summary(delays(entries, "FLOOR_COOKIE", read_times(results / "floor.times"))),
        "journal": summary(delays(ended, "CONNWATCH_SOCKET_COOKIE",
                                  read_times(results / "watched.times"))),
        "restart": summary(restart_delays(entries, read_times(results / "restarted.times"))),
        "seconds_to_ready": statistics.median(starts(results / "start")),
    }


def table(figures):
    floor = figures["floor"]["median"]
    names = {"floor: a bare ring buffer and sd_journal_sendv()": "floor",
             "connwatchd: its verdict is in the journal": "journal",
             "connwatchd: systemd stops the agent, to start it again": "restart"}
    yield ["from the kernel's event until", "ends", "median", "99th percentile",
           "median, as a multiple", "target", "met"]
    for what, name in names.items():
        figure = figures[name]
        ratio = figure["median"] / floor
        yield [what, f"{figure['count']}", f"{figure['median']:,.0f} us",
               f"{figure['p99']:,.0f} us", f"{ratio:.2f}",
               *(["2", ratio <= 2] if name == "journal" else ["", None])]
    yield ["start of connwatchd until READY=1", "", f"{figures['seconds_to_ready'] * 1000:.0f} ms",
           "", "", "", None]
