# SPDX-License-Identifier: LGPL-2.1-or-later
"""The queries of packaging/monitoring in SQLite, by the commands that they name, on the planted fleet: what
connwatch-fleet tells of it."""

import functools
import json
import re
import subprocess
from pathlib import Path

from case import case, equal, match

SCRIPTS = Path(__file__).resolve().parents[2] / "packaging/monitoring"
# what the device itself explains: nothing moves these to a common outage
OWN = ["agent-abort", "agent-crash", "agent-stopped", "token-expired", "token-renewal"]


def sqlite(database, script, *words):
    return subprocess.run(["sqlite3", *words, database], input=script, text=True, check=True,
                          capture_output=True).stdout


@functools.cache
def database(stage):
    """The fleet's records, loaded as fleet-schema.sql says."""
    stage.make_fleet()
    path = stage.directory / "fleet.db"
    sqlite(path, (SCRIPTS / "fleet-schema.sql").read_text())
    with subprocess.Popen(["journalctl", "-D", stage.journal, "-o", "json", "--no-pager"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        subprocess.run(["sqlite3", path, "-cmd", ".mode ascii", "-cmd", r'.separator "\037" "\n"',
                        ".import /dev/stdin line"], stdin=reader.stdout, check=True)
    sqlite(path, (SCRIPTS / "fleet-load.sql").read_text())
    return path


def ask(stage, name):
    """The rows of the query of that name."""
    queries = dict(re.findall(r"^-- name: (\w+)\n(.*?;)$", (SCRIPTS / "fleet-report.sql").read_text(),
                              re.M | re.S))
    return json.loads(sqlite(database(stage), queries[name], "-json") or "[]")


def causes_of(stage):
    return {one["cause"]: one for one in stage.report()["availability"]["causes"]}


@case
def sql_counts_what_the_report_counts(stage):
    report = stage.report()
    [totals] = ask(stage, "totals")
    equal([totals["devices"], totals["agents"]], [report["devices"], report["agents"]])
    equal(totals["records"], report["records"]["read"] - report["records"]["duplicates"])


@case
def sql_finds_the_same_causes(stage):
    """Each that the device itself explains; the others, some of which the report moves to common outages,
    in sum."""
    wanted, got = causes_of(stage), {one["cause"]: one for one in ask(stage, "causes")}
    for count in ["outages", "attempts"]:
        for cause in OWN:
            equal((cause, got[cause][count]), (cause, wanted[cause][count]))
        equal(sum(one[count] for one in got.values()), sum(one[count] for one in wanted.values()))


@case
def sql_finds_the_same_time_down(stage):
    """But for what the report knows without a record: an agent that was down when the last one came."""
    wanted, got = causes_of(stage), {one["cause"]: one["seconds"] for one in ask(stage, "down")}
    for cause in OWN:
        equal((cause, 0.9 < got[cause] / (wanted[cause]["down_usec"] / 1e6) < 1.02), (cause, True))


@case
def sql_finds_the_herds(stage):
    wanted = max(one["devices"] for one in stage.report()["herds"])
    equal(ask(stage, "herds")[0]["devices"], wanted)


@case
def sql_finds_the_sites(stage):
    equal({one["site"] for one in ask(stage, "sites")},
          {one["value"] for one in stage.report()["availability"]["groups"] if one["field"] == "SITE"})


@case
def sql_finds_common_outages(stage):
    """Those that the report finds at the port, or at one of its peers."""
    planted = [one for one in stage.make_fleet() if "outage" in one]
    found = [match({"from_usec": one["since"], "until_usec": one["until"]}, planted)
             for one in ask(stage, "common")]
    missed = {one["outage"] for one in planted} - set(found)
    print(f"    by SQL: {len(set(found) - {None})} of {len(planted)} common outages, "
          f"{found.count(None)} that were none")
    equal((found.count(None), len(missed) <= len(planted) // 10), (0, True))
