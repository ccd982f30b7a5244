// Which claims support which attribute of a device.

import type { Claim, Device, DeviceField } from './api/records';
import { words } from './words';

export interface Attribute {
  field: DeviceField;
  /** What we hold for true; empty where it is not known. */
  values: string[];
  /** The same as claims write them. */
  raw: string[];
  /** What supports it, the strongest first; then claims of other values. */
  claims: Claim[];
}

const ORDER: DeviceField[] = [
  'category',
  'vendor',
  'model',
  'hostname',
  'ip',
  'mac',
  'os',
  'firmware',
  'serial',
  'role',
  'zone',
  'criticality',
  'location',
];

/** Every attribute in a fixed order, those without a value as well: unknown is said. */
export function attributes(device: Device): Attribute[] {
  return ORDER.map((field) => {
    const claims = device.evidence.filter((claim) => claim.field === field);
    const values = valuesOf(device, field, claims);
    const raw = rawValues(device, field, values);
    const supports = (claim: Claim) => (raw.some((value) => value.toLowerCase() === claim.value.toLowerCase()) ? 1 : 0);
    claims.sort((one, other) => supports(other) - supports(one) || other.confidence - one.confidence);
    return { field, values, raw, claims };
  });
}

const some = (value: string | null): string[] => (value === null ? [] : [value]);

function valuesOf(device: Device, field: DeviceField, claims: Claim[]): string[] {
  switch (field) {
    case 'category':
      return device.category === 'unknown' ? [] : [words.category[device.category]];
    case 'criticality':
      return device.criticality === null ? [] : [words.criticality[device.criticality]];
    case 'mac':
      return device.macs;
    case 'ip':
      return device.ips;
    case 'hostname':
      return device.hostnames;
    case 'role':
      return device.role;
    case 'location':
      // A device has no place of its own in its record; the strongest claim tells.
      return some([...claims].sort((one, other) => other.confidence - one.confidence)[0]?.value ?? null);
    case 'vendor':
    case 'model':
    case 'os':
    case 'firmware':
    case 'serial':
    case 'zone':
      return some(device[field]);
  }
}

/** The values as claims write them. */
function rawValues(device: Device, field: DeviceField, values: string[]): string[] {
  if (field === 'category') return [device.category];
  if (field === 'criticality') return some(device.criticality);
  return values;
}
