# SPDX-License-Identifier: LGPL-2.1-or-later
"""amqp_client.py ADDRESS PORT GATE [AUTHORITY]: Qpid Proton as it is. It begins once a line comes
through GATE, a FIFO."""

import sys
import time

from proton import SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import Container

LIFE_AFTER = 2  # seconds, longer than a verdict waits for an exit

address, port, gate, *authority = sys.argv[1:]


class Device(MessagingHandler):
    def on_start(self, event):
        trust = None
        if authority:
            trust = SSLDomain(SSLDomain.MODE_CLIENT)
            trust.set_trusted_ca_db(authority[0])
            trust.set_peer_authentication(SSLDomain.VERIFY_PEER)
        event.container.connect(f"{'amqps' if trust else 'amqp'}://device:secret@{address}:{port}",
                                ssl_domain=trust, reconnect=False, allow_insecure_mechs=True)

    def on_connection_opened(self, event):
        event.container.create_receiver(event.connection, "commands")


with open(gate) as opened:
    opened.readline()
Container(Device()).run()
time.sleep(LIFE_AFTER)
