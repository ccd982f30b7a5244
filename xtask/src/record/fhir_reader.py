"""Reads a server with the client of SMART Health IT: what it can, a device, all devices, a patient, observations."""

import sys

from fhirclient import client
from fhirclient.models.device import Device
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

base, patient = sys.argv[1:]
server = client.FHIRClient(settings={"app_id": "ward_display", "api_base": base}).server
server.capabilityStatement
assert Device.read("infusion-7", server).modelNumber == "Phantom Pump"
assert Device.where({"manufacturer": "Wardline"}).perform_resources(server)
assert Patient.read(patient, server).id == patient
assert Observation.where({"patient": patient, "code": "8867-4"}).perform_resources(server)
try:
    Device.read("nowhere", server)
    raise SystemExit("a device that is not there was read")
except Exception as error:
    assert "404" in str(error), error
