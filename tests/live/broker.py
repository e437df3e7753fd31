# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real MQTT broker (mosquitto), and the command line of a real client."""

import signal
import subprocess
import threading

from lab import CLOUD_ADDRESS, inside

PORT = 1883  # on 8883 mosquitto_sub would speak TLS
ADDRESS = CLOUD_ADDRESS["ipv4"]
PATIENCE = 20  # seconds for a step


def subscriber(*options, host=ADDRESS, port=PORT):
    """A client: it subscribes to everything, and reconnects by itself."""
    return ["mosquitto_sub", "-h", host, "-p", str(port), "-t", "#", *options]


class Broker:
    """A mosquitto in the lab's cloud."""

    def __init__(self, lab, directory, port=PORT, certificate=None):
        """`certificate`: its key and its certificate, for TLS."""
        self._lab = lab
        self._configuration = directory / f"mosquitto-{port}.conf"
        lines = [f"listener {port} {ADDRESS}", "allow_anonymous true", "log_type all", "user root"]
        if certificate:
            lines += [f"keyfile {certificate[0]}", f"certfile {certificate[1]}"]
        self._configuration.write_text("\n".join(lines) + "\n")
        self._process = None
        self._subscribed = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        running = threading.Event()
        with inside(self._lab.cloud):
            self._process = subprocess.Popen(
                ["mosquitto", "-c", self._configuration], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read_log, args=(self._process, running), daemon=True).start()
        if not running.wait(PATIENCE):
            raise RuntimeError("mosquitto did not start")

    def _read_log(self, process, running):
        with process.stderr as log:
            for line in log:
                if line.rstrip().endswith(" running"):
                    running.set()
                if "Received SUBSCRIBE" in line:
                    self._subscribed.set()

    def refuse_strangers(self):
        """Who is there without a name is sent away, and refused when it comes back."""
        lines = self._configuration.read_text()
        self._configuration.write_text(lines.replace("anonymous true", "anonymous false"))
        self._process.send_signal(signal.SIGHUP)

    def expect_client(self):
        self._subscribed.clear()

    def wait_client(self):
        if not self._subscribed.wait(PATIENCE):
            raise RuntimeError("the client did not connect")

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None
