"""A FHIR R4B server made with fhirstarter, as its manual shows it: it keeps what the files of a directory hold."""

import json
import os
import sys
from pathlib import Path
from uuid import uuid4

os.environ["FHIR_SEQUENCE"] = "R4B"

import uvicorn
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient
from fhirstarter import FHIRProvider, FHIRStarter, InteractionContext
from fhirstarter.exceptions import FHIRResourceNotFoundError

host, port, directory = sys.argv[1:]
kept = {}
for path in sorted(Path(directory).glob("*.json")):
    resource = json.loads(path.read_text())
    kept[(resource["resourceType"], resource["id"])] = resource

provider = FHIRProvider()


def find(model, id_):
    resource = kept.get((model.__name__, id_))
    if resource is None:
        raise FHIRResourceNotFoundError
    return model.model_validate(resource)


def found(model):
    entries = [{"resource": resource} for (name, _), resource in kept.items() if name == model.__name__]
    return Bundle.model_validate(
        {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
    )


@provider.read(Device)
async def device_read(context: InteractionContext, id_: str) -> Device:
    return find(Device, id_)


@provider.search_type(Device)
async def device_search(context: InteractionContext, manufacturer: str | None) -> Bundle:
    return found(Device)


@provider.read(Patient)
async def patient_read(context: InteractionContext, id_: str) -> Patient:
    return find(Patient, id_)


@provider.search_type(Observation)
async def observation_search(context: InteractionContext, patient: str | None, code: str | None) -> Bundle:
    return found(Observation)


@provider.create(Observation)
async def observation_create(context: InteractionContext, resource: Observation) -> str:
    resource.id = str(uuid4())
    kept[("Observation", resource.id)] = json.loads(resource.model_dump_json())
    return resource.id


app = FHIRStarter(title="Ward archive")
app.add_providers(provider)
uvicorn.run(app, host=host, port=int(port), log_level="warning")
