import { describe, expect, it } from 'vitest';
import { ago, bytes, duration, localTime, percent } from './format';
import { attributes } from './identity';
import { deviceHref, matchPage } from './places';
import type { Device } from './api/records';
import { address } from './api/client';
import { command, quote } from './command';

describe('format', () => {
  it('writes sizes with three digits', () => {
    expect([0, 999, 1000, 1500, 99_950, 999_600, 1.24e9].map(bytes)).toEqual(['0 B', '999 B', '1.00 kB', '1.50 kB', '100 kB', '1.00 MB', '1.24 GB']);
  });
  it('keeps certainty for what is certain', () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(percent)).toEqual(['0%', 'under 1%', '50%', 'over 99%', '100%']);
  });
  it('writes durations in two units', () => {
    const from = '2026-03-03T06:00:00.000000Z';
    expect(duration(from, '2026-03-03T06:00:00.400000Z')).toBe('under a second');
    expect(duration(from, '2026-03-03T06:03:20.000000Z')).toBe('3 min 20 s');
    expect(duration(from, '2026-03-04T07:00:00.000000Z')).toBe('1 d 1 h');
    expect(duration(from, 'nonsense')).toBe('');
  });
  it('passes on what is no time', () => expect(localTime('soon')).toBe('soon'));
  it('says how long ago', () => expect(ago('2026-03-03T06:00:00Z', Date.parse('2026-03-03T06:10:00Z'))).toBe('10 min ago'));
});

describe('places', () => {
  it('finds the page of an address', () => {
    expect(matchPage('/')).toEqual({ page: 'overview' });
    expect(matchPage('/devices/')).toEqual({ page: 'devices' });
    expect(matchPage('/devices/mac%3A00%2F1')).toEqual({ page: 'device', id: 'mac:00/1' });
    expect(matchPage('/devices/%ff')).toEqual({ page: 'missing' });
    expect(matchPage('/devices/a/b')).toEqual({ page: 'missing' });
    expect(matchPage('/nothing')).toEqual({ page: 'missing' });
  });
  it('writes an address that it finds again', () => {
    const id = 'mac:02/57 ä?#';
    expect(matchPage(deviceHref(id))).toEqual({ page: 'device', id });
  });
  it('leaves out parameters that are not set', () => {
    expect(address('/devices', { text: '', zone: null, offset: 0, descending: false })).toBe('/api/v1/devices?offset=0');
  });
});

describe('command', () => {
  it('quotes what a shell would take apart', () => {
    expect(command('devices', { category: null, zone: 'Ward 3' }, "O'Neil")).toBe(`wardline devices 'O'\\''Neil' --zone 'Ward 3' --json`);
    expect(command('devices', { zone: '' })).toBe("wardline devices --zone '' --json");
    expect(quote('mac:02:57')).toBe('mac:02:57');
    expect(quote('$(reboot)')).toBe("'$(reboot)'");
  });
});

describe('attributes', () => {
  const claim = (value: string, confidence: number) => ({
    field: 'vendor' as const,
    value,
    protocol: 'dhcp',
    source: 'dhcp.option.60',
    seen: null,
    rule: null,
    confidence,
    file: 'a.pcap',
    packet: 1,
    time: '2026-03-03T06:00:00.000000Z',
  });
  const device = { vendor: 'Halden', category: 'unknown', macs: [], ips: [], hostnames: [], role: [], evidence: [claim('Other', 0.9), claim('Halden', 0.5)] };
  it('puts what supports the value before stronger claims of another', () => {
    const vendor = attributes(device as unknown as Device).find((row) => row.field === 'vendor');
    expect(vendor?.claims.map((one) => one.value)).toEqual(['Halden', 'Other']);
  });
  it('lists what is not known as well', () => {
    expect(attributes({ ...device, os: null } as unknown as Device).find((row) => row.field === 'category')?.values).toEqual([]);
  });
});
