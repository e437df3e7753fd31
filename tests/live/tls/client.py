#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""client.py AUTHORITY VERSION HOST PORT: a line over TLS, its answer, and goodbye. Python's OpenSSL."""

import contextlib
import socket
import ssl
import sys

PATIENCE = 7  # seconds: longer than a handshake may take before it counts as stalled

authority, version, host, port = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
if version == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
with contextlib.suppress(OSError), \
        socket.create_connection((host, int(port)), PATIENCE) as plain, \
        context.wrap_socket(plain, server_hostname="hub.test") as secure:
    secure.sendall(b"hello\n")
    secure.recv(6)
