#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows how `connwatchctl run` starts its command again: its pauses, its limits, who calls it off,
what signals the command hears.

    tests/live/restart.py CONNWATCHCTL
"""

import contextlib
import os
import queue
import signal
import socket
import struct
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import lab
import signals
from command_line import absolute
from hub import PATIENCE
from supervised import Supervised, watching

# Connects to the port in $1 and, after one byte from there, does what $2 says; or before it connects.
AGENT = """
import os, signal, socket, sys, time
port, deed = int(sys.argv[1]), sys.argv[2]
if deed == "refuse":
    sys.exit(4)
if deed == "fall":
    os.kill(os.getpid(), signal.SIGSEGV)
if deed == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
hub = socket.create_connection(("127.0.0.1", port))
hub.recv(1)
if deed == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if deed == "exit":
    sys.exit(3)
signal.pause()
"""


class Hub:
    """Accepts connections and has the agent go on at once."""

    def __init__(self, namespace):
        with lab.inside(namespace):
            self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.peers = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                peer = self._listener.accept()[0]
                peer.sendall(b"a")
                self.peers.put(peer)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        while not self.peers.empty():
            self.peers.get().close()

    def reset(self):
        """Resets the connection that came first."""
        peer = self.peers.get(timeout=PATIENCE)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()


class Run:
    """`connwatchctl run` over a command, itself run by the words `under`."""

    def __init__(self, connwatchctl, place, command, settings, under):
        words = watching(connwatchctl, "run", "--", *map(str, command), settings=settings)
        self.supervised = Supervised([*under, *words], tempfile.gettempdir(), place.device)
        self.close = self.supervised.close

    def wait_for_actions(self, count):
        if not self.supervised.wait_for("action", count, PATIENCE):
            raise AssertionError(f"{len(self.actions())} of {count} records of actions")

    def wait_for_recovery(self):
        if not self.supervised.wait_for("recovered", 1, PATIENCE):
            raise AssertionError("it did not come back")

    def actions(self, field="CONNWATCH_ACTION_RESULT"):
        return [record.get(field) for record in self.supervised.of_kind("action")]

    def status(self):
        return self.supervised.wait_exit()

    def signal(self, number):
        os.kill(self.supervised.process.pid, number)


def expect(found, wanted):
    assert found == wanted, f"{found} instead of {wanted}"


def pauses_double_up_to_the_limit(start, _):
    run = start("crash", "OnAgentCrash=restart", "ActionLimitBurst=4")
    expect(run.status(), 128 + signal.SIGSEGV)
    expect(run.actions(), 4 * ["starting", "done"] + ["held"])
    first = run.actions("MESSAGE")[0]
    assert ": restarting" in first and " in 100ms because of agent-crash" in first, first
    pauses = [int(pause) for pause in run.actions("CONNWATCH_DELAY_USEC") if pause]
    expect(pauses, [100_000, 200_000, 400_000, 800_000])
    times = [int(time) for time in run.actions("__MONOTONIC_TIMESTAMP")]
    for pause, begun, done in zip(pauses, times[0::2], times[1::2]):
        assert done - begun >= pause, f"{done - begun} us instead of {pause}"
    expect(run.actions("CONNWATCH_ACTION_HELD_BY")[-1], "limit")


def exit_is_no_crash(start, _):
    run = start("exit", "OnAgentCrash=restart")
    expect(run.status(), 3)
    expect(run.actions(), [])


def ends_without_a_connection(start, deed, status, *settings):
    """The command is started twice more, and no connection is told of."""
    run = start(deed, "ActionLimitBurst=2", *settings)
    expect(run.status(), status)
    expect(run.actions(), 2 * ["starting", "done"] + ["held"])
    expect(run.actions("CONNWATCH_ACTION_HELD_BY")[-1], "limit")
    expect(run.supervised.of_kind("ended"), [])
    return run.supervised.of_kind("action")[0]


def an_exit_needs_no_connection(start, _):
    reason = ends_without_a_connection(start, "refuse", 4, "OnAgentExit=restart")
    expect([reason["EXIT_CODE"], reason["EXIT_STATUS"]], ["exited", "4"])


def nor_does_a_crash(start, _):
    reason = ends_without_a_connection(start, "fall", 128 + signal.SIGSEGV, "OnAgentCrash=restart")
    expect(reason["EXIT_STATUS"], "SEGV")


def a_signal_calls_off_a_pause(start, _):
    run = start("crash", "OnAgentCrash=restart", "ActionLimitBurst=64")
    run.wait_for_actions(2 * 5 + 1)  # now 3.2 s pass
    run.signal(signal.SIGTERM)
    expect(run.status(), 128 + signal.SIGSEGV)
    expect(run.actions()[-2:], ["starting", "failed"])
    expect(run.supervised.of_kind("action")[-1]["ERRNO"], str(125))  # ECANCELED


def whoever_does_not_end_is_killed(start, hub):
    run = start("deaf", "OnPeerReset=restart", "RandomizedDelaySec=0")
    hub.reset()
    run.wait_for_actions(2)
    run.wait_for_recovery()
    expect(run.actions(), ["starting", "done"])
    run.signal(signal.SIGTERM)
    run.signal(signal.SIGINT)
    expect(run.status(), 128 + signal.SIGINT)


def handed_on(start, *under):
    """Returns the signal masks of each run of a command that is started twice: proc(5)."""
    run = start(["grep", "^Sig[BI]", "/proc/self/status"], "OnAgentExit=restart",
                "ActionLimitBurst=1", under=under)
    expect(run.status(), 0)
    masks = [line.split() for line in run.supervised.noise]
    expect(masks[2:], masks[:2])
    return {name: {number for number in signal.valid_signals() if int(mask, 16) >> number - 1 & 1}
            for name, mask in masks}


def the_command_hears_every_signal(start, _):
    expect(handed_on(start), {"SigBlk:": set(), "SigIgn:": set()})


def what_is_ignored_for_us_is_ignored_for_the_command(start, _):
    """An ignored signal stays ignored, as nohup(1) and a shell's background expect."""
    ignored = handed_on(start, "env", "--ignore-signal=HUP,INT,QUIT")
    expect(ignored, {"SigBlk:": set(), "SigIgn:": {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT}})


CASES = [
    pauses_double_up_to_the_limit,
    exit_is_no_crash,
    an_exit_needs_no_connection,
    nor_does_a_crash,
    a_signal_calls_off_a_pause,
    whoever_does_not_end_is_killed,
    the_command_hears_every_signal,
    what_is_ignored_for_us_is_ignored_for_the_command,
]


def play(connwatchctl, case):
    with contextlib.ExitStack() as leaving:
        place = leaving.enter_context(lab.Lab())
        hub = leaving.enter_context(contextlib.closing(Hub(place.device)))

        def start(command, *settings, under=()):
            if isinstance(command, str):  # a deed of the agent above
                command = [sys.executable, "-c", AGENT, hub.port, command]
            run = Run(connwatchctl, place, command, settings, under)
            return leaving.enter_context(contextlib.closing(run))

        case(start, hub)


def succeeds(connwatchctl, case):
    try:
        play(connwatchctl, case)
    except AssertionError as surprise:
        print(f"FAILED {case.__name__}: {surprise}")
        return False
    return True


def main():
    signals.keep_from_children()
    lab.sweep()
    connwatchctl = absolute(sys.argv[1])
    with ThreadPoolExecutor() as pool:
        failed = list(pool.map(lambda case: succeeds(connwatchctl, case), CASES)).count(False)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
