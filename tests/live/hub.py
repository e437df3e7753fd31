# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hub: the peer of the watched agent, in the lab's cloud but in the test's own process."""

import contextlib
import socket
import ssl
import struct

from lab import CLOUD_ADDRESS, inside

PORT = 8883
FAST_OPENS = 16  # that may wait to be accepted
PATIENCE = 15  # seconds until a step that should have happened counts as failed


class Hub:
    def __init__(self, lab, family, port=PORT):
        self.port = port
        self.address = CLOUD_ADDRESS["ipv6" if family == "ipv6" else "ipv4"]
        self._lab = lab
        self._family = socket.AF_INET6 if family == "ipv6" else socket.AF_INET
        self._listener = None
        self._peers = []

    def listen(self, receive_buffer=None, kind="tcp"):
        """Accepts connections from now on. A small receive buffer is quickly full. `kind`: also
        `mptcp`, or `fast` for data that comes with the SYN."""
        protocol = socket.IPPROTO_MPTCP if kind == "mptcp" else 0
        with inside(self._lab.cloud):
            self._listener = socket.socket(self._family, socket.SOCK_STREAM, protocol)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if kind == "fast":
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, FAST_OPENS)
        self._listener.bind((self.address, self.port))
        self._listener.listen()
        self._listener.settimeout(PATIENCE)

    @property
    def listening(self):
        return self._listener is not None

    def accept(self):
        peer = Peer(self._listener.accept()[0])
        self._peers.append(peer)
        return peer

    def stop_listening(self):
        self._listener.close()
        self._listener = None

    def close(self):
        for peer in self._peers:
            peer.close()
        if self.listening:
            self.stop_listening()


class Peer:
    """The hub's end of one connection. It reads only when told to."""

    def __init__(self, connection):
        self._connection = connection
        self._connection.settimeout(PATIENCE)

    def start_tls(self, context):
        """The server's side of the handshake."""
        self._connection = context.wrap_socket(self._connection, server_side=True)

    def send(self, size=1):
        self._connection.sendall(b"h" * size)

    def send_bytes(self, data):
        self._connection.sendall(data)

    def receive(self, size=1):
        """Waits until `size` bytes have come."""
        while size > 0:
            size -= len(self._connection.recv(size))

    def receive_some(self):
        """Waits until something has come, and takes it, or the part of it that is in one record of TLS."""
        return self._connection.recv(65536)

    def receive_end(self):
        """Reads up to the agent's FIN or RST; returns which."""
        try:
            while self._connection.recv(65536):
                pass
        except ConnectionResetError:
            return "reset"
        except ssl.SSLEOFError:  # a FIN without a word of TLS
            pass
        return "fin"

    def say_tls_goodbye(self):
        """Sends close_notify, and waits for the agent's or its FIN."""
        with contextlib.suppress(OSError):
            self._connection.unwrap()

    def say_tls_goodbye_only(self):
        """Sends close_notify, and waits for nothing, not even for what went before."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self._connection.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._connection.unwrap()

    def shutdown(self):
        """Sends a FIN and goes on reading."""
        self._connection.shutdown(socket.SHUT_WR)

    def close(self):
        """Sends a FIN, or a RST if there is something unread."""
        self._connection.close()

    def reset(self):
        """Sends a RST: closing with SO_LINGER on and a time of 0 (socket(7))."""
        with contextlib.suppress(OSError):
            at_once = struct.pack("ii", 1, 0)
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._connection.close()
