# SPDX-License-Identifier: LGPL-2.1-or-later
"""A command under connwatchctl and its records; the channel to agent.py."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from hub import PATIENCE
from lab import inside

START_PATIENCE = 60  # seconds: the kernel takes long to verify the probe on a busy host


class Surprise(Exception):
    """Something else happened than the case had said."""


class Control:
    """The command channel to one process of the agent. Its end is the process's end."""

    def __init__(self, listener):
        self._channel = listener.accept()[0]
        self._channel.settimeout(PATIENCE)
        self._answers = self._channel.makefile("r")
        self.pid = int(self._answers.readline())

    def tell(self, *words):
        """Gives a command whose answer will not come, or is fetched later with answer()."""
        self._channel.sendall((" ".join(map(str, words)) + "\n").encode())

    def answer(self):
        """The answer to the last command: (True, text) or (False, name of the errno)."""
        verdict, _, text = self._answers.readline().strip().partition(" ")
        if not verdict:
            raise Surprise("the agent is gone")
        return verdict == "ok", text

    def ask(self, *words):
        """Gives a command that must succeed; returns its answer."""
        self.tell(*words)
        succeeded, text = self.answer()
        if not succeeded:
            raise Surprise(f"{words[0]}: {text}")
        return text

    def fails(self, *words, error):
        """Gives a command that must fail with errno `error`."""
        self.tell(*words)
        succeeded, text = self.answer()
        if succeeded or text != error:
            raise Surprise(f"{words[0]}: {text or 'success'} instead of {error}")

    def wait_end(self):
        """Waits until the process has closed its files: a while before it is reaped."""
        if self._answers.readline():
            raise Surprise("the agent answers instead of ending")

    def close(self):
        self._answers.close()
        self._channel.close()


class Controls:
    """The unix socket to which the agent's processes report; every namespace reaches it."""

    def __init__(self, path):
        self.path = str(path)
        self._controls = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._listener.settimeout(0.2)

    def next(self, supervised):
        """Waits for the next process to report; returns its Control."""
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            try:
                self._controls.append(Control(self._listener))
                return self._controls[-1]
            except TimeoutError:
                if supervised.process.poll() is not None:
                    complaints = supervised.complaints()
                    raise Surprise("\n".join(["it ended before it began"] + complaints))
        raise Surprise("the agent did not start")

    def hang_up(self):
        """Lets the processes go: the end of the commands ends them."""
        for control in self._controls:
            control.close()

    def close(self):
        self.hang_up()
        self._listener.close()


KERNEL_TYPES = "/sys/kernel/btf/vmlinux"


def watching(watchdog, verb, *words, settings=(), trace=None, mode=None):
    """The command line of `connwatchctl run` or `watch`, with JSON on standard output. The mode
    `no-btf` is eBPF as on a kernel without types of its own."""
    options = [f"--set={setting}" for setting in settings]
    options += [f"--record={trace}"] if trace else []
    if mode == "no-btf":
        options.append(f"--btf={KERNEL_TYPES}")
    elif mode:
        options.append(f"--mode={mode}")
    return [watchdog, verb, "-o", "json", *options, *words]


class Supervised:
    """A program whose standard output is JSON records, in the network namespace `namespace` (None:
    our own). `on_record` is told of each record at once."""

    def __init__(self, words, directory, namespace, on_record=None):
        self.records = []
        self.noise = []  # lines on standard output that are no records
        self._on_record = on_record or (lambda record: None)
        self._arrival = threading.Condition()
        self._complaints = tempfile.TemporaryFile("w+")
        with inside(namespace) if namespace else contextlib.nullcontext():
            self.process = subprocess.Popen(
                words, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=self._complaints, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self):
        with self.process.stdout as lines:
            for line in lines:
                self._take(line)

    def _take(self, line):
        with self._arrival:
            try:
                self.records.append(json.loads(line))
                self._on_record(self.records[-1])
            except ValueError:
                self.noise.append(line.rstrip())
            self._arrival.notify_all()

    def of_kind(self, kind):
        return [record for record in self.records if record.get("CONNWATCH_KIND") == kind]

    def wait_for(self, kind, count, patience):
        """Waits for `count` records of a kind; false if they did not come."""
        with self._arrival:
            return self._arrival.wait_for(lambda: len(self.of_kind(kind)) >= count, patience)

    def has_ended(self):
        """True if the program has ended and all its records are here."""
        if self.process.poll() is None:
            return False
        self._reader.join(PATIENCE)
        return True

    def wait_exit(self):
        """Waits until all is over; returns the exit status, as a shell counts it."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status if status >= 0 else 128 - status

    def complaints(self):
        """Returns the text of standard error."""
        self._complaints.seek(0)
        return self._complaints.read().splitlines()

    def complains_of(self, text):
        """True if standard error has that by now."""
        return text in Path(f"/proc/self/fd/{self._complaints.fileno()}").read_text()

    def close(self):
        """Ends what has not ended: SIGKILL to the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(PATIENCE)
        self._complaints.close()
