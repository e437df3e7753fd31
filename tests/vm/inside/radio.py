#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays what happens to a Wi-Fi in this machine, and tells the outcome of each play to the console.

The device is this network namespace, with wpa_supplicant on wlan0. Two access points of one network
(hostapd) and the hub are in another, behind a bridge.
"""

import argparse
import contextlib
import fnmatch
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TESTS = Path(__file__).parents[2]
CONNWATCHCTL = TESTS.parent / "build/connwatchctl"
AGENT = TESTS / "live" / "agent.py"
RUN = Path("/run/radio")
HUB, DEVICE, PORT = "10.9.0.1", "10.9.0.2", 8883
PATIENCE = 60  # seconds for anything
FIELDS = ("KIND", "ENDED_BY", "CAUSE", "CONFIDENCE")

ACCESS_POINT = """
interface={interface}
bridge=hub
driver=nl80211
ssid=connwatch
hw_mode=g
channel=1
ctrl_interface=/run/radio/{interface}
"""
STATION = """
ctrl_interface=/run/radio/station
network={
    ssid="connwatch"
    key_mgmt=NONE
}
"""
HUB_PROGRAM = f"""
import socket, sys
listener = socket.create_server(("{HUB}", {PORT}))
print("listening", flush=True)
connections = [listener.accept()[0]]
print("accepted", flush=True)
sys.stdin.readline()
connections[0].close()
print("closed", flush=True)
sys.stdin.readline()
"""


def tell(**facts):
    print("##" + json.dumps(facts), flush=True)


def run(*words):
    ran = subprocess.run(words, check=False, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {ran.stdout}")
    return ran.stdout


def in_air(*words):
    """The namespace of the access points."""
    return run("ip", "netns", "exec", "air", *words)


def wait_for(what, holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.05)


# ---- the air


def supplicant(*words):
    return run("wpa_cli", "-p", "/run/radio/station", "-i", "wlan0", *words)


def access_point(interface, *words):
    return in_air("hostapd_cli", "-p", f"/run/radio/{interface}", "-i", interface, *words)


def address_of(interface):
    return in_air("cat", f"/sys/class/net/{interface}/address").strip()


def own_address():
    return Path("/sys/class/net/wlan0/address").read_text().strip()


def is_associated():
    return "wpa_state=COMPLETED" in supplicant("status")


def associated_with():
    for line in supplicant("status").splitlines():
        if line.startswith("bssid="):
            return line.removeprefix("bssid=")
    return None


def set_up():
    RUN.mkdir()
    run("modprobe", "mac80211_hwsim", "radios=3")
    run("ip", "netns", "add", "air")
    for phy in ("phy1", "phy2"):
        run("iw", "phy", phy, "set", "netns", "name", "air")
    in_air("ip", "link", "set", "lo", "up")
    in_air("ip", "link", "add", "hub", "type", "bridge")
    in_air("ip", "addr", "add", f"{HUB}/24", "dev", "hub")
    in_air("ip", "link", "set", "hub", "up")
    for interface in ("wlan1", "wlan2"):
        (RUN / f"{interface}.conf").write_text(ACCESS_POINT.format(interface=interface))
        in_air("hostapd", "-B", str(RUN / f"{interface}.conf"))
    (RUN / "station.conf").write_text(STATION)
    run("wpa_supplicant", "-B", "-i", "wlan0", "-D", "nl80211", "-c", str(RUN / "station.conf"))
    run("ip", "addr", "add", f"{DEVICE}/24", "dev", "wlan0")


def connect_wifi():
    """With the first access point."""
    supplicant("reconnect")
    wait_for("the Wi-Fi", is_associated)
    if associated_with() != address_of("wlan1"):
        supplicant("roam", address_of("wlan1"))
        wait_for("the first access point",
                 lambda: is_associated() and associated_with() == address_of("wlan1"))
    wait_for("the hub's address", lambda: subprocess.run(
        ["ping", "-c1", "-W1", HUB], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0)


# ---- the hub, the agent and who watches it


def lines_of(stream):
    """A queue of what comes line by line."""
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in stream],
                     daemon=True).start()
    return lines


class Play:
    def __init__(self, directory):
        self.trace = directory / "events.trace"
        self.records = []
        self.hub = subprocess.Popen(
            ["ip", "netns", "exec", "air", sys.executable, "-c", HUB_PROGRAM], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hub_said = lines_of(self.hub.stdout)
        self.hub_said.get(timeout=PATIENCE)
        self.watchdog = subprocess.Popen(
            [CONNWATCHCTL, "run", "-o", "json", f"--record={self.trace}", "--name=agent",
             f"--peer={HUB}:{PORT}", "--", sys.executable, AGENT], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.told = lines_of(self.watchdog.stdout)

    def ask(self, command):
        self.watchdog.stdin.write(command + "\n")
        self.watchdog.stdin.flush()

    def connect(self):
        self.ask("socket ipv4")
        self.ask("option keepalive 2 1 3")
        self.ask(f"connect {HUB} {PORT}")
        self.hub_said.get(timeout=PATIENCE)

    def wait_told(self, kind):
        while True:
            line = self.told.get(timeout=PATIENCE)
            if not line.startswith("{"):
                continue  # the agent's answers
            record = json.loads(line)
            self.records.append(record)
            if record.get("CONNWATCH_KIND") == kind:
                return

    def hub_closes(self):
        self.hub.stdin.write("\n")
        self.hub.stdin.flush()
        self.wait_told("ended")

    def end(self):
        self.watchdog.stdin.close()
        self.watchdog.wait(PATIENCE)
        self.hub.kill()


# ---- the plays: each gives what must be told, and a part of the last sentence

PLAYS = {}


def play(*told, says="", evidence=""):
    def add(function):
        PLAYS[function.__name__.replace("_", "-")] = function, told, says, evidence
        return function
    return add


def lost(cause, confidence):
    return (f"stalled - {cause} {confidence}", f"ended keepalive-timeout {cause} {confidence}")


def stays_away():
    """After the next loss."""
    supplicant("STA_AUTOCONNECT", "0")


@play(*lost("wifi-disconnected", "proved"),
      says="wlan0 was deauthenticated by the access point (reason 4, inactivity)")
def deauthenticated_by_the_access_point(on):
    stays_away()
    access_point("wlan1", "deauthenticate", own_address(), "reason=4")
    on.wait_told("ended")


@play(*lost("wifi-disconnected", "proved"),
      says="wlan0 was disassociated by the access point (reason 5, too many stations)")
def disassociated_by_the_access_point(on):
    stays_away()
    access_point("wlan1", "disassociate", own_address(), "reason=5")
    on.wait_told("ended")


@play(*lost("wifi-disconnected", "likely"), says="wlan0 lost its access point (reason 4, inactivity)")
def access_point_vanishes(on):
    stays_away()
    in_air("ip", "link", "set", "wlan1", "down")
    on.wait_told("ended")
    in_air("ip", "link", "set", "wlan1", "up")
    access_point("wlan1", "disable")
    access_point("wlan1", "enable")


@contextlib.contextmanager
def threshold(dbm):
    """The driver says when the signal passes it; returns once it has."""
    supplicant("set_network", "0", "bgscan", f'"simple:30:{dbm}:3600"')
    with subprocess.Popen(["iw", "event"], text=True, stdout=subprocess.PIPE) as events:
        said = lines_of(events.stdout)
        supplicant("reassociate")
        while "RSSI" not in said.get(timeout=PATIENCE):
            pass
        events.kill()
    wait_for("the Wi-Fi", is_associated)
    yield
    supplicant("set_network", "0", "bgscan", '""')


@play(*lost("wifi-disconnected", "proved"), says="deauthenticated by the access point",
      evidence="wifi_signal_dbm=-")
def deauthenticated_after_a_weak_signal(on):
    with threshold(-20):
        stays_away()
        for interface in ("wlan1", "wlan2"):
            if associated_with() == address_of(interface):
                access_point(interface, "deauthenticate", own_address(), "reason=4")
        on.wait_told("ended")


@play(*lost("link-down", "proved"), evidence="wifi=left-by-this-host")
def operator_disconnects(on):
    supplicant("disconnect")
    on.wait_told("ended")


@play("ended peer-fin peer-close likely")
def roams_and_the_hub_closes(on):
    supplicant("roam", address_of("wlan2"))
    wait_for("the second access point",
             lambda: is_associated() and associated_with() == address_of("wlan2"))
    on.hub_closes()


@play("ended peer-fin peer-close likely")
def scans_and_the_hub_closes(on):
    supplicant("scan")
    on.hub_closes()


def told_line(record):
    return " ".join(record.get(f"CONNWATCH_{field}", "-") for field in FIELDS)


def judge(on, told, says, evidence):
    verdicts = [record for record in on.records
                if record.get("CONNWATCH_KIND") in ("ended", "stalled", "recovered")]
    lines = [told_line(record) for record in verdicts]
    wrong = [] if lines == list(told) else [f"wanted: {'; '.join(told)}", f"told: {'; '.join(lines)}"]
    last = verdicts[-1] if verdicts else {}
    if says not in last.get("MESSAGE", ""):
        wrong.append(f"does not say: {says}")
    if evidence not in " ".join(last.get("CONNWATCH_EVIDENCE", [])):
        wrong.append(f"lacks: {evidence}: {last.get('CONNWATCH_EVIDENCE')}")
    return verdicts, lines, wrong


def perform(name):
    function, told, says, evidence = PLAYS[name]
    wrong = []
    connect_wifi()
    with tempfile.TemporaryDirectory() as directory:
        on = Play(Path(directory))
        with contextlib.ExitStack() as leaving:
            leaving.callback(on.end)
            try:
                on.connect()
                function(on)
            except (queue.Empty, TimeoutError, RuntimeError) as failure:
                wrong.append(f"{type(failure).__name__}: {failure}")
        verdicts, lines, more = judge(on, told, says, evidence)
        tell(case=name, wrong=wrong + more, told=lines,
             messages=[record["MESSAGE"] for record in verdicts], trace=on.trace.read_text())
    supplicant("STA_AUTOCONNECT", "1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mode")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    set_up()
    for name in PLAYS:
        if any(fnmatch.fnmatch(name, pattern) for pattern in options.patterns or ["*"]):
            perform(name)
    tell(done=True)


if __name__ == "__main__":
    main()
