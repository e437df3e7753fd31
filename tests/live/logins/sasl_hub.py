# SPDX-License-Identifier: LGPL-2.1-or-later
"""sasl_hub.py ADDRESS PORT CODE: no library, since Debian's Proton refuses nobody as a server. It
answers a login with this code of SASL's outcome (OASIS AMQP 1.0, 5.3.3.6)."""

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import amqp  # noqa: E402

address, port, code = sys.argv[1:]
with socket.create_server((address, int(port))) as listener:
    while True:
        with listener.accept()[0] as client:
            client.recv(len(amqp.SASL_HEADER), socket.MSG_WAITALL)
            client.sendall(amqp.SASL_HEADER + amqp.mechanisms())
            client.recv(4096)  # the login, in one frame
            client.sendall(amqp.outcome(int(code)))
            client.recv(4096)  # the client's end
