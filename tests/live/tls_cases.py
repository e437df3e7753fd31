# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS handshakes that come to nothing: several TLS libraries against OpenSSL's server, and against
what is no TLS. The watchdog has no keys and looks into none of these programs."""

import functools
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import certificate
import host_clock
from case import ANY, BOTH, LIKELY, NOT_PROVED, SURE, SUSPECTED, ended, story, table
from hub import PORT
from supervised import Surprise
from tls_server import TlsServer

CLIENTS = Path(__file__).with_name("tls")
WORDS = {
    "openssl": (sys.executable, CLIENTS / "client.py"),
    "node": ("node", CLIENTS / "client.js"),
}
UPDATES = "tldr.sh"  # where `tldr --update` looks for pages, which rustls has to do with
HTTPS = 443
HEADERS = {"mbedtls": "mbedtls", "libgnutls": "gnutls"}  # of what is no program
BUILD_PATIENCE = 300  # seconds for Go's compiler, beside other tests
HANDSHAKE_PATIENCE = 30  # seconds until the client has given up, beside other tests


def needs(program):
    """Why the client cannot be had, or None."""
    def why_not():
        if program in HEADERS:
            there = Path("/usr/include", HEADERS[program]).exists()
        else:
            there = shutil.which(program)
        return None if there else f"there is no {program}"
    return why_not


_built = tempfile.TemporaryDirectory()
_building = threading.Lock()


def go_client():
    """Built once for all cases."""
    program = Path(_built.name, "client")
    with _building:
        if not program.exists():
            subprocess.run(["go", "build", "-o", program, CLIENTS / "client.go"], check=True,
                           capture_output=True, timeout=BUILD_PATIENCE,
                           env={"HOME": _built.name, "PATH": "/usr/bin:/bin"})
    return (program,)


def c_client(source, *libraries):
    """Likewise."""
    program = Path(_built.name, Path(source).stem)
    with _building:
        if not program.exists():
            subprocess.run(["cc", "-o", program, CLIENTS / source, *libraries], check=True,
                           capture_output=True, timeout=BUILD_PATIENCE)
    return (program,)


def mbedtls_client():
    return c_client("mbedtls.c", "-lmbedtls", "-lmbedx509", "-lmbedcrypto")


def java_client():
    with _building:
        if not Path(_built.name, "Client.class").exists():
            subprocess.run(["javac", "-d", _built.name, CLIENTS / "Client.java"], check=True,
                           capture_output=True, timeout=BUILD_PATIENCE)
    return "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", _built.name, "Client"


BUILT = {"go": go_client, "mbedtls": mbedtls_client, "java": java_client}


def begin(stage, client, version, authority):
    """The agent becomes the client, which tries once."""
    if client == "gnutls":
        priority = "NORMAL:-VERS-TLS1.3" if version == "1.2" else "NORMAL"
        words = ("gnutls-cli", "--logfile=/dev/null", f"--x509cafile={authority}",
                 "--sni-hostname=hub.test", "--verify-hostname=hub.test",
                 f"--priority={priority}", f"--port={PORT}", stage.hub.address)
    elif client == "rustls":
        stage.agent.ask("hosts", stage.hub.address, UPDATES)
        words = ("env", f"SSL_CERT_FILE={authority}", f"TEALDEER_CACHE_DIR={stage.directory}",
                 "tldr", "--update")
    else:
        words = (*(BUILT[client]() if client in BUILT else WORDS[client]), authority, version,
                 stage.hub.address, PORT)
    stage.agent.tell("become", *words)


def connect(stage, client, version, authority):
    begin(stage, client, version, authority)
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


def server_for(stage, client, version, *options, **more):
    """rustls takes no certificate that is its own authority, and Java does not ask whether an
    authority has expired. tldr has a name to look for, and leaves the version to the hub."""
    issued = client in ("java", "rustls")
    if client == "rustls":
        options += ("-no_tls1_3",) if version == "1.2" else ()
        more |= {"name": UPDATES, "port": HTTPS}
    return TlsServer(stage, *options, **{"issued": issued, **more})


# ---- the hub's certificate is not accepted

PROGRAMS = {"openssl": "openssl", "gnutls": "gnutls-cli", "node": "node", "go": "go", "java": "java",
            "mbedtls": "mbedtls", "rustls": "tldr"}


def versions_of(client):
    """Debian 12's mbedTLS has no TLS 1.3."""
    return ("1.2",) if client == "mbedtls" else ("1.2", "1.3")


# Where nobody vouches for the host's clock, it may be the reason for an alert about validity.
CLOCK_IS_VOUCHED = host_clock.is_synchronised()
VALIDITY = SURE if CLOCK_IS_VOUCHED else LIKELY
# In plain text, or encrypted; Node.js sends none, and closes in TLS 1.2 like any agent.
REFUSALS = {
    ("gnutls", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
    ("go", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
    ("node", "1.3"): (NOT_PROVED, ("rung=tls",)),
    ("java", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
    ("rustls", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
}


def tries(client, wanted):
    return story(wanted, needs=needs(PROGRAMS[client]), families=BOTH,
                 status=1 if client in ("gnutls", "rustls") else 0,
                 settings=(f"Peer=*:{HTTPS if client == 'rustls' else PORT}",))


def refused(cause, client, confidence, evidence):
    """Who closes first is chance."""
    return tries(client, ended(None, cause, confidence, evidence=evidence))


EXPIRED, EXPIRED_IS = ("tls-refused-by-agent", SURE) if CLOCK_IS_VOUCHED else \
    ("clock-wrong", SUSPECTED)


# In TLS 1.2 the certificate is in plain text, and shows what a general alert leaves open.
SAYS_EXPIRED = {("openssl", "1.2"), ("openssl", "1.3"), ("mbedtls", "1.2"), ("java", "1.2")}


def evidence_of_expiry(client, version):
    alert = "certificate_expired" if (client, version) in SAYS_EXPIRED else "bad_certificate"
    dates = ("certificate_over_sec=86*",) if version == "1.2" else ()
    return (f"tls_alert_sent={alert}", *dates)


@table(*((f"tls-{version}-certificate-expired-{client}",
          refused(EXPIRED, client, EXPIRED_IS, evidence_of_expiry(client, version)), client,
          version)
         for client, version in sorted(SAYS_EXPIRED) + [
             (client, "1.2") for client in ("gnutls", "go", "rustls")]))
def certificate_says_expired(stage, client, version):
    certificate_expired(stage, client, version)


def clock_in_doubt():
    return "the host's clock is synchronised" if CLOCK_IS_VOUCHED else None


@functools.partial(story, ended(None, "clock-wrong", SUSPECTED,
                                evidence=("clock=not*synchronised", "or=tls-refused-by-agent")),
                   needs=clock_in_doubt, settings=(f"Peer=*:{PORT}",))()
def clock_is_not_synchronised(stage):
    certificate_expired(stage, "openssl", "1.3")


@table(*((f"tls-{version}-certificate-expired-{client}",
          refused("tls-refused-by-agent", client, *told), client, version)
         for (client, version), told in REFUSALS.items()))
def certificate_expired(stage, client, version):
    with server_for(stage, client, version, days=-1) as server:
        connect(stage, client, version, server.authority)


STRANGERS = {
    ("openssl", "1.2"): (SURE, ("tls_alert_sent=unknown_ca",)),
    ("openssl", "1.3"): (SURE, ("tls_alert_sent=unknown_ca",)),
    ("java", "1.2"): (VALIDITY, ("tls_alert_sent=*",)),
    ("java", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
    ("rustls", "1.2"): (VALIDITY, ("tls_alert_sent=bad_certificate",)),
    ("rustls", "1.3"): (LIKELY, ("tls_alert_sent=encrypted",)),
}


def other_authority(stage):
    directory = stage.directory / "other"
    directory.mkdir()
    return certificate.make(directory)[1]


@table(*((f"tls-{version}-authority-unknown-{client}",
          refused("tls-refused-by-agent", client, *told), client, version)
         for (client, version), told in STRANGERS.items()))
def authority_unknown(stage, client, version):
    with server_for(stage, client, version):
        connect(stage, client, version, other_authority(stage))


# ---- the agent's certificate is not accepted

@table(*((f"tls-{version}-no-client-certificate-{client}",
          refused("tls-refused-by-hub", client, SURE if version == "1.2" else LIKELY,
                  ("tls_alert_received=*",)), client, version)
         for client in PROGRAMS for version in versions_of(client)))
def no_client_certificate(stage, client, version):
    with server_for(stage, client, version, "-Verify", "1") as server:
        connect(stage, client, version, server.authority)


# ---- something else answers, or nothing

@table(
    ("tls-answered-by-http", story(ended(None, "tls-not-spoken", SURE,
                                         evidence=("tls_answer=http",)), families=BOTH),
     b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("tls-answered-by-ssh", story(ended(None, "tls-not-spoken", SURE,
                                        evidence=("tls_answer=other",)), families=BOTH),
     b"SSH-2.0-OpenSSH_9.2\r\n"),
)
def answered_by_something_else(stage, answer):
    stage.hub.listen()
    stage.agent.tell("become", *WORDS["openssl"], other_authority(stage), "1.3",
                     stage.hub.address, PORT)
    peer = stage.hub.accept()
    peer.receive()
    peer.send_bytes(answer)
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


@functools.partial(story, ended(None, "tls-stalled", SUSPECTED,
                                evidence=("rung=tls", "or=path-mtu")),
                   families=BOTH)()
def tls_is_not_answered(stage):
    stage.hub.listen()
    stage.agent.tell("become", *WORDS["openssl"], other_authority(stage), "1.3",
                     stage.hub.address, PORT)
    stage.hub.accept()
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- who said goodbye first, and how

GOODBYE = {"1.2": "yes", "1.3": "by-its-length"}


def goodbye(ended_by, cause, confidence, side, version, *evidence):
    return story(ended(ended_by, cause, confidence,
                       evidence=(f"tls_goodbye_{side}={GOODBYE[version]}", *evidence)),
                 families=BOTH)


def say_hello(stage, version, end):
    """The agent becomes a client that has its answer. Returns the hub's end."""
    key, authority = certificate.make(stage.directory, "DNS:hub.test")
    stage.hub.listen()
    stage.agent.tell("become", sys.executable, CLIENTS / "goodbye.py", authority, version,
                     stage.hub.address, PORT, end)
    peer = stage.hub.accept()
    peer.start_tls(certificate.server_context(key, authority))
    peer.receive(6)
    peer.send_bytes(b"hello\n")
    return peer


@table(*((f"tls-{version}-the-hub-says-goodbye-and-the-agent-{'answers' if end == 'both' else 'closes'}",
          goodbye("local-fin", "peer-close", NOT_PROVED, "received", version), version, end)
         for version in ("1.2", "1.3") for end in ("answer", "both")))
def the_hub_says_goodbye(stage, version, end):
    say_hello(stage, version, end).say_tls_goodbye()
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# The hub's last words may be a request to close.
@table(*((f"tls-{version}-the-agent-says-goodbye-and-the-hub-closes",
          goodbye("peer-fin", "agent-close", SURE if version == "1.2" else LIKELY, "sent", version),
          version, "later") for version in ("1.2", "1.3")),
       *((f"tls-{version}-the-agent-hears-the-hub-and-says-goodbye",
          goodbye("peer-fin", "agent-close", SUSPECTED, "sent", version, "or=peer-close"),
          version, "wait") for version in ("1.2", "1.3")))
def the_agent_says_goodbye(stage, version, end):
    peer = say_hello(stage, version, end)
    peer.receive_end()
    peer.shutdown()
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


@table(*((f"tls-{version}-the-agent-says-goodbye-and-reads-no-more",
          goodbye("local-reset", "agent-close", SUSPECTED, "sent", version, "or=peer-close"),
          version) for version in ("1.2", "1.3")))
def the_agent_reads_no_more(stage, version):
    peer = say_hello(stage, version, "unread")
    for _ in range(2):
        peer.send_bytes(b"more")
    stage.wait_told("ended", HANDSHAKE_PATIENCE)


# ---- when the hub's certificate ends

def seen_certificates(stage):
    return [tuple(int(number) for number in found.groups()) for found in re.finditer(
        r" certificate .* certificate\.from=(\d+) certificate\.until=(\d+) ",
        stage.trace.read_text())]


# Times from 2050 on have four digits for the year.
@table(*((f"tls-1.2-shows-{what}-certificate",
          story(ended(None, "agent-close", ANY,
                      or_else=("peer-close", "agent-exit", "agent-abort"))), options)
         for what, options in (
             ("a-short", {}),
             ("an-issued-rsa", {"issued": True, "key_options": certificate.RSA}),
             ("a-long-lived", {"days": 20000}))))
def certificate_is_shown(stage, options):
    with server_for(stage, "openssl", "1.2", **options) as server:
        connect(stage, "openssl", "1.2", server.authority)
        wanted, seen = [certificate.dates(server.certificate)], seen_certificates(stage)
    if seen != wanted:
        raise Surprise(f"the certificate is seen as {seen} instead of {wanted}")


# ---- nothing is wrong

@table(*((f"tls-{version}-works-{client}",
          tries(client, ended(None, "agent-close", ANY,
                              or_else=("peer-close", "agent-exit", "agent-abort"))), client, version)
         for client in ("openssl", "node", "go", "java", "mbedtls", "rustls")
         for version in versions_of(client)))
def handshake_succeeds(stage, client, version):
    with server_for(stage, client, version) as server:
        connect(stage, client, version, server.authority)
