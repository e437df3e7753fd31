# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases of a modem that loses its mobile connection, while the interface stays up. ModemManager is a
mock; the loss of packets is real."""

import contextlib

from case import LIKELY, NOT_PROVED, ended, recovered, stalled, story
from modem import CONNECTED, FAILED, REGISTERED, SEARCHING, SIM_MISSING, Modem, missing
from network_cases import send_until_error


def behind_a_modem(*wanted):
    return story(*wanted, found=True, needs=missing)


def lost(*evidence):
    return behind_a_modem(stalled("modem-disconnected", LIKELY, evidence=evidence),
                          ended("retransmit-timeout", "modem-disconnected", LIKELY, evidence=evidence))


@contextlib.contextmanager
def mobile_connection(stage):
    """The agent's, by a modem that ModemManager has. connwatch finds both. Gives the modem and the
    hub's end."""
    with Modem(stage.directory, "uplink") as own:
        stage.bus = own.address
        stage.lab.set("device", tcp_retries2=4)
        peer = stage.connect()
        stage.watch(stage.lab.device)
        stage.talk(peer)
        yield own, peer


@lost("modem=registration-lost", "interface=uplink")
def modem_loses_the_network(stage):
    with mobile_connection(stage) as (own, _):
        stage.lab.black_hole()
        own.becomes(SEARCHING)
        send_until_error(stage)


@lost("modem=no-sim")
def modem_loses_its_sim(stage):
    with mobile_connection(stage) as (own, _):
        stage.lab.black_hole()
        own.becomes(FAILED, SIM_MISSING)
        send_until_error(stage)


@behind_a_modem(stalled("modem-disconnected", LIKELY), recovered("modem-disconnected"),
                ended("peer-fin", "peer-close", NOT_PROVED))
def modem_is_back_and_the_hub_closes(stage):
    """What is over does not explain what comes later."""
    with mobile_connection(stage) as (own, peer):
        own.becomes(REGISTERED)
        stage.wait_told("stalled")
        own.becomes(CONNECTED)
        stage.talk(peer)
        stage.wait_told("recovered")
        stage.hub_closes(peer)
