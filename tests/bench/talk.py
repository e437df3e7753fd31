# SPDX-License-Identifier: LGPL-2.1-or-later
"""Round trips of small messages over one connection on loopback: talk.py plain|tls ROUNDS BATCHES.

Both ends are in this process. Waits for a line on standard input, then prints a line a batch: the
microseconds of the processor that a round trip took.
"""

import pathlib
import socket
import ssl
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "live"))

import certificate  # noqa: E402
import mqtt  # noqa: E402


def connect(secure):
    """Both ends, and MQTT's first packets exchanged."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    if secure:
        with tempfile.TemporaryDirectory() as directory:
            key, authority = certificate.make(pathlib.Path(directory))
            context = ssl.create_default_context(cafile=authority)
            context.check_hostname = False
            hub = certificate.server_context(key, authority)
        wrapped = []
        other = threading.Thread(
            target=lambda: wrapped.append(hub.wrap_socket(server, server_side=True)))
        other.start()
        client = context.wrap_socket(client)
        other.join()
        server = wrapped[0]
    exchange(client, server, mqtt.connect(), mqtt.connack())
    return client, server


def exchange(client, server, question, answer):
    client.sendall(question)
    server.recv(1000)
    server.sendall(answer)
    client.recv(1000)


def main():
    way, rounds, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.stdin.readline()
    client, server = connect(way == "tls")
    question, answer = mqtt.publish(payload=b"x" * 50), mqtt.pingresp()
    for _ in range(batches):
        begin = time.process_time_ns()
        for _ in range(rounds):
            exchange(client, server, question, answer)
        print((time.process_time_ns() - begin) / 1000 / rounds)


main()
