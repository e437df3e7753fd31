# SPDX-License-Identifier: LGPL-2.1-or-later
"""odd_server.py ADDRESS OTHER-ADDRESS: a name server that knows no name, and says so from its other
address."""

import socket
import struct
import sys

PORT = 53
IS_ANSWER, NXDOMAIN = 0x8180, 3


def answer_to(question):
    """Its header with another word of flags, and the name that was asked for."""
    return question[:2] + struct.pack(">H", IS_ANSWER | NXDOMAIN) + question[4:6] + bytes(6) + question[12:]


if __name__ == "__main__":
    asked, answering = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    asked.bind((sys.argv[1], PORT))
    answering.bind((sys.argv[2], PORT))
    while True:
        question, who = asked.recvfrom(512)
        answering.sendto(answer_to(question), who)
