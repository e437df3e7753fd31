# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small fleet that is real: mosquitto's own log, joined to what connwatch says of mosquitto's own clients,
each in a network namespace of its own and with a clock of its own."""

import collections
import contextlib
import glob
import json
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
PATIENCE = 120  # seconds for a step, on a busy machine
STARTS = 6  # devices that start at a time: each has the kernel verify a probe
SKEWS = [0, 0, 97, -41]  # seconds that a device's clock shows too much
LEAST = {False: 0.95, True: 0.99}  # of precision and recall; where sessions last seconds, fewer pairs fit
SETTINGS = ["SettleSec=0", "RandomizedDelaySec=0", "ActionLimitBurst=99", "OnAgentCrash=restart",
            "OnAgentExit=restart"]
ENDS = (" closed its connection.", " disconnected.", " has exceeded timeout, disconnecting.",
        " been disconnected by administrative action.", " already connected, closing old connection.")
AGENT = Path(__file__).with_name("real_agent.py")
DYNAMIC_SECURITY = "/usr/lib/*/mosquitto_dynamic_security.so"
TOKEN = 20  # seconds that a token of the devices of that kind lasts
RENEWAL = 15  # seconds after which others renew it

# fault: what the device may say of it and be sure
CAUSES = {
    "crash": ["agent-crash"],
    "kill": ["agent-crash", "agent-stopped"],
    "abort": ["operator-abort"],
    "takeover": ["session-takeover", "peer-close"],
    "silence": ["path-silent"],
    "unplugged": ["link-down", "path-silent"],
    "hang": ["agent-hang"],
    "reset": ["agent-abort"],
    "close": ["agent-close"],
    "exit": ["agent-exit"],
    "token": ["token-expired", "peer-close"],
    "renew": ["token-renewal", "agent-close"],
    "finish": ["agent-stopped"],
}
BACK_AT_ONCE = ["reset", "close", "renew"]  # before the verdict: there is no outage
PATH_FAULTS = ["takeover", "silence", "unplugged", "hang"]
# kind of device: its faults, from another one on for each device; and how many there are, as a test and measured
KINDS = {
    "subscriber": (["crash", "kill", "abort", *PATH_FAULTS[:3]], 18, 0),
    "mosquitto_sub": (["crash", "kill", "abort", *PATH_FAULTS], 0, 22),
    "paho": (["reset", "close", "exit", *PATH_FAULTS, "crash"], 0, 16),
    "token": (["token"], 0, 6),
    "renewal": (["renew"], 0, 6),
}


class Scale:
    """How large it is: as a test, and where it is asked for, with more time for each session."""

    def __init__(self, measure):
        self.measured = measure
        self.rounds = 4 if measure else 2
        self.pauses = (15, 40) if measure else (6, 14)  # seconds that a session lives
        self.kinds = [kind for kind, numbers in KINDS.items() for _ in range(numbers[1 + measure])]
        self.lost = 2 if measure else 0  # devices whose journals do not come in


class Broker:
    """mosquitto, and its log. Where devices have tokens, it knows them, and ends their sessions."""

    def __init__(self, fleet):
        self.fleet, self.path = fleet, fleet.directory / "mosquitto.log"
        self.lines = []
        self._arrival = threading.Condition()
        self._configuration = fleet.directory / "mosquitto.conf"
        text = f"listener {PORT} 0.0.0.0\nallow_anonymous true\nlog_type all\nuser root\n"
        if fleet.scale.measured:
            text += self._write_accounts()
        self._configuration.write_text(text)
        self.start()

    def _write_accounts(self):
        path = self.fleet.directory / "accounts.json"
        command("mosquitto_ctrl", "dynsec", "init", path, "admin", "secret")
        accounts = json.loads(path.read_text())
        [admin] = accounts["clients"]
        accounts["clients"] += [dict(admin, username=device.name, roles=[]) for device in self.fleet.devices]
        accounts["defaultACLAccess"] = dict.fromkeys(
            ["publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"], True)
        path.write_text(json.dumps(accounts))
        return f"plugin {glob.glob(DYNAMIC_SECURITY)[0]}\nplugin_opt_config_file {path}\n"

    def start(self):
        since = len(self.lines)
        with inside(self.fleet.cloud):
            self._process = subprocess.Popen(["mosquitto", "-c", self._configuration], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait(since, lambda line: line.endswith(" running"))

    def _read(self):
        with self._process.stderr as log, open(self.path, "a", encoding="utf-8") as copy:
            for line in log:
                copy.write(line)
                copy.flush()
                with self._arrival:
                    self.lines.append(line.rstrip("\n"))
                    self._arrival.notify_all()

    def wait(self, since, wanted):
        """The index of the first line from `since` on that is wanted."""
        deadline, first = time.monotonic() + PATIENCE, since
        with self._arrival:
            while True:
                for index in range(since, len(self.lines)):
                    if wanted(self.lines[index]):
                        return index
                since = max(since, len(self.lines))
                if not self._arrival.wait(deadline - time.monotonic()):
                    raise AssertionError(f"mosquitto does not say it from line {first + 1} on: {self.lines[-3:]}")

    def end_session(self, name):
        """As a hub whose token for it has expired; the device may come back at once with another."""
        for verb in ("disableClient", "enableClient"):
            with inside(self.fleet.cloud):
                command("mosquitto_ctrl", "-h", "127.0.0.1", "-p", str(PORT), "-u", "admin", "-P", "secret",
                        "dynsec", verb, name)

    def stop(self):
        self._process.terminate()
        self._process.wait()
        self._reader.join()


class Device:
    """A client under `connwatchctl run`, and what happens to it."""

    def __init__(self, fleet, number, kind):
        self.fleet, self.number, self.kind = fleet, number, kind
        self.namespace = f"{fleet.prefix}-{number}"
        self.name = f"sensor-{number:02}"
        self.host = f"host-{number:02}"
        self.skew = SKEWS[number % len(SKEWS)]
        self.program = "mosquitto_sub" if kind in ("subscriber", "mosquitto_sub") else "python3"
        self.fifo = fleet.directory / f"{self.name}.fifo"
        self.truth = {}  # index of the hub's line: time of the record
        self.played = []  # (fault, index of the line)
        self.supervised = None
        self._record = threading.Condition()

    def start(self):
        address = f"10.78.{self.number}.1"
        words = ["mosquitto_sub", "-h", address, "-p", str(PORT), "-i", self.name, "-k", str(KEEP_ALIVE),
                 "-t", "nothing"]
        if self.program == "python3":
            os.mkfifo(self.fifo)
            words = ["/usr/bin/python3", AGENT, address, str(PORT), self.name, str(KEEP_ALIVE), self.fifo]
        settings = [*SETTINGS, f"DeviceId={self.name}"]
        if self.kind in ("token", "renewal"):
            settings.append(f"TokenLifetimeSec={TOKEN}")
        self.supervised = Supervised(
            watching(self.fleet.watchdog, "run", f"--name={self.host}", f"--peer=*:{PORT}", "--", *words,
                     settings=settings),
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
        tails = ENDS[4:] if fault == "takeover" else ENDS[:4]
        return self.fleet.broker.wait(since, lambda line: any(
            line.endswith(f" Client {self.name}{tail}") for tail in tails))

    def _child(self):
        pid = self.supervised.process.pid
        children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
        return next(int(child) for child in children.split()
                    if Path(f"/proc/{child}/comm").read_text() == f"{self.program}\n")

    def _break(self, fault):
        """Returns what heals it, or None."""
        link = f"d{self.number}"
        if fault in ("crash", "kill"):
            os.kill(self._child(), signal.SIGSEGV if fault == "crash" else signal.SIGKILL)
        elif fault == "hang":
            child = self._child()
            os.kill(child, signal.SIGSTOP)
            return lambda: self._go_on(child)
        elif fault == "abort":
            with inside(self.namespace):
                command("ss", "-K", "dport", "=", str(PORT))
        elif fault == "takeover":
            with inside(self.namespace):
                command("mosquitto_pub", "-h", f"10.78.{self.number}.1", "-p", str(PORT), "-i", self.name,
                        "-t", "nothing", "-m", "")
        elif fault == "token":
            self.fleet.broker.end_session(self.name)
        elif fault in ("reset", "close", "exit", "renew"):
            self.fifo.write_text(f"{fault}\n", encoding="ascii")
        elif fault == "silence":
            self._wait_ping()
            with inside(self.fleet.cloud):
                command("nft", f"add element inet silence links {{ {link} }}")
            return lambda: self._in_cloud("nft", f"delete element inet silence links {{ {link} }}")
        else:
            with inside(self.namespace):
                command("ip", "link", "set", "up0", "down")
            return self._plug_in
        return None

    def _wait_ping(self):
        """Nothing is under way for a while. An answer that the silence keeps back, to a PINGREQ that had arrived,
        would look as if the agent had given up a path that is well."""
        broker = self.fleet.broker
        broker.wait(len(broker.lines), lambda line: line.endswith(f" Sending PINGRESP to {self.name}"))
        time.sleep(1)

    @staticmethod
    def _go_on(child):
        with contextlib.suppress(ProcessLookupError):  # connwatch may have restarted it
            os.kill(child, signal.SIGCONT)

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
        if fault not in BACK_AT_ONCE:
            self._wait_record(ended, "recovered")

    def _remember(self, fault, end, ended):
        self.played.append((fault, end))
        self.truth[end] = int(self.supervised.records[ended]["__REALTIME_TIMESTAMP"])

    def pause(self, chance, began):
        """Returns when its session is old enough for the next fault."""
        ages = {"token": TOKEN * 1.05, "renewal": RENEWAL}
        wanted = ages.get(self.kind) or chance.uniform(*self.fleet.scale.pauses)
        time.sleep(max(0, began + wanted - time.monotonic()))

    def live(self):
        """Each for itself: its sessions are of different length, its faults in another order."""
        chance = random.Random(self.number)
        faults = KINDS[self.kind][0]
        with self.fleet.starting:
            self.start()
            self.connected(0)
        began = time.monotonic()
        for i in range(self.fleet.scale.rounds):
            self.pause(chance, began)
            self.play(faults[(self.number + i) % len(faults)])
            began = time.monotonic()
        if self.fleet.scale.measured:
            self._lose_the_hub()
        time.sleep(chance.uniform(*self.fleet.scale.pauses))
        self.finish()

    def _lose_the_hub(self):
        """The broker is stopped and started under all of them, and writes nothing of it."""
        record = len(self.supervised.records)
        self.fleet.all_there.wait(10 * PATIENCE)
        self._wait_record(self._wait_record(record, "ended"), "recovered")

    def finish(self):
        """Stopped on request: its last end."""
        line, record = len(self.fleet.broker.lines), len(self.supervised.records)
        self.supervised.process.terminate()
        self.supervised.process.wait(PATIENCE)
        self._remember("finish", self._wait_end(line, "finish"), self._wait_record(record, "ended"))

    def remove(self):
        """What is left of it, where it did not come to its end."""
        if self.supervised and self.supervised.process.poll() is None:
            with contextlib.suppress(StopIteration, OSError):
                os.kill(self._child(), signal.SIGKILL)
            self.supervised.process.kill()

    def export(self):
        """Its journal, by its own clock."""
        text = ""
        for record in self.supervised.records:
            fields = dict(record, _BOOT_ID=f"{self.number + 1:032x}", _MACHINE_ID=f"{self.number + 1:032x}",
                          _HOSTNAME=self.host, _UID="0", _SYSTEMD_UNIT="connwatchd.service", SOFTWARE=self.kind,
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
        self.devices = [Device(self, *numbered) for numbered in enumerate(self.scale.kinds)]
        self.starting = threading.Semaphore(STARTS)
        self.all_there = threading.Barrier(len(self.devices), self._restart_broker)

    def __enter__(self):
        sweep()
        try:
            self._build()
            self.broker = Broker(self)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        for device in self.devices:
            device.remove()
        self.broker.stop()
        self._remove()

    def _restart_broker(self):
        self.broker.stop()
        self.broker.start()

    def _build(self):
        batch = f"netns add {self.cloud}\n" + "".join(
            f"netns add {device.namespace}\n"
            f"link add name up0 netns {device.namespace} type veth peer name d{device.number} netns {self.cloud}\n"
            for device in self.devices)
        command("ip", "-batch", "-", stdin=batch)
        with inside(self.cloud):
            command("ip", "-batch", "-", stdin="link set lo up\n" + "".join(
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
        """All devices at once."""
        failures = []

        def live_one(device):
            try:
                device.live()
            except (AssertionError, OSError, RuntimeError, StopIteration,
                    subprocess.SubprocessError) as error:
                self.all_there.abort()
                failures.append(f"{device.name}: {type(error).__name__}: {error}")

        threads = [threading.Thread(target=live_one, args=(device,)) for device in self.devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(failures, [])


def can_play(measured):
    programs = ["mosquitto", "mosquitto_sub", "nft", "ss", *(["mosquitto_ctrl"] if measured else [])]
    return os.geteuid() == 0 and all(map(shutil.which, programs)) and (
        not measured or glob.glob(DYNAMIC_SECURITY))


class Score:
    """The answers beside what was played."""

    def __init__(self, devices, lost):
        self.faults, self.wanted = {}, {}  # by the number of the hub's line
        for device in devices:
            self.faults.update({end + 1: fault for fault, end in device.played})
            if device not in lost:
                self.wanted.update({end + 1: device.at(record) for end, record in device.truth.items()})
        self.told = collections.Counter()
        self.right = self.wrong = self.sure = self.sure_wrong = 0
        self.false = []  # causes that are sure and not what was played

    def take(self, answer):
        fault = self.faults.get(answer["line"], "a stranger")
        self.told[fault, answer.get("cause") or f"({answer['why_not']})"] += 1
        if "cause" not in answer:
            return
        fits = answer["record_time_usec"] == self.wanted.get(answer["line"])
        self.right += fits
        self.wrong += not fits
        self.sure += answer["pair_is_sure"]
        self.sure_wrong += answer["pair_is_sure"] and not fits
        if answer["confidence"] == "proved" and answer["cause"] not in CAUSES.get(fault, ()):
            self.false.append((fault, answer["cause"], answer["hub_id"]))

    def say(self):
        print(f"    real: precision {self.precision():.4f}, recall {self.recall():.4f} ({self.right} right, "
              f"{self.wrong} wrong of {len(self.wanted)}; {self.sure} sure, {self.sure_wrong} of them wrong)")
        for (fault, cause), count in sorted(self.told.items()):
            print(f"      {fault:10} {cause:22} {count:4}")

    def precision(self):
        return self.right / (self.right + self.wrong)

    def recall(self):
        return self.right / len(self.wanted)


@case
def real_log_of_a_real_broker(stage):
    measured = stage.options.measure
    if not can_play(measured):
        raise Skipped("needs root, mosquitto, nft and ss")
    with Fleet(stage) as fleet:
        fleet.live()
        lost = [device for device in fleet.devices[7::11]][:fleet.scale.lost]
        for device in fleet.devices:
            if device not in lost:
                stage.write_journal(f"real/remote-{device.host}", device.export())
        answers, summary = objects(stage.run("explain", f"--hub={fleet.broker.path}", "-o", "json",
                                             "--by=SOFTWARE", "-D", fleet.directory))
    score = Score(fleet.devices, lost)
    for answer in answers:
        score.take(answer)
    score.say()
    for one in summary["by"][0]["concentrated"]:
        print(f"      {one['cause']}: {one['words']}")
    equal((score.sure_wrong, score.false, summary["malformed"]), (0, [], 0))
    equal({one["why_not"] for one in answers if one["hub_id"] in [device.name for device in lost]},
          {"no-device"} if lost else set())
    equal(min(score.precision(), score.recall()) >= LEAST[measured], True)
