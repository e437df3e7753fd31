# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logins that are refused in AMQP and in WebSocket, as real libraries say it and hear it: Qpid
Proton and python3-websockets, on both sides."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import certificate
from case import SURE, SUSPECTED, ended, story, table
from hub import PATIENCE, PORT
from lab import inside
from mqtt_cases import INSPECTED, wait_for_uprobes
from supervised import Surprise

LOGINS = Path(__file__).with_name("logins")


def needs(module):
    """Why the library cannot be had, or None."""
    def why_not():
        there = importlib.util.find_spec(module)
        return None if there else f"there is no {module} for Python"
    return why_not


@contextlib.contextmanager
def hub_at_work(stage, program, answer, *secure):
    with inside(stage.lab.cloud):
        process = subprocess.Popen(
            [sys.executable, LOGINS / f"{program}_hub.py", stage.hub.address, str(PORT), answer,
             *secure], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            wait_until_it_listens(process)
            yield
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def open_gate(path):
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def wait_until_it_listens(process):
    deadline = time.monotonic() + PATIENCE
    while not subprocess.run(["ss", "-Hltn", f"sport = :{PORT}"], capture_output=True,
                             check=True).stdout:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Surprise("the hub does not listen")
        time.sleep(0.02)


def row(name, hub, client, secure, wanted, *arguments):
    """Of `table`."""
    module = {"amqp": "proton", "uamqp": "uamqp"}.get(client.split()[0], "websockets")
    return (f"library-{name}{'-over-tls' if secure else ''}",
            story(wanted, needs=needs(module), settings=(*INSPECTED, f"Peer=*:{PORT}")),
            hub, client, secure, *arguments)


def refusals(client, ways, *rows):
    """Each is a name, a cause, its evidence, and the hub's answer."""
    for name, cause, evidence, answer, *hub in rows:
        for secure in ways:
            yield row(f"{client}-{name}", (hub or [client])[0], client, secure,
                      ended(None, cause, SURE, evidence=(evidence,)), answer)


PLAIN, SECURE = False, True


@table(
    *refusals(
        "amqp", (PLAIN,),
        ("login-refused", "session-rejected", "sasl_outcome=1-auth", "1", "sasl"),
        ("not-authorized", "session-rejected", "amqp_error=amqp:unauthorized-access",
         "amqp:unauthorized-access"),
        ("internal-error", "service-transient", "amqp_error=amqp:internal-error",
         "amqp:internal-error")),
    *refusals(
        "websocket", (PLAIN, SECURE),
        ("forbidden", "session-rejected", "http_status=403-Forbidden", "403"),
        ("unavailable", "service-transient", "http_status=503-Service-Unavailable", "503"),
        ("policy-violation", "session-rejected", "websocket_close=1008-policy-violation", "1008"),
        ("restarts", "service-transient", "websocket_close=1012-service-restart", "1012")),
    row("uamqp-login-refused", "sasl", "uamqp", SECURE,
        ended(None, "session-rejected", SURE, evidence=("sasl_outcome=1-auth",)), "1"),
    row("uamqp-not-authorized", "amqp", "uamqp anonymous", SECURE,
        ended(None, "session-rejected", SURE, evidence=("amqp_error=amqp:unauthorized-access",)),
        "amqp:unauthorized-access"),
    # Proton reads through a BIO of libssl's, so that nobody sees the hub's reason: the agent closes
    row("amqp-not-authorized", "amqp", "amqp", SECURE,
        ended(None, "agent-close", SUSPECTED, evidence=("mqtt=not-seen", "or=*"),
              or_else=("peer-close",)),
        "amqp:unauthorized-access"),
)
def login_is_refused(stage, hub, client, secure, answer):
    connect(stage, hub, client, secure, answer, looked_at=secure)


# The agent closes because the hub has asked it to, and nobody looks at what is said.
@table(*((f"library-amqp-hub-asks-the-agent-to-close{'-over-tls' if secure else ''}",
          story(ended(None, "agent-close", SUSPECTED, evidence=("or=*",), or_else=("peer-close",)),
                needs=needs("proton"), settings=(f"Peer=*:{PORT}",)), secure)
         for secure in (PLAIN, SECURE)))
def hub_asks(stage, secure):
    connect(stage, "amqp", "amqp", secure, "amqp:unauthorized-access", looked_at=False)


def connect(stage, hub, client, secure, answer, *, looked_at):
    files = certificate.make(stage.directory, f"IP:{stage.hub.address}") if secure else ()
    gate = stage.directory / "gate"
    os.mkfifo(gate)
    with open_gate(gate) as opener, hub_at_work(stage, hub, answer, *files):
        program, *mechanism = client.split()
        stage.agent.tell("become", sys.executable, LOGINS / f"{program}_client.py",
                         stage.hub.address, PORT, gate, *files[1:], *mechanism)
        if looked_at:
            wait_for_uprobes(stage)
        os.write(opener, b"go\n")
        stage.wait_told("ended")
