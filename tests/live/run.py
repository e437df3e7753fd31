#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes connections end in every way there is, and checks what connwatch says about each.

    run.py [--times N] [--jobs N] [--record DIR] [PATTERN]...

Each PATTERN selects cases by name (as in a shell) or by group (`basic`, `odd`, `network`, `modem`,
`session`, `mqtt`); `--list` names them. Needs root. The last line counts; the exit status is 1 if anything
failed.
"""

import argparse
import contextlib
import fnmatch
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import session_cases  # noqa: F401  fills the table of cases; those that take longest come first
import network_cases  # noqa: F401  likewise
import basic_cases  # noqa: F401  likewise
import odd_cases  # noqa: F401  likewise
import tls_cases  # noqa: F401  likewise
import x509_cases  # noqa: F401  likewise
import names_cases  # noqa: F401  likewise
import mqtt_cases  # noqa: F401  likewise
import login_cases  # noqa: F401  likewise
import library_cases  # noqa: F401  likewise
import starved_cases  # noqa: F401  likewise
import half_path_cases  # noqa: F401  likewise
import modem_cases  # noqa: F401  likewise
from case import CASES
from command_line import absolute, add_connwatchctl, begin
from judgement import complaints_about, counting_kinds, is_right, of_kinds, pairs, summary
from lab import command
from sock_diag import complaints_about_less
from stage import Stage

CLEANUP_PATIENCE = 3  # the kernel frees BPF objects some time after the last file is closed


class Leftovers:
    """Objects that `run` must not leave behind: noted while it lives, looked for afterwards."""

    def __init__(self, stage):
        self._stage = stage
        pid = stage.witness.process.pid
        self._bpf = self.ids_of(pid)
        self._group = self._new_control_group(stage.agent.pid)

    @classmethod
    def ids_of(cls, pid):
        """The BPF objects that a process holds: kind -> ids."""
        return {kind: cls._ids(pid, kind) for kind in ("prog", "map", "link")}

    @staticmethod
    def _ids(pid, kind):
        """The BPF objects of a process: proc(5), /proc/PID/fdinfo."""
        ids = set()
        for info in Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found = re.search(rf"^{kind}_id:\t(\d+)$", info.read_text(), re.MULTILINE)
                ids |= {int(found[1])} if found else set()
        return ids

    @staticmethod
    def _new_control_group(pid):
        """The unified control group of a process, if it is not our own."""
        theirs, ours = (re.search(r"^0::(.*)$", Path(f"/proc/{who}/cgroup").read_text(),
                                  re.MULTILINE) for who in (pid, "self"))
        return theirs[1] if theirs and ours and theirs[1] != ours[1] else None

    def found(self):
        deadline = time.monotonic() + CLEANUP_PATIENCE
        while (rest := self._look()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return rest

    def _look(self):
        rest = [f"process {pid} is left" for pid in self._stage.lab.processes()]
        for kind, ids in self._bpf.items():
            try:
                there = {item["id"] for item in json.loads(command("bpftool", "-j", kind, "show"))}
            except RuntimeError as failure:  # so it is if one goes while bpftool looks
                rest.append(str(failure))
            else:
                rest += [f"BPF {kind} {number} is left" for number in sorted(ids & there)]
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            if self._group and Path(root + self._group).is_dir():
                rest.append(f"control group {self._group} is left")
        return rest


class Result:
    def __init__(self, case):
        self.case = case
        self.skipped = None
        self.wrong = []
        self.broken_off = False  # before the end of the play
        self.details = []  # lines to show on failure
        self.seconds = 0.0
        self.given = ""
        self.records = []  # that were given
        self.pairs = [(wanted, None) for wanted in case.wanted]  # wanted and given ones

    def line(self):
        word = "skip" if self.skipped else "FAIL" if self.wrong else "ok"
        text = self.skipped or self.given
        return f"{word:4}  {self.case.name:44} {text:56} {self.seconds:5.1f} s"


def play(case, options, number):
    result = Result(case)
    result.skipped = case.needs() if case.needs else None
    if result.skipped:
        return result
    begin = time.monotonic()
    try:
        trace = options.record / f"{case.name}-{number}.trace" if options.record else None
        with Stage(case, None if options.bare else options.connwatchctl, trace,
                   options.mode) as stage:
            play_on(stage, case, options, result)
    except Exception as surprise:  # whatever it is, the other cases play
        result.broken_off = True
        result.wrong.append(f"{type(surprise).__name__}: {surprise}")
    result.seconds = time.monotonic() - begin
    return result


def play_on(stage, case, options, result):
    try:
        leftovers = None if case.found else Leftovers(stage)
        case.play(stage)
        if case.found:
            leftovers = Leftovers(stage)
        stage.wait_all_told(case.wanted)
        status = stage.finish()
        result.wrong += [] if status == case.status else [
            f"exit status {status} instead of {case.status}"]
        if not options.bare:
            judge = complaints_about_less if options.mode == "sock-diag" else complaints_about
            result.wrong += judge(case, stage)
        result.wrong += leftovers.found()
    finally:
        result.records = stage.witness.records
        result.pairs = pairs(case.wanted, result.records)
        result.given = summary(of_kinds(result.records, counting_kinds(case.wanted)))
        result.details = [json.dumps(record) for record in stage.witness.records]
        result.details += stage.witness.complaints()


def selected(patterns):
    def wants(case):
        return any(fnmatch.fnmatch(case.name, pattern) or pattern == case.group
                   for pattern in patterns)
    return [case for case in CASES if not patterns or wants(case)]


def play_all(cases, options):
    """Plays the cases in parallel, prints a line each, returns the results."""
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            plays = [pool.submit(play, case, options, number)
                     for number in range(1, options.times + 1) for case in cases]
            for future in as_completed(plays):
                results.append(future.result())
                show(results[-1])
        except KeyboardInterrupt:
            print("interrupted: the cases under way play to their end", file=sys.stderr)
            pool.shutdown(cancel_futures=True)
            raise
    return results


def show(result):
    print(result.line(), flush=True)
    if result.wrong:
        print("\n".join(f"      {line}" for line in result.wrong + result.details), flush=True)


def arguments(description, times=1):
    """A parser of what all programs that play cases understand."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--times", type=int, default=times, metavar="N", help="play each N times")
    parser.add_argument("--jobs", type=int, default=8, metavar="N", help="play N cases at once")
    parser.add_argument("--mode", choices=("ebpf", "no-btf", "sock-diag"),
                        help="as connwatchctl's; no-btf: as where the kernel's types are in a file")
    parser.add_argument("--record", type=absolute, metavar="DIR", help="keep the traces")
    add_connwatchctl(parser)
    parser.add_argument("patterns", metavar="PATTERN", nargs="*")
    parser.set_defaults(bare=False)
    return parser


def play_selected(name, options):
    """Plays what the options select; returns the results."""
    cases = selected(options.patterns)
    if not cases:
        sys.exit(f"{name}: no case matches {' '.join(options.patterns)}")
    begin(name, None if options.bare else options.connwatchctl)
    if options.record:
        options.record.mkdir(parents=True, exist_ok=True)
    try:
        return play_all(cases, options)
    except KeyboardInterrupt:
        sys.exit(130)


def count(results):
    failed = sum(bool(result.wrong) for result in results)
    skipped = sum(bool(result.skipped) for result in results)
    print(f"{len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed


def misled(result):
    """A verdict was wrong and yet `proved`."""
    return any(record is not None and record.get("CONNWATCH_CONFIDENCE") == "proved"
               and not is_right(wanted, record) for wanted, record in result.pairs)


def play_again(results, options):
    """Some hosts let no probe see what their own tasks interrupt, and a busy one may starve a
    client: a play that went wrong is repeated once, alone, and said. A wrong proof never is."""
    for number, result in enumerate(results):
        if not result.wrong or misled(result):
            continue
        print(f"again {result.case.name}: the first play above counts only if this one fails too")
        results[number] = play(result.case, options, 0)
        show(results[number])


def main():
    parser = arguments(__doc__)
    parser.add_argument("--again", action="store_true", help="a second play for what went wrong")
    parser.add_argument("--bare", action="store_true", help="only the faults, without connwatch")
    parser.add_argument("--list", action="store_true", help="name the cases")
    options = parser.parse_args()
    if options.list:
        for case in selected(options.patterns):
            wanted = "; ".join(f"{record.ended_by or record.kind} / {record.causes[0]}"
                               for record in case.wanted)
            print(f"{case.name:44} {case.group:8} {wanted}")
        return 0
    results = play_selected("run.py", options)
    if options.again:
        play_again(results, options)
    return 1 if count(results) else 0


if __name__ == "__main__":
    sys.exit(main())
