# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rest of the matrix of TLS libraries and what goes wrong, and an odd name server: `make
conformance` plays them, `make check` does not, which has a case of each kind (tls_cases.py)."""

import names_cases
from case import ANY, LIKELY, NOT_PROVED, SURE, ended, stalled, story, table
from hub import PORT
from lab import CLOUD_ADDRESS
from name_server import NAME, OddServer
from tls_cases import (BOTH, HANDSHAKE_PATIENCE, PROGRAMS, VALIDITY, authority_unknown, begin, certificate_expired,
                       handshake_succeeds, needs, other_authority, refused, tries)

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


# Node.js looks at the certificate when the handshake is over, and closes: in TLS 1.2 that is no more than it looks.

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


# ---- something else answers

ANSWERS = {"http": b"HTTP/1.1 400 Bad Request\r\n\r\n", "other": b"SSH-2.0-OpenSSH_9.2\r\n"}


@table(*((f"tls-answered-by-{answer}-{client}",
          story(ended(None, "tls-not-spoken", SURE, evidence=(f"tls_answer={answer}",)), families=BOTH,
                status=1 if client == "gnutls" else 0, needs=needs(PROGRAMS[client])), client, answer)
         for client in ("gnutls", "go", "node", "java", "mbedtls") for answer in ANSWERS))
def answered_by_something_else(stage, client, answer):
    stage.hub.listen()
    begin(stage, client, "1.2", other_authority(stage))
    peer = stage.hub.accept()
    peer.receive()
    peer.send_bytes(ANSWERS[answer])
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- a name server that answers from another address


@story(names_cases.CLOSED[0], stalled("name-server-silent", NOT_PROVED), needs=names_cases.needs("musl-gcc"),
       settings=(f"Peer=*:{PORT}",))
def name_is_denied_by_another_address(stage):
    """Whom nobody asked does not count. musl's socket takes the answer, and musl looks at the sender."""
    with OddServer(stage.lab) as server:
        stage.agent.ask("name-server", CLOUD_ADDRESS["ipv4"])
        stage.hub_closes(stage.connect())
        server.answers_from_elsewhere()
        stage.agent.tell("become", names_cases.build("lookup.c", "musl-gcc"), NAME)
        stage.wait_told("stalled", names_cases.SILENCE)
