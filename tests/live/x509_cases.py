# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why an agent does not accept its hub's certificate, as its own libssl says (MqttInspect=yes)."""

import contextlib
import operator
import ssl
import time
from secrets import token_hex

import certificate
from case import ANY, LIKELY, SURE, SUSPECTED, ended, story, table
from hub import PORT
from leak import places_with
from mqtt_cases import INSPECTED, uprobes_of, wait_for_uprobes
from supervised import Surprise
from tls_cases import (CLOCK_IS_VOUCHED, HANDSHAKE_PATIENCE, PROGRAMS, WORDS, needs, other_authority,
                       seen_certificates)
from tls_server import TlsServer

PATIENCE = 5  # seconds until libcrypto is looked at, too


def curl(authority, version, host):
    host = f"[{host}]" if ":" in host else host
    return ("curl", "--silent", "--cacert", authority, "--tls-max", version, "--connect-to",
            f"hub.test:{PORT}:{host}:{PORT}", f"https://hub.test:{PORT}")


def ours(words):
    return lambda authority, version, host: (*words, authority, version, host, PORT)


CLIENTS = {"openssl": ours(WORDS["openssl"]), "node": ours(WORDS["node"]), "curl": curl}
STATUS = {"curl": 60}


def wait_for_libcrypto(stage):
    """Its uprobe comes behind those of libssl: nine perf events, or five links."""
    wait_for_uprobes(stage)
    deadline = time.monotonic() + PATIENCE
    while stage.looks_into_mqtt and not any(map(operator.ge, uprobes_of(stage.witness.process.pid), (10, 6))):
        if time.monotonic() > deadline:
            raise Surprise("connwatch has no uprobe in the agent's libcrypto")
        time.sleep(0.02)


def play(stage, client, version, authority=None, **options):
    with TlsServer(stage, **options) as server:
        wait_for_libcrypto(stage)
        stage.agent.tell("become", *CLIENTS[client](authority or server.authority, version, stage.hub.address))
        stage.wait_told("ended", HANDSHAKE_PATIENCE)


def expired(stage, client, version):
    play(stage, client, version, days=-1)


def not_yet_valid(stage, client, version):
    play(stage, client, version, early=True)


def self_signed(stage, client, version):
    play(stage, client, version, other_authority(stage))


def of_another_issuer(stage, client, version):
    play(stage, client, version, other_authority(stage), issued=True)


def of_another_name(stage, client, version):
    play(stage, client, version, name="other.test")


# Where nobody vouches for the host's clock, it may be the reason. No hub shows a certificate before its time.
REFUSED = ("tls-refused-by-agent", SURE)
FAULTS = {
    expired: ("certificate-has-expired", *(REFUSED if CLOCK_IS_VOUCHED else ("clock-wrong", SUSPECTED))),
    not_yet_valid: ("certificate-is-not-yet-valid",
                    *(REFUSED if CLOCK_IS_VOUCHED else ("clock-wrong", LIKELY))),
    self_signed: ("self-signed-certificate", *REFUSED),
    of_another_issuer: ("self-signed-in-chain", *REFUSED),
    of_another_name: ("hostname-mismatch", *REFUSED),
}


def rows(*plays, families=("ipv4",)):
    """Node.js sends no alert: it closes."""
    for client, version, fault in plays:
        words, cause, confidence = FAULTS[fault]
        confidence = LIKELY if client == "node" and confidence == SURE else confidence
        wanted = ended(None, cause, confidence, evidence=(f"x509_error={words}", "rung=tls"))
        yield (f"x509-{version}-{fault.__name__.replace('_', '-')}-{client}",
               story(wanted, settings=(*INSPECTED, f"Peer=*:{PORT}"), families=families,
                     status=STATUS.get(client, 0), needs=needs(PROGRAMS.get(client, client))),
               fault, client, version)


@table(*rows(("openssl", "1.3", expired), ("openssl", "1.2", not_yet_valid), ("openssl", "1.3", of_another_name),
             ("curl", "1.2", expired), ("node", "1.3", self_signed)))
def certificate_is_refused(stage, fault, client, version):
    fault(stage, client, version)


@story(ended(None, *REFUSED, evidence=("x509_error=self-signed-certificate",)), ended("local-fin", "agent-close", ANY),
       settings=INSPECTED)
def certificates_stay_where_they_are(stage):
    """The names in a certificate are in nothing of connwatch's, be it refused or accepted; it is in plain text,
    and when it ends is seen."""
    secret = token_hex(12)
    key, shown = certificate.make(stage.directory, f"DNS:{secret}.test", subject=secret)
    context = certificate.server_context(key, shown)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    wait_for_libcrypto(stage)
    peer = stage.connect()
    stage.agent.tell("tls", other_authority(stage))
    with contextlib.suppress(OSError):
        peer.start_tls(context)
    stage.agent.answer()
    stage.wait_told("ended")
    peer = stage.connect()
    stage.agent.tell("tls", shown)
    peer.start_tls(context)
    stage.agent.answer()
    leaks = places_with(stage, secret.encode())
    stage.agent.ask("close")
    stage.wait_told("ended")
    leaks += places_with(stage, secret.encode())
    if leaks:
        raise Surprise(f"a secret is in {', '.join(leaks)}")
    if not stage.bare and not seen_certificates(stage):
        raise Surprise("the search is blind: no certificate was seen")
