# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TLS server that sends something now and then: tls_hub.py ADDRESS PORT KEY CERTIFICATE. SIGTERM:
says goodbye (close_notify) to all, then closes."""

import contextlib
import signal
import socket
import ssl
import sys
import threading
import time

PAUSE = 0.5  # seconds between two words
address, port, key, certificate = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
leaving = threading.Event()


def serve(plain):
    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as client:
        client.settimeout(0.1)
        spoken = 0
        while not leaving.is_set():
            if time.monotonic() > spoken + PAUSE:
                client.sendall(b"hello")
                spoken = time.monotonic()
            with contextlib.suppress(TimeoutError):
                if not client.recv(4096):
                    break
        client.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):  # the agent's own is not waited for
            client.unwrap()


signal.signal(signal.SIGTERM, lambda *_: leaving.set())
listener = socket.create_server((address, int(port)))
listener.settimeout(0.1)
threads = []
while not leaving.is_set():
    with contextlib.suppress(TimeoutError):
        threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
        threads[-1].start()
for thread in threads:
    thread.join()
