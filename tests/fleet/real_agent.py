# SPDX-License-Identifier: LGPL-2.1-or-later
"""An agent by paho that comes back by itself, and does what it is told through a FIFO, as no SDK should.

    real_agent.py ADDRESS PORT CLIENTID KEEPALIVE FIFO

Without paho's own thread: version 1.6 lets it die of a connection that timed out (TimeoutError, from Python 3.10 on).
"""

import os
import socket
import struct
import sys
import time

import paho.mqtt.client as mqtt

address, port, name, keep_alive, fifo = sys.argv[1:]
client = mqtt.Client(name, protocol=mqtt.MQTTv311)
client.username_pw_set(name, "secret")
client.connect_async(address, int(port), int(keep_alive))
commands = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # so that there is always a writer


def told():
    """The command that has come, or nothing."""
    try:
        return os.read(commands, 64).decode().strip()
    except BlockingIOError:
        return ""


def obey(word):
    if word == "exit":
        os._exit(3)
    elif word == "renew":  # with DISCONNECT, as an SDK that has a new token
        client.disconnect()
    elif word == "reset":  # without, as an old SDK
        client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket().close()
    elif word == "close":
        client.socket().close()


def goes_on():
    try:
        return client.loop(0.2) == mqtt.MQTT_ERR_SUCCESS
    except (OSError, ValueError):
        return False


while True:
    command = told()
    if command:
        obey(command)
        time.sleep(0.3)
    elif goes_on():
        continue
    else:
        time.sleep(1)
    try:
        client.reconnect()
    except OSError:
        pass
