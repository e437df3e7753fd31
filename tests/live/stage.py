# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stage of a case: its lab, its hub, its watched agent, and the short words of the cases."""

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import lab
from held_opens import HeldOpens
from hub import PATIENCE, PORT, Hub
from lab import PREFIX
from supervised import Controls, Supervised, Surprise, watching

AGENT = str(Path(__file__).with_name("agent.py"))

MEMORY_GROUPS, MEMORY_LIMIT = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
if not MEMORY_GROUPS.is_dir():  # control groups version 2
    MEMORY_GROUPS, MEMORY_LIMIT = Path("/sys/fs/cgroup"), "memory.max"
PROCESSOR_GROUPS, PROCESSOR_LIMIT = Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us"
if not PROCESSOR_GROUPS.is_dir():
    PROCESSOR_GROUPS, PROCESSOR_LIMIT = Path("/sys/fs/cgroup"), "cpu.max"
PROCESSOR_PERIOD = 100000  # microseconds, as both versions have it
VERDICT_PATIENCE = 8  # seconds from the fault's end to the verdict: the engine's waits are shorter
FINDING_PATIENCE = 5  # seconds until `watch` has found what was there before it, and rests
OOM_LIMIT = 48 << 20


def sweep():
    """Removes what a run that was killed left behind."""
    lab.sweep()
    directories = Path(tempfile.gettempdir())
    for place, remove in ((MEMORY_GROUPS, Path.rmdir), (PROCESSOR_GROUPS, Path.rmdir),
                          (directories, shutil.rmtree)):
        for path in place.glob(f"{PREFIX}-*"):
            if lab.is_orphaned(path.name):
                remove(path)


class Stage:
    def __init__(self, case, watchdog, trace=None, mode=None):
        """Without `watchdog` the faults can be tried out alone. `mode` as connwatchctl's --mode."""
        self.family = case.family
        self.local_ports = []
        self.bus = None  # the system bus that connwatch sees; None: this host's
        self.other_addresses = ()  # of the hub's, that the agent may try, too
        self._told = {}  # kind -> how many records of it the case has waited for
        self._watchdog, self._settings = watchdog, case.settings
        self.bare = watchdog is None
        self.mode = mode
        self._watching_now = not self.bare and not case.found
        with contextlib.ExitStack() as leaving:
            self.directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
            leaving.callback(shutil.rmtree, self.directory, ignore_errors=True)
            leaving.callback(self._remove_groups)
            self.lab = leaving.enter_context(lab.Lab())
            leaving.callback(self._kill_rest)
            self.hub = Hub(self.lab, self.family)
            leaving.callback(self.hub.close)
            self._controls = Controls(self.directory / "control")
            leaving.callback(self._controls.close)
            self.trace = trace or self.directory / "events.trace"
            self._command = self._begin(case.found)
            leaving.callback(self._command.close)
            self.witness = self._command  # who prints the records
            self.agent = self._controls.next(self._command)
            self.first_pid = self.agent.pid
            self._leaving = leaving.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._leaving.close()

    @property
    def looks_into_mqtt(self):
        """There is a watchdog, and with eBPF it sees packets and what TLS hides."""
        return not self.bare and self.mode != "sock-diag"

    def _kill_rest(self):
        for pid in self.lab.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def finish(self):
        """Lets the agent go if it still lives; returns the exit status of it all."""
        self._controls.hang_up()
        status = self._command.wait_exit()
        if self.witness is not self._command and self.witness.wait_exit() != 0:
            raise Surprise("connwatchctl watch failed")
        return status

    def _begin(self, found):
        words = [sys.executable, AGENT, "--control", self._controls.path]
        place = self.lab.device
        if self.mode == "sock-diag":  # process events are told in the first network namespace
            words = ["ip", "netns", "exec", self.lab.device, *words]
            place = None
        if not self.bare and not found:
            words = self._watching("run", "--", *words)
        return Supervised(words, self.directory, place)

    def _watching(self, *words):
        words = watching(self._watchdog, *words, settings=self._settings, trace=self.trace,
                         mode=self.mode)
        return ["env", f"DBUS_SYSTEM_BUS_ADDRESS={self.bus}", *words] if self.bus else words

    def watch(self, place=None):
        """connwatch comes only now, and to another network namespace than the agent's: our own, or
        PLACE."""
        if self.bare:
            return
        self.witness = Supervised(self._watching("watch", f"--pid={self.first_pid}"),
                                  self.directory, place)
        self._leaving.callback(self.witness.close)
        self._watching_now = True
        self.wait_told("watching")
        if self.local_ports:
            self._wait_seen(self.local_ports[-1])
        if self.mode != "sock-diag":  # there the processes of others wake it
            self._wait_rest()

    def _wait_rest(self):
        status = Path(f"/proc/{self.witness.process.pid}/status")
        deadline = time.monotonic() + FINDING_PATIENCE
        before = None
        while (now := status.read_text()) != before:  # it did not even wake up meanwhile
            if time.monotonic() > deadline:
                raise Surprise("connwatchctl watch does not come to rest")
            before = now
            time.sleep(0.1)

    # ---- a connection

    def socket(self, kind="tcp", **options):
        """The agent makes a socket; options as in agent.py: keepalive=(1, 1, 2)."""
        self.agent.ask("socket", self.family, kind)
        for name, values in options.items():
            self.agent.ask("option", name.replace("_", "-"), *values)

    def connect(self, kind="tcp", receive_buffer=None, **options):
        """The agent connects to the hub. Returns the hub's end."""
        if not self.hub.listening:
            self.hub.listen(receive_buffer, "fast" if kind == "fast" else "tcp")
        self.socket(kind, **options)
        self.connect_succeeds("connect-with-data" if kind == "fast" else "connect")
        return self.hub.accept()

    def connect_succeeds(self, how="connect"):
        self.local_ports.append(self.agent.ask(how, self._hub_address(), PORT))
        if self.mode == "sock-diag" and self._watching_now:
            self._wait_seen(self.local_ports[-1])

    def _wait_seen(self, port):
        """Waits for the next look at what is open."""
        seen = re.compile(rf" (found|established) .* local=\S*:{port} ")
        deadline = time.monotonic() + FINDING_PATIENCE
        while not (self.trace.exists() and seen.search(self.trace.read_text())):
            if time.monotonic() > deadline:
                raise Surprise(f"the connection from port {port} is not seen")
            time.sleep(0.05)

    def visit(self, count):
        """The agent makes `count` short connections."""
        self.hub.listen()
        ports = self.agent.ask("visit", count, self.family, self._hub_address(), PORT)
        self.local_ports += ports.split(",")
        for _ in range(count):
            self.hub.accept()

    def connect_elsewhere(self):
        """The agent connects to what is not the hub, and is at once closed."""
        other = Hub(self.lab, self.family, PORT + 1)
        self._leaving.callback(other.close)
        other.listen()
        self.socket()
        self.agent.ask("connect", self._hub_address(), other.port)
        self.hub_closes(other.accept())

    def connect_fails(self, error):
        """The agent's connect() must fail with errno `error`."""
        self.agent.fails("connect", self._hub_address(), PORT, error=error)

    def connect_into_black_hole(self):
        """The agent's SYN gets no answer; its connect() does not wait for one."""
        self.lab.black_hole()
        self.socket()
        port = self.agent.ask("connect-without-waiting", self._hub_address(), PORT)
        self.local_ports.append(port)

    def talk(self, peer, answered=True):
        """Something to the hub and, if it is answered, something back."""
        self.agent.ask("send")
        peer.receive()
        if answered:
            self.leave_unread(peer)
            self.agent.ask("receive")

    def leave_unread(self, peer):
        """The hub sends something, and the agent does not read it."""
        peer.send()
        self.agent.ask("wait", "input")

    def hub_closes(self, peer):
        peer.close()
        self.agent.ask("wait", "fin")
        self.agent.ask("close")

    def _hub_address(self):
        """Returns the hub's address as the agent writes it."""
        return f"::ffff:{self.hub.address}" if self.family == "mapped" else self.hub.address

    def wait_told(self, kind, patience=VERDICT_PATIENCE):
        """Waits for the next record of a kind; whether it is right is seen later. Returns false if it
        did not come."""
        self._told[kind] = self._told.get(kind, 0) + 1
        if self.bare:
            return True
        return self.witness.wait_for(kind, self._told[kind], patience)

    def wait_told_while(self, kind, act):
        """The same, and does act() now and then, so that there is something to be told."""
        deadline = time.monotonic() + VERDICT_PATIENCE
        told = self.wait_told(kind, 0)
        while not told and time.monotonic() < deadline:
            act()
            told = self.witness.wait_for(kind, self._told[kind], 0.2)

    def wait_all_told(self, wanted):
        """Waits for all the records that a case wants."""
        for kind in {record.kind for record in wanted}:
            while self._told.get(kind, 0) < sum(record.kind == kind for record in wanted):
                if not self.wait_told(kind) and self.mode == "sock-diag":
                    break  # it was not seen, and the rest may not be either

    @contextlib.contextmanager
    def witness_held(self):
        """The watchdog stands still meanwhile."""
        if self.bare:
            yield
            return
        os.kill(self.witness.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.witness.process.pid, signal.SIGCONT)

    # ---- the agent's process

    def kill(self, signal_number):
        os.kill(self.agent.pid, signal_number)

    def allow_core_dump(self):
        """A dump goes to the case's own directory, unless the host has them handled elsewhere."""
        self.agent.ask("limit-core", "unlimited")

    def hold_core_dump(self):
        """A dump begins, but does not end before release_core_dump()."""
        directory = self.directory / "dump"
        directory.mkdir()
        self.agent.ask("directory", directory)
        self._held_dump = HeldOpens(directory)
        self._leaving.callback(self._held_dump.release)

    def wait_core_dump(self):
        if not self._held_dump.wait(PATIENCE):
            raise Surprise("no core dump begins")

    def release_core_dump(self):
        self._held_dump.release()

    def forbid_core_dump(self):
        self.agent.ask("limit-core", 0)

    def limit_memory(self):
        """Puts the agent into a memory control group of its own."""
        group = self._memory_group()
        group.mkdir()
        (group / MEMORY_LIMIT).write_text(str(OOM_LIMIT))
        (group / "cgroup.procs").write_text(str(self.agent.pid))

    def limit_processor(self, percent):
        """Puts the agent into a control group with a quota, or changes that: 0 is without one."""
        group = self._processor_group()
        quota = percent * PROCESSOR_PERIOD // 100 or -1
        with contextlib.suppress(FileExistsError):
            group.mkdir()
        if PROCESSOR_LIMIT == "cpu.max":
            (group / PROCESSOR_LIMIT).write_text(f"{'max' if quota < 0 else quota} {PROCESSOR_PERIOD}")
        else:
            (group / PROCESSOR_LIMIT).write_text(str(quota))
        (group / "cgroup.procs").write_text(str(self.agent.pid))

    def _processor_group(self):
        return PROCESSOR_GROUPS / self.directory.name

    def throttle_memory(self, size):
        """Puts the agent into a control group of version 2 that slows down what takes more."""
        group = self._memory_group()
        group.mkdir()
        (group / "memory.high").write_text(str(size))
        (group / "cgroup.procs").write_text(str(self.agent.pid))

    def release_memory(self):
        (self._memory_group() / "memory.high").write_text("max")

    def _memory_group(self):
        return MEMORY_GROUPS / self.directory.name

    def _remove_groups(self):
        for group in (self._memory_group(), self._processor_group()):
            with contextlib.suppress(FileNotFoundError):
                group.rmdir()

    def fork(self):
        """The agent forks; returns the control of the child."""
        self.agent.ask("fork")
        return self._controls.next(self._command)

    def exec(self, fate):
        """The agent becomes a new program that keeps or loses the connection."""
        self.agent.tell("exec", fate)
        self.agent = self._controls.next(self._command)

    def begin_anew(self, **environment):
        """The agent becomes a new program with these variables in its environment."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        self.agent.tell("become", "env", *variables, sys.executable, AGENT, "--control",
                        self._controls.path)
        self.agent = self._controls.next(self._command)
