# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames of AMQP 1.0, as a hub and a device send them."""

import struct

SASL_HEADER = b"AMQP\3\1\0\0"
HEADER = b"AMQP\0\1\0\0"
HEARTBEAT = struct.pack(">IBBH", 8, 2, 0, 0)


def described(code, value):
    return b"\0\x53" + bytes([code]) + value


def short_list(*values):
    body = b"".join(values)
    return struct.pack("BBB", 0xc0, len(body) + 1, len(values)) + body


def long_list(*values):
    body = b"".join(values)
    return struct.pack(">BII", 0xd0, len(body) + 4, len(values)) + body


def symbol(text):
    return struct.pack("BB", 0xa3, len(text)) + text.encode()


def string(text):
    return struct.pack("BB", 0xa1, len(text)) + text.encode()


def frame(performative, kind=0):
    return struct.pack(">IBBH", 8 + len(performative), 2, kind, 0) + performative


def mechanisms():
    return frame(described(0x40, short_list(symbol("PLAIN"))), 1)


def plain_login(name, password):
    response = f"\0{name}\0{password}".encode()
    return frame(described(0x41, short_list(symbol("PLAIN"),
                                            struct.pack("BB", 0xa0, len(response)) + response)), 1)


def outcome(code):
    return frame(described(0x44, short_list(bytes([0x50, code]))), 1)


def opened(name):
    return frame(described(0x10, short_list(string(name))))


def close(condition=None, text="", lists=short_list):
    error = described(0x1d, lists(symbol(condition), string(text))) if condition else b"\x40"
    return frame(described(0x18, lists(error)))
