#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests `connwatch-fleet` on journals that systemd-journal-remote(8) writes.

    run.py [--build DIR] [--devices N] [--days N] [--outages N] [--measure] [PATTERN...]

write_fleet.c makes the fleet and says what it planted. Each test is a function with @case; with
PATTERNs only those run whose name contains one. Ends with "N passed, N failed, N skipped".
"""

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attack_cases  # noqa: F401  fills the table of cases
import by_cases  # noqa: F401  fills the table of cases
import hub_cases  # noqa: F401  fills the table of cases
import liar_cases  # noqa: F401  fills the table of cases
import page_cases  # noqa: F401  fills the table of cases
import real_cases  # noqa: F401  fills the table of cases
import sql_cases  # noqa: F401  fills the table of cases
from case import CASES, Skipped, case, equal, match

WRITER = "/lib/systemd/systemd-journal-remote"
LEAST = {"outages": 0.99, "troubles": 0.99, "devices in outages": 0.95}


class Stage:
    """A fleet's journal, and connwatch-fleet on it."""

    def __init__(self, options, directory):
        self.options = options
        self.program = options.build / "connwatch-fleet"
        self.directory = Path(directory)
        self.journal = self.directory / "journal"
        self.hub_log = self.directory / "hub.log"
        self.causes = self.directory / "causes"

    def make_fleet(self):
        """Writes the journal once; returns what was planted."""
        truth = self.directory / "truth"
        if not truth.exists():
            self.journal.mkdir()
            numbers = [self.options.devices, self.options.days, self.options.outages]
            with subprocess.Popen([self.options.build / "tests/fleet/write_fleet",
                                   *map(str, numbers), truth, self.hub_log, self.causes], stdout=subprocess.PIPE) as maker:
                subprocess.run([WRITER, "-o", self.journal / "fleet.journal", "-"],
                               stdin=maker.stdout, stderr=subprocess.DEVNULL, check=True)
            equal(maker.returncode, 0)
        return [json.loads(line) for line in truth.read_text().splitlines()]

    def write_journal(self, name, export):
        journal = self.directory / f"{name}.journal"
        subprocess.run([WRITER, "-o", journal, "-"], input=export, text=True, check=True,
                       stderr=subprocess.DEVNULL)
        return journal

    def run(self, *words, status=0, complaint=""):
        environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8",
                       "TMPDIR": str(self.directory)}
        done = subprocess.run([self.program, *words], env=environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode != status:
            raise AssertionError(f"exit status {done.returncode}, not {status}: {done.stderr}")
        if complaint not in done.stderr or (done.stderr and not complaint):
            raise AssertionError(f"complains: {done.stderr or '(not at all)'}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.run("-o", "json", *words))

    @functools.cache
    def report(self):
        self.make_fleet()
        return self.json("-D", self.journal, "--by=SITE", "--by=FIRMWARE")


# ---- what is found of what was planted


def score(what, found, planted):
    """Prints and checks precision and recall of two sets."""
    right = len(found & planted)
    precision = right / len(found) if found else 1.0
    recall = right / len(planted) if planted else 1.0
    print(f"    {what + ':':20} precision {precision:.4f}, recall {recall:.4f} "
          f"({right} right, {len(found - planted)} wrong, {len(planted - found)} missed)")
    if min(precision, recall) < LEAST[what]:
        raise AssertionError(f"{what}: wrong {sorted(found - planted)[:5]}, "
                             f"missed {sorted(planted - found)[:5]}")


@case
def found_what_was_planted(stage):
    truth = stage.make_fleet()
    report = stage.report()
    planted = [one for one in truth if "outage" in one]
    found = [(match(outage, planted), outage) for outage in report["common_outages"]]
    names = [number if number is not None else f"at {outage['from_usec']}"
             for number, outage in found]
    if len(names) != len(set(names)):
        raise AssertionError(f"told twice: {sorted(n for n in names if names.count(n) > 1)}")
    score("outages", set(map(str, names)), {str(one["outage"]) for one in planted})
    score("troubles", {(one["device"], one["trouble"]) for one in report["troubles"]},
          {(one["device"], one["trouble"]) for one in truth if "trouble" in one})
    told = sum(outage["devices"] for _, outage in found)
    there = sum(one["devices"] for one in planted)
    print(f"    devices in outages: {told} told, {there} planted, {told / there:.4f}")
    equal(0.95 < told / there < 1.02, True)


@case
def sites_and_services_are_told_apart(stage):
    """A site that fails is never told as the service's doing."""
    planted = [one for one in stage.make_fleet() if "outage" in one]
    by_number = {one["outage"]: one for one in planted}
    for outage in stage.report()["common_outages"]:
        truth = by_number[match(outage, planted)]
        equal(outage["extent"] == "group", truth["site"] != "")
        equal(outage.get("value", ""), truth["site"])
        if truth["site"]:
            equal((outage["cause"], outage["confidence"]), ("unknown", "suspected"))
        else:
            equal(outage["cause"], "service-transient")
        if outage["confidence"] == "proved":
            equal(truth["ended_by"] in ("peer-fin", "peer-reset"), True)
            equal(2 * outage["devices"] >= outage["of_devices"], True)
        elif not truth["site"]:
            equal(outage["confidence"], "likely")


@case
def found_the_faulty_version(stage):
    faulty = stage.make_fleet()[-1]["faulty"].split("=")
    relations = [(one["field"], one["value"], one["cause"]) for one in stage.report()["relations"]]
    equal(relations, [(*faulty, "agent-abort")])


@case
def found_disorder(stage):
    records = stage.report()["records"]
    equal(records["read"], stage.make_fleet()[-1]["records"])
    for kind in ["duplicates", "late", "out_of_order", "missing", "reboots"]:
        equal(records[kind] > 0, True)
    equal([records["undated"], records["no_room"]], [0, 0])


@case
def found_nothing_where_nothing_is(stage):
    """Ends by chance, and sessions that were renewed together, are no outage."""
    truth = stage.directory / "quiet"
    export = subprocess.run([stage.options.build / "tests/fleet/write_fleet", "300", "3", "0",
                             truth], stdout=subprocess.PIPE, text=True, check=True).stdout
    equal(stage.json(f"--file={stage.write_journal('quiet', export)}")["common_outages"], [])


@case
def connwatchctl_hands_over(stage):
    """To the program in PATH; without it, it says in one line how to get it."""
    words = [stage.options.build / "connwatchctl", "fleet", "--version"]
    for path, status, told in [(stage.options.build, 0, "connwatch-fleet "),
                               (stage.directory, 69, "install the package connwatch-fleet\n")]:
        done = subprocess.run(words, env={"PATH": str(path)}, text=True, capture_output=True)
        equal(done.returncode, status)
        equal((done.stdout + done.stderr).count("\n"), 1)
        equal(told in done.stdout + done.stderr, True)


# ---- speed and memory


def timed(words):
    """Processor seconds and the most memory that was not of files, in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    most = 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        status = Path("/proc", str(process.pid), "status")
        while process.poll() is None:
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    most = max(most, int(line.split()[1]) / 1024)
            time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.monotonic() - started, most


@case
def found_fast(stage):
    """Only where it is asked for: other work on the machine changes it."""
    if not stage.options.measure:
        return
    records = stage.make_fleet()[-1]["records"]
    journalctl = timed(["journalctl", "-D", stage.journal, "-o", "json", "--no-pager"])
    fleet = timed([stage.program, "-D", stage.journal, "-o", "json", "--by=SITE",
                   "--by=FIRMWARE"])
    explain = timed([stage.program, "explain", f"--hub={stage.hub_log}", "-D", stage.journal, "-o",
                     "json", "--by=SITE", "--by=FIRMWARE"])
    for name, (used, passed, most) in [("journalctl -o json", journalctl), ("fleet", fleet),
                                       ("fleet explain", explain)]:
        print(f"    {name + ':':20} {used:6.1f} s of processor, {passed:6.1f} s in all, "
              f"{1e6 * used / records:5.1f} us a record, {most:.0f} MiB")
    with open(stage.hub_log, "rb") as log:
        lines = sum(1 for _ in log)
    print(f"    {journalctl[0] / fleet[0]:.1f} times as fast, {records} records, {lines} lines of hubs")
    equal((explain[0] < 60, max(explain[2], fleet[2]) < 64), (True, True))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", default=[""])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--outages", type=int, default=24)
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    return options


def main():
    options = parse_arguments()
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        stage = Stage(options, directory)
        for function in CASES:
            if not any(pattern in function.__name__ for pattern in options.patterns):
                continue
            result = "passed"
            try:
                function(stage)
            except Skipped as reason:
                result = "skipped"
                print(f"  SKIPPED {function.__name__}: {reason}")
            except (AssertionError, OSError, ValueError, KeyError,
                    subprocess.SubprocessError) as error:
                result = "failed"
                print(f"  FAILED {function.__name__}: {type(error).__name__}: {error}")
            count[result] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return count["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
