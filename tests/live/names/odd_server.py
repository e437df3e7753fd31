# SPDX-License-Identifier: LGPL-2.1-or-later
"""odd_server.py ADDRESS OTHER-ADDRESS: a name server that knows no name, and says so from its other
address. Over TCP, it answers from the right one, but sends the length of its answer by itself."""

import socket
import struct
import sys
import threading
import time

PORT = 53
IS_ANSWER, NXDOMAIN = 0x8180, 3
PAUSE = 0.05  # seconds: the two parts go in two segments


def answer_to(question):
    """Its header with another word of flags, and the name that was asked for."""
    return question[:2] + struct.pack(">H", IS_ANSWER | NXDOMAIN) + question[4:6] + bytes(6) + question[12:]


def answer_over_tcp(connection):
    stream = connection.makefile("rb")
    while length := stream.read(2):
        answer = answer_to(stream.read(*struct.unpack(">H", length)))
        connection.sendall(struct.pack(">H", len(answer)))
        time.sleep(PAUSE)
        connection.sendall(answer)


def serve_tcp(address):
    with socket.create_server((address, PORT)) as listener:
        while True:
            threading.Thread(target=answer_over_tcp, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    asked, answering = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    threading.Thread(target=serve_tcp, args=(sys.argv[1],), daemon=True).start()
    asked.bind((sys.argv[1], PORT))
    answering.bind((sys.argv[2], PORT))
    while True:
        question, who = asked.recvfrom(512)
        answering.sendto(answer_to(question), who)
