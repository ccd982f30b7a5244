"""Receives HL7 over MLLP and acknowledges every message, with the library's own server."""

import asyncio
import sys

import hl7.mllp


async def receive(reader, writer):
    try:
        while True:
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def main():
    server = await hl7.mllp.start_hl7_server(receive, port=int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
