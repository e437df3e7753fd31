# SPDX-License-Identifier: LGPL-2.1-or-later
"""The wake-ups of connwatchd while nothing happens."""

import time

from crowds import Crowd
from daemon import Daemon
from watchers import CGROUPS, control_group

COUNTS = [1, 1_000]
KEEPALIVE = 60
SETTLED = 7  # seconds: SETTLING_TIME of daemon.c, and what it does about new connections
SECONDS = 30


def count_wake_ups(programs, connections, group):
    """(wake-ups, of these for systemd's watchdog) a minute, with agents that keep their promise."""
    with Daemon(programs, group, KEEPALIVE) as daemon:
        with Crowd(programs, connections, group, interval=KEEPALIVE):
            time.sleep(SETTLED)
            return observe(daemon)


def observe(daemon):
    daemon.pings()
    before = daemon.wake_ups()
    time.sleep(SECONDS)
    return [(daemon.wake_ups() - before) * 60 / SECONDS, daemon.pings() * 60 / SECONDS]


def run(programs):
    with control_group(CGROUPS, "idle") as group:
        return {str(count): count_wake_ups(programs, count, group) for count in COUNTS}


def table(figures):
    yield ["watched connections, one byte a minute each", "wake-ups a minute",
           "of these for systemd's watchdog", "target", "met"]
    for count, (wake_ups, pings) in figures.items():
        yield [f"{int(count):,}", f"{wake_ups:.0f}", f"{pings:.0f}", "no others", wake_ups <= pings]
