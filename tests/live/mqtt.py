# SPDX-License-Identifier: LGPL-2.1-or-later
"""MQTT packets as bytes: what the cases need of MQTT 3.1.1 and 5."""

CONNACK, PINGREQ, PINGRESP = 2, 12, 13
NORMAL, KEEP_ALIVE_TIMEOUT, TAKEN_OVER = 0x00, 0x8D, 0x8E
SHUTTING_DOWN, QUOTA_EXCEEDED, ADMINISTRATIVE, MAXIMUM_CONNECT_TIME = 0x8B, 0x97, 0x98, 0xA0
IDENTIFIER_REJECTED, NOT_AUTHORIZED = 2, 5  # return codes of MQTT 3.1.1


def length(size):
    """The remaining length: MQTT 5, 1.5.5."""
    digits = bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(digits)


def packet(first, body=b""):
    return bytes([first]) + length(len(body)) + body


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def connect(version=4, client="device", user="", password=""):
    flags = 2 | (0x80 if user else 0) | (0x40 if password else 0)
    credentials = b"".join(text(value) for value in (user, password) if value)
    properties = b"\0" if version == 5 else b""
    return packet(0x10, text("MQTT") + bytes([version, flags, 0, 60]) + properties + text(client)
                  + credentials)


def connack(code=0, version=4):
    return packet(0x20, bytes([0, code]) + (b"\0" if version == 5 else b""))


def publish(topic="t", payload=b"p", version=4):
    return packet(0x30, text(topic) + (b"\0" if version == 5 else b"") + payload)


def pingreq():
    return packet(0xC0)


def pingresp():
    return packet(0xD0)


def disconnect(reason=None):
    """Only MQTT 5 knows a reason."""
    return packet(0xE0, b"" if reason is None else bytes([reason]))
