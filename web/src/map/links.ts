// Links of the map in words.

import type { MapLink, Volume } from '../api/records';
import { percent, transport } from '../format';
import { words } from '../words';

export const sum = (pair: [number, number]): number => pair[0] + pair[1];

/** What was spoken: protocols by name, what was not recognised by transport and port. */
export function applicationNames(link: Pick<MapLink, 'applications'>, most = 4): string {
  const names = link.applications.map((spoken) => {
    if (spoken.application) return spoken.application;
    const name = transport(spoken.transport);
    return spoken.port > 0 ? `${name} ${spoken.port}` : name;
  });
  const distinct = [...new Set(names)];
  const rest = distinct.length - most;
  return distinct.slice(0, most).join(', ') + (rest > 0 ? ` ${words.devices.more(rest)}` : '');
}

export type Protection = 'encrypted' | 'readable' | 'unknown';

/** What most of the conversations were, among those of which it is known. */
export function mostly(volume: Pick<Volume, 'encrypted_flows' | 'cleartext_flows'>): Protection {
  if (volume.encrypted_flows === 0 && volume.cleartext_flows === 0) return 'unknown';
  return volume.encrypted_flows > volume.cleartext_flows ? 'encrypted' : 'readable';
}

/** How much was encrypted, in words. */
export function protection(volume: Volume): string {
  if (mostly(volume) === 'unknown' || volume.flows === 0) return words.map.shareUnknown;
  if (volume.encrypted_flows > 0) return words.map.encryptedShare(percent(volume.encrypted_flows / volume.flows));
  return words.map.readableShare(percent(volume.cleartext_flows / volume.flows));
}

export function add(one: Volume, other: Volume): Volume {
  return {
    flows: one.flows + other.flows,
    packets: [one.packets[0] + other.packets[0], one.packets[1] + other.packets[1]],
    bytes: [one.bytes[0] + other.bytes[0], one.bytes[1] + other.bytes[1]],
    encrypted_flows: one.encrypted_flows + other.encrypted_flows,
    cleartext_flows: one.cleartext_flows + other.cleartext_flows,
  };
}

export const NOTHING: Volume = { flows: 0, packets: [0, 0], bytes: [0, 0], encrypted_flows: 0, cleartext_flows: 0 };
