# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many watched connections end at once: is every end told?"""

import collections
import json
import tempfile

from crowds import Crowd
from loop import watching
from watchers import CGROUPS, Watcher, control_group

CONNECTIONS = 50_000


def run(programs):
    with control_group(CGROUPS, "storm") as group, tempfile.NamedTemporaryFile("w+") as output:
        with Watcher(watching(programs, group), output=output) as watcher:
            with Crowd(programs, CONNECTIONS, group) as crowd:
                watcher.wait_idle()  # it knows them all
                busy = watcher.busy_seconds()
                seconds = crowd.reset()
                watcher.wait_idle()
                busy = watcher.busy_seconds() - busy
        output.seek(0)
        records = [json.loads(line) for line in output]
    ends = {record["CONNWATCH_SOCKET_COOKIE"]: record["CONNWATCH_CAUSE"]
            for record in records if record["CONNWATCH_KIND"] == "ended"}
    causes = collections.Counter(ends.values())
    told = sum(record["CONNWATCH_KIND"] == "ended" for record in records)
    return {
        "ends": CONNECTIONS,
        "seconds": seconds,
        "verdicts": sum(causes.values()) - causes["evidence-lost"],
        "said_to_be_lost": causes["evidence-lost"],
        "untold": CONNECTIONS - len(ends),
        "told_twice": told - len(ends),
        "watcher_busy_seconds": busy,
    }


def table(figures):
    yield ["", "", "target", "met"]
    yield ["watched connections reset at once", f"{figures['ends']:,}", "", None]
    rate = figures["ends"] / figures["seconds"]
    yield ["ends a second", f"{rate:,.0f}", "50,000", rate >= 50_000]
    yield ["ends with a verdict", f"{figures['verdicts']:,}", "", None]
    yield ["ends that are reported without their evidence", f"{figures['said_to_be_lost']:,}",
           "", None]
    yield ["ends that are not reported", f"{figures['untold']:,}", "0", figures["untold"] == 0]
    yield ["ends that are reported twice", f"{figures['told_twice']:,}", "", None]
    yield ["processor time of connwatchctl an end",
           f"{figures['watcher_busy_seconds'] / figures['ends'] * 1e6:.1f} us", "", None]
