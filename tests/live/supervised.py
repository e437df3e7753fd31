"""The agent under `connwatchctl run -o json`: starts it, commands it, collects the records."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from hub import PATIENCE
from lab import inside

AGENT = str(Path(__file__).with_name("agent.py"))


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


class Supervised:
    """`connwatchctl run -o json -- agent.py`, in the lab's device; without `watchdog`, the agent
    alone, whose faults can be tried out that way."""

    def __init__(self, lab, directory, watchdog, trace=None):
        self.records = []
        self.noise = []  # lines on standard output that are no records
        self._arrival = threading.Condition()
        self._controls = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(directory / "control"))
        self._listener.listen()
        self._listener.settimeout(PATIENCE)
        self._complaints = open(directory / "stderr", "w+")
        words = [sys.executable, AGENT, "--control", str(directory / "control")]
        if watchdog:
            words = [watchdog, "run", "-o", "json", *self._recording(trace), "--", *words]
        with inside(lab.device):
            self.process = subprocess.Popen(
                words, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=self._complaints, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    @staticmethod
    def _recording(trace):
        return ["--record", str(trace)] if trace else []

    def _collect(self):
        for line in self.process.stdout:
            with self._arrival:
                try:
                    self.records.append(json.loads(line))
                except ValueError:
                    self.noise.append(line.rstrip())
                self._arrival.notify_all()

    def control(self):
        """Waits for a new process of the agent to report for duty."""
        deadline = time.monotonic() + PATIENCE
        self._listener.settimeout(0.2)
        while time.monotonic() < deadline:
            try:
                self._controls.append(Control(self._listener))
                return self._controls[-1]
            except TimeoutError:
                if self.process.poll() is not None:
                    raise Surprise(f"run ended with {self.process.returncode} before its command began")
        raise Surprise("the agent did not start")

    def ended(self):
        return [record for record in self.records if record.get("CONNWATCH_KIND") == "ended"]

    def wait_ended(self, count, patience):
        """Waits until `count` ended records are there; the caller checks whether they are."""
        with self._arrival:
            self._arrival.wait_for(lambda: len(self.ended()) >= count, patience)

    def finish(self):
        """Lets the agent go if it still lives; returns the exit status, as a shell counts it."""
        for control in self._controls:
            control.close()
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status if status >= 0 else 128 - status

    def complaints(self):
        self._complaints.seek(0)
        return self._complaints.read().splitlines()

    def close(self):
        for control in self._controls:
            control.close()
        self._listener.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        self._complaints.close()
