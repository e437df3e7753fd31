# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device with paho: paho_client.py HOST PORT AUTHORITY KEEPALIVE. SIGTERM: says goodbye."""

import signal
import sys

import paho.mqtt.client as paho

client = paho.Client("device", protocol=paho.MQTTv311)
client.tls_set(ca_certs=sys.argv[3])
client.on_connect = lambda *_: client.subscribe("t")
signal.signal(signal.SIGTERM, lambda *_: client.disconnect())
client.connect(sys.argv[1], int(sys.argv[2]), keepalive=int(sys.argv[4]))
while client.loop(timeout=0.2) == paho.MQTT_ERR_SUCCESS:
    pass
signal.pause()  # alive, so that what closed the connection is not its exit
