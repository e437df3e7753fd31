# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network's doing: links, addresses, routes, next hops, silent paths, boxes in the middle."""

import time

from case import (BOTH, LIKELY, NOT_PROVED, QUITE_SURE, SURE, SUSPECTED, case, ended, in_doubt,
                  recovered, small_conntrack_table, stalled, story, table)
from hub import PORT
from lab import Lab
from supervised import Surprise

KEEPALIVE = (1, 1, 2)
TICKS = 0.03  # seconds: the kernel tells idle times in ticks of up to 10 ms
OUTAGE = 0.1  # seconds: what rtnetlink tells has no time, and comes a few milliseconds late


def send_until_error(stage):
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


def goes_and_comes_back(stage, go, come_back):
    go(stage.lab)
    stage.wait_told("stalled")
    come_back(stage.lab)
    stage.wait_told("recovered")


# ---- the link, the address and the route


def lost(ended_by, cause, confidence=SURE, *, evidence=(), **options):
    """The path is told to be broken before the connection ends of it."""
    return story(stalled(cause, SURE), ended(ended_by, cause, confidence, evidence=evidence),
                 **options)


@table(
    ("link-set-down-with-data-in-flight", lost("retransmit-timeout", "link-down"), Lab.link_down),
    # the routing of IPv6 makes an error of its own of it
    ("link-set-down-with-routes-lost", lost("unreachable", "link-down", families=("ipv6",)),
     Lab.link_down),
    ("cable-pulled-with-data-in-flight", lost("retransmit-timeout", "link-down", families=BOTH),
     Lab.cable_pulled),
    ("address-removed-with-data-in-flight",
     lost("retransmit-timeout", "address-changed", families=BOTH), Lab.address_removed),
    ("address-replaced-with-data-in-flight",
     lost("retransmit-timeout", "address-changed", families=BOTH), Lab.address_replaced),
    ("route-removed-with-data-in-flight", lost("retransmit-timeout", "no-route"),
     Lab.route_removed),
    ("route-removed-and-its-error-kept", lost("unreachable", "no-route", families=("ipv6",)),
     Lab.route_removed),
    ("route-that-refuses-with-data-in-flight", lost("retransmit-timeout", "no-route"),
     Lab.route_refuses),
)
def lost_with_data_in_flight(stage, fault):
    stage.connect()
    fault(stage.lab)
    send_until_error(stage)


@table(
    ("link-set-down-while-idle",
     lost("keepalive-timeout", "link-down",
          evidence=("interface=uplink", "interface_state=set-down")),
     Lab.link_down),
    ("cable-pulled-while-idle", lost("keepalive-timeout", "link-down"), Lab.cable_pulled),
    ("address-removed-while-idle", lost("keepalive-timeout", "address-changed"),
     Lab.address_removed),
    ("route-removed-while-idle", lost("keepalive-timeout", "no-route"), Lab.route_removed),
    ("route-expired-while-idle", lost("unreachable", "no-route", families=("ipv6",)),
     Lab.route_expires),
)
def lost_while_idle(stage, fault):
    stage.connect(keepalive=KEEPALIVE)
    fault(stage.lab)
    stage.agent.ask("wait", "error")


@table(
    ("link-set-down-and-the-agent-closes", lost("local-fin", "link-down", QUITE_SURE),
     Lab.link_down),
    ("address-replaced-and-the-agent-closes", lost("local-fin", "address-changed", QUITE_SURE),
     Lab.address_replaced),
)
def lost_and_the_agent_closes(stage, fault):
    stage.connect()
    fault(stage.lab)
    stage.wait_told("stalled")
    stage.agent.ask("close")


@story(stalled("link-down", SURE), ended("local-fin", "agent-crash", SURE), status=128 + 9)
def killed_while_the_link_is_down(stage):
    stage.connect()
    stage.lab.link_down()
    stage.wait_told("stalled")
    stage.kill(9)
    stage.agent.wait_end()


def back(cause):
    return story(stalled(cause, SURE), recovered(cause),
                 ended("peer-fin", "peer-close", NOT_PROVED))


@table(
    ("link-down-and-up-while-idle-then-the-hub-closes", back("link-down"), Lab.link_down,
     Lab.link_up),
    ("cable-out-and-in-while-idle-then-the-hub-closes", back("link-down"), Lab.cable_pulled,
     Lab.cable_plugged_in),
    ("route-gone-and-back-while-idle-then-the-hub-closes", back("no-route"), Lab.route_removed,
     Lab.route_restored),
)
def back_while_idle_then_the_hub_closes(stage, go, come_back):
    peer = stage.connect()
    time.sleep(TICKS)
    goes_and_comes_back(stage, go, come_back)
    stage.hub_closes(peer)


@story(stalled("link-down", SURE), recovered("link-down"), in_doubt("peer-fin", "peer-close"))
def link_down_and_up_then_talk_then_the_hub_closes(stage):
    peer = stage.connect()
    goes_and_comes_back(stage, Lab.link_down, Lab.link_up)
    stage.talk(peer)
    stage.hub_closes(peer)


@story(ended("peer-fin", "peer-close"), ended("connect-unreachable", "no-route", LIKELY),
       recovered(), ended("peer-fin", "peer-close"), families=BOTH)
def no_route_on_reconnect(stage):
    """Likely the peer of before was meant; told once."""
    stage.hub_closes(stage.connect())
    stage.lab.route_removed()
    for _ in range(2):
        time.sleep(OUTAGE)
        stage.socket()
        stage.connect_fails("ENETUNREACH")
        stage.agent.ask("close")
    stage.wait_told("ended")
    stage.wait_told("ended")
    stage.lab.route_restored()
    stage.hub_closes(stage.connect())


# ---- the next hop

@story(stalled("path-silent", or_else=("unreachable",)),
       ended("unreachable", "unreachable", evidence=("next_hop=unanswered",)), families=BOTH)
def next_hop_dies_with_data_in_flight(stage):
    """ARP or ND gives up after 3 s, and leaves its error on the socket: for who looks that late."""
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.next_hop_dies()
    send_until_error(stage)


@case("connect-unreachable", "unreachable", SUSPECTED, families=BOTH)
def next_hop_dead_on_connect(stage):
    stage.lab.set("device", tcp_syn_retries=3)
    stage.hub.listen()
    stage.lab.next_hop_dies()
    stage.socket()
    stage.connect_fails("EHOSTUNREACH")


# ---- a way that swallows everything

@table(
    ("black-hole-and-the-agent-gives-up", case("local-fin", "path-silent", NOT_PROVED),
     Lab.black_hole, "wait-retransmission"),
    ("own-firewall-and-the-agent-gives-up", case("local-fin", "host-firewall", SUSPECTED),
     Lab.firewall_on_device, "wait-probe"),
)
def gives_up(stage, fault, sign):
    stage.connect()
    fault(stage.lab)
    stage.agent.ask("send", 10)
    stage.agent.ask(sign)
    stage.agent.ask("close")


@story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"), families=BOTH)
def black_hole_told_before_the_kernel_gives_up(stage):
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.black_hole()
    send_until_error(stage)


@story(stalled("path-silent"), recovered("path-silent"), ended("local-fin", "agent-close"))
def black_hole_that_heals(stage):
    stage.lab.set("device", tcp_retries2=8)
    peer = stage.connect()
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.wait_told("stalled")
    stage.lab.heal()
    stage.wait_told("recovered")
    peer.receive(10)
    stage.agent.ask("close")
    peer.receive_end()


@story(stalled("path-silent"), recovered("path-silent"), ended("local-fin", "agent-close"))
def black_hole_that_heals_before_anybody_looks(stage):
    """The program that reports the recovery is attached at the stall's report: too late."""
    stage.lab.set("device", tcp_retries2=8)
    peer = stage.connect()
    with stage.witness_held():
        stage.lab.black_hole()
        stage.agent.ask("send", 10)
        stage.agent.ask("wait-retransmission", 3)
        stage.lab.heal()
        peer.receive(10)
        stage.agent.ask("wait-healed")
    if not stage.wait_told("recovered") and stage.mode != "sock-diag":
        raise Surprise("it is not told until something else happens")
    stage.agent.ask("close")
    peer.receive_end()


@case("local-reset", "path-silent", NOT_PROVED)
def black_hole_and_the_agent_aborts(stage):
    stage.connect(linger=[0])
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait-retransmission")
    stage.agent.ask("close")


@story(stalled("unreachable", NOT_PROVED), ended("unreachable", "unreachable"), families=BOTH)
def host_unreachable_while_connected(stage):
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.unreachable("host-unreachable")
    send_until_error(stage)


# ---- when it connects

@table(
    ("cable-pulled-before-connect", case("connect-timeout", "link-down", SURE), "ETIMEDOUT",
     Lab.cable_pulled),
    # no SYN was ever sent: which peer was meant is not known
    ("no-route-on-connect", story(), "ENETUNREACH", Lab.route_removed),
    # the application sees ECONNREFUSED here, as if a RST had come
    ("port-unreachable-on-connect", case("connect-unreachable", "unreachable", SUSPECTED,
                                         families=BOTH),
     "ECONNREFUSED", lambda lab: lab.unreachable("port-unreachable")),
    ("refused-in-the-middle", case("connect-refused", "connect-refused"), "ECONNREFUSED",
     Lab.reset_in_the_middle),
)
def broken_on_connect(stage, error, fault):
    stage.hub.listen()
    fault(stage.lab)
    stage.socket()
    stage.connect_fails(error)


# ---- the device's own firewall

def sent_in_vain(stage, rule):
    """What is sent first gets lost on the way; the device drops it each time it is repeated."""
    stage.connect()
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait-retransmission")
    rule(stage.lab)


@story(stalled("host-firewall"), ended("retransmit-timeout", "host-firewall",
                                       evidence=("dropped_by=netfilter",)), families=BOTH)
def own_firewall_drops_what_is_sent(stage):
    stage.lab.set("device", tcp_retries2=4)
    sent_in_vain(stage, Lab.firewall_on_device)
    stage.agent.ask("wait", "error")


@story(stalled("host-firewall", or_else=("path-silent",)),
       ended("retransmit-timeout", "host-firewall", SURE), families=BOTH)
def own_firewall_drops_what_comes(stage):
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.firewall_on_device(hook="input")
    send_until_error(stage)


@story(stalled("host-firewall"), recovered("host-firewall"),
       ended("local-fin", "agent-close"))
def own_firewall_is_lifted(stage):
    stage.lab.set("device", tcp_retries2=8)
    sent_in_vain(stage, Lab.firewall_on_device)
    stage.wait_told("stalled")
    stage.lab.heal()
    stage.lab.firewall_lifted()
    stage.wait_told("recovered")
    stage.agent.ask("close")


@story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"))
def own_firewall_drops_something_else(stage):
    """Another connection of the agent's, to another port, while the path swallows this one."""
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.black_hole()
    stage.lab.firewall_on_device(match=f"tcp dport {PORT + 1}")
    send_until_error(stage)


@case("connect-timeout", "host-firewall")
def own_firewall_on_connect(stage):
    stage.lab.set("device", tcp_syn_retries=2)
    stage.hub.listen()
    stage.lab.firewall_on_device()
    stage.socket()
    stage.connect_fails("ETIMEDOUT")


@case("peer-reset", "host-firewall", NOT_PROVED, families=BOTH,
      evidence=("reset_came_by=loopback-interface",))
def own_firewall_rejects_with_a_rst(stage):
    peer = stage.connect()
    stage.talk(peer)
    stage.lab.firewall_on_device("reject with tcp reset", match=f"tcp dport {PORT}")
    send_until_error(stage)
    stage.agent.ask("close")


@table(
    ("own-firewall-rejects-connect-with-a-rst",
     story(ended("connect-refused", "host-firewall", NOT_PROVED),
           ended("connect-refused", "host-firewall", SURE)),
     "reject with tcp reset", "ECONNREFUSED"),
    ("own-firewall-rejects-connect-with-icmp",
     story(ended("connect-unreachable", "unreachable", SUSPECTED),
           ended("connect-unreachable", "host-firewall", SURE)),
     "reject with icmpx type admin-prohibited", "EHOSTUNREACH"),
)
def own_firewall_rejects_connect(stage, rule, error):
    """The first attempt fails before anybody looks; of the second, it is seen."""
    stage.hub.listen()
    stage.lab.firewall_on_device(rule, match=f"tcp dport {PORT}")
    for _ in range(2):
        stage.socket()
        stage.connect_fails(error)
        stage.agent.ask("close")
        stage.wait_told("ended")


def in_a_container(stage):
    """The agent's host, with NAT and connwatch, is the router. Returns the hub's end."""
    stage.lab.set("device", tcp_retries2=4)
    stage.lab.masquerade()
    peer = stage.connect()
    stage.talk(peer)
    stage.watch(stage.lab.router)
    return peer


@table(
    ("own-firewall-drops-what-a-container-sends",
     story(stalled("host-firewall", or_else=("path-silent",)),
           ended("retransmit-timeout", "host-firewall",
                 evidence=("dropped_here=*", "dropped_in=host-namespace")), found=True),
     "iifname inside meta l4proto tcp drop"),
    ("own-firewall-drops-what-a-container-gets",
     story(stalled("host-firewall", or_else=("path-silent",)),
           ended("retransmit-timeout", "host-firewall",
                 evidence=("dropped_here_in=*", "dropped_in=host-namespace")), found=True),
     "iifname outside meta l4proto tcp drop"),
)
def own_firewall_before_a_container(stage, rule):
    in_a_container(stage)
    stage.lab.forward(rule)
    send_until_error(stage)


@story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"), found=True)
def black_hole_behind_a_containers_host(stage):
    """What the next host drops is not this one's doing, with its NAT or without."""
    in_a_container(stage)
    stage.lab.black_hole_before_the_hub()
    send_until_error(stage)


# ---- NAT on the agent's own host

def behind_nat(stage, how):
    """Returns the hub's end of a connection whose agent is in a container. The host knows it from
    its beginning."""
    stage.lab.set("device", tcp_retries2=4)
    stage.lab.masquerade(how)
    peer = stage.connect()
    stage.talk(peer)
    stage.watch(stage.lab.router)
    stage.talk(peer)
    return peer


@case("peer-reset", "host-nat", LIKELY, found=True, evidence=("nat_entry=gone",))
def own_nat_forgets_and_the_hub_resets(stage):
    """What the agent sends next has another port, and the hub knows no such connection."""
    behind_nat(stage, "fully-random")
    stage.lab.forget_translations()
    send_until_error(stage)
    stage.agent.ask("close")


@story(stalled("host-nat"),
       ended("retransmit-timeout", "host-nat", SURE, evidence=("nat_entry=another",)), found=True)
def own_nat_forgets_and_nobody_answers(stage):
    behind_nat(stage, "fully-random")
    stage.lab.swallow_resets()
    stage.lab.forget_translations()
    send_until_error(stage)


@case("peer-reset", "host-nat", SUSPECTED, found=True, evidence=("or=peer-reset",))
def own_nat_forgets_before_the_hub_speaks(stage):
    """This host refuses what it has no entry for; then the hub refuses what the agent sends."""
    peer = behind_nat(stage, "")
    stage.lab.forget_translations()
    peer.send(10)
    peer.receive_end()
    send_until_error(stage)
    stage.agent.ask("close")


@case("peer-reset", "peer-reset", NOT_PROVED, found=True)
def own_nat_forgets_and_leads_on_as_before(stage):
    """The port is the same again: that hurts nobody, and later the hub resets the connection."""
    peer = behind_nat(stage, "")
    stage.lab.forget_translations()
    stage.talk(peer)
    peer.reset()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@case("connect-timeout", "host-nat", LIKELY, evidence=("conntrack_table=full",),
      needs=small_conntrack_table)
def own_table_is_full_on_connect(stage):
    stage.lab.set("device", tcp_syn_retries=2)
    stage.hub.listen()
    stage.lab.conntrack_full_on_device()
    stage.socket()
    stage.connect_fails("ETIMEDOUT")


@case("connect-timeout", "path-silent", NOT_PROVED, needs=small_conntrack_table)
def own_table_was_full_before_connect(stage):
    """It is not any more, and nobody answers."""
    stage.lab.set("device", tcp_syn_retries=1)
    stage.hub.listen()
    stage.lab.conntrack_full_on_device()
    stage.lab.forget_translations("device")
    stage.lab.black_hole()
    stage.socket()
    stage.connect_fails("ETIMEDOUT")


@story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"), found=True)
def own_nat_forgets_in_a_black_hole(stage):
    """What it forgets when nothing gets through anyway is not why."""
    behind_nat(stage, "fully-random")
    stage.lab.black_hole_before_the_hub()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait-retransmission", 2)
    stage.lab.forget_translations()
    stage.agent.ask("wait", "error")


# ---- boxes in the middle

@case("peer-reset", "middlebox-reset", NOT_PROVED, families=BOTH)
def reset_in_the_middle(stage):
    stage.connect()
    stage.lab.reset_in_the_middle()
    send_until_error(stage)
    stage.agent.ask("close")


@case("peer-reset", "middlebox-reset", NOT_PROVED)
def reset_in_the_middle_after_talk(stage):
    peer = stage.connect()
    for _ in range(3):
        stage.talk(peer)
    stage.lab.reset_in_the_middle()
    send_until_error(stage)
    stage.agent.ask("close")


@case("peer-reset", "peer-reset")
def only_the_hub_is_reset_in_the_middle(stage):
    """The hub's own kernel then answers our next segment with a RST."""
    peer = stage.connect()
    stage.lab.reset_in_the_middle()
    peer.send()
    peer.receive_end()
    stage.lab.heal()
    send_until_error(stage)
    stage.agent.ask("close")


SILENCE = 2.2  # seconds: longer than the shortest rhythm


def idle_then_fail(stage, talk, fault, answer=True):
    """A connection that lives TALK + SILENCE seconds, silent at the end of it. The fault comes in
    the middle of that, when it is not noticed: how long it takes makes no rhythm unlike."""
    peer = stage.connect()
    time.sleep(talk)
    stage.talk(peer, answer)
    time.sleep(SILENCE / 2)
    fault()
    stage.agent.ask("send-after-silence", SILENCE)
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


def balancer_forgets(stage, talk):
    idle_then_fail(stage, talk, lambda: stage.lab.forget_silently("cloud", PORT))


@story(ended("peer-reset", "peer-reset"), ended("peer-reset", "idle-drop", ("suspected",)),
       ended("peer-reset", "idle-drop", LIKELY))
def balancer_forgets_idle_connections(stage):
    """A proxy that forgets, and answers what it does not know any more with its own RST."""
    for talk in (0, 0.9, 0.3):
        balancer_forgets(stage, talk)


@story(ended("peer-reset", "peer-reset"), ended("peer-reset", "idle-drop", ("suspected",)),
       ended("peer-reset", "idle-drop", LIKELY))
def balancer_forgets_connections_of_like_age(stage):
    """The case above, but the ages equal the silences."""
    for _ in range(3):
        balancer_forgets(stage, 0)


@story(ended("peer-reset", "middlebox-reset", NOT_PROVED),
       ended("peer-reset", "idle-drop", NOT_PROVED, or_else=("middlebox-reset",)),
       ended("peer-reset", "idle-drop", LIKELY))
def firewall_resets_idle_connections(stage):
    for talk in (0, 0.9, 0.3):
        idle_then_fail(stage, talk, stage.lab.reset_in_the_middle)
        stage.lab.heal()


NAT_FORGETS = (stalled("path-silent"), ended("retransmit-timeout", "path-silent"),
               stalled("path-silent"), ended("retransmit-timeout", "path-silent"),
               stalled("path-silent"), ended("retransmit-timeout", "idle-drop", LIKELY))


@table(
    ("nat-forgets-idle-connections", story(*NAT_FORGETS), True),
    # the hub acknowledges, but never sends anything itself
    ("nat-forgets-idle-connections-of-an-agent-that-only-reports", story(*NAT_FORGETS), False),
)
def nat_forgets(stage, answer):
    for talk in (0, 0.9, 0.3):
        idle_then_fail(stage, talk, stage.lab.black_hole, answer)
        stage.lab.heal()
