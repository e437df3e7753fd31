# SPDX-License-Identifier: LGPL-2.1-or-later
"""Harmless things that happen before (or after) the real one. Each heals by itself before it returns.

A happening is a function of the world, with what it needs of the program. None of them ends a
session or is a reason to end one.
"""

import contextlib
import time
from dataclasses import dataclass
from typing import Callable

from relay import ADDRESS, PORT


@dataclass(frozen=True)
class Happening:
    name: str
    play: Callable
    fits: Callable       # program -> bool
    afterwards: bool     # may also come right after the end
    long_before: bool    # only where some time passes until the end
    group: bool          # needs the agent's own control group
    path: bool           # nothing gets through meanwhile


HAPPENINGS = {}


def happening(fits=lambda program: True, afterwards=False, long_before=False, group=False,
              path=False):
    def add(play):
        name = play.__name__.replace("_", "-")
        HAPPENINGS[name] = Happening(name, play, fits, afterwards, long_before, group, path)
        return play
    return add


def can(*words):
    return lambda program: set(words) <= program.commands


def passes(signal):
    return lambda program: signal in program.passes


# ---- the path


@happening(afterwards=True, path=True)
def link_flap(world):
    world.lab.link_down()
    time.sleep(0.2)
    world.lab.link_up()


@happening(afterwards=True, path=True)
def cable_flap(world):
    world.lab.cable_pulled()
    time.sleep(0.2)
    world.lab.cable_plugged_in()


@happening(afterwards=True, path=True)
def address_flap(world):
    world.on_device("ip", "address", "delete", "10.77.1.2/24", "dev", "uplink")
    time.sleep(0.1)
    world.on_device("ip", "address", "add", "10.77.1.2/24", "dev", "uplink")
    world.on_device("ip", "route", "replace", "default", "via", "10.77.1.1")


@happening(afterwards=True, path=True)
def route_flap(world):
    world.lab.route_removed()
    time.sleep(0.15)
    world.lab.route_restored()


@happening(afterwards=True)
def second_address_comes_and_goes(world):
    world.on_device("ip", "address", "add", "10.77.1.9/24", "dev", "uplink")
    time.sleep(0.1)
    world.on_device("ip", "address", "delete", "10.77.1.9/24", "dev", "uplink")


@happening(afterwards=True)
def route_of_its_own_comes_and_goes(world):
    """To the hub alone, and it leads the same way."""
    world.on_device("ip", "route", "add", ADDRESS, "via", "10.77.1.1")
    time.sleep(0.1)
    world.on_device("ip", "route", "delete", ADDRESS, "via", "10.77.1.1")


@happening(afterwards=True)
def route_replaced(world):
    world.on_device("ip", "route", "replace", "default", "via", "10.77.1.1", "mtu", "1400")
    time.sleep(0.1)
    world.on_device("ip", "route", "replace", "default", "via", "10.77.1.1")


@happening(afterwards=True)
def rule_for_others(world):
    """And it stays."""
    world.on_device("ip", "rule", "add", "to", "192.0.2.0/24", "prohibit", "pref", "99")


@happening(afterwards=True)
def link_changes(world):
    world.on_device("ip", "link", "set", "uplink", "mtu", "1400", "alias", "way out")
    time.sleep(0.1)
    world.on_device("ip", "link", "set", "uplink", "mtu", "1500")


@happening(afterwards=True)
def another_link_goes(world):
    world.on_device("ip", "link", "add", "spare", "type", "veth", "peer", "name", "spares-end")
    world.on_device("ip", "link", "set", "spare", "up")
    time.sleep(0.1)
    world.on_device("ip", "link", "delete", "spare")


@happening(afterwards=True)
def address_grows_old(world):
    """It is deprecated, and used on."""
    world.on_device("ip", "address", "change", "10.77.1.2/24", "dev", "uplink", "preferred_lft",
                    "0", "valid_lft", "600")


@happening()
def packet_loss(world):
    world.lab.lose_packets(30)
    speak(world)
    time.sleep(1)
    world.lab.lose_packets(0)


@happening()
def neighbour_gone(world):
    world.on_device("ip", "neighbour", "flush", "dev", "uplink")


@happening(fits=can("send"))
def icmp_error(world):
    """An ICMP error that stays pending: the data gets through a little later."""
    world.lab.unreachable()
    world.tell("send")
    time.sleep(0.3)
    world.lab.heal()
    speak(world)


@happening(fits=can("send-large"))
def large_packets_refused(world):
    """Path MTU discovery: the router says what is too large, and the kernel makes it smaller."""
    world.lab.narrow("outside", told=True)
    world.tell("send-large")
    time.sleep(0.3)
    world.lab.heal()
    world.on_device("ip", "route", "flush", "cache")  # it knows, for 10 minutes


@happening(fits=can("send-large"))
def large_packets_lost_for_a_moment(world):
    world.lab.narrow("outside", told=False)
    world.tell("send-large")
    time.sleep(0.35)
    world.lab.heal()


@happening(fits=can("send"))
def short_black_hole(world):
    world.lab.black_hole()
    world.tell("send")
    time.sleep(0.35)
    world.lab.heal()


# ---- the device's own firewall


def behind(world, *rule, seconds):
    world.lab.firewall_on_device(*rule)
    speak(world)
    time.sleep(seconds)
    world.lab.firewall_lifted()


@happening()
def short_firewall(world):
    """It is made wrong, and mended at once."""
    behind(world, seconds=0.3)


@happening()
def connections_forgotten_by_nat(world):
    """It is on for a moment, forgets all, and leads them on as before: the port is free."""
    if world.nat:
        return
    world.lab.masquerade_on_device()
    speak(world)
    time.sleep(0.3)
    world.lab.forget_translations("device")
    speak(world)
    time.sleep(0.3)
    world.lab.masquerade_no_more_on_device()


@happening()
def firewall_with_a_limit(world):
    behind(world, "numgen random mod 100 < 30 drop", seconds=1)


@happening(afterwards=True)
def firewall_of_another_program(world):
    behind(world, "drop", "output", f"tcp dport {PORT + 1}", seconds=0.5)


# ---- looks and signals


@happening()
def debugger_looks(world):
    world.on_device("gdb", "-p", str(world.pid), "-batch", "-ex", "detach")


@happening()
def strace_looks(world):
    tracer = world.start_in_device("strace", "-f", "-p", str(world.pid))
    time.sleep(0.3)
    tracer.terminate()
    tracer.wait()


@happening()
def stopped_and_continued(world):
    world.kill("STOP")
    time.sleep(0.4)
    world.kill("CONT")


@happening(fits=lambda program: program.parent)
def parent_is_held(world):
    """And stays so: it only waits for the one that works."""
    world.kill("STOP", world.parent)


@happening(fits=can("exec"))
def becomes_itself_again(world):
    """execve(2) of a new version, which keeps the connection."""
    world.tell("exec")
    time.sleep(0.3)


@happening(fits=can("helper-idle"))
def helper_is_held(world):
    kill_helper(world, "STOP")


@happening(afterwards=True)
def nothing_asked(world):
    for name in ("CONT", "WINCH", "URG"):
        world.kill(name)


@happening(group=True)
def frozen_and_thawed(world):
    world.freeze()
    time.sleep(0.4)
    world.thaw()


@happening(fits=passes("HUP"), afterwards=True)
def hangup(world):
    world.kill("HUP")


@happening(fits=passes("USR1"), afterwards=True)
def user_signal(world):
    world.kill("USR1")


@happening(fits=passes("INT"), long_before=True)
def survived_interrupt(world):
    world.kill("INT")


@happening(fits=passes("QUIT"))
def thread_dump(world):
    world.kill("QUIT")


@happening(fits=can("fault"))
def handled_fault(world):
    world.tell("fault")


@happening(fits=can("helper-crash"), afterwards=True)
def helper_crashes(world):
    world.tell("helper-crash")


@happening(fits=can("helper-idle"))
def helper_is_stopped(world):
    kill_helper(world, "TERM")


@happening(fits=can("helper-idle"))
def helper_is_killed(world):
    kill_helper(world, "KILL")


@happening(fits=can("helper-idle"))
def helper_is_interrupted(world):
    kill_helper(world, "INT")


def kill_helper(world, signal):
    from world import wait_until
    before = children(world)
    world.tell("helper-idle")
    helper = wait_until(lambda: children(world) - before, "no helper starts").pop()
    time.sleep(0.1)  # until it is the program that it is to be
    world.kill(signal, helper)


def children(world):
    with contextlib.suppress(OSError):
        from pathlib import Path
        return {int(pid) for task in Path(f"/proc/{world.pid}/task").iterdir()
                for pid in (task / "children").read_text().split()}
    return set()


# ---- others


@happening(afterwards=True)
def busy_host(world):
    for _ in range(2):
        world.start_in_device("timeout", "1", "sh", "-c", "while :; do :; done")


CONNECT = f"""
import socket, struct
for i in range(%d):
    s = socket.socket(); s.settimeout(2)
    try:
        s.connect(("{ADDRESS}", %d)); %s
    except OSError: pass
    s.close()
"""


@happening(afterwards=True)
def rush_of_others(world):
    """Connections of a program that is not the agent; most are refused."""
    world.start_in_device("/usr/bin/python3", "-c", CONNECT % (300, 9, ""))


@happening(afterwards=True)
def reset_of_another(world):
    """Somebody else's connection to the same hub is reset at that moment."""
    aborts = 's.setsockopt(1, 13, struct.pack("ii", 1, 0))'
    world.start_in_device("/usr/bin/python3", "-c", CONNECT % (1, PORT, aborts))


@happening(fits=can("two"), afterwards=True)
def other_hub_closes(world):
    for session in world.relay.others:
        session.fin()


@happening(fits=can("two"), afterwards=True)
def other_hub_resets(world):
    for session in world.relay.others:
        session.reset()


@happening(fits=can("flood"))
def hub_is_slow(world):
    world.session.read_no_more()
    world.tell("flood")
    time.sleep(0.7)
    world.session.read_on()
    time.sleep(0.3)


@happening()
def hub_talks(world):
    time.sleep(0.6)


def speak(world):
    if "send" in world.program.commands:
        world.tell("send")
