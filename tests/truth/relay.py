# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hub's front: a relay in the lab's cloud that the agent reaches, with a real server behind it.

What the agent and the server say goes through untouched. The relay is where the peer's faults are
played: a FIN, a RST, or no more of anything.
"""

import contextlib
import socket
import struct
import threading
import time

from lab import CLOUD_ADDRESS, inside

PORT, BACKEND_PORT = 1883, 18830  # at 8883 some clients speak TLS unasked
OTHER_PORT = PORT + 2  # a second hub
PATIENCE = 15  # seconds until a step that should have happened counts as failed
ADDRESS, ADDRESS6 = CLOUD_ADDRESS["ipv4"], CLOUD_ADDRESS["ipv6"]


class Missing(Exception):
    """What had to happen for the play did not."""


class Session:
    """One connection of the agent's, and the server's end of it if there is a server."""

    def __init__(self, relay, agent, port, server):
        self.port = port  # the agent's
        self._relay, self._agent, self._server = relay, agent, server
        self.heard = threading.Event()
        self.answered = threading.Event()
        self.closed = threading.Event()  # by the agent, as seen here
        self._reading = threading.Event()
        self._reading.set()
        self._resetting = False
        threading.Thread(target=self._from_agent, daemon=True).start()
        if server:
            threading.Thread(target=self._from_server, daemon=True).start()
        else:
            threading.Thread(target=self._chat, daemon=True).start()

    def _from_agent(self):
        with contextlib.suppress(OSError):
            while data := self._agent.recv(65536):
                self.heard.set()
                self._reading.wait()
                if self._server:
                    self._server.sendall(data)
        self.closed.set()
        with contextlib.suppress(OSError):
            if self._server:
                self._server.shutdown(socket.SHUT_WR)
            else:
                self._agent.close()

    def _from_server(self):
        with contextlib.suppress(OSError):
            while (data := self._server.recv(65536)) and not self._resetting:
                self._agent.sendall(data)
                self.answered.set()
            if not self._resetting:
                self._agent.shutdown(socket.SHUT_WR)

    def _chat(self):
        """Without a server something comes from here now and then."""
        with contextlib.suppress(OSError):
            self.heard.wait(PATIENCE)
            while not self._relay.over.wait(0.5):
                self._agent.sendall(b"h")
                self.answered.set()

    def read_no_more(self):
        """Until read_on(): what the agent sends fills the window."""
        self._reading.clear()

    def read_on(self):
        self._reading.set()

    def fin(self):
        with contextlib.suppress(OSError):
            self._agent.shutdown(socket.SHUT_WR)

    def reset(self):
        self._resetting = True
        with contextlib.suppress(OSError):
            self._agent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._agent.shutdown(socket.SHUT_RD)  # lets go of it in the thread that reads
            time.sleep(0.05)
            self._agent.close()

    def close(self):
        self._reading.set()
        for end in (self._agent, self._server):
            with contextlib.suppress(OSError, AttributeError):
                end.close()


class Relay:
    def __init__(self, lab, server):
        """`server`: somebody listens at BACKEND_PORT of the cloud's loopback."""
        self._lab, self._server = lab, server
        self.sessions = []
        self.turns_away = False  # whoever connects
        self.others = []  # of the second hub, for an agent that has two
        self.over = threading.Event()
        self._arrival = threading.Condition()
        with inside(lab.cloud):
            self._listener, self._other_listener = (
                socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
                for port in (PORT, OTHER_PORT))
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._accept_other, daemon=True).start()

    def _accept(self):
        while True:
            try:
                agent, (_, port, *_) = self._listener.accept()
            except OSError:
                return
            if self.turns_away:
                agent.close()
                continue
            try:
                server = self._reach() if self._server else None
            except OSError:
                agent.close()
                continue
            with self._arrival:
                self.sessions.append(Session(self, agent, port, server))
                self._arrival.notify_all()

    def _accept_other(self):
        with contextlib.suppress(OSError):
            while True:
                agent, (_, port, *_) = self._other_listener.accept()
                agent.sendall(b"h")
                self.others.append(Session(self, agent, port, None))

    def _reach(self):
        with inside(self._lab.cloud):
            return socket.create_connection(("127.0.0.1", BACKEND_PORT), PATIENCE)

    def wait_session(self, count):
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.sessions) >= count, PATIENCE):
                raise Missing("the agent does not connect")
            return self.sessions[count - 1]

    def stop(self):
        """Refuses connections from now on."""
        for listener in (self._listener, self._other_listener):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def close(self):
        self.over.set()
        self.stop()
        for session in self.sessions + self.others:
            session.close()
