# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MQTT agent by paho. Commands as README.md has them.

    paho_agent.py ADDRESS PORT FIFO
"""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import paho.mqtt.client as mqtt

address, port, fifo = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = mqtt.Client("paho", protocol=mqtt.MQTTv311)


def abort():
    client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket().close()


def close():
    """Without DISCONNECT."""
    client.loop_stop()
    client.socket().close()


def goodbye(*_):
    client.disconnect()


def stop(*_):
    client.disconnect()
    time.sleep(0.1)
    os._exit(0)


def rest(milliseconds):
    time.sleep(int(milliseconds) / 1000)


def obey(word, *numbers):
    if word == "send":
        client.publish("t", "x")
    elif word == "send-large":
        client.publish("t", 3000 * "x")
    elif word in ("close", "give-up"):
        close()
    elif word == "goodbye":
        goodbye()
    elif word == "abort":
        client.loop_stop()
        abort()
    elif word == "exit":
        os._exit(int(numbers[0]))
    elif word == "give-up-exit":
        close()
        os._exit(int(numbers[0]))
    elif word == "close-exit":
        close()
        rest(numbers[0])
        os._exit(int(numbers[1]))
    elif word == "abort-exit":
        client.loop_stop()
        abort()
        rest(numbers[0])
        os._exit(int(numbers[1]))
    elif word == "crash":
        ctypes.string_at(8)
    elif word == "trap":
        os.abort()
    elif word == "helper-crash":
        subprocess.Popen(["sh", "-c", "kill -SEGV $$"])
    elif word == "helper-idle":
        subprocess.Popen(["sleep", "30"])


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGHUP, lambda *_: None)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGINT, lambda *_: None)
client.connect(address, port, keepalive=30)
client.subscribe("t")
client.loop_start()
with open(fifo) as commands:
    for line in commands:
        obey(*line.split())
