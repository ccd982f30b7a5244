// The links between groups, bundled: where each leaves, how it runs, how wide it is.

import type { MapLink, MapNode, Volume } from '../api/records';
import { groupKey, type Grouping } from './groups';
import type { Box } from './layout';
import { add, NOTHING } from './links';

/** Free height between two boxes of a column; conduits may run there. */
export const BOX_GAP = 18;
const CONDUIT_MIN = 1.5;
const CONDUIT_MAX = 8;
/** Where all conduits run beside one column. */
const CONDUIT_NARROW = 4;

/** All links between two boxes. */
export interface Conduit {
  from: string;
  to: string;
  volume: Volume;
  /** What is spoken most. */
  spoken: string;
  path: string;
  width: number;
  middle: Point;
  /** Where that is written; nowhere if it would lie on a label of a busier conduit. */
  label: Point | undefined;
}

export const pairKey = (one: string, other: string): string => (one < other ? `${one}\n${other}` : `${other}\n${one}`);

export const round = (value: number): number => Math.round(value * 10) / 10;

export function conduits(boxes: Box[], links: MapLink[], nodes: MapNode[], grouping: Grouping, wide: boolean): Conduit[] {
  const keys = new Map(nodes.map((node) => [node.id, groupKey(node, grouping)]));
  const between = new Map<string, { one: string; other: string; volume: Volume; spoken: Map<string, number> }>();
  for (const link of links) {
    const from = keys.get(link.source) ?? '';
    const to = keys.get(link.target) ?? '';
    if (from === to) continue;
    const key = pairKey(from, to);
    const entry = between.get(key) ?? { one: from < to ? from : to, other: from < to ? to : from, volume: NOTHING, spoken: new Map() };
    for (const { application, flows } of link.applications) {
      if (application) entry.spoken.set(application, (entry.spoken.get(application) ?? 0) + flows);
    }
    between.set(key, { ...entry, volume: add(entry.volume, link) });
  }
  const most = Math.max(2, ...[...between.values()].map((entry) => entry.volume.flows));
  const ports = new Ports(boxes, [...between.values()], wide);
  const written = new Labels();
  return [...between.values()]
    .sort((one, other) => other.volume.flows - one.volume.flows)
    .flatMap(({ one, other, volume, spoken: applications }) => {
      const line = ports.line(one, other);
      if (!line) return [];
      const share = Math.log(1 + volume.flows) / Math.log(1 + most);
      const width = CONDUIT_MIN + ((wide ? CONDUIT_MAX : CONDUIT_NARROW) - CONDUIT_MIN) * share ** 2;
      const spoken = mostSpoken(applications);
      return [{ from: one, to: other, volume, spoken, width, label: written.place(spoken, line.middle), ...line }];
    });
}

const LABEL_HEIGHT = 14;
/** Mean width of a letter of a label. */
const LETTER_WIDTH = 6;

/** Labels that do not lie on each other: the busiest conduits are asked first. */
class Labels {
  #placed: { middle: Point; width: number }[] = [];

  /** As near to the middle of its conduit as is free; nowhere if it would be too far from it. */
  place(spoken: string, middle: Point): Point | undefined {
    if (spoken === '') return undefined;
    const width = spoken.length * LETTER_WIDTH + 6;
    for (const steps of [0, 1, -1]) {
      const at = { x: middle.x, y: middle.y + steps * LABEL_HEIGHT };
      const free = this.#placed.every(
        (other) => Math.abs(other.middle.x - at.x) >= (other.width + width) / 2 || Math.abs(other.middle.y - at.y) >= LABEL_HEIGHT,
      );
      if (free) {
        this.#placed.push({ middle: at, width });
        return at;
      }
    }
    return undefined;
  }
}

function mostSpoken(spoken: Map<string, number>): string {
  const names = [...spoken].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  return names.length > 2 ? `${names.slice(0, 2).join(', ')} …` : names.join(', ');
}

type Side = 'left' | 'right';

/** Where conduits leave and enter: spread over the sides of the boxes, so that they do not lie on each other. */
class Ports {
  #boxes: Map<string, Box>;
  #wide: boolean;
  #slots = new Map<string, number>();
  /** How many conduits already run in a lane. */
  #lanes = new Map<number, number>();

  constructor(boxes: Box[], pairs: { one: string; other: string }[], wide: boolean) {
    this.#wide = wide;
    this.#boxes = new Map(boxes.map((box) => [box.group.key, box]));
    const sides = new Map<string, { pair: string; far: Box }[]>();
    for (const { one, other } of pairs) {
      const from = this.#boxes.get(one);
      const to = this.#boxes.get(other);
      if (!from || !to) continue;
      const [out, into] = this.#sides(from, to);
      for (const [key, side, far] of [[one, out, to], [other, into, from]] as const) {
        const list = sides.get(`${key}\n${side}`) ?? [];
        list.push({ pair: `${one}\n${other}`, far });
        sides.set(`${key}\n${side}`, list);
      }
    }
    for (const [side, ends] of sides) {
      const box = this.#boxes.get(side.slice(0, side.lastIndexOf('\n')));
      if (!box) continue;
      ends.sort((a, b) => a.far.y + a.far.height / 2 - (b.far.y + b.far.height / 2));
      ends.forEach((end, index) => {
        const share = (index + 1) / (ends.length + 1);
        this.#slots.set(`${side}\n${end.pair}`, box.y + 8 + (box.height - 16) * share);
      });
    }
  }

  #sides(from: Box, to: Box): [Side, Side] {
    if (Math.abs(from.x - to.x) < 10) {
      const side = this.#wide && from.x > from.width ? 'left' : 'right';
      return [side, side];
    }
    return from.x < to.x ? ['right', 'left'] : ['left', 'right'];
  }

  line(one: string, other: string): Way | undefined {
    const from = this.#boxes.get(one);
    const to = this.#boxes.get(other);
    if (!from || !to) return undefined;
    const [out, into] = this.#sides(from, to);
    const at = (box: Box, key: string, side: Side) => ({
      x: side === 'left' ? box.x : box.x + box.width,
      y: this.#slots.get(`${key}\n${side}\n${one}\n${other}`) ?? box.y + box.height / 2,
    });
    const a = at(from, one, out);
    const b = at(to, other, into);
    if (out === into) {
      const reach = Math.min(this.#wide ? 64 : 50, 14 + Math.abs(a.y - b.y) * 0.14) * (out === 'left' ? -1 : 1) * 1.3;
      return {
        path: `M${round(a.x)} ${round(a.y)}C${round(a.x + reach)} ${round(a.y)} ${round(b.x + reach)} ${round(b.y)} ${round(b.x)} ${round(b.y)}`,
        middle: { x: a.x + reach * 0.75, y: (a.y + b.y) / 2 },
      };
    }
    const around = this.#around(a, b);
    if (around) return around;
    const bend = (b.x - a.x) * 0.5;
    return {
      path: `M${round(a.x)} ${round(a.y)}C${round(a.x + bend)} ${round(a.y)} ${round(b.x - bend)} ${round(b.y)} ${round(b.x)} ${round(b.y)}`,
      middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
    };
  }

  /** A way between the boxes of a column that stands in between, which a straight line would hide behind. */
  #around(one: Point, other: Point): Way | undefined {
    const [a, b] = one.x < other.x ? [one, other] : [other, one];
    const between = [...this.#boxes.values()]
      .filter((box) => box.x > a.x + 1 && box.x + box.width < b.x - 1)
      .sort((above, below) => above.y - below.y);
    const first = between[0];
    const last = between.at(-1);
    if (!first || !last) return undefined;
    const lanes = [first.y - BOX_GAP / 2, last.y + last.height + BOX_GAP / 2];
    between.slice(1).forEach((box, index) => {
      const above = between[index];
      if (above) lanes.push((above.y + above.height + box.y) / 2);
    });
    const straight = (a.y + b.y) / 2;
    const taken = (lane: number) => this.#lanes.get(lane) ?? 0;
    const lane = lanes.reduce((best, next) => {
      const cost = (y: number) => Math.abs(y - straight) + taken(y) * 60;
      return cost(next) < cost(best) ? next : best;
    });
    this.#lanes.set(lane, taken(lane) + 1);
    // Those who share a lane run beside each other.
    const y = lane + (taken(lane) - 1) * 5;
    const [left, right] = [first.x - 6, first.x + first.width + 6];
    const bow = (from: Point, to: Point) => {
      const half = (to.x - from.x) / 2;
      return `C${round(from.x + half)} ${round(from.y)} ${round(to.x - half)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
    };
    return {
      path: `M${round(a.x)} ${round(a.y)}${bow(a, { x: left, y })}H${round(right)}${bow({ x: right, y }, b)}`,
      middle: { x: (left + right) / 2, y },
    };
  }
}

interface Point {
  x: number;
  y: number;
}

/** The course of a conduit and the place of its label. */
interface Way {
  path: string;
  middle: Point;
}
