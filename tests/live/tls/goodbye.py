#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""goodbye.py AUTHORITY VERSION HOST PORT END: a line over TLS and its answer, then the END:

    answer   waits for the hub's close_notify and closes
    both     the same, but says close_notify too before it closes
    wait     says close_notify and lets the hub close
    later    the same, once the hub has said nothing for longer than a second
    abort    says close_notify and resets the connection
    unread   says close_notify and closes without having read all
"""

import contextlib
import os
import socket
import ssl
import struct
import sys
import time

PATIENCE = 15  # seconds
UNREAD_SIZE = 2 * (5 + 4 + 1 + 16)  # two records of four bytes, at least
QUIET = 1.3  # seconds
LIFE_AFTER = 2  # seconds, longer than a verdict waits for an exit

authority, version, host, port, end = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
if version == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
plain = socket.create_connection((host, int(port)), PATIENCE)
secure = context.wrap_socket(plain, server_hostname="hub.test")
secure.sendall(b"hello\n")
secure.recv(6)
if end in ("answer", "both"):
    secure.recv(1)
if end == "both":
    secure.unwrap()
if end == "later":
    time.sleep(QUIET)
if end in ("wait", "later"):
    with contextlib.suppress(OSError):
        secure.unwrap()
if end == "unread":
    secure.settimeout(None)
    with socket.socket(fileno=os.dup(secure.fileno())) as same:
        same.recv(UNREAD_SIZE, socket.MSG_PEEK | socket.MSG_WAITALL)
    with contextlib.suppress(ssl.SSLError):  # it reads one record, which is no goodbye
        secure.unwrap()
if end == "abort":
    secure.setblocking(False)
    with contextlib.suppress(ssl.SSLError):  # it wants the hub's
        secure.unwrap()
    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
secure.close()
time.sleep(LIFE_AFTER)
