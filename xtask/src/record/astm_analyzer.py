"""An analyser: sends the records of a file with the client of the library astm, each in a frame of its own."""

import json
import sys

import astm.asynclib
import astm.codec
from astm.client import Client

# What the library still takes from Python 2: a builtin, and that texts are not iterable.
astm.asynclib.buffer = lambda data, offset, size: data[offset : offset + size]
astm.codec.Iterable = (list, tuple)

host, port, path = sys.argv[1:]
with open(path) as file:
    records = json.load(file)


sent = []


def emitter():
    for record in records:
        assert (yield record), record
        sent.append(record)


Client(emitter, host=host, port=int(port), timeout=10).run()
assert sent == records, "not everything was acknowledged"
