# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world of one play: a lab, a hub, an agent under connwatch, and what can be done to them."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from endings import ENDINGS
from held_opens import HeldOpens
from lab import PREFIX, Lab, command, inside
from modem import Modem, missing
from programs import PROGRAMS, SERVERS
from relay import BACKEND_PORT, PORT, Missing, Relay
from supervised import Supervised, watching

FREEZER = Path("/sys/fs/cgroup/unified")
if not FREEZER.is_dir():
    FREEZER = Path("/sys/fs/cgroup")
START_PATIENCE = 20  # seconds: a JVM on a busy machine


def wait_until(condition, what, patience=START_PATIENCE, pause=0.02):
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Missing(what)
        time.sleep(pause)
    return value


class World:
    def __init__(self, play, options):
        self.program = PROGRAMS[play.program]
        self._play, self._options = play, options
        self.ending = ENDINGS[play.ending]
        self.nat = self.ending.nat
        self.ipv6 = play.ipv6
        self.modem = None
        self.witness = None
        self.server = None   # behind the relay, if the program needs one
        self.session = None  # the one that is about to end
        self.pid = None      # who holds its connection
        self._helpers = []
        self._told = 0

    def __enter__(self):
        with contextlib.ExitStack() as leaving:
            self.directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
            leaving.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.lab = leaving.enter_context(Lab())
            if self.nat:
                self.lab.masquerade_on_device("fully-random")
            if ENDINGS[self._play.ending].modem:
                if why := missing():
                    raise Missing(why)
                self.modem = leaving.enter_context(Modem(self.directory, "uplink"))
            leaving.callback(self._kill_rest)
            if self.program.server:
                self.server = self._start_server()
                leaving.callback(self.server.wait)
            self.relay = Relay(self.lab, bool(self.program.server))
            leaving.callback(self.relay.close)
            leaving.callback(self._kill_rest)
            os.mkfifo(self.directory / "fifo")
            self._fifo = os.open(self.directory / "fifo", os.O_RDWR | os.O_NONBLOCK)
            leaving.callback(os.close, self._fifo)
            self.trace = self.directory / "events.trace"
            if self.ending.attempt:
                self.ending.play(self)
            self.witness = self._start()
            leaving.callback(self.witness.close)
            leaving.callback(self.thaw)
            self._leaving = leaving.pop_all()
        return self

    def __exit__(self, *_):
        self._leaving.close()

    # ---- beginning

    def _start_server(self):
        with inside(self.lab.cloud):
            server = subprocess.Popen(SERVERS[self.program.server](self.directory),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)

        def listens():
            with inside(self.lab.cloud), contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", BACKEND_PORT), 1).close()
                return True
        wait_until(listens, "the server does not start")
        return server

    def _start(self):
        files = {"FIFO": "fifo", "AUTHORITY": "hub.crt"}
        words = [str(self.directory / files[word]) if word in files else word
                 for word in self.program.start(self._options.build, self._play.ipv6)]
        os.environ["NODE_PATH"] = str(self._options.build / "sdk/node_modules")
        if not self._play.found:
            words = self._watching("run", "--", *words)
        started = Supervised(words, self.directory, self.lab.device)
        if not self._play.found:
            return started
        self._leaving_agent = started
        self._await_session()
        return Supervised(self._watching("watch", f"--pid={started.process.pid}"), self.directory,
                          self.lab.device)

    def _watching(self, *words):
        words = watching(self._options.connwatchctl, *words, settings=self._play.settings,
                         trace=self.trace)
        return ["env", f"DBUS_SYSTEM_BUS_ADDRESS={self.modem.address}", *words] \
            if self.modem else words

    def _await_session(self):
        self.session = self.relay.wait_session(len(self.relay.sessions) or 1)
        wait_until(lambda: self.session.heard.is_set() and self.session.answered.is_set(),
                   "the agent and its hub do not talk")
        if self.nat:
            self.session.port = wait_until(self._own_port, "the agent has no connection")
        self.pid = wait_until(self._holder, "nobody holds the connection")

    def await_session(self):
        """The agent is connected, and connwatch knows of it."""
        self._await_session()
        seen = re.compile(rf" (found|established|sampled) .*local=\S*:{self.session.port}\b")
        wait_until(lambda: self.trace.exists() and seen.search(self.trace.read_text()),
                   "connwatch does not see the connection")

    def await_end(self):
        """The kernel has ended the session: what happens from now on has no part in it."""
        ended = re.compile(rf" (closing|ended) .*local=\S*:{self.session.port}\b")
        wait_until(lambda: ended.search(self.trace.read_text()), "the session does not end")

    def _holder(self):
        with inside(self.lab.device):
            text = command("ss", "-tnpH", "state", "established", f"sport = :{self.session.port}")
        found = re.search(r"pid=(\d+)", text)
        return found and int(found[1])

    def _own_port(self):
        """As the device has it: the hub sees another one."""
        with inside(self.lab.device):
            text = command("ss", "-tnH", "state", "established", f"dport = :{PORT}")
        found = re.search(r":(\d+)\s+\S+:%d\b" % PORT, text)
        return found and int(found[1])

    @property
    def parent(self):
        """The process of the agent that started the one with the connection."""
        return int(Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

    # ---- doing

    def tell(self, *words):
        """Gives the agent a command."""
        os.write(self._fifo, (" ".join(map(str, words)) + "\n").encode())

    def hold_file(self):
        """A file that nobody can open before the end of the play. Returns its path and who holds it."""
        directory = self.directory / "held"
        directory.mkdir()
        (directory / "file").touch()
        held = HeldOpens(directory)
        self._leaving.callback(held.release)
        return directory / "file", held

    def kill(self, name, pid=None):
        os.kill(pid or self.pid, getattr(signal, f"SIG{name}"))

    def start_in_device(self, *words):
        """A program on the device that is not of the agent. It is gone at the end."""
        with inside(self.lab.device):
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        self._leaving.callback(process.wait)
        self._leaving.callback(process.kill)
        return process

    def on_device(self, *words):
        with inside(self.lab.device):
            command(*words)

    def group(self):
        """The control group of the agent, version 2; None if it has none of its own."""
        text = Path(f"/proc/{self.pid}/cgroup").read_text()
        path = re.search(r"^0::(.*)$", text, re.MULTILINE)[1]
        ours = re.search(r"^0::(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)[1]
        return None if path == ours else FREEZER / path.lstrip("/")

    def freeze(self):
        group = self.group()
        if group is None or not (group / "cgroup.freeze").exists():
            raise Missing("the agent has no control group that can be frozen")
        (group / "cgroup.freeze").write_text("1")
        wait_until(lambda: "frozen 1" in (group / "cgroup.events").read_text(), "it does not freeze")
        self._frozen = group

    def thaw(self):
        with contextlib.suppress(OSError, AttributeError):
            (self._frozen / "cgroup.freeze").write_text("0")

    def alive(self):
        return Path(f"/proc/{self.pid}").exists()

    def wait_dead(self):
        wait_until(lambda: not self.alive(), "the agent does not end")

    def _kill_rest(self):
        for pid in self.lab.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # ---- what was said

    def records(self, *kinds):
        return [record for record in self.witness.records
                if isinstance(record, dict) and record.get("CONNWATCH_KIND") in kinds]

    def _is_about_session(self, record):
        if not self.session:  # the first attempt
            return record.get("CONNWATCH_PEER_PORT") == str(PORT)
        return record.get("CONNWATCH_LOCAL_PORT") == str(self.session.port)

    def verdict(self, patience):
        """The record of the session's end; None if it does not come."""
        deadline = time.monotonic() + patience
        ended = False
        while time.monotonic() < deadline:
            for record in self.records("ended", "evidence-lost"):
                if self._is_about_session(record):
                    return record
            if ended:
                break
            ended = self.witness.has_ended()
            time.sleep(0.02)
        return None
