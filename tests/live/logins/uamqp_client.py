# SPDX-License-Identifier: LGPL-2.1-or-later
"""uamqp_client.py ADDRESS PORT GATE AUTHORITY [MECHANISM]: Azure's uAMQP as it is, which speaks over
TLS only. It begins once a line comes through GATE, a FIFO. MECHANISM: `anonymous`, or with a password."""

import contextlib
import os
import sys
import time

import uamqp
from uamqp.authentication import SASLAnonymous, SASLPlain

LIFE_AFTER = 2  # seconds, longer than a verdict waits for an exit

address, port, gate, authority, *mechanism = sys.argv[1:]
with open(gate) as opened:
    opened.readline()
if mechanism:
    login = SASLAnonymous(address, port=int(port), verify=authority)
else:
    login = SASLPlain(address, "device", "secret", port=int(port), verify=authority)
once = uamqp.errors.ErrorPolicy(max_retries=0)
with contextlib.suppress(Exception):
    client = uamqp.ReceiveClient(f"amqps://{address}/commands", auth=login, error_policy=once)
    client.receive_message_batch(timeout=5000)
time.sleep(LIFE_AFTER)
os._exit(0)  # Debian's uAMQP may crash when it is taken down after an error
