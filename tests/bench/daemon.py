# SPDX-License-Identifier: LGPL-2.1-or-later
"""connwatchd without systemd: the daemon as it is, with us in the place of its manager."""

import contextlib
import pathlib
import socket
import tempfile
import time

from watchers import CGROUPS, PATIENCE, Watcher

WATCHDOG_USEC = 30_000_000  # WatchdogSec= of units/connwatchd.service

SETTINGS = """\
[Match]
ControlGroup=/{group}
[Connection]
KeepAliveSec={keepalive}
"""


class Daemon(Watcher):
    """Watches the control group `group`; its agents promise to send every `keepalive` seconds."""

    def __init__(self, programs, group, keepalive=60, join=None):
        with contextlib.ExitStack() as stack:
            directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._notices = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            self._notices.bind(str(directory / "notify"))
            self._notices.settimeout(PATIENCE)
            settings = directory / "etc/connwatch"
            settings.mkdir(parents=True)
            (settings / "bench.agent").write_text(
                SETTINGS.format(group=group.relative_to(CGROUPS), keepalive=keepalive))
            begin = time.monotonic()
            super().__init__(
                [programs / "connwatchd", "--force", f"--root={directory}"], join=join,
                environment={"NOTIFY_SOCKET": str(directory / "notify"),
                             "WATCHDOG_USEC": str(WATCHDOG_USEC)})
            self._wait_ready()
            self.seconds_to_ready = time.monotonic() - begin
            self._stack = stack.pop_all()

    def _wait_ready(self):
        while b"READY=1" not in self._notices.recv(4096):
            pass

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self._stack.close()

    def pings(self):
        """Returns the number of pings to systemd's watchdog since the last call."""
        count = 0
        self._notices.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                count += b"WATCHDOG=1" in self._notices.recv(4096)
        return count
