# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent loses its connection, and the hub's name does not resolve any more: real resolvers
against a real name server."""

import operator
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from secrets import token_hex

import case
from case import ANY, LIKELY, NOT_PROVED, ended, recovered, stalled, story, table
from hub import PORT
from lab import CLOUD_ADDRESS
from leak import places_with
from mqtt_cases import uprobes_of
from name_server import NAME, Dnsmasq, OddServer, Unbound
from supervised import Surprise

SILENCE = 25  # seconds: three time-outs of the resolver, and a while
ATTEMPTS = 3
PAUSE = 1.1  # seconds between two: the probe reports one a second


def look_up(stage, found):
    answer = stage.agent.ask("resolve", NAME)
    assert (answer == "found") == found, answer


def fail_and_find(stage, server):
    """The agent does not find the hub, and after a while it does."""
    for _ in range(ATTEMPTS):
        look_up(stage, False)
        time.sleep(PAUSE)
    stage.wait_told("stalled", SILENCE)
    server.knows_the_hub()
    look_up(stage, True)
    stage.connect()
    stage.wait_told("recovered")
    stage.agent.ask("close")


def outage(stage, name_server, go_wrong, family="ipv4", options=""):
    """The hub closes, the agent does not find it, and after a while it does."""
    with name_server as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS[family], *options.split())
        look_up(stage, True)
        stage.hub_closes(stage.connect())
        go_wrong(server)
        fail_and_find(stage, server)


CLOSED = ended("peer-fin", "peer-close"), ended("local-fin", "agent-close", ANY)


def told(cause, **options):
    climbed = recovered(evidence=("lookup_msec=*", "tcp_msec=*"))
    return story(CLOSED[0], stalled(cause, LIKELY), climbed, CLOSED[1], settings=(f"Peer=*:{PORT}",), **options)


@table(
    ("name-does-not-exist", told("name-not-found"), Dnsmasq.has_no_such_name),
    ("name-has-no-address", told("name-not-found"), Dnsmasq.has_no_address),
    ("name-server-refuses", told("name-server-failing"), Dnsmasq.refuses),
    ("name-server-is-silent", told("name-server-silent"), Dnsmasq.is_silent, "ipv4",
     "timeout:1 attempts:1"),
    ("name-does-not-exist-over-ipv6", told("name-not-found"), Dnsmasq.has_no_such_name, "ipv6"),
    ("name-does-not-exist-over-tcp", told("name-not-found"), Dnsmasq.has_no_such_name, "ipv4",
     "use-vc"),
    ("name-server-refuses-over-tcp", told("name-server-failing"), Dnsmasq.refuses, "ipv4",
     "use-vc"),
)
def the_hubs_name(stage, go_wrong, family="ipv4", options=""):
    outage(stage, Dnsmasq(stage.lab, family), go_wrong, family, options)


@story(CLOSED[0], stalled("name-not-found", LIKELY), settings=(f"Peer=*:{PORT}",))
def name_does_not_exist_and_the_length_comes_alone(stage):
    """The answer comes over TCP, in two segments."""
    with OddServer(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"], "use-vc")
        stage.hub_closes(stage.connect())
        server.answers_from_elsewhere()
        for _ in range(ATTEMPTS):
            look_up(stage, False)
            time.sleep(PAUSE)
        stage.wait_told("stalled", SILENCE)


def unbound():
    return None if shutil.which("unbound") else "there is no unbound"


@table(
    ("name-does-not-exist-unbound", told("name-not-found", needs=unbound), Unbound.has_no_such_name),
    ("name-has-no-address-unbound", told("name-not-found", needs=unbound), Unbound.has_no_address),
    ("name-server-fails-unbound", told("name-server-failing", needs=unbound), Unbound.fails),
    ("name-server-refuses-unbound", told("name-server-failing", needs=unbound), Unbound.refuses),
    ("name-server-is-silent-unbound", told("name-server-silent", needs=unbound),
     Unbound.answers_nothing, "timeout:1 attempts:1"),
)
def asked_of_unbound(stage, go_wrong, options=""):
    outage(stage, Unbound(stage.lab, stage.directory), go_wrong, options=options)


# ---- resolvers other than glibc's

LOOKUPS = Path(__file__).with_name("names")
BUILD_PATIENCE = 300  # seconds for Go's compiler, beside other tests
_built = tempfile.TemporaryDirectory()
_building = threading.Lock()


def build(name, *words):
    """Builds the program once for all cases."""
    program = Path(_built.name, f"{name}{'-static' if '-static' in words else ''}")
    with _building:
        if not program.exists():
            subprocess.run([*words, "-o", program, LOOKUPS / name], check=True, capture_output=True,
                           timeout=BUILD_PATIENCE, env={"HOME": _built.name, "PATH": "/usr/bin:/bin"})
    return program


RESOLVERS = {
    "musl": ("musl-gcc", lambda: (build("lookup.c", "musl-gcc", "-static"), NAME)),
    "go": ("go", lambda: (build("lookup.go", "go", "build", "-tags", "netgo"), NAME)),
    "c-ares": ("node", lambda: ("node", LOOKUPS / "lookup.js", NAME, "resolve4")),
    "node": ("node", lambda: ("node", LOOKUPS / "lookup.js", NAME, "lookup")),
    "java": ("java", lambda: ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
                              "-Dsun.net.inetaddr.negative.ttl=0", LOOKUPS / "Lookup.java", NAME)),
}


def needs(program):
    """Why the resolver cannot be had, or None."""
    def why_not():
        return None if shutil.which(program) else f"there is no {program}"
    return why_not


def told_last(cause, needed):
    """One failure within two seconds is only suspected, and how many there are is chance."""
    return case.story(CLOSED[0], stalled(cause, NOT_PROVED), needs=needed,
                      settings=(f"Peer=*:{PORT}",))


@table(*((f"name-{what}-{resolver}",
          told_last(cause, needs(RESOLVERS[resolver][0])),
          go_wrong, resolver)
         for resolver in RESOLVERS
         for what, cause, go_wrong in (("does-not-exist", "name-not-found", Dnsmasq.has_no_such_name),
                                       ("server-refuses", "name-server-failing", Dnsmasq.refuses))
         if (resolver, what) != ("musl", "server-refuses")))  # musl waits on: half a minute
def looked_up_by(stage, go_wrong, resolver):
    """The agent becomes the program after it has lost its connection."""
    words = RESOLVERS[resolver][1]()
    with Dnsmasq(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        stage.hub_closes(stage.connect())
        go_wrong(server)
        program = os.pidfd_open(stage.agent.pid)
        stage.agent.tell("become", *words)
        stage.wait_told("stalled", SILENCE)
        select.select([program], [], [], SILENCE)
        os.close(program)


# ---- where no packet shows it: a process that is watched by its number


def inside(*wanted, needed=None):
    return case.story(*wanted, settings=(f"Peer=*:{PORT}", "MqttInspect=yes"), found=True, needs=needed)


def lookups_are_seen(stage):
    """connwatch has found the connection, and looks at the C library of the agent: of two links, or two
    perf events, behind those of libssl and libcrypto."""
    stage.watch()
    deadline = time.monotonic() + SILENCE
    while not any(map(operator.ge, uprobes_of(stage.witness.process.pid), (12, 8))):
        if time.monotonic() > deadline:
            raise Surprise("connwatch has no uprobes in the agent")
        time.sleep(0.02)


FOUND_CLOSED = ended("peer-fin", "peer-close", NOT_PROVED)
SAID = stalled("name-not-found", NOT_PROVED, evidence=("name_error=not-known", "or=name-server-failing"))


@inside(FOUND_CLOSED, SAID, recovered(evidence=("lookup_msec=*", "tcp_msec=*")), CLOSED[1])
def name_does_not_exist_says_the_c_library(stage):
    with Dnsmasq(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        peer = stage.connect()
        lookups_are_seen(stage)
        look_up(stage, True)
        stage.hub_closes(peer)
        server.has_no_such_name()
        fail_and_find(stage, server)


@inside(FOUND_CLOSED, SAID, needed=needs("musl-gcc"))
def name_does_not_exist_says_musl(stage):
    """The agent becomes another program, with a C library of its own."""
    program = build("lookup.c", "musl-gcc")
    with Dnsmasq(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        peer = stage.connect()
        lookups_are_seen(stage)
        stage.hub_closes(peer)
        server.has_no_such_name()
        stage.agent.tell("become", program, NAME)
        stage.wait_told("stalled", SILENCE)


# ---- names stay where they are


def fail_in_secret(stage, server):
    """The agent does not find the hub, whose name is in nothing of connwatch's."""
    secret = token_hex(12)
    server.has_no_such_name()
    for _ in range(ATTEMPTS):
        stage.agent.ask("resolve", f"{secret}.test")
        time.sleep(PAUSE)
    stage.wait_told("stalled", SILENCE)
    leaks = places_with(stage, secret.encode())
    if leaks:
        raise Surprise(f"a secret is in {', '.join(leaks)}")


@story(CLOSED[0], stalled("name-not-found", LIKELY), settings=(f"Peer=*:{PORT}",))
def names_in_packets_stay_where_they_are(stage):
    with Dnsmasq(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        stage.hub_closes(stage.connect())
        fail_in_secret(stage, server)


@inside(FOUND_CLOSED, SAID)
def names_in_the_c_library_stay_where_they_are(stage):
    with Dnsmasq(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        peer = stage.connect()
        lookups_are_seen(stage)
        stage.hub_closes(peer)
        fail_in_secret(stage, server)


# ---- and what is no trouble of names


@story(CLOSED[0], recovered(), CLOSED[1], settings=(f"Peer=*:{PORT}",))
def other_names_are_not_found(stage):
    """A search domain that does not have the name; the next one does."""
    with Dnsmasq(stage.lab):
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        stage.hub_closes(stage.connect())
        for _ in range(ATTEMPTS):
            stage.agent.ask("resolve", f"{NAME}.elsewhere")
            look_up(stage, True)
        stage.connect()
        stage.wait_told("recovered")
        stage.agent.ask("close")
