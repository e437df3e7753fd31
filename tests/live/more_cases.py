# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rest of the matrix of TLS libraries and what goes wrong, and an odd name server: `make
conformance` plays them, `make check` does not, which has a case of each kind (tls_cases.py)."""

import contextlib
import time

import names_cases
import x509_cases
from case import ANY, CASES, LIKELY, NOT_PROVED, SURE, SUSPECTED, ended, stalled, story, table
from hub import PORT, Hub
from lab import CLOUD_ADDRESS
from name_server import NAME, Dnsmasq, OddServer
from tls_cases import (BOTH, CLOCK_IS_VOUCHED, HANDSHAKE_PATIENCE, HTTPS, PROGRAMS, VALIDITY, authority_unknown, begin,
                       certificate_expired, connect, handshake_succeeds, needs, other_authority, refused, server_for,
                       tries, versions_of)

BAD, ENCRYPTED = ("tls_alert_sent=bad_certificate",), ("tls_alert_sent=encrypted",)
STRANGERS = {
    ("gnutls", "1.2"): (VALIDITY, BAD),
    ("gnutls", "1.3"): (LIKELY, ENCRYPTED),
    ("go", "1.2"): (VALIDITY, BAD),
    ("go", "1.3"): (LIKELY, ENCRYPTED),
    ("mbedtls", "1.2"): (SURE, ("tls_alert_sent=unknown_ca",)),
    ("node", "1.3"): (NOT_PROVED, ("rung=tls",)),
}


@table(*((f"tls-{version}-authority-unknown-{client}",
          refused("tls-refused-by-agent", client, *told), client, version)
         for (client, version), told in STRANGERS.items()))
def strange_authority(stage, client, version):
    authority_unknown(stage, client, version)


# Node.js looks at the certificate when the handshake is over, and closes. In TLS 1.2 that looks like any other close.

NODE_CLOSES = tries("node", ended(None, "agent-close", ANY, or_else=("agent-exit", "tls-refused-by-agent")))


@table(("tls-1.2-certificate-expired-node", NODE_CLOSES, certificate_expired),
       ("tls-1.2-authority-unknown-node", NODE_CLOSES, authority_unknown))
def refused_after_the_handshake(stage, goes_wrong):
    goes_wrong(stage, "node", "1.2")


@table(*((f"tls-{version}-works-gnutls",
          story(ended(None, "agent-close", ANY, or_else=("peer-close", "agent-exit", "agent-abort")),
                families=BOTH, needs=needs("gnutls-cli")), version)
         for version in ("1.2", "1.3")))
def gnutls_succeeds(stage, version):
    handshake_succeeds(stage, "gnutls", version)


# ---- one that is yet to be valid, which has no alert of its own. In TLS 1.2 it is seen.


def early(client, version):
    sealed = version == "1.3" and client != "openssl"
    cause, confidence = "tls-refused-by-agent", LIKELY if sealed else VALIDITY
    if version == "1.2" and not CLOCK_IS_VOUCHED:
        cause, confidence = "clock-wrong", LIKELY
    if client == "node":
        return tries(client, ended(None, cause, NOT_PROVED, evidence=("rung=tls",)))
    alert = "encrypted" if sealed else "*certificate*"
    return refused(cause, client, confidence, (f"tls_alert_sent={alert}",))


@table(*((f"tls-{version}-certificate-not-yet-valid-{client}", early(client, version), client, version)
         for client in PROGRAMS for version in versions_of(client)
         if client != "rustls" and (client, version) != ("node", "1.2")))
def certificate_begins_later(stage, client, version):
    with server_for(stage, client, version, early=True) as server:
        connect(stage, client, version, server.authority)


# ---- no version in common


@table(*((f"tls-1.2-hub-has-only-1.3-{client}",
          refused("tls-refused-by-hub", client, SURE, ("tls_alert_received=protocol_version",)), client)
         for client in PROGRAMS if client != "rustls"))
def hub_has_another_version(stage, client):
    with server_for(stage, client, "1.2", "-tls1_3") as server:
        connect(stage, client, "1.2", server.authority)


# ---- why, as the agent's own libssl says. curl and Node.js look at the name by themselves.

FAULTS = (x509_cases.expired, x509_cases.not_yet_valid, x509_cases.self_signed, x509_cases.of_another_issuer)
PLAYED = {case.name for case in CASES}
WHY = (*(("openssl", version, fault) for version in ("1.2", "1.3") for fault in (*FAULTS, x509_cases.of_another_name)),
       *(("curl", version, fault) for version in ("1.2", "1.3") for fault in FAULTS),
       *(("node", "1.3", fault) for fault in FAULTS))


@table(*(row for row in x509_cases.rows(*WHY) if row[0] not in PLAYED),
       *x509_cases.rows(*WHY, families=("ipv6",)))
def libssl_says_why(stage, fault, client, version):
    fault(stage, client, version)


# ---- something else answers

ANSWERS = {"http": b"HTTP/1.1 400 Bad Request\r\n\r\n", "other": b"SSH-2.0-OpenSSH_9.2\r\n"}


def hub_for(stage, client):
    """The hub on the port that the client asks: tldr always asks that of HTTPS."""
    if client != "rustls":
        return contextlib.nullcontext(stage.hub)
    return contextlib.closing(Hub(stage.lab, stage.family, HTTPS))


def meet(stage, hub, client):
    """The agent becomes the client and says its ClientHello. Returns the hub's end."""
    hub.listen()
    begin(stage, client, "1.2", other_authority(stage))
    peer = hub.accept()
    peer.receive()
    return peer


@table(*((f"tls-answered-by-{answer}-{client}",
          tries(client, ended(None, "tls-not-spoken", SURE, evidence=(f"tls_answer={answer}",))), client, answer)
         for client in ("gnutls", "go", "node", "java", "mbedtls", "rustls") for answer in ANSWERS))
def answered_by_something_else(stage, client, answer):
    with hub_for(stage, client) as hub:
        meet(stage, hub, client).send_bytes(ANSWERS[answer])
        stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- nothing answers, or the answer breaks off

GIVES_UP = 45  # seconds: tldr waits for 30
FLIGHT = b"\x16\3\3\0\x7a\2\0\0\x76\3\3"  # the beginning of a ServerHello


@table(*((f"tls-{name}-{client}",
          tries(client, ended(None, "tls-stalled", SUSPECTED, evidence=("rung=tls", "or=path-mtu"))),
          client, answer)
         for client in PROGRAMS for name, answer in (("is-not-answered", b""), ("answer-breaks-off", FLIGHT))))
def nothing_comes(stage, client, answer):
    """The hub says no more, and the client gives up."""
    with hub_for(stage, client) as hub:
        meet(stage, hub, client).send_bytes(answer)
        stage.wait_told("ended", GIVES_UP)


# ---- name servers over IPv6


@table(("name-has-no-address-over-ipv6", names_cases.told("name-not-found"), Dnsmasq.has_no_address),
       ("name-server-refuses-over-ipv6", names_cases.told("name-server-failing"), Dnsmasq.refuses),
       ("name-server-is-silent-over-ipv6", names_cases.told("name-server-silent"), Dnsmasq.is_silent))
def asked_over_ipv6(stage, go_wrong):
    names_cases.outage(stage, Dnsmasq(stage.lab, "ipv6"), go_wrong, "ipv6", "timeout:1 attempts:1")


# ---- a name server that answers from another address


@story(names_cases.CLOSED[0], stalled("name-server-silent", NOT_PROVED), needs=names_cases.needs("musl-gcc"),
       settings=(f"Peer=*:{PORT}",))
def name_is_denied_by_another_address(stage):
    """An answer of a server that nobody asked does not count: musl's socket takes it, and musl looks at
    the sender."""
    with OddServer(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        stage.hub_closes(stage.connect())
        server.answers_from_elsewhere()
        stage.agent.tell("become", names_cases.build("lookup.c", "musl-gcc"), NAME)
        stage.wait_told("stalled", names_cases.SILENCE)


# ---- answers over TCP in pieces


def ask_in_vain(stage, server, cut, seconds):
    """The agent looks for the hub over TCP, where the answer comes in two pieces."""
    stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"], "use-vc")
    stage.hub_closes(stage.connect())
    server.answers_from_elsewhere(cut)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        names_cases.look_up(stage, False)
        time.sleep(names_cases.PAUSE)


@table(*((f"name-does-not-exist-and-{cut}-bytes-come-first",
          story(names_cases.CLOSED[0], stalled("name-not-found", LIKELY), settings=(f"Peer=*:{PORT}",)), cut)
         for cut in (1, 14)))
def name_is_denied_in_two_pieces(stage, cut):
    with OddServer(stage.lab) as server:
        ask_in_vain(stage, server, cut, 3)
        stage.wait_told("stalled", names_cases.SILENCE)


# What the answer says is not seen, so nothing is told of it; but it is no silence.

SILENT_FOR = 18  # seconds: longer than it takes until a name server counts as silent


@table(*((f"name-server-answers-and-{cut}-bytes-come-first",
          story(*names_cases.CLOSED, settings=(f"Peer=*:{PORT}", "ReconnectTimeoutSec=60")), cut)
         for cut in (3, 13)))
def name_server_is_not_silent(stage, cut):
    with OddServer(stage.lab) as server:
        ask_in_vain(stage, server, cut, SILENT_FOR)
    stage.connect()
    stage.agent.ask("close")
