"""Leaves observations at a server with the client fhirpy."""

import json
import sys

from fhirpy import SyncFHIRClient

base, path = sys.argv[1:]
client = SyncFHIRClient(base, authorization=None)
with open(path) as file:
    for observation in json.load(file):
        client.resource("Observation", **observation).create()
