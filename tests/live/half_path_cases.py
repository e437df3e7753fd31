# SPDX-License-Identifier: LGPL-2.1-or-later
"""Half a path: large packets vanish and small ones arrive, one direction works, or one address
family."""

import contextlib
import shutil
import sys
import threading

from broker import ADDRESS, Broker
from broker import PORT as MQTT
from case import (ANY, BOTH, LIKELY, NOT_PROVED, SUSPECTED, case, ended, stalled, story,
                  table)
from hub import PORT, Hub
from lab import CLOUD_ADDRESS
from supervised import Surprise
from tls_cases import CLIENTS, HANDSHAKE_PATIENCE
from tls_server import TlsServer

PATIENCE = 30  # seconds until the kernel has given up, beside other tests
FLIGHT = 3000  # bytes: two full-size segments, and a small one behind them
TIMED_OUT = 14  # the exit status of mosquitto_pub: MOSQ_ERR_ERRNO
FULL = 2 * 1448  # bytes: full-size segments alone, by IPv4

VANISHES = (stalled("path-mtu", LIKELY),
            ended("retransmit-timeout", "path-mtu", LIKELY,
                  evidence=("lost_segment_bytes=14*", "arrived_behind_bytes=*")))


# ---- large packets vanish on the way to the hub


@story(*VANISHES, families=BOTH)
def large_segments_vanish(stage):
    stage.lab.set("device", tcp_retries2=4)
    stage.talk(stage.connect())
    stage.lab.narrow("outside", told=False)
    stage.agent.ask("send", FLIGHT)
    stage.agent.ask("wait", "error")


@story(stalled("path-mtu", LIKELY),
       ended("local-fin", "path-mtu", LIKELY, evidence=("lost_segment_bytes=1448",)))
def large_segments_vanish_and_the_agent_gives_up(stage):
    stage.lab.set("device", tcp_retries2=15)
    stage.talk(stage.connect())
    stage.lab.narrow("outside", told=False)
    stage.agent.ask("send", FLIGHT)
    stage.wait_told("stalled")
    stage.agent.ask("close")


@story(stalled("path-silent", SUSPECTED),
       ended("retransmit-timeout", "path-silent", SUSPECTED, evidence=("or=path-mtu",)))
def only_large_segments_are_sent_and_vanish(stage):
    """Nothing shows that small ones would arrive."""
    stage.lab.set("device", tcp_retries2=4)
    stage.connect()
    stage.lab.narrow("outside", told=False)
    stage.agent.ask("send", FULL)
    stage.agent.ask("wait", "error")


@contextlib.contextmanager
def talking(peer):
    """The hub says something now and then."""
    done = threading.Event()

    def talk():
        with contextlib.suppress(OSError):  # the agent has given up
            while not done.wait(0.05):
                peer.send()

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        done.set()
        talker.join()


@story(stalled("path-mtu", SUSPECTED),
       ended("retransmit-timeout", "path-mtu", SUSPECTED, evidence=("or=path-half",)))
def only_large_segments_are_sent_and_vanish_while_the_hub_talks(stage):
    stage.lab.set("device", tcp_retries2=4)
    peer = stage.connect()
    stage.lab.narrow("outside", told=False)
    with talking(peer):
        stage.agent.ask("send", FULL)
        stage.wait_told("stalled")
        stage.wait_told("ended", PATIENCE)


@case("local-fin", "agent-close")
def large_segments_are_too_large_and_the_router_says_so(stage):
    """Path MTU discovery works: no trouble."""
    peer = stage.connect()
    stage.lab.narrow("outside", told=True)
    stage.agent.ask("send", FLIGHT)
    peer.receive(FLIGHT)
    stage.agent.ask("close")


@case("local-fin", "agent-close")
def large_segments_are_lost_for_a_moment(stage):
    peer = stage.connect()
    stage.lab.narrow("outside", told=False)
    stage.agent.ask("send", FLIGHT)
    stage.agent.ask("wait-retransmission")
    stage.lab.heal()
    peer.receive(FLIGHT)
    stage.agent.ask("close")


@story(*VANISHES, status=TIMED_OUT)
def mosquitto_sends_a_large_connect(stage):
    stage.lab.set("device", tcp_retries2=4)
    with Broker(stage.lab, stage.directory):
        stage.lab.narrow("outside", told=False)
        stage.agent.tell("become", "mosquitto_pub", "-h", ADDRESS, "-p", MQTT, "-t", "t", "-n",
                         "-u", "device", "-P", FLIGHT * "x")
        stage.wait_told("ended", PATIENCE)


# ---- or on the way from it

MANY_NAMES = ",DNS:".join(["hub.test", *(f"a-name-of-the-hub-{i}.test" for i in range(100))])


def flight(cause, confidence, *evidence):
    """The end of a client whose handshake gets nowhere."""
    return story(ended(None, cause, confidence, evidence=("rung=tls", *evidence)),
                 families=BOTH)


@table(
    ("flight-of-the-hub-vanishes", flight("path-mtu", LIKELY, "missing_bytes=*"), "1.3",
     MANY_NAMES),
    ("flight-of-the-hub-vanishes-by-tls-1.2", flight("path-mtu", LIKELY, "missing_bytes=*"),
     "1.2", MANY_NAMES),
)
def flight_of_the_hub_vanishes(stage, version, names):
    with TlsServer(stage, name=names) as server:
        stage.lab.narrow("inside", told=False)
        stage.agent.tell("become", sys.executable, CLIENTS / "client.py", server.authority,
                         version, stage.hub.address, PORT)
        stage.wait_told("ended", HANDSHAKE_PATIENCE)


@case("local-fin", "path-mtu", SUSPECTED, evidence=("missing_bytes=*", "or=agent-close"))
def message_of_the_hub_vanishes_and_the_agent_gives_up(stage):
    peer = stage.connect()
    stage.talk(peer)
    stage.lab.narrow("inside", told=False)
    peer.send(FLIGHT)
    stage.agent.ask("wait-hole")
    stage.agent.ask("send-after-silence", 5.5)
    stage.agent.ask("close")


# ---- one direction only


@story(stalled("path-half", SUSPECTED),
       ended("retransmit-timeout", "path-half", NOT_PROVED, evidence=("heard_before_msec=*",)),
       families=BOTH)
def what_the_agent_sends_is_lost_while_the_hub_talks(stage):
    stage.lab.set("device", tcp_retries2=4)
    peer = stage.connect()
    stage.lab.mute()
    with talking(peer):
        stage.agent.ask("send", 10)
        stage.wait_told("stalled")
        stage.wait_told("ended", PATIENCE)


# ---- one address family only


def curl():
    return None if shutil.which("curl") else "there is no curl"


def know_both_addresses(stage):
    stage.other_addresses = tuple(CLOUD_ADDRESS.values())
    stage.agent.ask("hosts", ",".join(stage.other_addresses), "hub.test")


@contextlib.contextmanager
def listening(stage):
    """Gives the hub's end of each family."""
    with contextlib.ExitStack() as leaving:
        hubs = {family: Hub(stage.lab, family) for family in BOTH}
        for hub in hubs.values():
            leaving.callback(hub.close)
            hub.listen()
        know_both_addresses(stage)
        yield hubs


def connect_by_name(stage, hubs, how, family):
    if (took := stage.agent.ask(how, "hub.test", PORT)) != family:
        raise Surprise(f"it took {took}")
    return hubs[family].accept()


def close_told(stage):
    stage.agent.ask("close")
    stage.wait_told("ended")


CLOSES = ended("local-fin", "agent-close")
LEAVES = ended("connect-timeout", "agent-close", ANY)  # IPv6 at once for IPv4
IPV6_IS_LOST = ("family=ipv6", "came_up_meanwhile=ipv4", "attempts_unanswered=*")


@story(ended("connect-timeout", "path-half", LIKELY, evidence=IPV6_IS_LOST), CLOSES)
def ipv6_is_lost_and_the_agent_tries_in_turn(stage):
    stage.lab.set("device", tcp_syn_retries=2)
    with listening(stage) as hubs:
        stage.lab.family_lost("ipv6")
        connect_by_name(stage, hubs, "connect-in-turn", "ipv4")
        stage.wait_told("ended")
        close_told(stage)


@story(ended("connect-timeout", "path-silent", SUSPECTED, evidence=("or=path-half",)), CLOSES,
       ended("connect-timeout", "path-half", LIKELY, evidence=IPV6_IS_LOST), CLOSES)
def ipv6_is_lost_and_the_agent_tries_twice_in_turn(stage):
    with listening(stage) as hubs:
        stage.lab.family_lost("ipv6")
        for _ in range(2):
            connect_by_name(stage, hubs, "connect-in-turn", "ipv4")
            stage.wait_told("ended")
            close_told(stage)


@story(ended("connect-timeout", "path-silent", SUSPECTED), CLOSES, CLOSES)
def ipv6_is_lost_once(stage):
    with listening(stage) as hubs:
        stage.lab.family_lost("ipv6")
        connect_by_name(stage, hubs, "connect-in-turn", "ipv4")
        stage.wait_told("ended")
        close_told(stage)
        stage.lab.heal()
        connect_by_name(stage, hubs, "connect-in-turn", "ipv6")
        close_told(stage)


@story(LEAVES, CLOSES, LEAVES, CLOSES,
       ended("connect-timeout", "path-half", SUSPECTED, evidence=(*IPV6_IS_LOST, "or=agent-close")),
       CLOSES)
def ipv6_is_lost_and_the_agent_leaves_it_at_once(stage):
    with listening(stage) as hubs:
        stage.lab.family_lost("ipv6")
        for _ in range(3):
            connect_by_name(stage, hubs, "connect-happily", "ipv4")
            stage.wait_told("ended")
            close_told(stage)


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CURL_CLOSES = ended("local-fin", "agent-close", ANY, or_else=("peer-close",))


@story(LEAVES, CURL_CLOSES, LEAVES, CURL_CLOSES,
       ended("connect-timeout", "path-half", SUSPECTED, evidence=(*IPV6_IS_LOST, "or=agent-close")),
       ended("local-fin", "agent-exit", ANY, or_else=("agent-close",)), needs=curl)
def ipv6_is_lost_and_curl_leaves_it_at_once(stage):
    with listening(stage) as hubs:
        stage.lab.family_lost("ipv6")
        stage.agent.tell("become", "curl", "-s", *3 * [f"http://hub.test:{PORT}/"])
        for _ in range(3):
            peer = hubs["ipv4"].accept()
            stage.wait_told("ended")
            peer.receive(4)
            peer.send_bytes(ANSWER)
            stage.wait_told("ended")


@story(LEAVES, CLOSES, LEAVES, CLOSES, CLOSES, LEAVES, CLOSES)
def ipv6_is_lost_now_and_then(stage):
    with listening(stage) as hubs:
        for family in ("ipv4", "ipv4", "ipv6", "ipv4"):
            if family == "ipv4":
                stage.lab.family_lost("ipv6")
            connect_by_name(stage, hubs, "connect-happily", family)
            if family == "ipv4":
                stage.wait_told("ended")
            stage.lab.heal()
            close_told(stage)


@story(ended("connect-timeout", "path-silent", NOT_PROVED),
       ended("connect-timeout", "path-silent", NOT_PROVED))
def both_families_are_lost(stage):
    with listening(stage):
        stage.lab.black_hole()
        stage.agent.fails("connect-in-turn", "hub.test", PORT, error="ETIMEDOUT")
