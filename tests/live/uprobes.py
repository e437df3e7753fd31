#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that a killed watchdog leaves nothing in the agent, and that uprobes follow an agent that
starts again, or whose libssl is replaced.

    uprobes.py --connwatchctl PROGRAM

Needs root. Prints a line a check; the exit status is 1 if one failed.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import mqtt
from case import CASES
from command_line import add_connwatchctl, begin
from lab import command
from mqtt_cases import Session, libraries_of
from run import Leftovers
from stage import Stage

PATIENCE = 10


def wait_until(happened):
    deadline = time.monotonic() + PATIENCE
    while not (result := happened()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


def case_named(name):
    return next(case for case in CASES if case.name == name)


def killed_watchdog_leaves_nothing(watchdog):
    """SIGKILL in the middle of a session: the agent goes on, and no program of ours is left."""
    with Stage(case_named("mqtt-goodbye-and-close-over-tls"), watchdog) as stage:
        session = Session(stage, secure=True).begin()
        ours = Leftovers.ids_of(stage.witness.process.pid)
        if not any(name == "link" for name, ids in ours.items() if ids):
            return "it had no links to begin with"
        stage.witness.process.send_signal(signal.SIGKILL)
        session.say(mqtt.pingreq())
        session.hear(mqtt.pingresp())

        def all_gone():
            return not any(ids & {item["id"] for item in
                                  json.loads(command("bpftool", "-j", kind, "show"))}
                           for kind, ids in ours.items())
        return None if wait_until(all_gone) else "BPF objects are left"


def exec_keeps_being_watched(watchdog):
    """The agent becomes another program: what that says is seen as well."""
    with Stage(case_named("mqtt-goodbye-and-close-over-tls"), watchdog) as stage:
        Session(stage, secure=True).begin().agent_closes()
        before = libraries_of(stage.witness.process.pid)
        stage.exec("cloexec")
        Session(stage, secure=True).begin().say(mqtt.disconnect())
        stage.agent.ask("close")
        stage.wait_told("ended")
        stage.wait_told("ended")
        told = stage.witness.of_kind("ended")
        if len(told) < 2 or "mqtt_last_sent=DISCONNECT" not in told[1]["CONNWATCH_EVIDENCE"]:
            return f"it was not seen: {told[1:]}"
        after = libraries_of(stage.witness.process.pid)
        return None if after == before else f"{before} libraries became {after}"


def new_process_is_watched_from_its_beginning(watchdog):
    """A restarted agent has uprobes of its own; those of the process before go when it ends."""
    with Stage(case_named("mqtt-goodbye-and-close-over-tls"), watchdog) as stage:
        pid = stage.witness.process.pid
        parent, stage.agent = stage.agent, stage.fork()
        if not wait_until(lambda: libraries_of(pid) >= 2):
            return "it got no uprobes"
        Session(stage, secure=True).begin().say(mqtt.disconnect())
        stage.agent.ask("close")
        stage.wait_told("ended")
        seen = stage.witness.of_kind("ended")[0]["CONNWATCH_EVIDENCE"]
        if "mqtt_last_sent=DISCONNECT" not in seen:
            return f"it was not seen: {seen}"
        stage.agent.tell("exit", 0)
        stage.agent.wait_end()
        stage.agent = parent
        stage.fork()
        gone = wait_until(lambda: libraries_of(pid) == 2)
        return None if gone else f"{libraries_of(pid)} libraries for two processes"


def copy_libssl(path):
    """Another file under that name from now on, as after an upgrade of the package."""
    used_here = re.search(r"/\S*/libssl\.so\S*", Path("/proc/self/maps").read_text())[0]
    shutil.copy(used_here, f"{path}.new")
    os.rename(f"{path}.new", path)


def play_session(stage, libraries):
    """Its end is told; whether its DISCONNECT was seen is the question."""
    Session(stage, secure=True, libraries=libraries).begin().say(mqtt.disconnect())
    stage.agent.ask("close")
    stage.wait_told("ended")


def complaint(stage, sessions):
    told = [record["CONNWATCH_EVIDENCE"] for record in stage.witness.of_kind("ended")]
    if len(told) == sessions and all("mqtt_last_sent=DISCONNECT" in seen for seen in told):
        return None
    return f"not seen: {told}"


def replaced_library_is_watched_on(watchdog):
    """In the process that runs with the old file, and in the next one, which has the new file."""
    with Stage(case_named("mqtt-goodbye-and-close-over-tls"), watchdog) as stage:
        library = stage.directory / "libssl.so.3"
        copy_libssl(library)
        stage.begin_anew(LD_PRELOAD=library)
        play_session(stage, 2)  # the installed one is looked at as well
        copy_libssl(library)
        play_session(stage, 2)
        stage.agent = stage.fork()
        stage.begin_anew(LD_PRELOAD=library)
        play_session(stage, 4)
        return complaint(stage, sessions=3)


def library_that_was_replaced_before_is_found(watchdog):
    """The process runs with a file that has no name any more."""
    with Stage(case_named("mqtt-goodbye-and-close-over-tls"), watchdog) as stage:
        library = stage.directory / "libssl.so.3"
        copy_libssl(library)
        stage.begin_anew(LD_PRELOAD=library)
        copy_libssl(library)
        play_session(stage, 2)
        return complaint(stage, sessions=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_connwatchctl(parser)
    options = parser.parse_args()
    begin("uprobes.py", options.connwatchctl)
    failed = 0
    for check in (killed_watchdog_leaves_nothing, exec_keeps_being_watched,
                  new_process_is_watched_from_its_beginning, replaced_library_is_watched_on,
                  library_that_was_replaced_before_is_found):
        wrong = check(options.connwatchctl)
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok':4}  uprobes: {check.__name__.replace('_', ' ')}"
              + (f": {wrong}" if wrong else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
