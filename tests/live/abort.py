#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that only a dead connection is aborted, at once, and in whatever network namespace it is.

    tests/live/abort.py PROGRAM     build/tests/live/abort_connection
"""

import contextlib
import errno
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

import lab
import signals
from hub import PATIENCE, PORT, Hub
from lab import NAMESPACES, inside

SO_COOKIE = 57  # asm-generic/socket.h
TCPI_RETRANSMITS = 2  # its place in struct tcp_info


class Stage:
    """A connection from the device to the cloud, and a process that lives beside it."""

    def __init__(self, program, place, family):
        self.program = program
        place.set("device", tcp_retries2=15, tcp_syn_retries=6)  # nobody else may end it
        self.hub = Hub(place, family)
        self.hub.listen()
        with inside(place.device):
            self.neighbour = subprocess.Popen(["sleep", "infinity"])
            self.agent = socket.socket(socket.AF_INET6 if family == "ipv6" else socket.AF_INET)
        self.agent.settimeout(PATIENCE)
        self.netns = os.stat(NAMESPACES / place.device).st_ino

    def connect(self):
        self.agent.connect((self.hub.address, PORT))
        self.hub.accept()

    def abort(self, pid=None, netns=None, cookie=None, silence_msec=0, started=0):
        if cookie is None:
            cookie, = struct.unpack("Q", self.agent.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))
        words = [self.program, pid or self.neighbour.pid, started, netns or self.netns, cookie,
                 silence_msec]
        return lab.command(*map(str, words)).strip()

    def wait_retransmission(self, over=False):
        deadline = time.monotonic() + PATIENCE
        while (self._info()[TCPI_RETRANSMITS] > 0) == over:
            assert time.monotonic() < deadline, "not healed" if over else "no retransmission"
            time.sleep(0.01)

    def _info(self):
        return self.agent.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)

    def close(self):
        self.agent.close()
        self.hub.close()
        self.neighbour.kill()
        self.neighbour.wait()


def started_of(pid):
    """Field 22 of /proc/PID/stat, see proc(5)."""
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def expect(found, wanted):
    assert found == wanted, f"{found} instead of {wanted}"


def has_failed(connection, error):
    """Without waiting for it."""
    expect(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), error)


def dead_connection_is_destroyed(place, stage):
    stage.connect()
    place.black_hole()
    stage.agent.sendall(b"a")
    stage.wait_retransmission()
    expect(stage.abort(silence_msec=60_000), "EALREADY")  # it may still heal
    expect(stage.abort(silence_msec=100), "done")
    has_failed(stage.agent, errno.ECONNABORTED)
    with inside(place.device):
        expect(lab.command("ss", "-Htn", f"dport = :{PORT}"), "")
    expect(stage.abort(), "ESRCH")


def connection_bound_to_an_interface_is_destroyed(place, stage):
    stage.agent.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"uplink")
    dead_connection_is_destroyed(place, stage)


def healthy_connection_is_left_alone(place, stage):
    stage.connect()
    expect(stage.abort(), "EALREADY")
    stage.agent.sendall(b"a")
    expect(stage.abort(), "EALREADY")
    place.black_hole()
    expect(stage.abort(), "EALREADY")  # nobody has noticed


def healed_connection_is_left_alone(place, stage):
    stage.connect()
    place.black_hole()
    stage.agent.sendall(b"a")
    stage.wait_retransmission()
    place.heal()
    stage.wait_retransmission(over=True)
    expect(stage.abort(), "EALREADY")


def attempt_without_answer_is_destroyed(place, stage):
    place.black_hole()
    stage.agent.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        stage.agent.connect((stage.hub.address, PORT))
    expect(stage.abort(), "EALREADY")
    stage.wait_retransmission()
    expect(stage.abort(), "done")
    has_failed(stage.agent, errno.ECONNABORTED)


def wrong_names_reach_nothing(place, stage):
    stage.connect()
    place.black_hole()
    stage.agent.sendall(b"a")
    stage.wait_retransmission()
    expect(stage.abort(cookie=1 << 40), "ESRCH")
    expect(stage.abort(pid=os.getpid()), "ESTALE")
    expect(stage.abort(started=started_of(stage.neighbour.pid) + 1), "ESRCH")
    own = os.stat("/proc/self/ns/net").st_ino
    expect(stage.abort(pid=os.getpid(), netns=own), "ESRCH")
    expect(stage.abort(started=started_of(stage.neighbour.pid)), "done")


CASES = [
    dead_connection_is_destroyed,
    connection_bound_to_an_interface_is_destroyed,
    healthy_connection_is_left_alone,
    healed_connection_is_left_alone,
    attempt_without_answer_is_destroyed,
    wrong_names_reach_nothing,
]


def run(program, case, family):
    with lab.Lab() as place, contextlib.closing(Stage(program, place, family)) as stage:
        case(place, stage)


def main():
    signals.keep_from_children()
    lab.sweep()
    failed = 0
    for case in CASES:
        for family in "ipv4", "ipv6":
            try:
                run(sys.argv[1], case, family)
            except AssertionError as surprise:
                failed += 1
                print(f"FAILED {case.__name__} {family}: {surprise}")
    print(f"{2 * len(CASES) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
