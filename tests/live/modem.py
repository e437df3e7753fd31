# SPDX-License-Identifier: LGPL-2.1-or-later
"""A modem as ModemManager tells of it: a mock, on a bus of its own."""

import subprocess
import time

try:
    import jeepney
    from jeepney.io.blocking import open_dbus_connection
except ImportError:
    jeepney = None  # who needs a modem asks missing()

from hub import PATIENCE
from supervised import Surprise

NAME = "org.freedesktop.ModemManager1"
PATH = "/org/freedesktop/ModemManager1/Modem/0"
NETWORK_PORT, SERIAL_PORT = 2, 3

# A modem's states and reasons for a change, by ModemManager's numbers (MMModemState, MMModemStateFailedReason).
FAILED, LOCKED, SEARCHING, REGISTERED, CONNECTED = -1, 2, 7, 8, 11
UNKNOWN, SIM_MISSING = 0, 2


def missing():
    """Why there cannot be one, or None."""
    return None if jeepney else "there is no jeepney for Python"


class Modem:
    """Connected, with this interface, until something is said of it. Leaving the context ends the
    bus."""

    def __init__(self, directory, interface):
        self.address = f"unix:path={directory}/bus"
        self._interface, self._state, self._failed_reason = interface, CONNECTED, UNKNOWN

    def __enter__(self):
        self._daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address",
             f"--address={self.address}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        try:
            self._daemon.stdout.readline()
            self._bus = open_dbus_connection(self.address)
            self._bus.send_and_get_reply(jeepney.message_bus.RequestName(NAME))
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._daemon.kill()
        self._daemon.wait()
        self._daemon.stdout.close()

    def becomes(self, state, failed_reason=UNKNOWN):
        """Tells all who listen, and answers the one who then asks."""
        before, self._state, self._failed_reason = self._state, state, failed_reason
        self._bus.send(jeepney.new_signal(jeepney.DBusAddress(PATH, NAME, f"{NAME}.Modem"),
                                          "StateChanged", "iiu", (before, state, UNKNOWN)))
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._bus.receive(timeout=left)
            except TimeoutError:
                break
            if message.header.message_type == jeepney.MessageType.method_call:
                self._bus.send(jeepney.new_method_return(message, "a{sv}", (self._properties(),)))
                return
        raise Surprise("nobody asks for the modem's interface")

    def _properties(self):
        return {
            "Ports": ("a(su)", [("ttyUSB2", SERIAL_PORT), (self._interface, NETWORK_PORT)]),
            "StateFailedReason": ("u", self._failed_reason),
        }
