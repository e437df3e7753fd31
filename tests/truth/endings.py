# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the session really ends, and what is right to say about it (docs/CAUSES.md).

An ending is a function of the world. `truth` are the causes that are right; `ended_by` how the
kernel says that it ended. The worlds are built so that nothing else can be the reason.
"""

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import Callable

from lab import inside
from modem import SEARCHING
from relay import ADDRESS, ADDRESS6, PATIENCE, PORT, Missing


@dataclass(frozen=True)
class Ending:
    name: str
    play: Callable
    fits: Callable
    truth: Callable       # program -> the causes that are right
    ended_by: Callable    # program -> how; () : any
    patience: float       # seconds until the verdict must have come
    unwell: bool          # an action may be taken: the agent does not do its work
    group: bool           # needs the agent's own control group
    settings: tuple
    at_once: bool         # the end follows at once: something may happen right after it
    nat: bool             # the device translates what it sends, each connection to any port
    modem: bool           # the device's interface is a modem's, of which ModemManager tells
    attempt: bool         # it is so from the start: the agent's first attempt fails, or its session

    def deaf(self, program):
        """What becomes of the path meanwhile has no part in it."""
        return set(self.truth(program)) <= {"agent-crash", "agent-stopped"}


ENDINGS = {}


def ending(*truth, by=(), fits=lambda program: True, patience=6, unwell=False, group=False,
           settings=(), at_once=True, nat=False, modem=False, attempt=False):
    def add(play):
        name = play.__name__.replace("_", "-")
        right = truth[0] if truth and callable(truth[0]) else lambda program: truth
        by_ = by if callable(by) else lambda program: (by,) if isinstance(by, str) else by
        ENDINGS[name] = Ending(name, play, fits, right, by_, patience, unwell, group, settings,
                               at_once and not attempt, nat, modem, attempt)
        return play
    return add


def can(*words):
    return lambda program: set(words) <= program.commands


def given_up(program):
    """What a happening before it left as a soft error may be what the kernel says in the end."""
    return program.gives_up, "unreachable"


def single(program):
    return not program.parent and not program.namespace


# ---- the peer's


@ending("peer-close", by="peer-fin")
def hub_closes(world):
    world.session.fin()


@ending("peer-close", by="peer-fin", fits=can("send"))
def hub_closes_after_a_word(world):
    """The agent has just sent something; the hub's FIN has nothing to do with it."""
    world.tell("send")
    time.sleep(0.2)
    world.session.fin()


@ending("peer-reset", by="peer-reset")
def hub_resets(world):
    world.session.reset()


@ending("peer-close", by="peer-fin")
def hub_closes_after_silence(world):
    time.sleep(2.5)
    world.session.fin()


@ending("peer-close", by="peer-fin", fits=can("flood"))
def hub_stops_reading_and_closes(world):
    """It overflows; what the agent sent waits for room."""
    world.session.read_no_more()
    world.tell("flood")
    time.sleep(1)
    world.session.fin()


@ending("peer-reset", by="peer-reset", fits=can("flood"))
def hub_stops_reading_and_resets(world):
    world.session.read_no_more()
    world.tell("flood")
    time.sleep(1)
    world.session.reset()


def hub_closes_before(world, signal):
    """The agent may be gone before the signal."""
    world.session.fin()
    world.await_end()
    with contextlib.suppress(ProcessLookupError):
        world.kill(signal)


@ending("peer-close", by="peer-fin")
def hub_closes_and_agent_is_killed(world):
    hub_closes_before(world, "KILL")


@ending("peer-close", by="peer-fin")
def hub_closes_and_agent_is_stopped(world):
    hub_closes_before(world, "TERM")


def while_held(world, end):
    """Only just: no hub loses patience so soon."""
    world.kill("STOP")
    time.sleep(0.1)
    end()
    world.await_end()
    world.kill("CONT")


@ending("peer-close", by="peer-fin", fits=single)
def hub_closes_while_agent_is_held(world):
    while_held(world, world.session.fin)


@ending("peer-reset", by="peer-reset", fits=single)
def hub_resets_while_agent_is_held(world):
    while_held(world, world.session.reset)


@ending("peer-close", fits=lambda program: program.secure)
def hub_says_goodbye(world):
    """In TLS: close_notify, then its FIN; the agent may close in between."""
    world.server.terminate()


# ---- the agent's own


@ending("agent-close", by="local-fin", fits=can("close"))
def agent_closes(world):
    world.tell("close")


@ending("agent-close", fits=can("goodbye"))
def agent_says_goodbye(world):
    world.tell("goodbye")


@ending("agent-abort", by="local-reset", fits=can("abort"))
def agent_aborts(world):
    world.tell("abort")


@ending("agent-close", by="local-fin", fits=can("half-close"))
def agent_half_closes(world):
    """It goes on to read."""
    world.tell("half-close")


@ending("agent-close", by="local-fin", fits=can("fin-abort"))
def agent_aborts_after_its_fin(world):
    world.tell("fin-abort")


# what came in the very moment is unread: a RST then
@ending("agent-close", "agent-abort", fits=can("close-writing"))
def agent_closes_while_it_writes(world):
    world.tell("close-writing")


@ending("agent-close", "agent-abort", fits=can("exec-close"))
def agent_becomes_another_program(world):
    """Which goes on without the connection."""
    world.tell("exec-close")


@ending("agent-close", by="local-fin", fits=can("reload"))
def agent_reloads_and_reconnects(world):
    world.tell("reload")
    time.sleep(0.1)
    world.kill("HUP")


@ending("agent-exit", fits=can("exit"))
def agent_exits(world):
    world.tell("exit", 0)


@ending("agent-exit", fits=can("exit"))
def agent_exits_with_an_error(world):
    world.tell("exit", 3)


@ending("agent-close", by="local-fin", fits=can("close-exit"))
def agent_closes_and_exits_later(world):
    world.tell("close-exit", 400, 3)


@ending("agent-close", by="local-fin", fits=can("close"), patience=8,
        settings=("ReconnectTimeoutSec=1",), at_once=False)
def agent_closes_and_rests(world):
    """Until it has something to say: nobody is to do anything for it."""
    world.tell("close")
    time.sleep(2.5)


@ending("agent-abort", by="local-reset", fits=can("abort-exit"))
def agent_aborts_and_exits_later(world):
    world.tell("abort-exit", 400, 3)


@ending(lambda program: (program.crash,), fits=can("crash"))
def agent_crashes(world):
    world.tell("crash")


def by_a_fatal_signal(program):
    """Go's runtime handles them all, and makes an exit of each."""
    return (program.crash,)


@ending(by_a_fatal_signal, fits=can("trap"))
def agent_gives_itself_up(world):
    world.tell("trap")


@ending(by_a_fatal_signal, fits=single)
def killed_by_a_fault_from_outside(world):
    world.kill("BUS")


# a kill is no stop that was asked for, and no fault of the agent's: both words are used of it
@ending("agent-crash", "agent-stopped", fits=single)
def killed(world):
    world.kill("KILL")


@ending("agent-crash", "agent-stopped", fits=single)
def killed_while_it_is_stopped(world):
    world.kill("STOP")
    time.sleep(0.2)
    world.kill("KILL")


@ending("agent-crash", "agent-stopped", fits=single)
def stopped_continued_and_killed(world):
    world.kill("STOP")
    world.kill("CONT")
    world.kill("KILL")


@ending("agent-crash", fits=can("run-out-of-time"), patience=20, at_once=False)
def agent_uses_up_its_time(world):
    """RLIMIT_CPU: the kernel kills it."""
    world.tell("run-out-of-time", 1)


@ending("agent-crash", fits=can("run-out-of-time"), patience=20, at_once=False)
def agent_uses_up_its_time_and_is_told(world):
    world.tell("run-out-of-time", 0)


# ---- stops


@ending("agent-stopped")
def stopped(world):
    world.kill("TERM")


@ending("agent-stopped", fits=lambda program: program.parent)
def stopped_by_its_parent(world):
    """The stop is asked of the process above it, which hands it on."""
    world.kill("TERM", world.parent)


@ending("agent-stopped", fits=lambda program: program.namespace)
def container_is_killed(world):
    """The first process of the container is ended; the kernel kills the rest."""
    from pathlib import Path
    pid = world.pid
    while "NSpid" in (text := Path(f"/proc/{pid}/status").read_text()) and \
            text.split("NSpid:")[1].split("\n")[0].split()[-1] != "1":
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    world.kill("KILL", pid)


@ending("agent-stopped", fits=lambda program: "INT" in program.passes and single(program))
def stopped_then_killed(world):
    """It does not obey, and is killed, as a service manager does."""
    world.kill("INT")
    time.sleep(0.8)
    world.kill("KILL")


@ending("agent-stopped", fits=single)
def stopped_while_it_is_held(world):
    """It obeys when it goes on."""
    world.kill("STOP")
    world.kill("TERM")  # one without a handler dies of it all the same
    time.sleep(0.4)
    with contextlib.suppress(ProcessLookupError):
        world.kill("CONT")


@ending("agent-stopped", fits=single, group=True)
def stopped_while_it_is_frozen(world):
    world.freeze()
    world.kill("TERM")
    time.sleep(0.4)
    world.thaw()


# ---- the path


@ending("path-silent", by=given_up, fits=can("send"), patience=12, at_once=False)
def black_hole(world):
    world.lab.black_hole()
    world.tell("send")


@ending("path-silent", fits=can("send", "give-up"), patience=12, at_once=False)
def black_hole_and_agent_gives_up(world):
    world.lab.black_hole()
    world.tell("send")
    time.sleep(1.8)
    world.tell("give-up")


@ending("path-silent", fits=can("send", "give-up-exit"), patience=12, at_once=False)
def black_hole_and_agent_exits(world):
    world.lab.black_hole()
    world.tell("send")
    time.sleep(1.8)
    world.tell("give-up-exit", 1)


def narrower(world):
    """Less than what a happening before it may have taught the kernel; IPv6 needs 1,280."""
    return 1280 if world.ipv6 else 1000


def try_longer(world):
    """The kernel asks more often before it gives up."""
    world.lab.set("device", tcp_retries2=4)


@ending("path-mtu", by="retransmit-timeout", fits=can("send-large"), patience=20, at_once=False)
def large_packets_vanish(world):
    try_longer(world)
    world.lab.narrow("outside", told=False, size=narrower(world))
    world.tell("send-large")


@ending("path-mtu", fits=can("send-large", "give-up"), patience=14, at_once=False)
def large_packets_vanish_and_agent_gives_up(world):
    try_longer(world)
    world.lab.narrow("outside", told=False, size=narrower(world))
    world.tell("send-large")
    time.sleep(3)
    world.tell("give-up")


@ending("path-silent", fits=can("send-large"), patience=20, at_once=False)
def black_hole_with_large_packets(world):
    try_longer(world)
    world.lab.black_hole()
    world.tell("send-large")


@ending("path-silent", by=lambda program: (program.watches,), fits=lambda program: program.watches,
        patience=14, at_once=False)
def black_hole_while_idle(world):
    world.lab.black_hole()


@ending("path-half", "path-silent", fits=can("send"), patience=20, at_once=False)
def its_data_is_lost(world):
    """Acknowledgments and handshakes get through."""
    try_longer(world)
    world.lab.forward("iifname inside tcp flags & psh == psh drop")
    world.tell("send")


@ending("path-silent", fits=can("flood"), patience=20, at_once=False)
def hub_stops_reading_and_is_gone(world):
    """The window is full, then nothing comes any more."""
    world.session.read_no_more()
    world.tell("flood")
    time.sleep(0.5)
    world.lab.black_hole()


@ending("path-half", "path-silent", fits=can("send"), patience=20, at_once=False)
def what_it_sends_is_lost(world):
    """Where the hub says nothing meanwhile, the path is silent."""
    try_longer(world)
    world.lab.mute()
    world.tell("send")


@ending("path-silent", fits=can("send"), patience=20, at_once=False)
def what_comes_is_lost(world):
    try_longer(world)
    world.lab.deaf()
    world.tell("send")


@ending("link-down", fits=can("send"), patience=14, at_once=False)
def link_down(world):
    world.lab.link_down()
    world.tell("send")


@ending("link-down", fits=can("send"), patience=14, at_once=False)
def cable_out(world):
    world.lab.cable_pulled()
    world.tell("send")


@ending("link-down", fits=can("send", "give-up-exit"), patience=12, at_once=False)
def link_down_and_agent_exits(world):
    world.lab.link_down()
    world.tell("send")
    time.sleep(1.2)
    world.tell("give-up-exit", 1)


@ending("address-changed", fits=can("send"), patience=14, at_once=False)
def address_replaced(world):
    world.lab.address_replaced()
    world.tell("send")


@ending("modem-disconnected", fits=can("send"), patience=14, at_once=False, modem=True)
def modem_loses_the_network(world):
    """Its interface stays up, and nothing gets through."""
    world.lab.black_hole()
    world.modem.becomes(SEARCHING)
    world.tell("send")


@ending("no-route", fits=can("send"), patience=14, at_once=False)
def route_removed(world):
    world.lab.route_removed()
    world.tell("send")


@ending("no-route", "unreachable", fits=can("send"), patience=14, at_once=False)
def rule_prohibits(world):
    family, address = ("-6", ADDRESS6) if world.ipv6 else ("-4", ADDRESS)
    world.on_device("ip", family, "rule", "add", "to", address, "prohibit", "pref", "100")
    world.tell("send")


# Where the router has said so a moment before, it says nothing now (icmp_ratelimit of icmp(7)), and
# what shows is that nothing arrives there.
@ending("unreachable", "path-half", fits=can("send"), patience=12, at_once=False)
def host_unreachable(world):
    world.lab.unreachable()
    world.tell("send")


@ending("unreachable", "path-half", fits=can("send"), patience=12, at_once=False)
def administratively_prohibited(world):
    world.lab.unreachable("admin-prohibited")
    world.tell("send")


@ending("middlebox-reset", fits=can("send"), by="peer-reset")
def reset_by_the_router(world):
    world.lab.reset_in_the_middle()
    world.tell("send")


# ---- the host's


@ending("host-firewall", fits=can("send"), patience=14, at_once=False)
def own_firewall(world):
    """Nothing was on its way: what is written then never gets out."""
    world.lab.firewall_on_device()
    world.tell("send")


@ending("host-firewall", fits=can("send"), patience=8, at_once=False)
def own_firewall_and_hub_gives_up(world):
    """Nothing of the agent gets out any more; the hub loses patience."""
    world.lab.firewall_on_device()
    world.tell("send")
    time.sleep(2)
    world.session.fin()


@ending("host-firewall", fits=can("send"), patience=14, at_once=False)
def own_firewall_with_data_in_flight(world):
    """The acknowledgment of what was written last is dropped, and so is all that follows."""
    world.lab.firewall_on_device(hook="input")
    world.tell("send")
    time.sleep(0.1)
    world.lab.firewall_on_device(hook="input output")


@ending("host-firewall", fits=can("send"), patience=14, at_once=False)
def own_firewall_drops_data(world):
    """Acknowledgments and handshakes get out."""
    world.lab.firewall_on_device(match="tcp flags & psh == psh")
    world.tell("send")


@ending("host-firewall", fits=can("send"), patience=14, at_once=False)
def own_firewall_lets_nothing_in(world):
    world.lab.firewall_on_device(hook="input")
    world.tell("send")


@ending("host-firewall", fits=can("send"), by="peer-reset")
def own_firewall_rejects(world):
    world.lab.firewall_on_device("reject with tcp reset", match=f"tcp dport {PORT}")
    world.tell("send")


@ending("host-firewall", fits=can("send"), patience=14, at_once=False)
def own_firewall_rejects_by_icmp(world):
    world.lab.firewall_on_device("reject with icmpx type host-unreachable",
                                 match=f"tcp dport {PORT}")
    world.tell("send")


@ending("host-nat", fits=can("send"), by="peer-reset", nat=True)
def own_nat_forgets(world):
    world.lab.forget_translations("device")
    world.tell("send")


@ending("host-nat", fits=can("send"), patience=14, at_once=False, nat=True)
def own_nat_forgets_and_nobody_answers(world):
    world.lab.swallow_resets()
    world.lab.forget_translations("device")
    world.tell("send")


@ending("host-nat", fits=can("send"), by="peer-reset")
def own_nat_begins(world):
    """What is open already is led on from another port, and so is all else."""
    world.lab.masquerade_on_device("fully-random")
    with inside(world.lab.device), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"?", (ADDRESS, 9))
    world.tell("send")


@ending("operator-abort", by="aborted")
def socket_destroyed(world):
    world.lab.abort_connections("device", PORT)


# ---- hangs


@ending("agent-hang", by="peer-fin", unwell=True, patience=8, fits=single)
def agent_is_stopped_and_hub_gives_up(world):
    world.kill("STOP")
    time.sleep(2)
    world.session.fin()


@ending("agent-hang", by="peer-fin", unwell=True, patience=8, group=True)
def agent_is_frozen_and_hub_gives_up(world):
    world.freeze()
    time.sleep(2)
    world.session.fin()


@ending("agent-hang", by="peer-fin", unwell=True, patience=8, fits=can("hang"),
        settings=("KeepAliveSec=1", "DryRun=yes"), at_once=False)
def agent_hangs_and_hub_gives_up(world):
    for _ in range(5):
        world.tell("send")
        time.sleep(0.3)
    world.tell("hang")
    time.sleep(3)
    world.session.fin()


@ending("host-starved", by="peer-fin", unwell=True, patience=8, fits=can("send", "open"),
        settings=("KeepAliveSec=1", "DryRun=yes"), at_once=False)
def disk_does_not_answer_and_hub_gives_up(world):
    file, held = world.hold_file()
    for _ in range(10):
        world.tell("send")
        time.sleep(0.3)
    world.tell("open", file)
    if not held.wait(PATIENCE):
        raise Missing("an open that is held")
    time.sleep(3)
    world.session.fin()


# ---- from the start


@ending("connect-refused", by="connect-refused", attempt=True)
def nobody_listens(world):
    world.relay.stop()


@ending("path-silent", by="connect-timeout", attempt=True, patience=12)
def nobody_answers(world):
    world.lab.black_hole()


@ending("path-silent", by="connect-timeout", attempt=True, patience=12)
def answers_are_lost(world):
    world.lab.deaf()


# a RST is the peer's or somebody's who speaks for it
@ending("connect-refused", by="connect-refused", attempt=True)
def router_refuses(world):
    world.lab.reset_in_the_middle()


@ending("unreachable", attempt=True, patience=12)
def unreachable_from_the_start(world):
    world.lab.unreachable()


@ending("unreachable", attempt=True, patience=12)
def port_is_unreachable(world):
    world.lab.unreachable("port-unreachable")


@ending("unreachable", "path-silent", attempt=True, patience=16)
def next_hop_is_dead(world):
    world.lab.next_hop_dies()


@ending("link-down", attempt=True, patience=12)
def cable_was_out(world):
    world.lab.cable_pulled()


def try_longer_to_connect(world):
    """Nobody looks at the first SYN of the first attempt; of two more it is seen what becomes."""
    world.lab.set("device", tcp_syn_retries=2)


@ending("host-firewall", attempt=True, patience=16)
def own_firewall_drops_attempts(world):
    try_longer_to_connect(world)
    world.lab.firewall_on_device()


@ending("host-firewall", attempt=True, patience=16)
def own_firewall_drops_answers(world):
    try_longer_to_connect(world)
    world.lab.firewall_on_device(hook="input")


@ending("host-firewall", attempt=True, patience=12)
def own_firewall_refuses(world):
    world.lab.firewall_on_device("reject with tcp reset", match=f"tcp dport {PORT}")


@ending("host-firewall", attempt=True, patience=12)
def own_firewall_refuses_by_icmp(world):
    world.lab.firewall_on_device("reject with icmpx type admin-prohibited",
                                 match=f"tcp dport {PORT}")


@ending("path-silent", "path-half", "agent-close", attempt=True, patience=20)
def only_handshakes_pass(world):
    """An agent may give up before the kernel does."""
    world.lab.forward("iifname inside tcp flags & psh == psh drop")


@ending("host-firewall", attempt=True, patience=20)
def own_firewall_lets_handshakes_pass(world):
    world.lab.firewall_on_device(match="tcp flags & psh == psh")


@ending("peer-close", "peer-reset", "session-rejected", attempt=True)
def hub_turns_it_away(world):
    world.relay.turns_away = True
