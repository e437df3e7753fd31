# SPDX-License-Identifier: LGPL-2.1-or-later
"""Azure's SDK for Node.js against a hub of ours. Its TLS is that of Node.js itself, and it reads
through a memory BIO."""

import contextlib
import functools
import json
import os
import signal
import time
from pathlib import Path

from case import LIKELY, NOT_PROVED, SURE, SUSPECTED, ended, story
from hub import PATIENCE
from lab import command
from mqtt_cases import INSPECTED, said, wait_for_uprobes
from mqtt_hub import ADDRESS, PORT, MqttHub

DEVICE = str(Path(__file__).with_name("sdk_device.js"))
KILLED = 128 + signal.SIGKILL
SETTINGS = (*INSPECTED, f"Peer=*:{PORT}")


@functools.cache
def shares_libssl():
    """Node.js has it from a library, as Debian builds it."""
    return command("node", "-p", "process.config.variables.node_shared_openssl").strip() == "true"


@contextlib.contextmanager
def device(stage, **options):
    """The agent becomes a device. Gives the hub and the device's session there; at the end, it is
    killed."""
    libraries = 1 if shares_libssl() else 2  # agent.py's libssl, the program
    with MqttHub(stage.lab, stage.directory, lambda: wait_for_uprobes(stage, libraries)) as hub:
        options = {"host": ADDRESS, "authority": str(hub.authority), "keepalive": 60, **options}
        stage.agent.tell("become", "env", f"NODE_PATH={os.environ['SDK_MODULES']}", "node", DEVICE,
                         json.dumps(options, separators=(",", ":")).replace(" ", "\\u0020"))
        session = hub.wait_session()
        session.wait_settled()
        yield hub, session
        stage.kill(signal.SIGKILL)
        stage.witness.wait_exit()


def sdk(*wanted, settings=()):
    return story(*wanted, settings=(*SETTINGS, *settings), status=KILLED)


@sdk(ended("local-fin", "token-renewal", SUSPECTED, evidence=said("disconnect_sent=normal")),
     ended("local-fin", "token-renewal", NOT_PROVED, evidence=said("disconnect_sent=normal")),
     ended("local-fin", "token-renewal", LIKELY, evidence=said("disconnect_sent=normal")),
     ended("local-fin", "agent-crash"), settings=("TokenLifetimeSec=7s",))
def sdk_renews_its_token(stage):
    """The agent is back before the verdict. Its first token is older than its first session."""
    with device(stage, lifetime=8, margin=2):
        for _ in range(3):
            stage.wait_told("ended", PATIENCE)


@sdk(ended("peer-fin", "peer-close", evidence=said("last_received=PUBACK")),
     ended("local-fin", "session-rejected", SURE, evidence=said("connack=not-authorized")))
def sdk_lets_its_token_expire(stage):
    """One that was handed to it, so it cannot make a new one: it tries the old one again."""
    expiry = int(time.time()) + 10
    token = f"SharedAccessSignature sr={ADDRESS}%2Fdevices%2Fdevice&sig=c2VjcmV0&se={expiry}"
    with device(stage, token=token):
        stage.wait_told("ended", PATIENCE)
        stage.kill(signal.SIGUSR1)
        stage.wait_told("ended", PATIENCE)


@sdk(ended("peer-fin", "peer-close", evidence=said("last_received=PUBACK")))
def sdk_is_closed_by_the_hub(stage):
    with device(stage) as (_, session):
        session.close()
        stage.wait_told("ended", PATIENCE)


TAKEN_OVER = ended("peer-fin", "session-takeover", SUSPECTED, evidence=said("last_received=PUBACK"))


@sdk(*2 * [ended("peer-fin", "peer-close", evidence=said("last_received=PUBACK"))],
     *3 * [TAKEN_OVER],
     ended("local-fin", "agent-crash"))
def sdk_is_taken_over_again_and_again(stage):
    """By another client with its name. MQTT 3.1.1 has no word for that: the hub just closes."""
    with device(stage) as (hub, _):
        for takeover in range(1, 6):
            hub.take_over("device").close()
            stage.wait_told("ended", PATIENCE)
            stage.kill(signal.SIGUSR1)
            hub.wait_session(2 * takeover + 1).wait_settled()


@sdk(ended("local-fin", "path-silent", NOT_PROVED, evidence=said("ping_unanswered_msec=*")))
def sdk_misses_a_pingresp(stage):
    with device(stage, keepalive=3) as (hub, _):
        hub.answers_pings = False
        stage.wait_told("ended", PATIENCE)


@sdk(ended("peer-reset", "peer-reset", NOT_PROVED,
           evidence=said("last_received=PUBACK")))
def sdk_is_reset(stage):
    with device(stage):
        stage.lab.abort_connections("cloud", PORT)
        stage.wait_told("ended", PATIENCE)


@sdk(ended("local-fin", "agent-crash", evidence=said("last_sent=PUBLISH", "last_received=PUBACK")))
def sdk_crashes(stage):
    with device(stage):
        pass


@sdk(ended("local-fin", "agent-close", SURE, evidence=said("disconnect_sent=normal")))
def sdk_closes(stage):
    with device(stage):
        stage.kill(signal.SIGUSR2)
        stage.wait_told("ended", PATIENCE)
