#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Eight faults of an MQTT client's connection, and what connwatch says about each.

The broker is a real mosquitto, the client a real mosquitto_sub; each has a network namespace of its
own, with a router in between. The client runs under `connwatchctl run`. Needs root.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import certificate
from broker import ADDRESS, PATIENCE, PORT, Broker, subscriber
from command_line import add_connwatchctl, begin
from lab import DEVICE_ADDRESS, PREFIX, Lab
from name_server import NAME, Dnsmasq
from supervised import Supervised, watching

TLS_PORT = 8883
MQTT_KEEPALIVE = "5"  # the shortest mosquitto_sub takes
COLUMNS = ("ENDED_BY", "CAUSE", "CONFIDENCE")
PRIORITY_COLOUR = {"3": "31", "4": "33", "5": "36"}


class Demo:
    def __init__(self, connwatchctl, lab, directory, screen):
        self.lab = lab
        self.broker = Broker(lab, directory)
        self._connwatchctl = connwatchctl
        self._directory = directory
        self._screen = screen
        self._client = None
        self._verdicts = 0  # that this client has had so far
        self._recoveries = 0
        self._troubles = 0

    def start_client(self, *options, expect_connection=True, around=(), **where):
        """A new mosquitto_sub under connwatch, connected to the broker."""
        self.close_client()
        self.broker.expect_client()
        words = subscriber("-k", MQTT_KEEPALIVE, *options, **where)
        self._client = Supervised([*around, *watching(self._connwatchctl, "run", "--", *words)],
                                  self._directory, self.lab.device, self._screen.record)
        self._verdicts = self._recoveries = self._troubles = 0
        if expect_connection:
            self.broker.wait_client()

    def signal_client(self, number):
        for pid in self.lab.processes():
            if Path(f"/proc/{pid}/comm").read_text().strip() == "mosquitto_sub":
                os.kill(pid, number)

    def verdict(self):
        """Waits for the verdict on the latest fault; returns its record."""
        self._verdicts += 1
        if not self._client.wait_for("ended", self._verdicts, PATIENCE):
            raise RuntimeError("\n".join(["no verdict came"] + self._client.complaints()))
        return self._client.of_kind("ended")[self._verdicts - 1]

    def trouble(self):
        """Waits for what is said while there is no connection; returns its record."""
        self._troubles += 1
        if not self._client.wait_for("stalled", self._troubles, 2 * PATIENCE):
            raise RuntimeError("\n".join(["nothing was said"] + self._client.complaints()))
        return self._client.of_kind("stalled")[self._troubles - 1]

    def certificates(self):
        """Two for the broker, with their keys: a good one, and one that has expired; and a file of
        both, by which a client trusts them."""
        files = []
        for subject, days in ("good", 2), ("expired", -1):
            directory = self._directory / subject
            directory.mkdir()
            files.append(certificate.make(directory, f"IP:{ADDRESS}", days=days, subject=subject))
        trusted = self._directory / "trusted.crt"
        trusted.write_text("".join(path.read_text() for _, path in files))
        return *files, trusted

    def use_tls(self, files):
        """A broker with this key and certificate takes the place of the other."""
        self.broker.stop()
        self.broker = Broker(self.lab, self._directory, TLS_PORT, files)
        self.broker.start()

    def with_names(self):
        """The beginning of a command line: the lab's name server is in its resolv.conf(5)."""
        settings = self._directory / "resolv.conf"
        settings.write_text(f"nameserver {ADDRESS}\n")
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
                settings]

    def wait_recovery(self):
        """Waits until the client has connected again and connwatch has said so."""
        self._recoveries += 1
        self.broker.wait_client()
        if not self._client.wait_for("recovered", self._recoveries, PATIENCE):
            raise RuntimeError("the client has recovered, but no record says so")

    def close_client(self):
        if self._client:
            self._client.close()
            self._client = None

    def close(self):
        self.close_client()
        self.broker.stop()


# ---- the faults: each makes one, waits for its verdict, and leaves a client that is connected

def broker_restarts(demo):
    """the broker is restarted"""
    demo.broker.expect_client()
    demo.broker.stop()
    demo.broker.start()
    verdict = demo.verdict()
    demo.wait_recovery()
    return verdict


def broker_host_resets(demo):
    """the broker's host resets the connection"""
    demo.broker.expect_client()
    demo.lab.abort_connections("cloud", PORT)
    verdict = demo.verdict()
    demo.wait_recovery()
    return verdict


def network_swallows(demo):
    """the network drops every packet"""
    demo.broker.expect_client()
    demo.lab.black_hole()
    verdict = demo.verdict()
    demo.lab.heal()
    demo.wait_recovery()
    return verdict


def client_crashes(demo):
    """the client crashes (SIGSEGV)"""
    demo.signal_client(signal.SIGSEGV)
    verdict = demo.verdict()
    demo.start_client()
    return verdict


def operator_stops(demo):
    """somebody stops the client (SIGTERM)"""
    demo.signal_client(signal.SIGTERM)
    return demo.verdict()


def nobody_listens(demo):
    """a client starts, but no broker listens"""
    demo.broker.stop()
    demo.start_client(expect_connection=False)
    return demo.verdict()


def names_fail(demo):
    """the broker is restarted while no name resolves"""
    with Dnsmasq(demo.lab) as names:
        names.knows_the_hub(["ipv4"])
        demo.broker.start()
        demo.start_client(around=demo.with_names(), host=NAME)
        demo.broker.expect_client()
        names.is_silent()
        demo.broker.stop()
        demo.broker.start()
        demo.verdict()
        trouble = demo.trouble()
        names.knows_the_hub(["ipv4"])
        demo.wait_recovery()
    return trouble


def certificate_expires(demo):
    """the broker comes back with a certificate that has expired"""
    good, expired, trusted = demo.certificates()
    demo.close_client()
    demo.use_tls(good)
    demo.start_client("--cafile", trusted, port=TLS_PORT)
    demo.use_tls(expired)
    demo.verdict()
    return demo.verdict()


FAULTS = (broker_restarts, broker_host_resets, network_swallows, client_crashes, operator_stops,
          nobody_listens, names_fail, certificate_expires)


class Screen:
    """The screen of the onlooker."""

    MARGIN = " " * 12

    def __init__(self):
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._begin = time.monotonic()

    def say(self, text=""):
        print(text, flush=True)

    def heading(self, text):
        self.say(self._paint(text, "1"))

    def record(self, record):
        """A record, as it is journaled. That watching begins is no news here."""
        if record["CONNWATCH_KIND"] == "watching":
            return
        seconds = time.monotonic() - self._begin
        width = min(shutil.get_terminal_size().columns, 100)
        lines = textwrap.wrap(record["MESSAGE"], width - len(self.MARGIN))
        text = f"\n{self.MARGIN}".join(
            self._paint(line, PRIORITY_COLOUR.get(record["PRIORITY"])) for line in lines)
        self.say(f"   {seconds:5.1f} s  {text}")

    def table(self, rows):
        widths = [max(map(len, column)) for column in zip(*rows)]
        for number, row in enumerate(rows):
            line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            self.say(line if number else self._paint(line, "1"))

    def _paint(self, text, colour):
        return f"\033[{colour}m{text}\033[0m" if colour and self._colours else text


def run(demo, screen):
    screen.say(f"A mosquitto broker at {ADDRESS}:{PORT}, a mosquitto_sub client at "
               f"{DEVICE_ADDRESS['ipv4']}, a router in between,")
    screen.say("each in a network namespace of its own. The client runs under `connwatchctl run`.")
    screen.say("Eight faults follow; below each, what connwatch writes to the journal about it.")
    screen.say()
    rows = [("fault", *(name.lower().replace("_", " ") for name in COLUMNS))]
    demo.broker.start()
    demo.start_client()
    for number, fault in enumerate(FAULTS, 1):
        screen.heading(f"{number}. {fault.__doc__}")
        record = fault(demo)
        rows.append((fault.__doc__, *(record.get(f"CONNWATCH_{name}", "-") for name in COLUMNS)))
        screen.say()
    screen.table(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_connwatchctl(parser)
    options = parser.parse_args()
    begin("demo.py", options.connwatchctl)
    screen = Screen()
    with contextlib.ExitStack() as leaving:
        directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
        leaving.callback(shutil.rmtree, directory, ignore_errors=True)
        lab = leaving.enter_context(Lab())
        demo = Demo(options.connwatchctl, lab, directory, screen)
        leaving.callback(demo.close)
        run(demo, screen)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as trouble:
        sys.exit(f"demo.py: {trouble}")
