# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small fleet that is real: mosquitto's own log, joined to what connwatch says of mosquitto's own clients,
each in a network namespace of its own and with a clock of its own."""

import collections
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from case import Skipped, case, equal
from hub_cases import objects

sys.path.append(str(Path(__file__).resolve().parents[1] / "live"))
from lab import PREFIX, command, inside, sweep  # noqa: E402
from supervised import Supervised, watching  # noqa: E402

PORT = 1883
KEEP_ALIVE = 5  # seconds, the least of mosquitto's clients
PATIENCE = 60  # seconds for a step, on a busy machine
SKEWS = [0, 0, 97, -41]  # seconds that a device's clock shows too much
LEAST = 0.95
FAULTS = ["crash", "kill", "abort", "takeover", "silence", "unplugged"]
SETTINGS = ["SettleSec=0", "RandomizedDelaySec=0", "ActionLimitBurst=99", "OnAgentCrash=restart"]
ENDS = (" closed its connection.", " disconnected.", " has exceeded timeout, disconnecting.",
        " already connected, closing old connection.")


class Scale:
    """How large it is: as a test, and where it is asked for, with more time for each session."""

    def __init__(self, measure):
        self.devices, self.rounds = (24, 4) if measure else (18, 2)
        self.pauses = (15, 40) if measure else (6, 14)  # seconds that a session lives


class Broker:
    """mosquitto, and its log."""

    def __init__(self, namespace, directory):
        self.path = directory / "mosquitto.log"
        self.lines = []
        self._arrival = threading.Condition()
        configuration = directory / "mosquitto.conf"
        configuration.write_text(f"listener {PORT} 0.0.0.0\nallow_anonymous true\nlog_type all\nuser root\n")
        with inside(namespace):
            self._process = subprocess.Popen(["mosquitto", "-c", configuration], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(0, lambda line: line.endswith(" running"))

    def _read(self):
        with self._process.stderr as log, open(self.path, "w", encoding="utf-8") as copy:
            for line in log:
                copy.write(line)
                copy.flush()
                with self._arrival:
                    self.lines.append(line.rstrip("\n"))
                    self._arrival.notify_all()

    def wait(self, since, wanted):
        """The index of the first line from `since` on that is wanted."""
        deadline = time.monotonic() + PATIENCE
        with self._arrival:
            while True:
                for index in range(since, len(self.lines)):
                    if wanted(self.lines[index]):
                        return index
                since = max(since, len(self.lines))
                if not self._arrival.wait(deadline - time.monotonic()):
                    raise AssertionError(f"mosquitto does not say it: {self.lines[-3:]}")

    def stop(self):
        self._process.terminate()
        self._process.wait()


class Device:
    """A client under `connwatchctl run`, and what happens to it."""

    def __init__(self, fleet, number):
        self.fleet, self.number = fleet, number
        self.namespace = f"{fleet.prefix}-{number}"
        self.name = f"sensor-{number:02}"
        self.host = f"host-{number:02}"
        self.skew = SKEWS[number % len(SKEWS)]
        self.truth = {}  # index of the hub's line: time of the record
        self.played = []  # (fault, index of the line)
        self._record = threading.Condition()

    def start(self):
        words = ["mosquitto_sub", "-h", f"10.78.{self.number}.1", "-p", str(PORT), "-i", self.name,
                 "-k", str(KEEP_ALIVE), "-t", "nothing"]
        self.supervised = Supervised(
            watching(self.fleet.watchdog, "run", f"--name={self.host}", f"--peer=*:{PORT}", "--", *words,
                     settings=[*SETTINGS, f"DeviceId={self.name}"]),
            self.fleet.directory, self.namespace, self._note)

    def _note(self, _):
        with self._record:
            self._record.notify_all()

    def _wait_record(self, since, kind):
        """The index of the first record of that kind from `since` on."""
        deadline = time.monotonic() + PATIENCE
        with self._record:
            while True:
                records = list(self.supervised.records)
                for index in range(since, len(records)):
                    if records[index]["CONNWATCH_KIND"] == kind:
                        return index
                if not self._record.wait(min(0.5, deadline - time.monotonic())) and (
                        time.monotonic() > deadline):
                    raise AssertionError(f"{self.name}: no {kind}: {self.supervised.complaints()}")

    def connected(self, since):
        return self.fleet.broker.wait(since, lambda line: f" as {self.name} (" in line)

    def _wait_end(self, since, fault):
        tails = ENDS[3:] if fault == "takeover" else ENDS[:3]
        return self.fleet.broker.wait(since, lambda line: any(
            line.endswith(f" Client {self.name}{tail}") for tail in tails))

    def _child(self):
        pid = self.supervised.process.pid
        children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
        return next(int(child) for child in children.split()
                    if Path(f"/proc/{child}/comm").read_text() == "mosquitto_sub\n")

    def _break(self, fault):
        """Returns what heals it, or None."""
        link = f"d{self.number}"
        if fault in ("crash", "kill"):
            os.kill(self._child(), signal.SIGSEGV if fault == "crash" else signal.SIGKILL)
        elif fault == "abort":
            with inside(self.namespace):
                command("ss", "-K", "dport", "=", str(PORT))
        elif fault == "takeover":
            with inside(self.namespace):
                command("mosquitto_pub", "-h", f"10.78.{self.number}.1", "-p", str(PORT), "-i", self.name,
                        "-t", "nothing", "-m", "")
        elif fault == "silence":
            with inside(self.fleet.cloud):
                command("nft", f"add element inet silence links {{ {link} }}")
            return lambda: self._in_cloud("nft", f"delete element inet silence links {{ {link} }}")
        else:
            with inside(self.namespace):
                command("ip", "link", "set", "up0", "down")
            return self._plug_in
        return None

    def _in_cloud(self, *words):
        with inside(self.fleet.cloud):
            command(*words)

    def _plug_in(self):
        with inside(self.namespace):
            command("ip", "link", "set", "up0", "up")

    def play(self, fault):
        broker = self.fleet.broker
        line, record = len(broker.lines), len(self.supervised.records)
        heal = self._break(fault)
        ended = self._wait_record(record, "ended")
        end = self._wait_end(line, fault)
        self._remember(fault, end, ended)
        if heal:
            heal()
        if fault != "takeover":
            self.connected(end)
        self._wait_record(ended, "recovered")

    def _remember(self, fault, end, ended):
        self.played.append((fault, end))
        self.truth[end] = int(self.supervised.records[ended]["__REALTIME_TIMESTAMP"])

    def finish(self):
        """Stopped on request: its last end."""
        line, record = len(self.fleet.broker.lines), len(self.supervised.records)
        self.supervised.process.terminate()
        self.supervised.process.wait(PATIENCE)
        self._remember("finish", self._wait_end(line, "finish"), self._wait_record(record, "ended"))

    def export(self):
        """Its journal, by its own clock."""
        text = ""
        for record in self.supervised.records:
            fields = dict(record, _BOOT_ID=f"{self.number + 1:032x}", _MACHINE_ID=f"{self.number + 1:032x}",
                          _HOSTNAME=self.host, _UID="0", _SYSTEMD_UNIT="connwatchd.service",
                          __REALTIME_TIMESTAMP=str(self.at(int(record["__REALTIME_TIMESTAMP"]))))
            first = [name for name in fields if name.startswith("__")]
            for name in [*first, *(name for name in fields if not name.startswith("__"))]:
                for value in fields[name] if isinstance(fields[name], list) else [fields[name]]:
                    text += f"{name}={value}\n"
            text += "\n"
        return text

    def at(self, time_usec):
        return time_usec + self.skew * 10**6


class Fleet:
    """The devices, each with a cable to the cloud."""

    def __init__(self, stage):
        self.scale = Scale(stage.options.measure)
        self.prefix = f"{PREFIX}-{os.getpid()}-fleet"
        self.cloud = f"{self.prefix}-cloud"
        self.directory = stage.directory / "real"
        self.directory.mkdir()
        self.watchdog = stage.options.build / "connwatchctl"
        self.devices = [Device(self, number) for number in range(self.scale.devices)]

    def __enter__(self):
        sweep()
        try:
            self._build()
            self.broker = Broker(self.cloud, self.directory)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        for device in self.devices:
            with contextlib.suppress(AttributeError, OSError):
                device.supervised.process.kill()
        self.broker.stop()
        self._remove()

    def _build(self):
        batch = f"netns add {self.cloud}\n" + "".join(
            f"netns add {device.namespace}\n"
            f"link add name up0 netns {device.namespace} type veth peer name d{device.number} netns {self.cloud}\n"
            for device in self.devices)
        command("ip", "-batch", "-", stdin=batch)
        with inside(self.cloud):
            command("ip", "-batch", "-", stdin="".join(
                f"link set d{device.number} up\naddress add 10.78.{device.number}.1/24 dev d{device.number}\n"
                for device in self.devices))
            command("nft", "-f", "-", stdin=(
                "table inet silence { set links { type ifname; }\n"
                "chain in { type filter hook input priority filter; iifname @links drop; }\n"
                "chain out { type filter hook output priority filter; oifname @links drop; }\n}\n"))
        for device in self.devices:
            with inside(device.namespace):
                Path("/proc/sys/net/ipv4/tcp_retries2").write_text("2")
                Path("/proc/sys/net/ipv4/tcp_syn_retries").write_text("1")
                command("ip", "-batch", "-", stdin=(
                    f"link set lo up\nlink set up0 up\naddress add 10.78.{device.number}.2/24 dev up0\n"))

    def _remove(self):
        for name in [self.cloud, *(device.namespace for device in self.devices)]:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)

    def live(self):
        """Each device for itself: its sessions are of different length, its faults in another order."""
        failures = []

        def live_one(device):
            chance = random.Random(device.number)
            faults = [FAULTS[(device.number + i) % len(FAULTS)] for i in range(self.scale.rounds)]
            try:
                device.start()
                device.connected(0)
                for fault in faults:
                    time.sleep(chance.uniform(*self.scale.pauses))
                    device.play(fault)
                time.sleep(chance.uniform(*self.scale.pauses))
                device.finish()
            except (AssertionError, OSError, RuntimeError, StopIteration,
                    subprocess.SubprocessError) as error:
                failures.append(f"{device.name}: {type(error).__name__}: {error}")

        threads = [threading.Thread(target=live_one, args=(device,)) for device in self.devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(failures, [])


def can_play():
    return os.geteuid() == 0 and all(map(shutil.which, ["mosquitto", "mosquitto_sub", "nft", "ss"]))


@case
def real_log_of_a_real_broker(stage):
    if not can_play():
        raise Skipped("needs root, mosquitto, nft and ss")
    with Fleet(stage) as fleet:
        fleet.live()
        for device in fleet.devices:
            stage.write_journal(f"real/remote-{device.host}", device.export())
        answers, summary = objects(stage.run("explain", f"--hub={fleet.broker.path}", "-o", "json", "-D",
                                             fleet.directory))
    wanted, faults = {}, {}
    for device in fleet.devices:
        wanted.update({end + 1: device.at(record) for end, record in device.truth.items()})
        faults.update({end + 1: fault for fault, end in device.played})
    told = collections.Counter()
    right = wrong = sure = sure_wrong = 0
    for answer in answers:
        fault = faults.get(answer["line"], "a stranger")
        told[fault, answer.get("cause") or f"({answer['why_not']})"] += 1
        if "cause" not in answer:
            continue
        fits = answer["record_time_usec"] == wanted.get(answer["line"])
        right += fits
        wrong += not fits
        sure += answer["pair_is_sure"]
        sure_wrong += answer["pair_is_sure"] and not fits
    print(f"    real: precision {right / (right + wrong):.4f}, recall {right / len(wanted):.4f} "
          f"({right} right, {wrong} wrong of {len(wanted)}; {sure} sure, {sure_wrong} of them wrong)")
    for (fault, cause), count in sorted(told.items()):
        print(f"      {fault:10} {cause:22} {count:4}")
    equal((sure_wrong, summary["malformed"]), (0, 0))
    equal(min(right / (right + wrong), right / len(wanted)) >= LEAST, True)
