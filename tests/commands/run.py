#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the commands that read the journal, on a journal that systemd-journal-remote(8) writes.

    run.py [--build DIR]

write_export.c says what is in it. What a command prints is compared with expected/NAME; UPDATE=1
rewrites those. Ends with "N passed, N failed, N skipped".
"""

import argparse
import contextlib
import gzip
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import xml.dom.minidom
from pathlib import Path

HERE = Path(__file__).resolve().parent
WRITER = shutil.which("systemd-journal-remote", path="/lib/systemd:/usr/lib/systemd:/usr/bin")
USAGE, DATA, NO_INPUT = 64, 65, 66
NEWER = "2 records are not fully understood (CONNWATCH_CAUSE=solar-flare)"

CASES = []


def case(function):
    CASES.append(function)
    return function


class Stage:
    """The journal, and connwatchctl on it."""

    def __init__(self, build, directory):
        self.program = build / "connwatchctl"
        self.directory = Path(directory)
        self.journal = self.directory / "device.journal"
        export = subprocess.run([build / "tests/commands/write_export"], stdout=subprocess.PIPE,
                                check=True).stdout
        subprocess.run([WRITER, "-o", self.journal, "-"], input=export, check=True,
                       stderr=subprocess.DEVNULL)

    def run(self, *words, status=0, complaint="", locale="C.UTF-8"):
        """Returns the output of the command; its messages must contain `complaint`."""
        environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": locale,
                       "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/no-bus"}
        done = subprocess.run([self.program, *words], env=environment, capture_output=True,
                              text=True, timeout=30, stdin=subprocess.DEVNULL)
        if done.returncode != status:
            raise AssertionError(f"exit status {done.returncode}, not {status}: {done.stderr}")
        if complaint not in done.stderr or (done.stderr and not complaint):
            raise AssertionError(f"complains: {done.stderr or '(not at all)'}")
        return done.stdout

    def read(self, command, *words, **expected):
        return self.run(command, f"--file={self.journal}", *words, **expected)

    def objects(self, command, *words, **expected):
        return [json.loads(line)
                for line in self.read(command, "-o", "json", *words, **expected).splitlines()]


def compare(text, name):
    path = HERE / "expected" / name
    if os.environ.get("UPDATE"):
        path.write_text(text)
    if text != path.read_text():
        raise AssertionError(f"differs from {path}:\n{text}")


def without_catalog(text):
    """Removes the text of the message catalog, which depends on the host and its language."""
    return re.sub(r"(?<=what to do\n).*?(?=\nAfterwards|\Z)", "", text, flags=re.DOTALL)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r}, not {wanted!r}")


# ---- log


@case
def log_folds(stage):
    compare(stage.read("log", complaint=NEWER), "log")


@case
def log_of_an_agent(stage):
    by_name = stage.read("log", "thermostat")
    compare(by_name, "log-thermostat")
    equal(stage.read("log", "thermostat.service"), by_name)


@case
def log_of_the_last_lines(stage):
    every = stage.read("log", "thermostat").splitlines()
    last = stage.read("log", "-n2", "thermostat").splitlines()
    equal([line.split() for line in last[1:]], [line.split() for line in every[-2:]])


@case
def log_of_a_time(stage):
    causes = [line.split()[3] for line in stage.read(
        "log", "--since=2026-11-21 19:00", "-U", "2026-11-21 19:20").splitlines()[1:]]
    equal(causes, ["path-silent", "connect-refused"])


@case
def log_of_nobody_is_empty(stage):
    equal(stage.read("log", "nobody", complaint="no such records"), "")


@case
def records_are_as_the_journal_has_them(stage):
    """The JSON of log says what journalctl says."""
    there = subprocess.run(
        ["journalctl", f"--file={stage.journal}", "-o", "json", "_UID=0"], check=True,
        stdout=subprocess.PIPE, text=True).stdout.splitlines()
    got = stage.objects("log", complaint=NEWER)
    equal(len(got), len(there))
    for mine, theirs in zip(got, map(json.loads, there)):
        for entry in mine, theirs:
            for name, value in entry.items():
                if isinstance(value, list):
                    value.sort()
        equal(mine, theirs)


@case
def last_records(stage):
    every = stage.objects("log", "thermostat")
    equal(stage.objects("log", "-n3", "thermostat"), every[-3:])
    equal(stage.objects("log", "-n0", "thermostat"), [])
    equal(stage.objects("log", "-n999", "thermostat"), every)


@case
def the_newest_first(stage):
    for command in "log", "outages":
        for words in ["thermostat"], ["-n3", "thermostat"]:
            lines = stage.read(command, *words).splitlines()
            equal(stage.read(command, "-r", *words).splitlines(), lines[:1] + lines[:0:-1])
            equal(stage.objects(command, "--reverse", *words),
                  stage.objects(command, *words)[::-1])
    equal(stage.objects("log", "-r", "-n0", "thermostat"), [])


@case
def forged_records_do_not_count(stage):
    causes = {entry.get("CONNWATCH_CAUSE") for entry in stage.objects("log", "thermostat")}
    equal("operator-abort" in causes, False)
    causes = {entry.get("CONNWATCH_CAUSE")
              for entry in stage.objects("log", "--any-sender", "thermostat")}
    equal("operator-abort" in causes, True)


@case
def boots(stage):
    by_time = stage.objects("log", "-b", "thermostat")
    equal(len(by_time), len(stage.objects("log", "thermostat")))
    equal(stage.objects("log", f"--boot={by_time[0]['_BOOT_ID']}", "thermostat"), by_time)
    for words in ["--boot=-1"], ["-b-1"], ["-b", "-1"], ["-rb", "-1", "thermostat"]:
        stage.read("log", *words, status=NO_INPUT, complaint="no boot '-1'")
    stage.read("explain", "-b", "-1", status=NO_INPUT, complaint="no boot '-1'")
    for boot in "0", by_time[0]["_BOOT_ID"]:
        equal(stage.objects("log", "-b", boot, "thermostat"), by_time)
        equal(stage.objects("log", "thermostat", "-b", boot), by_time)
        equal(len(stage.objects("stats", "-b", boot, complaint=NEWER)), 2)


# ---- explain


@case
def explain_the_last(stage):
    compare(without_catalog(stage.read("explain", "thermostat")), "explain-thermostat")


@case
def explain_at_a_cursor(stage):
    silent = [entry for entry in stage.objects("log", "camera", complaint=NEWER)
              if entry.get("CONNWATCH_CAUSE") == "path-silent"]
    text = stage.read("explain", f"--cursor={silent[-1]['__CURSOR']}")
    compare(without_catalog(text), "explain-camera")
    equal(stage.objects("explain", f"--cursor={silent[-1]['__CURSOR']}"), silent[-1:])


@case
def explain_what_is_newer(stage):
    text = stage.read("explain", "camera", complaint="CONNWATCH_CAUSE=solar-flare")
    equal(text.splitlines()[0], "camera: of a newer version")


@case
def explain_finds_nothing(stage):
    stage.read("explain", "nobody", status=NO_INPUT, complaint="no such verdict")
    stage.read("explain", "--cursor=x", status=USAGE, complaint="is not a cursor")


@case
def explain_an_outage(stage):
    """By its number, and by its id; it is told from the verdict that began it."""
    for agent, back, outage in [("thermostat", "-0", 15), ("thermostat", "-14", 1),
                                ("camera", "-1", None), ("camera", "-0", 16)]:
        words = [back, agent] if back != "-0" else [f"{outage:08x}"]
        if outage is None:
            stage.read("explain", *words, status=NO_INPUT, complaint="fewer outages")
            continue
        entry, = stage.objects("explain", *words)
        equal((int(entry["CONNWATCH_OUTAGE_ID"][:8], 16), entry["CONNWATCH_AGENT"]),
              (outage, agent))
        equal(entry["CONNWATCH_ENDED_BY"] != "connect-refused", True)
    text = stage.read("explain", "00000010")
    compare(without_catalog(text), "explain-outage")
    stage.read("explain", "0123456789abcdef", status=NO_INPUT, complaint="no outage with this id")


# ---- outages


@case
def outages_are_listed(stage):
    compare(stage.read("outages", complaint=NEWER), "outages")
    last = stage.read("outages", "-n1", "thermostat").splitlines()
    equal(len(last), 2)
    equal(last[1].split()[2:6], ["thermostat", "agent-crash", "proved", "6s"])


@case
def outages_as_json(stage):
    crash, = [entry for entry in stage.objects("outages", "thermostat", "nobody")
              if entry["cause"] == "agent-crash"]
    equal((crash["action"], crash["action_result"]), ("restart", "helped"))
    camera, = stage.objects("outages", "-u", "camera")
    equal((camera["attempts_failed"], camera["failed_by"]), (20, {"connect-refused": 20}))
    equal(camera["lasted_usec"], camera["ended_usec"] - camera["began_usec"])


@case
def agents_are_named_in_several_ways(stage):
    both = stage.objects("outages", complaint=NEWER)
    equal(stage.objects("outages", "camera", "thermostat.service", complaint=NEWER), both)
    equal(stage.objects("outages", "-u", "camera.service", "--unit=thermostat"), both)


@case
def outages_of_nobody(stage):
    equal(stage.read("outages", "nobody", complaint="has none"), "")


# ---- timeline and stats


@case
def timeline_is_drawn(stage):
    compare(stage.read("timeline", "--width=100", complaint=NEWER), "timeline")
    compare(stage.read("timeline", "--width=100", complaint=NEWER, locale="C"), "timeline-ascii")


@case
def timeline_as_a_picture(stage):
    path = stage.directory / "timeline.svg"
    stage.read("timeline", f"--svg={path}", complaint=NEWER)
    picture = xml.dom.minidom.parse(str(path))
    ends = [line for line in picture.getElementsByTagName("line")
            if line.getElementsByTagName("title")]
    equal(len(ends), 20)


@case
def timeline_has_no_gaps(stage):
    for agent in stage.objects("timeline", complaint=NEWER):
        equal(agent["spans"][-1]["until_usec"], agent["until_usec"])
        for before, after in zip(agent["spans"], agent["spans"][1:]):
            equal(before["until_usec"], after["from_usec"])


@case
def statistics(stage):
    compare(stage.read("stats", complaint=NEWER), "stats")
    thermostat = stage.objects("stats", "thermostat")[0]
    equal(thermostat["causes"], {"token-expired": 14, "agent-crash": 1})
    equal((thermostat["ends"], thermostat["outages"], thermostat["recoveries"]), (15, 15, 15))
    camera = stage.objects("stats", "camera", complaint="CONNWATCH_CAUSE=solar-flare")[0]
    equal(camera["outage_causes"], {"path-silent": 1})
    # three records stand for twelve attempts, and the end of the outage tells of eight more
    equal(camera["attempt_causes"], {"connect-refused": 20})
    equal(camera["causes"], {"path-silent": 1, "connect-refused": 20, "(newer)": 1})
    ends = stage.objects("timeline", "camera", complaint="CONNWATCH_CAUSE=solar-flare")[0]["ends"]
    equal([end["times"] for end in ends], [1, 1, 5, 6, 1])


# ---- settings


def verify(stage, name, text, status, complaint=""):
    path = stage.directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    stage.run("verify", path, status=status, complaint=complaint)
    return path


@case
def sound_settings(stage):
    verify(stage, "good.agent", "[Match]\nUnit=a.service\n", 0)
    verify(stage, "good.agent.d/10.conf", "[Connection]\nKeepAliveSec=60\n", 0)
    verify(stage, "connwatchd.conf", "", 0)


@case
def unsound_settings(stage):
    verify(stage, "bad.agent", "[Match]\nUnit=a.service\n[Policy]\nOnMoon=restart\n", 1,
           "bad.agent:4: ")
    verify(stage, "matchless.agent", "[Connection]\nKeepAliveSec=60\n", 1, "matchless.agent: ")
    verify(stage, "bad.agent.d/10.conf", "[Connection]\nKeepAliveSec=soon\n", 1, "10.conf:2: ")
    verify(stage, "connwatchd.conf", "[Moon]\n", 1, "connwatchd.conf:1: ")
    stage.run("verify", stage.directory / "missing.agent", status=NO_INPUT,
              complaint="No such file")


@case
def complaints_as_json(stage):
    path = verify(stage, "worse.agent", "[Match]\nUnit=a.service\nMoon=1\n", 1, "worse.agent:3: ")
    complaint = json.loads(stage.run("verify", "-o", "json", path, status=1))
    equal((complaint["file"], complaint["line"]), (str(path), 3))


@case
def settings_below_a_root(stage):
    place = stage.directory / "root/etc/connwatch"
    place.mkdir(parents=True)
    (place / "a.agent").write_text("[Match]\nUnit=a.service\n")
    stage.run("verify", f"--root={stage.directory}/root")
    (place / "b.agent").write_text("nonsense\n")
    stage.run("verify", f"--root={stage.directory}/root", status=1, complaint="b.agent:1: ")


@case
def settings_without_effect(stage):
    match = "[Match]\nUnit=a.service\n"
    verify(stage, "a.agent", f"{match}[Policy]\nOnAgentStopped=restart\n", 1,
           "a.agent:4: OnAgentStopped= has no effect: ")
    verify(stage, "a.agent", f"{match}[Policy]\nOnPeerClose=restart abort-connection\n", 1,
           "a.agent:4: abort-connection has no effect in OnPeerClose=: ")
    # nobody wrote down that it is to be restarted
    verify(stage, "a.agent", "[Match]\nControlGroup=/a\n", 0)


class Tree:
    """Settings below a directory of their own."""

    def __init__(self, stage, name):
        self.stage, self.root = stage, stage.directory / name

    def write(self, name, text="[Match]\nUnit=a.service\n", mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def verify(self, *complaints):
        """It complains of each of `complaints` in a line of its own, and of nothing else."""
        text = self.stage.run("verify", "-o", "json", f"--root={self.root}",
                              status=int(bool(complaints)))
        said = [json.loads(line) for line in text.splitlines()]
        said = sorted(f"{entry['file'].removeprefix(str(self.root))}:{entry.get('line', 0)}: "
                      f"{entry['complaint']}" for entry in said)
        equal(len(said), len(complaints))
        for got, wanted in zip(said, sorted(complaints)):
            if not got.startswith(wanted):
                raise AssertionError(f"{got!r}, not {wanted!r}")


@case
def two_agents_with_one_unit(stage):
    tree = Tree(stage, "owners")
    tree.write("usr/lib/connwatch/mosquitto.agent", "# a profile\n[Match]\nUnit=m.service\n")
    tree.verify()
    tree.write("etc/connwatch/broker.agent", "[Match]\nUnit=m.service\n")
    tree.verify("/etc/connwatch/broker.agent:2: m.service is the unit of agent mosquitto already "
                f"({tree.root}/usr/lib/connwatch/mosquitto.agent:3)")
    tree.write("etc/connwatch/mosquitto.agent", "")
    tree.verify()


@case
def two_agents_with_one_name_at_the_hub(stage):
    tree = Tree(stage, "names")
    tree.write("etc/connwatch/a.agent", "[Match]\nUnit=a.service\n[Connection]\nDeviceId=sensor-1\n")
    tree.write("etc/connwatch/b.agent", "[Match]\nUnit=b.service\n[Connection]\nDeviceId=sensor-2\n")
    tree.write("etc/connwatch/c.agent", "[Match]\nUnit=c.service\n")
    tree.verify()
    tree.write("etc/connwatch/c.agent.d/id.conf", "[Connection]\nDeviceId=sensor-1\n")
    tree.verify("/etc/connwatch/c.agent.d/id.conf:2: DeviceId= sensor-1 is that of agent a already "
                f"({tree.root}/etc/connwatch/a.agent:4)")
    tree.write("etc/connwatch/c.agent.d/id.conf", "[Connection]\nDeviceId=Sensor-1\n")
    tree.verify()


@case
def drop_ins_that_nobody_reads(stage):
    tree = Tree(stage, "strays")
    tree.write("usr/lib/connwatch/mosquitto.agent")
    tree.write("etc/connwatch/mosquitto.agent.d/act.conf", "[Policy]\nDryRun=yes\n")
    tree.write("etc/connwatch/mosquitto.agent.d/old.conf.dpkg-old", "")
    tree.verify()
    tree.write("etc/connwatch/mosquitto.agent.d/act", "[Policy]\n")
    tree.write("run/connwatch/mosquito.agent.d/act.conf", "[Policy]\n")
    tree.write("etc/connwatch/mosquitto.d/act.conf", "[Policy]\n")
    tree.write("etc/connwatch/other.agent.d/act.conf", "[Policy]\n")
    tree.write("etc/connwatch/extra.conf", "[Policy]\n")
    tree.verify("/etc/connwatch/mosquitto.agent.d/act:0: Is never read: the name of a drop-in",
                "/run/connwatch/mosquito.agent.d:0: Is never read: there is no mosquito.agent. "
                "Did you mean mosquitto.agent?",
                "/etc/connwatch/mosquitto.d:0: Is never read: drop-ins are in NAME.agent.d",
                "/etc/connwatch/other.agent.d:0: Is never read: there is no other.agent",
                "/etc/connwatch/extra.conf:0: Is never read: an agent's file is NAME.agent")


@case
def settings_that_everybody_may_write(stage):
    tree = Tree(stage, "rights")
    path = tree.write("etc/connwatch/a.agent", mode=0o666)
    tree.verify("/etc/connwatch/a.agent:0: Every user may write here")
    path.chmod(0o644)
    tree.verify()
    path.parent.chmod(0o777)
    tree.verify("/etc/connwatch:0: Every user may write here")
    path.parent.chmod(0o755)
    dropin = tree.write("etc/connwatch/a.agent.d/act.conf", "[Policy]\n", mode=0o602)
    tree.verify("/etc/connwatch/a.agent.d/act.conf:0: Every user may write here")
    dropin.unlink()
    dropin.symlink_to("/dev/null")
    tree.verify()


# ---- the options of a kernel


def values_of_options(stage, *words, status):
    said = stage.run("check", "-o", "json", *words, status=status)
    return {row["option"]: row["value"] for row in map(json.loads, said.splitlines())}


@case
def kernel_options(stage):
    config = stage.directory / "config.gz"
    lines = ["CONFIG_CMDLINE=" + "x" * 240 + "CONFIG_BPF_JIT=y", "# CONFIG_PROC_EVENTS is not set",
             "CONFIG_INET_TCP_DIAG=m", "CONFIG_BPF_JIT_ALWAYS_ON=y", "CONFIG_BPF_SYSCALL=y"]
    config.write_bytes(gzip.compress("\n".join(lines).encode()))
    values = values_of_options(stage, f"--kernel-config={config}", status=1)
    equal({option: value for option, value in values.items() if value != "-"},
          {"CONFIG_INET_TCP_DIAG": "m", "CONFIG_BPF_SYSCALL": "y"})
    config = stage.directory / "config"
    config.write_text("".join(f"{option}=y\n" for option in values))
    equal(set(values_of_options(stage, f"--kernel-config={config}", status=0).values()), {"y"})
    config.write_text("nonsense\n")
    stage.run("check", f"--kernel-config={config}", status=DATA, complaint="no kernel configuration")
    stage.run("check", "--kernel-config=/nonexistent", status=NO_INPUT, complaint="No such file")


# ---- agents that run now

GROUPS = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]

SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
accepted = [listener.accept()]
print("accepted", flush=True)
input()
opened = socket.create_connection(("127.0.0.1", int(input())))
print("opened", flush=True)
input()
"""


@contextlib.contextmanager
def running_server(group):
    """SERVER in a control group of its own, and the words that it understands and says."""
    group.mkdir(parents=True)
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        (group / "cgroup.procs").write_text(f"{server.pid}")
        yield server
    finally:
        server.kill()
        server.communicate()
        wait_until_empty(group)
        group.rmdir()
        group.parent.rmdir()


def wait_until_empty(group):
    """The kernel takes a dead process out of its group a moment after it was waited for."""
    with contextlib.suppress(FileNotFoundError), (group / "cgroup.events").open() as events:
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while "populated 1" in events.read():
            poll.poll(1000)
            events.seek(0)


@case
def agents_that_only_accept(stage):
    """`verify` tells, as long as the agent has opened no connection."""
    root = next((path for path in GROUPS if (path / "cgroup.procs").exists()), None)
    if not root or not os.access(root, os.W_OK) or os.geteuid():
        return
    name = f"connwatch-commands-{os.getpid()}"
    unit = "[Match]\nUnit=only-accepts.service\n"
    group = f"[Match]\nControlGroup=/{name}\n[Match]\nPeer=*:8883\n"
    with running_server(root / name / "only-accepts.service") as server:
        port = int(server.stdout.readline())
        client = socket.create_connection(("127.0.0.1", port))
        equal(server.stdout.readline(), "accepted\n")
        listens = f"agent a: process {server.pid} listens"
        for text in unit, group:
            path = verify(stage, "a.agent", text, 0, listens)
        remark = json.loads(stage.run("verify", "-o", "json", path))
        equal(remark["agent"], "a")
        with socket.create_server(("127.0.0.1", 0)) as hub:
            server.stdin.write(f"\n{hub.getsockname()[1]}\n")
            equal(server.stdout.readline(), "opened\n")
            verify(stage, "a.agent", unit, 0)
            verify(stage, "a.agent", group, 0, "none of them leads to a Peer=")
            verify(stage, "a.agent", f"{unit}Peer=127.0.0.0/8:{hub.getsockname()[1]}\n", 0)
        client.close()


# ---- what goes wrong


@case
def misuse(stage):
    for words, complaint in [(["log", "--since=soon"], "systemd.time(7)"),
                             (["log", "-n-1"], "--lines"), (["explain", "-1000"], "999"),
                             (["stats", "-o", "xml"], "neither short nor json"),
                             (["timeline", "--width=2"], "--width"),
                             (["explain", "--moon"], "moon"), (["help", "moon"], "'moon'"),
                             (["outage"], "did you mean outages?"),
                             (["run", "--set=KeepAlive=6", "true"], "did you mean KeepAliveSec?"),
                             (["run", "--set=OnAgentHang=restrat", "true"], "did you mean restart?"),
                             (["run", "--set=OnAgentHang=signal:HPU", "true"],
                              "did you mean signal:SIGHUP?")]:
        stage.run(*words, status=USAGE, complaint=complaint)


@case
def help_for_each(stage):
    for command in ["outages", "log", "explain", "timeline", "stats", "verify"]:
        equal(stage.run("help", command), stage.run(command, "--help"))


@case
def damaged_journals_do_no_harm(stage):
    """No crash and no hang, whatever comes out."""
    whole = stage.journal.read_bytes()
    path = stage.directory / "damaged.journal"
    for cut in range(0, len(whole), max(1, len(whole) // 16)):
        path.write_bytes(whole[:cut] + bytes(512) + whole[cut + 512:])
        for command in ["outages", "log", "stats", "explain"]:
            status = subprocess.run([stage.program, command, f"--file={path}"], timeout=30,
                                    capture_output=True).returncode
            equal(0 <= status < 100, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    build = parser.parse_args().build.resolve()
    if not WRITER:
        print(f"no systemd-journal-remote here (make deps)\n0 passed, 0 failed, {len(CASES)} skipped")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(build, directory)
        for function in CASES:
            try:
                function(stage)
            except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError) as error:
                failed += 1
                print(f"  {function.__name__}: {error}")
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
