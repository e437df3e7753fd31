"""The network's doing: links, addresses, routes, next hops, silent paths, boxes in the middle."""

import time

from case import BOTH, LIKELY, NOT_PROVED, QUITE_SURE, SURE, case, ended, recovered, stalled, story
from hub import PORT
from supervised import Surprise

KEEPALIVE = (1, 1, 2)
OUTAGE = 0.1  # seconds: what rtnetlink tells has no time, and comes a few milliseconds late


def send_until_error(stage):
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


def goes_and_comes_back(stage, go, come_back):
    go()
    stage.wait_told("stalled")
    come_back()
    stage.wait_told("recovered")


# ---- the link

@story(stalled("link-down", SURE), ended("retransmit-timeout", "link-down", SURE))
def link_set_down_with_data_in_flight(stage):
    stage.connect()
    stage.lab.link_down()
    send_until_error(stage)


@story(stalled("link-down", SURE), ended("unreachable", "link-down", SURE), families=("ipv6",))
def link_set_down_with_routes_lost(stage):
    """The routing of IPv6 makes an error of its own of it."""
    stage.connect()
    stage.lab.link_down()
    send_until_error(stage)


@story(stalled("link-down", SURE),
       ended("keepalive-timeout", "link-down", SURE,
             evidence=("interface=uplink", "interface_state=set-down")))
def link_set_down_while_idle(stage):
    stage.connect(keepalive=KEEPALIVE)
    stage.lab.link_down()
    stage.agent.ask("wait", "error")


@story(stalled("link-down", SURE), ended("retransmit-timeout", "link-down", SURE), families=BOTH)
def cable_pulled_with_data_in_flight(stage):
    stage.connect()
    stage.lab.cable_pulled()
    send_until_error(stage)


@story(stalled("link-down", SURE), ended("keepalive-timeout", "link-down", SURE))
def cable_pulled_while_idle(stage):
    stage.connect(keepalive=KEEPALIVE)
    stage.lab.cable_pulled()
    stage.agent.ask("wait", "error")


@story(stalled("link-down", SURE), ended("local-fin", "link-down", QUITE_SURE))
def link_set_down_and_the_agent_closes(stage):
    stage.connect()
    stage.lab.link_down()
    stage.wait_told("stalled")
    stage.agent.ask("close")


def pass_ticks():
    """The kernel tells idle times in ticks of up to 10 ms: what comes sooner is not told apart."""
    time.sleep(0.03)


@story(stalled("link-down", SURE), recovered("link-down"), ended("peer-fin", "link-down", LIKELY))
def link_down_and_up_while_idle_then_the_hub_closes(stage):
    peer = stage.connect()
    pass_ticks()
    goes_and_comes_back(stage, stage.lab.link_down, stage.lab.link_up)
    stage.hub_closes(peer)


@story(stalled("link-down", SURE), recovered("link-down"), ended("peer-fin", "link-down", LIKELY))
def cable_out_and_in_while_idle_then_the_hub_closes(stage):
    peer = stage.connect()
    pass_ticks()
    goes_and_comes_back(stage, stage.lab.cable_pulled, stage.lab.cable_plugged_in)
    stage.hub_closes(peer)


@story(stalled("link-down", SURE), recovered("link-down"), ended("peer-fin", "peer-close"))
def link_down_and_up_then_talk_then_the_hub_closes(stage):
    peer = stage.connect()
    goes_and_comes_back(stage, stage.lab.link_down, stage.lab.link_up)
    stage.talk(peer)
    stage.hub_closes(peer)


@case("connect-timeout", "link-down", SURE)
def cable_pulled_before_connect(stage):
    stage.hub.listen()
    stage.lab.cable_pulled()
    stage.socket()
    stage.connect_fails("ETIMEDOUT")


@story(stalled("link-down", SURE), ended("local-fin", "agent-crash", SURE), status=128 + 9)
def killed_while_the_link_is_down(stage):
    stage.connect()
    stage.lab.link_down()
    stage.wait_told("stalled")
    stage.kill(9)
    stage.agent.wait_end()


# ---- the address

@story(stalled("address-changed", SURE), ended("retransmit-timeout", "address-changed", SURE),
       families=BOTH)
def address_removed_with_data_in_flight(stage):
    stage.connect()
    stage.lab.address_removed()
    send_until_error(stage)


@story(stalled("address-changed", SURE), ended("keepalive-timeout", "address-changed", SURE))
def address_removed_while_idle(stage):
    stage.connect(keepalive=KEEPALIVE)
    stage.lab.address_removed()
    stage.agent.ask("wait", "error")


@story(stalled("address-changed", SURE), ended("retransmit-timeout", "address-changed", SURE),
       families=BOTH)
def address_replaced_with_data_in_flight(stage):
    stage.connect()
    stage.lab.address_replaced()
    send_until_error(stage)


@story(stalled("address-changed", SURE), ended("local-fin", "address-changed", QUITE_SURE))
def address_replaced_and_the_agent_closes(stage):
    stage.connect()
    stage.lab.address_replaced()
    stage.wait_told("stalled")
    stage.agent.ask("close")


# ---- the route

@story(stalled("no-route", SURE), ended("retransmit-timeout", "no-route", SURE))
def route_removed_with_data_in_flight(stage):
    stage.connect()
    stage.lab.route_removed()
    send_until_error(stage)


@story(stalled("no-route", SURE), ended("unreachable", "no-route", SURE), families=("ipv6",))
def route_removed_and_its_error_kept(stage):
    stage.connect()
    stage.lab.route_removed()
    send_until_error(stage)


@story(stalled("no-route", SURE), ended("keepalive-timeout", "no-route", SURE))
def route_removed_while_idle(stage):
    stage.connect(keepalive=KEEPALIVE)
    stage.lab.route_removed()
    stage.agent.ask("wait", "error")


@story(stalled("no-route", SURE), ended("retransmit-timeout", "no-route", SURE))
def route_that_refuses_with_data_in_flight(stage):
    stage.connect()
    stage.lab.route_refuses()
    send_until_error(stage)


@story(stalled("no-route", SURE), recovered("no-route"), ended("peer-fin", "no-route", LIKELY))
def route_gone_and_back_while_idle_then_the_hub_closes(stage):
    peer = stage.connect()
    goes_and_comes_back(stage, stage.lab.route_removed, stage.lab.route_restored)
    stage.hub_closes(peer)


@story()
def no_route_on_connect(stage):
    """No SYN was ever sent: which peer was meant is not known."""
    stage.hub.listen()
    stage.lab.route_removed()
    stage.socket()
    stage.connect_fails("ENETUNREACH")


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


@case("connect-unreachable", "unreachable", families=BOTH)
def next_hop_dead_on_connect(stage):
    stage.lab.set("device", tcp_syn_retries=3)
    stage.hub.listen()
    stage.lab.next_hop_dies()
    stage.socket()
    stage.connect_fails("EHOSTUNREACH")


# ---- a way that swallows everything

@case("local-fin", "path-silent", NOT_PROVED)
def black_hole_and_the_agent_gives_up(stage):
    stage.connect()
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait-retransmission")
    stage.agent.ask("close")


@case("local-fin", "path-silent", NOT_PROVED)
def own_firewall_and_the_agent_gives_up(stage):
    stage.connect()
    stage.lab.firewall_on_device()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait-probe")
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
    """What tells that it is over is attached when the watchdog hears of the stall: too late."""
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


@case("connect-unreachable", "unreachable", families=BOTH)
def port_unreachable_on_connect(stage):
    """The application sees ECONNREFUSED here, as if a RST had come."""
    stage.hub.listen()
    stage.lab.unreachable("port-unreachable")
    stage.socket()
    stage.connect_fails("ECONNREFUSED")


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


@case("connect-refused", "connect-refused")
def refused_in_the_middle(stage):
    stage.hub.listen()
    stage.lab.reset_in_the_middle()
    stage.socket()
    stage.connect_fails("ECONNREFUSED")


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
    """As above, but nothing tells the ages apart from the silences."""
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


@story(*NAT_FORGETS)
def nat_forgets_idle_connections(stage):
    nat_forgets(stage, answer=True)


@story(*NAT_FORGETS)
def nat_forgets_idle_connections_of_an_agent_that_only_reports(stage):
    """The hub acknowledges, but never sends anything itself."""
    nat_forgets(stage, answer=False)


def nat_forgets(stage, answer):
    for talk in (0, 0.9, 0.3):
        idle_then_fail(stage, talk, stage.lab.black_hole, answer)
        stage.lab.heal()
