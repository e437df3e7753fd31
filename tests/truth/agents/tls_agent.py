# SPDX-License-Identifier: LGPL-2.1-or-later
"""An agent that speaks over TLS, in no protocol that anybody knows. Commands as README.md has them.

    tls_agent.py ADDRESS PORT FIFO AUTHORITY
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import ssl
import struct
import sys
import time

PATIENCE = 5  # seconds for the hub's goodbye
address, port, fifo, authority = sys.argv[1:]


def reach():
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = False
    secure = context.wrap_socket(socket.create_connection((address, int(port))))
    secure.sendall(b"hello")
    return secure


def goodbye(hub):
    """Waits for the hub's, or for its end."""
    hub.settimeout(PATIENCE)
    with contextlib.suppress(OSError):
        hub.unwrap()
    hub.close()


def abort(hub):
    hub.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    hub.close()


def rest(milliseconds):
    time.sleep(int(milliseconds) / 1000)


def obey(hub, word, *numbers):
    if word == "send":
        hub.sendall(b"x")
    elif word == "send-large":
        hub.sendall(3000 * b"x")
    elif word == "goodbye":
        goodbye(hub)
    elif word in ("close", "give-up", "close-exit", "give-up-exit"):
        hub.close()
    elif word in ("abort", "abort-exit"):
        abort(hub)
    elif word == "crash":
        ctypes.string_at(8)
    elif word == "trap":
        os.abort()
    if word in ("close-exit", "abort-exit"):
        rest(numbers[0])
    if word.endswith("exit"):
        os._exit(int(numbers[-1]))


def hear(hub):
    """Closes when the hub has said goodbye or closed."""
    try:
        while hub.recv(4096):
            pass
    except ssl.SSLWantReadError:
        return
    except OSError:
        pass
    hub.close()


for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
    signal.signal(number, lambda *_: None)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
connection = reach()
connection.setblocking(False)
commands = os.open(fifo, os.O_RDWR)  # so that it never ends
while True:
    ends = [connection] if connection.fileno() >= 0 else []
    ready = select.select([commands, *ends], [], [])[0]
    if connection in ready:
        hear(connection)
    if commands in ready:
        for line in os.read(commands, 4096).decode().splitlines():
            obey(connection, *line.split())
