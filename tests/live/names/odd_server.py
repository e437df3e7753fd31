# SPDX-License-Identifier: LGPL-2.1-or-later
"""odd_server.py ADDRESS OTHER-ADDRESS CUT: a name server that knows no name, and says so from its other
address. Over TCP, it answers from the right one, but sends the first CUT bytes by themselves: 2 are the
length of the answer, 14 have its header, too."""

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


def answer_over_tcp(connection, cut):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    stream = connection.makefile("rb")
    while length := stream.read(2):
        answer = answer_to(stream.read(*struct.unpack(">H", length)))
        message = struct.pack(">H", len(answer)) + answer
        connection.sendall(message[:cut])
        time.sleep(PAUSE)
        connection.sendall(message[cut:])


def serve_tcp(address, cut):
    with socket.create_server((address, PORT)) as listener:
        while True:
            threading.Thread(target=answer_over_tcp, args=(listener.accept()[0], cut), daemon=True).start()


if __name__ == "__main__":
    asked, answering = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    threading.Thread(target=serve_tcp, args=(sys.argv[1], int(sys.argv[3])), daemon=True).start()
    asked.bind((sys.argv[1], PORT))
    answering.bind((sys.argv[2], PORT))
    while True:
        question, who = asked.recvfrom(512)
        answering.sendto(answer_to(question), who)
