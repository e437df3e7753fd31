# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who said goodbye in TLS (close_notify) before the connection ended, and how it ended then: the TLS
libraries against OpenSSL's hub, from either side, before a FIN and before a RST. `make conformance`
plays them, `make check` does not, which has OpenSSL's (tls_cases.py)."""

import contextlib
import ssl

import certificate
from case import ANY, LIKELY, NOT_PROVED, SURE, SUSPECTED, ended, story, table
from hub import PORT, Hub, Peer
from tls_cases import (BOTH, CLIENTS, GOODBYE, HANDSHAKE_PATIENCE, HTTPS, UPDATES, WORDS, begin, c_client, go_client,
                       java_client, mbedtls_client, needs)


def gnutls_client():
    return c_client("gnutls.c", "-lgnutls")


# Of each library: what it needs, how its client is started, whether a FIN follows its goodbye at once.
STACKS = {
    "openssl": ("openssl", lambda: (WORDS["openssl"][0], CLIENTS / "goodbye.py"), False),
    "gnutls": ("libgnutls", gnutls_client, False),
    "go": ("go", go_client, False),
    "node": ("node", lambda: WORDS["node"], True),
    "java": ("java", java_client, True),
    "mbedtls": ("mbedtls", mbedtls_client, False),
}
VERSIONS = {"mbedtls": ("1.2",)}  # Debian 12's has no TLS 1.3


def greet(stage, stack, version, end):
    """The agent becomes a client that has its answer, and is to end so. Returns the hub's end."""
    key, authority = certificate.make(stage.directory, "DNS:hub.test")
    words = STACKS[stack][1]()
    stage.hub.listen()
    stage.agent.tell("become", *words, authority, version, stage.hub.address, PORT, end)
    peer = stage.hub.accept()
    peer.start_tls(certificate.server_context(key, authority))
    peer.receive(6)
    peer.send_bytes(b"hello\n")
    return peer


def told(stack, version, side, ended_by, cause, confidence, **options):
    return story(ended(ended_by, cause, confidence, evidence=(f"tls_goodbye_{side}={GOODBYE[version]}",),
                       **options), families=BOTH, needs=needs(STACKS[stack][0]))


def everywhere(name, make):
    """A row for each library and version."""
    return tuple((f"tls-{version}-goodbye-{name}-{stack}", *make(stack, version))
                 for stack in STACKS for version in VERSIONS.get(stack, ("1.2", "1.3")))


# ---- the hub says goodbye


@table(*everywhere("of-the-hub-alone", lambda stack, version: (
    told(stack, version, "received", "local-fin", "peer-close", NOT_PROVED), stack, version)))
def the_hub_says_goodbye(stage, stack, version):
    greet(stage, stack, version, "answer").say_tls_goodbye()
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# The agent may answer the goodbye before the FIN, or the RST, is there.
@table(*everywhere("of-the-hub-and-fin", lambda stack, version: (
           told(stack, version, "received", None, "peer-close", NOT_PROVED), stack, version, Peer.close)),
       *everywhere("of-the-hub-and-rst", lambda stack, version: (
           told(stack, version, "received", None, "peer-close", NOT_PROVED), stack, version, Peer.reset)))
def the_hub_says_goodbye_and_ends(stage, stack, version, end):
    peer = greet(stage, stack, version, "answer")
    peer.say_tls_goodbye_only()
    end(peer)
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- the agent says goodbye


def left(stack, version, ended_by):
    """What is told then. The hub may close before the agent's FIN is there."""
    sure = SURE if version == "1.2" else LIKELY
    if STACKS[stack][2]:
        return told(stack, version, "sent", None, "agent-close", {*SURE, *sure})
    return told(stack, version, "sent", ended_by, "agent-close", sure)


@table(*everywhere("of-the-agent-and-fin", lambda stack, version: (
           left(stack, version, "peer-fin"), stack, version, Peer.close)),
       *everywhere("of-the-agent-and-rst", lambda stack, version: (
           left(stack, version, "peer-reset"), stack, version, Peer.reset)))
def the_agent_says_goodbye_and_the_hub_ends(stage, stack, version, end):
    peer = greet(stage, stack, version, "later")
    peer.receive_end()
    end(peer)
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# Node.js and JSSE send their FIN before they could reset. The hub has just spoken: it may have asked for it.
@table(*(row for row in everywhere("of-the-agent-and-its-rst", lambda stack, version: (
    told(stack, version, "sent", "local-reset", "agent-abort", SUSPECTED), stack, version))
         if not STACKS[row[2]][2]))
def the_agent_says_goodbye_and_resets(stage, stack, version):
    greet(stage, stack, version, "abort")
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- rustls: tldr, Debian's only program with it, fetches one file. It exits if it does not get it whole, and
# closes if the hub is to close.

PART = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nno archive"


def fetched(version, side, wanted, confidence, status, **options):
    return story(ended(None, wanted, confidence, evidence=(f"tls_goodbye_{side}={GOODBYE[version]}",), **options),
                 families=BOTH, needs=needs("tldr"), settings=(f"Peer=*:{HTTPS}",), status=status)


def breaks_off(version):
    return fetched(version, "received", "peer-close", ANY, 1, or_else=("agent-exit",))


def say_goodbye_and(end):
    def say(peer):
        peer.say_tls_goodbye_only()
        end(peer)
    return say


@table(*((f"tls-{version}-goodbye-of-{name}-rustls", wanted, version, answer, end)
         for version in ("1.2", "1.3") for name, wanted, answer, end in (
             ("the-hub-alone", breaks_off(version), PART, Peer.say_tls_goodbye),
             ("the-hub-and-fin", breaks_off(version), PART, say_goodbye_and(Peer.close)),
             ("the-hub-and-rst", breaks_off(version), PART, say_goodbye_and(Peer.reset)),
             ("the-agent-and-fin", fetched(version, "sent", "agent-close", SUSPECTED, 101), WHOLE, Peer.receive_end))))
def what_tldr_fetches(stage, version, answer, end):
    issuer = stage.directory / "issuer"
    issuer.mkdir()
    authority = certificate.make(issuer, subject="issuer")
    key, own = certificate.make(stage.directory, f"DNS:{UPDATES}", issuer=authority)
    context = certificate.server_context(key, own)
    if version == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with contextlib.closing(Hub(stage.lab, stage.family, HTTPS)) as hub:
        hub.listen()
        begin(stage, "rustls", version, authority[1])
        peer = hub.accept()
        peer.start_tls(context)
        peer.receive_some()
        peer.send_bytes(answer)
        end(peer)
        stage.wait_told("ended", HANDSHAKE_PATIENCE)
