# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cost of connwatch for a connection that carries as many bytes as it can."""

import statistics
import subprocess

from loop import watching
from watchers import CGROUPS, Watcher, control_group

ROUNDS = 3
BATCHES = 8
MEGABYTES = 200  # a batch


def measure(programs, group=None):
    """Medians over the batches: (megabytes a second, nanoseconds of the processor a megabyte)."""
    words = [programs / "tests/bench/bulk", str(BATCHES), str(MEGABYTES)]
    words += [group] if group else []
    output = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    batches = [tuple(map(float, line.split())) for line in output.splitlines()]
    return tuple(statistics.median(column) for column in zip(*batches))


def one_round(programs, group):
    amounts = {"nothing": measure(programs)}
    with Watcher(watching(programs, group)):
        amounts["unwatched"] = measure(programs)
        amounts["watched"] = measure(programs, group)
    again = measure(programs)
    amounts["nothing"] = tuple(map(statistics.mean, zip(amounts["nothing"], again)))
    return amounts


def run(programs):
    with control_group(CGROUPS, "bulk") as group:
        rounds = [one_round(programs, group) for _ in range(ROUNDS)]
    return {name: {
        "megabytes_a_second": statistics.median(amounts[name][0] for amounts in rounds),
        "processor_ratio": statistics.median(
            amounts[name][1] / amounts["nothing"][1] for amounts in rounds),
    } for name in rounds[0]}


def table(figures):
    columns = figures.values()
    yield ["", "nothing", "connwatch, unwatched program", "connwatch, watched program", "target",
           "met"]
    yield ["megabytes a second on loopback",
           *(f"{column['megabytes_a_second']:,.0f}" for column in columns), "", None]
    yield ["processor time a megabyte, as a multiple",
           *(f"{column['processor_ratio']:.3f}" for column in columns),
           "none measurable (within 1.03)",
           all(column["processor_ratio"] <= 1.03 for column in columns)]
