# SPDX-License-Identifier: LGPL-2.1-or-later
"""amqp_hub.py ADDRESS PORT ANSWER [KEY CERTIFICATE]: Qpid Proton, whose ANSWER to each client is an
error with which it closes the connection."""

import sys

from proton import Condition
from proton.handlers import MessagingHandler
from proton.reactor import Container

address, port, answer, *secure = sys.argv[1:]


class Hub(MessagingHandler):
    def on_start(self, event):
        if secure:
            event.container.ssl.server.set_credentials(secure[1], secure[0], None)
        event.container.listen(f"{'amqps' if secure else 'amqp'}://{address}:{port}")

    def on_connection_opened(self, event):
        event.connection.condition = Condition(answer, "words of the hub's own")
        event.connection.close()


Container(Hub()).run()
