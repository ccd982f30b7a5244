import { describe, expect, it } from 'vitest';
import type { Category, MapLink, MapNode } from '../api/records';
import { makeGroups, zonesAreKnown } from './groups';
import { draw, type Box } from './layout';
import { mostly, protection } from './links';
import { isMedical, step } from './motion';

const node = (id: string, category: Category, zone: string | null): MapNode => ({
  id,
  name: id,
  category,
  zone,
  segment: null,
  criticality: null,
  findings: 0,
  worst: null,
});

const link = (source: string, target: string, flows = 1): MapLink => ({
  source,
  target,
  flows,
  packets: [1, 1],
  bytes: [100, 100],
  encrypted_flows: 0,
  cleartext_flows: flows,
  applications: [{ application: 'hl7', transport: 6, port: 2575, flows }],
  first_hour: '2026-03-03T06:00:00.000000Z',
  last_hour: '2026-03-03T06:00:00.000000Z',
});

const nodes = [
  ...Array.from({ length: 30 }, (_, index) => node(`monitor-${index}`, 'patient-monitor', 'Ward')),
  node('vent-1', 'ventilator', 'Intensive care'),
  node('engine', 'integration-engine', 'Data centre'),
  node('archive', 'pacs', 'Data centre'),
  ...Array.from({ length: 12 }, (_, index) => node(`desk-${index}`, 'workstation', 'Office')),
  node('stray', 'unknown', null),
];
const links = [link('monitor-1', 'engine', 40), link('desk-3', 'monitor-2'), link('vent-1', 'engine'), link('desk-1', 'archive')];

const inside = (box: Box, x: number, y: number) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;

describe('layout', () => {
  for (const width of [330, 700, 1100, 1500]) {
    it(`places every device once, inside its box, at ${width} px`, () => {
      const drawing = draw(makeGroups(nodes, 'zone'), links, nodes, 'zone', width);
      expect(new Set(drawing.dots.keys())).toEqual(new Set(nodes.map(({ id }) => id)));
      for (const box of drawing.boxes) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(width);
        expect(box.y + box.height).toBeLessThanOrEqual(drawing.height);
        for (const line of box.lines) for (const dot of line.dots) expect(inside(box, dot.x, dot.y)).toBe(true);
      }
    });

    it(`lets no box lie on another at ${width} px`, () => {
      const { boxes } = draw(makeGroups(nodes, 'zone'), links, nodes, 'zone', width);
      boxes.forEach((one, index) =>
        boxes.slice(index + 1).forEach((other) => {
          const apart =
            one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
          expect(apart).toBe(true);
        }),
      );
    });
  }

  it('draws one conduit for each pair of groups that talk', () => {
    const { conduits } = draw(makeGroups(nodes, 'zone'), links, nodes, 'zone', 1100);
    expect(conduits.map(({ from, to }) => [from, to].sort().join('-')).sort()).toEqual(
      ['Data centre-Intensive care', 'Data centre-Office', 'Data centre-Ward', 'Office-Ward'].sort(),
    );
    expect(conduits[0]?.volume.flows).toBe(40);
    expect(conduits[0]?.spoken).toBe('hl7');
  });

  it('leads a conduit around the boxes in between', () => {
    const drawing = draw(makeGroups(nodes, 'zone'), links, nodes, 'zone', 1100);
    const conduit = drawing.conduits.find(({ from, to }) => [from, to].includes('Office') && [from, to].includes('Ward'));
    expect(drawing.columns).toBe(3);
    expect(conduit).toBeDefined();
    for (const box of drawing.boxes) expect(inside(box, conduit?.middle.x ?? 0, conduit?.middle.y ?? 0)).toBe(false);
  });

  it('writes no label on another, and the busiest first', () => {
    const halls = Array.from({ length: 9 }, (_, index) => node(`hall-${index}`, 'patient-monitor', `Hall ${index}`));
    const all = [...halls, node('engine', 'integration-engine', 'Data centre')];
    const talk = halls.map(({ id }, index) => link(id, 'engine', 10 * (index + 1)));
    const { conduits } = draw(makeGroups(all, 'zone'), talk, all, 'zone', 1100);
    expect(conduits[0]?.label).toBeDefined();
    const placed = conduits.flatMap(({ label, spoken }) => (label ? [{ ...label, spoken }] : []));
    expect(placed.length).toBeGreaterThan(1);
    placed.forEach((one, index) =>
      placed.slice(index + 1).forEach((other) => {
        const apart = Math.abs(one.y - other.y) >= 14 || Math.abs(one.x - other.x) >= (one.spoken.length + other.spoken.length) * 3;
        expect(apart).toBe(true);
      }),
    );
  });

  it('is the same every time', () => {
    const make = () => draw(makeGroups(nodes, 'family'), links, nodes, 'family', 900);
    expect(JSON.stringify(make().conduits)).toBe(JSON.stringify(make().conduits));
  });

  it('keeps everything where it is while devices come', () => {
    const before = draw(makeGroups(nodes, 'zone'), links, nodes, 'zone', 1100);
    const more = [...nodes, ...Array.from({ length: 60 }, (_, index) => node(`new-${index}`, 'camera', 'Data centre')), node('x', 'printer', 'Annex')];
    const after = draw(makeGroups(more, 'zone'), links, more, 'zone', 1100, before.arrangement);
    const old = after.arrangement.columns.map((keys) => keys.filter((key) => key !== 'Annex'));
    expect(old).toEqual(before.arrangement.columns);
    expect(after.arrangement.columns.flat()).toContain('Annex');
  });

  it('counts what does not fit a line', () => {
    const many = Array.from({ length: 400 }, (_, index) => node(`pump-${index}`, 'infusion-pump', 'Ward'));
    const line = draw(makeGroups(many, 'zone'), [], many, 'zone', 1100).boxes[0]?.lines[0];
    expect((line?.dots.length ?? 0) + (line?.hidden ?? 0)).toBe(400);
    expect(line?.hidden).toBeGreaterThan(0);
  });

  it('draws nothing of nothing', () => {
    const drawing = draw([], [], [], 'zone', 1100);
    expect(drawing.boxes).toEqual([]);
    expect(drawing.height).toBeGreaterThanOrEqual(0);
  });
});

describe('groups', () => {
  it('uses zones only where most are known', () => {
    expect(zonesAreKnown(nodes)).toBe(true);
    expect(zonesAreKnown(nodes.map((one) => ({ ...one, zone: null })))).toBe(false);
    expect(zonesAreKnown(nodes.map((one) => ({ ...one, zone: 'Everything' })))).toBe(false);
  });
});

describe('motion', () => {
  const dots = [
    { node: node('a', 'server', null), x: 10, y: 10 },
    { node: node('b', 'server', null), x: 34, y: 10 },
    { node: node('c', 'server', null), x: 10, y: 34 },
  ];
  it('goes to the nearest in a direction and stays at the end', () => {
    expect(step(dots, null, 'left')).toBe('a');
    expect(step(dots, 'a', 'right')).toBe('b');
    expect(step(dots, 'a', 'down')).toBe('c');
    expect(step(dots, 'a', 'up')).toBe('a');
    expect(step([], null, 'up')).toBeNull();
  });
  it('knows medical from other kinds', () => {
    expect(isMedical('ehr')).toBe(true);
    expect(isMedical('printer')).toBe(false);
    expect(isMedical('unknown')).toBe(false);
  });
});

describe('protection', () => {
  const volume = { ...link('a', 'b', 10), encrypted_flows: 0, cleartext_flows: 0 };
  it('says unknown where nothing is known', () => {
    expect(mostly(volume)).toBe('unknown');
    expect(protection(volume)).toBe('not known');
  });
  it('never calls a part the whole', () => {
    expect(protection({ ...volume, flows: 1000, encrypted_flows: 999, cleartext_flows: 1 })).toBe('over 99% encrypted');
    expect(protection({ ...volume, cleartext_flows: 10 })).toBe('100% readable');
  });
});
