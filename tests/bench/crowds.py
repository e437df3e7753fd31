# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many watched connections: crowd.c."""

import contextlib
import resource
import subprocess
import time

from watchers import LOAD_PROCESSOR, pinned

A_PROCESS = 10_000  # connections: there are some 28,000 ports, and fewer files in some places


def prepare():
    pinned(LOAD_PROCESSOR)()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Crowd:
    """`count` open connections in the control group `group`; each sends a byte every `interval`
    seconds (0: never)."""

    def __init__(self, programs, count, group, interval=0):
        self._processes = []
        for begun in range(0, count, A_PROCESS):  # one after the other
            self._processes.append(subprocess.Popen(
                [programs / "tests/bench/crowd", str(min(A_PROCESS, count - begun)), str(interval),
                 group], preexec_fn=prepare, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE))
            self._expect(self._processes[-1], "open")

    @staticmethod
    def _expect(process, word):
        if process.stdout.readline().strip() != word:
            raise RuntimeError(f"crowd: no {word}")

    def reset(self):
        """Resets all as fast as it goes; returns the seconds that took."""
        begin = time.monotonic()
        for process in self._processes:
            process.stdin.write("reset\n")
            process.stdin.flush()
        for process in self._processes:
            self._expect(process, "reset")
        return time.monotonic() - begin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
        for process in self._processes:
            process.wait()
