# SPDX-License-Identifier: LGPL-2.1-or-later
"""A WebSocket server that sends something now and then: websocket_hub.py ADDRESS PORT"""

import asyncio
import sys

import websockets


async def serve(client):
    while True:
        await client.send("hello")
        await asyncio.sleep(0.5)


async def main():
    async with websockets.serve(serve, sys.argv[1], int(sys.argv[2]), ping_interval=None):
        await asyncio.Future()


asyncio.run(main())
