# SPDX-License-Identifier: LGPL-2.1-or-later
"""Name servers in the cloud's namespace: they know the hub, until something is wrong with them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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

    def is_silent(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def _serve(self, *words):
        self._stop()
        with inside(self._lab.cloud):
            self._process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        while not subprocess.run(["ss", "-Hlun", "sport = :53"], capture_output=True,
                                 check=True).stdout:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Surprise("the name server does not listen")
            time.sleep(0.02)

    def _stop(self):
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None


class Dnsmasq(NameServer):
    def knows_the_hub(self, families=("ipv4", "ipv6")):
        self._tell(*(f"--address=/{NAME}/{CLOUD_ADDRESS[family]}" for family in families))

    def has_no_such_name(self):
        """NXDOMAIN."""
        self._tell("--local=/test/")

    def has_no_address(self):
        """The name is there, with a record of another type: NOERROR without answers."""
        self._tell("--local=/test/", f"--txt-record={NAME},here")

    def refuses(self):
        """REFUSED: it has nobody to ask."""
        self._tell()

    def _tell(self, *names):
        self._serve("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                    "--no-hosts", "--bind-interfaces", f"--listen-address={self._address}",
                    "--pid-file=", "--user=root", *names)


class Unbound(NameServer):
    """unbound.conf(5)."""

    def __init__(self, lab, directory):
        super().__init__(lab)
        self._settings = directory / "unbound.conf"

    def knows_the_hub(self):
        self._tell('local-zone: "test." static',
                   *(f'local-data: "{NAME}. {kind} {CLOUD_ADDRESS[family]}"'
                     for kind, family in (("A", "ipv4"), ("AAAA", "ipv6"))))

    def has_no_such_name(self):
        """NXDOMAIN."""
        self._tell('local-zone: "test." static')

    def has_no_address(self):
        """NOERROR without answers."""
        self._tell('local-zone: "test." always_nodata')

    def fails(self):
        """SERVFAIL: itself is the only one whom it could ask."""
        self._tell('local-zone: "test." nodefault', "do-not-query-localhost: yes",
                   "forward-zone:", 'name: "."', "forward-addr: 127.0.0.1")

    def refuses(self):
        """REFUSED."""
        self._tell('local-zone: "test." refuse')

    def answers_nothing(self):
        """It takes the questions."""
        self._tell('local-zone: "test." deny')

    def _tell(self, *lines):
        self._settings.write_text("\n".join((
            "server:", f"interface: {self._address}", "access-control: 0.0.0.0/0 allow",
            'username: ""', 'chroot: ""', 'pidfile: ""', "use-syslog: no", "num-threads: 1",
            'module-config: "iterator"', *lines, "remote-control:", "control-enable: no", "")))
        self._serve("unbound", "-d", "-c", self._settings)


class OddServer(NameServer):
    """tests/live/names/odd_server.py."""

    PROGRAM = Path(__file__).with_name("names") / "odd_server.py"
    ELSEWHERE = "10.77.9.9"

    def knows_the_hub(self):
        """It does not: it is quiet until it is told how to answer."""

    def answers_from_elsewhere(self, cut=2):
        """Over TCP from the right one, `cut` bytes by themselves."""
        with inside(self._lab.cloud):
            subprocess.run(["ip", "address", "add", f"{self.ELSEWHERE}/32", "dev", "lo"], check=True)
        self._serve(sys.executable, self.PROGRAM, self._address, self.ELSEWHERE, str(cut))
