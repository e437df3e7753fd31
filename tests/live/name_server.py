# SPDX-License-Identifier: LGPL-2.1-or-later
"""dnsmasq in the cloud's namespace: it knows the hub, until something is wrong with it."""

import contextlib
import os
import signal
import subprocess
import time

from lab import CLOUD_ADDRESS, inside
from supervised import Surprise

NAME = "hub.test"
PATIENCE = 5  # seconds until it listens


class NameServer:
    """`family` is that of its own address; the hub has one of each."""

    def __init__(self, lab, family="ipv4"):
        self._lab, self._address = lab, CLOUD_ADDRESS[family]
        self._process = None

    def __enter__(self):
        self.knows_the_hub()
        return self

    def __exit__(self, *_):
        self._stop()

    def knows_the_hub(self, families=("ipv4", "ipv6")):
        self._serve(*(f"--address=/{NAME}/{CLOUD_ADDRESS[family]}" for family in families))

    def has_no_such_name(self):
        """NXDOMAIN."""
        self._serve("--local=/test/")

    def has_no_address(self):
        """The name is there, with a record of another type: NOERROR without answers."""
        self._serve("--local=/test/", f"--txt-record={NAME},here")

    def refuses(self):
        """REFUSED: it has nobody to ask."""
        self._serve()

    def is_silent(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def _serve(self, *names):
        self._stop()
        words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                 "--no-hosts", "--bind-interfaces", f"--listen-address={self._address}",
                 "--pid-file=", "--user=root", *names]
        with inside(self._lab.cloud):
            self._process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        while not subprocess.run(["ss", "-Hlun", "sport = :53"], capture_output=True,
                                 check=True).stdout:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Surprise("dnsmasq does not listen")
            time.sleep(0.02)

    def _stop(self):
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None
