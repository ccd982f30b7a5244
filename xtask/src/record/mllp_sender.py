"""Sends the messages of a file over MLLP, each after the acknowledgment of the one before, with the library's client."""

import sys

from hl7.client import MLLPClient

host, port, path = sys.argv[1:]
with open(path, "rb") as file:
    messages = [b"MSH|" + text for text in file.read().split(b"MSH|") if text]
with MLLPClient(host, int(port)) as client:
    for message in messages:
        client.send_message(message)
