"""A laboratory's host: the server of the library astm, which acknowledges every frame."""

import sys

import astm.asynclib
from astm.server import BaseRecordsDispatcher, Server

# What the library still takes from Python 2: a builtin.
astm.asynclib.buffer = lambda data, offset, size: data[offset : offset + size]


class Dispatcher(BaseRecordsDispatcher):
    def _default_handler(self, record):
        pass


Server(sys.argv[1], int(sys.argv[2]), dispatcher=Dispatcher).serve_forever()
