# SPDX-License-Identifier: LGPL-2.1-or-later
"""websocket_hub.py ADDRESS PORT ANSWER [KEY CERTIFICATE]: python3-websockets, whose ANSWER to each
client is an HTTP status, or a code with which it closes once the client has said something."""

import asyncio
import http
import ssl
import sys

import websockets

address, port, answer, *secure = sys.argv[1:]
code = int(answer)


async def refuse(*_):
    return http.HTTPStatus(code), [], b"no\n"


async def serve(client):
    await client.recv()
    await client.send("hello")
    await client.close(code, "words of the hub's own")


async def main():
    context = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(secure[1], secure[0])
    async with websockets.serve(serve, address, int(port), ssl=context, ping_interval=None,
                                process_request=refuse if code < 1000 else None):
        await asyncio.Future()


asyncio.run(main())
