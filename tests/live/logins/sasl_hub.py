# SPDX-License-Identifier: LGPL-2.1-or-later
"""sasl_hub.py ADDRESS PORT CODE [KEY CERTIFICATE]: no library, since Debian's Proton refuses nobody as a server. It
answers a login with this code of SASL's outcome (OASIS AMQP 1.0, 5.3.3.6)."""

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import amqp  # noqa: E402
import certificate  # noqa: E402

address, port, code, *secure = sys.argv[1:]
context = certificate.server_context(*secure) if secure else None
with socket.create_server((address, int(port))) as listener:
    while True:
        plain = listener.accept()[0]
        with context.wrap_socket(plain, server_side=True) if context else plain as client:
            client.recv(len(amqp.SASL_HEADER))
            client.sendall(amqp.SASL_HEADER + amqp.mechanisms())
            client.recv(4096)  # the login, in one frame
            client.sendall(amqp.outcome(int(code)))
            client.recv(4096)  # the client's end
