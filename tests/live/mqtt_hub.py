# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hub that speaks MQTT 3.1.1 over TLS, as far as devices' clients need it, and can play its faults.

It looks at the expiry of the password as Azure's hub does: `se=SECONDS` in a SAS token. A token that
has expired is refused; a session is ended when its token expires.
"""

import re
import socket
import ssl
import threading
import time

import certificate
import mqtt
from hub import PATIENCE
from lab import CLOUD_ADDRESS, inside
from supervised import Surprise

PORT = 8883
ADDRESS = CLOUD_ADDRESS["ipv4"]
CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14


class MqttHub:
    def __init__(self, lab, directory, before_answer):
        """before_answer() is called for each client that connects, which waits meanwhile, as if the
        hub were far away."""
        self._lab = lab
        self._before_answer = before_answer
        key, self.authority = certificate.make(directory, f"IP:{ADDRESS}", "DNS:localhost")
        self._context = certificate.server_context(key, self.authority)
        self.answers_pings = True
        self.sessions = []  # of those that were accepted
        self._arrival = threading.Condition()
        with inside(lab.cloud):
            self._listener = socket.create_server((ADDRESS, PORT))
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for session in self.sessions:
            session.close()

    def _accept(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._before_answer()
            connection = self._context.wrap_socket(connection, server_side=True)
            HubSession(self, connection).serve()
        except (OSError, EOFError, Surprise):
            connection.close()

    def arrived(self, session):
        """Another session of the same client ends (MQTT 3.1.1, 3.1.4-2)."""
        with self._arrival:
            for other in self.sessions:
                if other.client == session.client:
                    other.close()
            self.sessions.append(session)
            self._arrival.notify_all()

    def take_over(self, client):
        """Another client of that name comes. Returns its connection."""
        context = ssl.create_default_context(cafile=self.authority)
        with inside(self._lab.cloud):
            plain = socket.create_connection((ADDRESS, PORT), PATIENCE)
        connection = context.wrap_socket(plain, server_hostname=ADDRESS)
        connection.sendall(mqtt.connect(client=client))
        connection.recv(1)  # it is accepted
        return connection

    def wait_session(self, count=1):
        """The count-th session that was accepted, from 1."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.sessions) >= count, PATIENCE):
                raise RuntimeError("no client came")
            return self.sessions[count - 1]


class HubSession:
    def __init__(self, hub, connection):
        self._hub, self._connection = hub, connection
        self._settled = threading.Event()
        self.client = None

    def serve(self):
        while True:
            first, body = self._packet()
            answer = {CONNECT: self._connect, SUBSCRIBE: self._subscribe, PUBLISH: self._publish,
                      PINGREQ: self._ping}.get(first >> 4, lambda *_: b"")(first, body)
            if answer:
                self._connection.sendall(answer)
            if first >> 4 == DISCONNECT:
                self._connection.recv(1)  # the client's own end
                raise EOFError

    def wait_settled(self):
        """Waits until the client has subscribed or published."""
        if not self._settled.wait(PATIENCE):
            raise RuntimeError("the client does nothing")
        time.sleep(0.3)  # and has read the answer

    def close(self):
        """A FIN, without a word."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is closed
            pass

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _packet(self):
        first, size, shift = self._read(1)[0], 0, 0
        while True:
            digit = self._read(1)[0]
            size |= (digit & 0x7F) << shift
            if digit < 0x80:
                return first, self._read(size)
            shift += 7

    def _connect(self, _, body):
        self.client = body[12:12 + int.from_bytes(body[10:12], "big")]
        expiry = re.search(rb"[&?]se=(\d+)", body)
        if expiry and int(expiry[1]) <= time.time():
            return mqtt.connack(mqtt.NOT_AUTHORIZED)
        self._hub.arrived(self)
        if expiry:
            threading.Timer(int(expiry[1]) - time.time(), self.close).start()
        return mqtt.connack()

    def _subscribe(self, _, body):
        self._settled.set()
        return mqtt.packet(0x90, body[:2] + b"\0")

    def _publish(self, first, body):
        self._settled.set()
        topic = 2 + int.from_bytes(body[:2], "big")
        return mqtt.packet(0x40, body[topic:topic + 2]) if first & 0x06 else b""

    def _ping(self, *_):
        return mqtt.pingresp() if self._hub.answers_pings else b""
