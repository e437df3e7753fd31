"""Where a case plays: its lab, its hub, its supervised agent. The short words of the cases."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import lab
from hub import PORT, Hub
from lab import PREFIX
from supervised import Controls, Supervised

AGENT = str(Path(__file__).with_name("agent.py"))

MEMORY_GROUPS, MEMORY_LIMIT = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
if not MEMORY_GROUPS.is_dir():  # control groups version 2
    MEMORY_GROUPS, MEMORY_LIMIT = Path("/sys/fs/cgroup"), "memory.max"
VERDICT_PATIENCE = 8  # seconds from the fault's end to the verdict: the engine's waits are shorter
OOM_LIMIT = 48 << 20


def sweep():
    """Removes what a run that was killed left behind."""
    lab.sweep()
    directories = Path(tempfile.gettempdir())
    for place, remove in ((MEMORY_GROUPS, Path.rmdir), (directories, shutil.rmtree)):
        for path in place.glob(f"{PREFIX}-*"):
            if lab.is_orphaned(path.name):
                remove(path)


class Stage:
    def __init__(self, family, watchdog, trace=None):
        self.family = family
        self.watched = watchdog is not None
        self.local_ports = []
        with contextlib.ExitStack() as leaving:
            self.directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
            leaving.callback(shutil.rmtree, self.directory, ignore_errors=True)
            leaving.callback(self._remove_memory_group)
            self.lab = leaving.enter_context(lab.Lab())
            leaving.callback(self._kill_rest)
            self.hub = Hub(self.lab, family)
            leaving.callback(self.hub.close)
            self._controls = Controls(self.directory / "control")
            leaving.callback(self._controls.close)
            words = [sys.executable, AGENT, "--control", self._controls.path]
            self.supervised = Supervised(self.lab, self.directory, words, watchdog, trace)
            leaving.callback(self.supervised.close)
            self.agent = self._controls.next(self.supervised)
            self.first_pid = self.agent.pid
            self._leaving = leaving.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._leaving.close()

    def _kill_rest(self):
        for pid in self.lab.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def finish(self):
        """Lets the agent go if it still lives; returns the exit status of it all."""
        self._controls.hang_up()
        return self.supervised.wait_exit()

    # ---- a connection

    def socket(self, kind="tcp", **options):
        """The agent makes a socket; options as in agent.py: keepalive=(1, 1, 2)."""
        self.agent.ask("socket", self.family, kind)
        for name, values in options.items():
            self.agent.ask("option", name.replace("_", "-"), *values)

    def connect(self, kind="tcp", receive_buffer=None, **options):
        """The agent connects to the hub. Returns the hub's end."""
        if not self.hub.listening:
            self.hub.listen(receive_buffer)
        self.socket(kind, **options)
        self.connect_succeeds()
        return self.hub.accept()

    def connect_succeeds(self):
        self.local_ports.append(self.agent.ask("connect", self._hub_address(), PORT))

    def connect_fails(self, error):
        """The agent's connect() must fail with errno `error`."""
        self.agent.fails("connect", self._hub_address(), PORT, error=error)

    def connect_into_black_hole(self):
        """The agent's SYN gets no answer; its connect() does not wait for one."""
        self.lab.black_hole()
        self.socket()
        port = self.agent.ask("connect-without-waiting", self._hub_address(), PORT)
        self.local_ports.append(port)

    def _hub_address(self):
        """As the agent writes it."""
        return f"::ffff:{self.hub.address}" if self.family == "mapped" else self.hub.address

    def verdict(self):
        """Waits for the verdict; whether it is right is seen later."""
        if self.watched:
            self.supervised.wait_for("ended", 1, VERDICT_PATIENCE)

    # ---- the agent's process

    def kill(self, signal_number):
        os.kill(self.agent.pid, signal_number)

    def allow_core_dump(self):
        """A dump goes to the case's own directory, unless the host has them handled elsewhere."""
        self.agent.ask("limit-core", "unlimited")

    def forbid_core_dump(self):
        self.agent.ask("limit-core", 0)

    def limit_memory(self):
        """Puts the agent into a memory control group of its own."""
        group = self._memory_group()
        group.mkdir()
        (group / MEMORY_LIMIT).write_text(str(OOM_LIMIT))
        (group / "cgroup.procs").write_text(str(self.agent.pid))

    def _memory_group(self):
        return MEMORY_GROUPS / self.directory.name

    def _remove_memory_group(self):
        with contextlib.suppress(FileNotFoundError):
            self._memory_group().rmdir()

    def fork(self):
        """The agent forks; returns the control of the child."""
        self.agent.ask("fork")
        return self._controls.next(self.supervised)

    def exec(self, fate):
        """The agent becomes a new program that keeps or loses the connection."""
        self.agent.tell("exec", fate)
        self.agent = self._controls.next(self.supervised)
