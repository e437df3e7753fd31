# SPDX-License-Identifier: LGPL-2.1-or-later
"""A WebSocket client that reads for ever: python3-websockets as it is.

    websocket_agent.py ADDRESS PORT
"""

import asyncio
import sys

import websockets


async def main():
    async with websockets.connect(f"ws://{sys.argv[1]}:{sys.argv[2]}/", ping_interval=None) as hub:
        await hub.send("hello")
        async for _ in hub:
            pass
    await asyncio.sleep(3600)


asyncio.run(main())
