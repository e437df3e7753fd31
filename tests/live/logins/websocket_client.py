# SPDX-License-Identifier: LGPL-2.1-or-later
"""websocket_client.py ADDRESS PORT GATE [AUTHORITY]: python3-websockets as it is. It begins once a
line comes through GATE, a FIFO."""

import asyncio
import contextlib
import ssl
import sys
import time

import websockets

LIFE_AFTER = 2  # seconds, longer than a verdict waits for an exit

address, port, gate, *authority = sys.argv[1:]
context = None
if authority:
    context = ssl.create_default_context(cafile=authority[0])
    context.check_hostname = False


async def main():
    uri = f"{'wss' if context else 'ws'}://{address}:{port}/devices"
    with contextlib.suppress(OSError, websockets.WebSocketException):
        async with websockets.connect(uri, ssl=context, ping_interval=None) as hub:
            await hub.send("hello")
            async for _ in hub:
                pass


with open(gate) as opened:
    opened.readline()
asyncio.run(main())
time.sleep(LIFE_AFTER)
