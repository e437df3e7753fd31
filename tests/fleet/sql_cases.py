# SPDX-License-Identifier: LGPL-2.1-or-later
"""The queries of packaging/monitoring in SQLite, by the commands that they name, on the planted fleet: what
connwatch-fleet tells of it. Those for ClickHouse, where it is installed: what SQLite tells."""

import functools
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from case import Skipped, case, equal, match

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


def queries_of(script):
    return dict(re.findall(r"^-- name: (\w+)\n(.*?);$", (SCRIPTS / script).read_text(), re.M | re.S))


def ask(stage, name):
    """The rows of the query of that name."""
    return json.loads(sqlite(database(stage), queries_of("fleet-report.sql")[name] + ";", "-json") or "[]")


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


# ---- ClickHouse


CONFIGURATION = """<yandex>
<logger><level>warning</level><log>{0}/log</log><errorlog>{0}/errors</errorlog></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>9000</tcp_port><http_port>8123</http_port>
<path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path><mark_cache_size>5000000</mark_cache_size>
<users_config>{0}/configuration.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><profiles><default/></profiles><quotas><default/></quotas>
<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
</default></users></yandex>
"""


class ClickHouse:
    """A server in a network namespace of its own."""

    PATIENCE = 60  # seconds

    def __init__(self, directory):
        directory.mkdir()
        path = directory / "configuration.xml"
        path.write_text(CONFIGURATION.format(directory))
        self._log = open(directory / "said", "w", encoding="utf-8")  # noqa: SIM115  closed by __exit__
        self._server = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec clickhouse-server --config-file={path}"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT)

    def __enter__(self):
        deadline = time.monotonic() + self.PATIENCE
        while True:
            try:
                equal(self.run("SELECT 1").strip(), "1")
                return self
            except subprocess.CalledProcessError as error:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise AssertionError(f"ClickHouse does not answer: {error.stderr}") from error
                time.sleep(0.2)

    def __exit__(self, *_):
        self._server.terminate()
        self._server.wait()
        self._log.close()

    def run(self, query, *words, stdin=subprocess.DEVNULL):
        return subprocess.run(["nsenter", f"--net=/proc/{self._server.pid}/ns/net", "clickhouse-client",
                               "--multiquery", *words, f"--query={query}"], stdin=stdin, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

    def ask(self, name):
        rows = self.run(queries_of("fleet-clickhouse-report.sql")[name], "--format=JSONEachRow",
                        "--output_format_json_quote_64bit_integers=0")
        return [json.loads(row) for row in rows.splitlines()]


def in_order(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@case
def clickhouse_tells_what_sqlite_tells(stage):
    if os.geteuid() != 0 or not all(map(shutil.which, ["clickhouse-server", "clickhouse-client"])):
        raise Skipped("needs root, clickhouse-server and clickhouse-client")
    database(stage)
    with ClickHouse(stage.directory / "clickhouse") as server:
        server.run((SCRIPTS / "fleet-clickhouse-schema.sql").read_text())
        for _ in range(2):  # what comes twice counts once
            with subprocess.Popen(["journalctl", "-D", stage.journal, "-o", "json", "--no-pager"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
                server.run("INSERT INTO journal FORMAT JSONEachRow", "--input_format_skip_unknown_fields=1",
                           stdin=reader.stdout)
        for name in queries_of("fleet-report.sql"):
            equal((name, in_order(server.ask(name))), (name, in_order(ask(stage, name))))
