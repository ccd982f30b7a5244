// Where everything stands. Pure: the same input gives the same drawing.

import type { MapLink, MapNode, Volume } from '../api/records';
import { groupKey, type Group, type Grouping, type Line } from './groups';
import { add, NOTHING } from './links';

/** A device as a dot. */
export interface Dot {
  node: MapNode;
  x: number;
  y: number;
}

/** One line of a box: the kind, and its devices as dots. */
export interface BoxLine {
  line: Line;
  y: number;
  height: number;
  dots: Dot[];
  /** Devices that have no dot because the line is full. */
  hidden: number;
}

export interface Box {
  group: Group;
  x: number;
  y: number;
  width: number;
  height: number;
  lines: BoxLine[];
}

/** All links between two boxes. */
export interface Conduit {
  from: string;
  to: string;
  volume: Volume;
  /** What is spoken most, for the label. */
  spoken: string;
  path: string;
  width: number;
  middle: { x: number; y: number };
}

export interface Drawing {
  width: number;
  height: number;
  /** Free width between two columns. */
  gap: number;
  columns: number;
  boxes: Box[];
  conduits: Conduit[];
  /** Every dot by device; devices without a dot stand at the end of their line. */
  dots: Map<string, Dot>;
}

/** Target sizes: a dot's cell is 24 wide so that neighbours can be told apart by finger. */
export const CELL = 24;
export const HEAD = 34;
const LABEL = 150;
const PADDING = 12;
const LINE_GAP = 2;
const ROWS_MAX = 5;
const BOX_GAP = 18;
const BOX_MAX = 440;
const CONDUIT_MIN = 1.5;
const CONDUIT_MAX = 8;
/** Where all conduits run beside one column. */
const CONDUIT_NARROW = 4;

export function draw(groups: Group[], links: MapLink[], nodes: MapNode[], grouping: Grouping, width: number): Drawing {
  const columns = arrange(groups, links, nodes, grouping, width);
  const gap = columns.length > 1 ? Math.min(170, Math.max(70, width * 0.092)) : 56;
  const boxWidth = Math.min(BOX_MAX, (width - gap * (columns.length > 1 ? columns.length - 1 : 1)) / columns.length);
  // What is left over widens the gaps, where the conduits run.
  const stride = columns.length > 1 ? (width - boxWidth) / (columns.length - 1) : 0;
  const boxes: Box[] = [];
  const heights = columns.map((column) => stack(column, boxWidth).reduce((sum, box) => sum + box.height + BOX_GAP, 0));
  const height = Math.max(...heights, BOX_GAP) - BOX_GAP + 2;
  columns.forEach((column, index) => {
    let y = 1 + (height - (heights[index] ?? 0) - 2 + BOX_GAP) / 2;
    for (const box of stack(column, boxWidth)) {
      // Half a border's width stays free at both ends of the drawing.
      boxes.push(place(box, stride * index + (index > 0 && index === columns.length - 1 ? -1 : 1), Math.max(1, y)));
      y += box.height + BOX_GAP;
    }
  });
  const dots = new Map<string, Dot>();
  for (const box of boxes) {
    for (const line of box.lines) {
      for (const dot of line.dots) dots.set(dot.node.id, dot);
      const last = line.dots.at(-1);
      if (last) for (const node of line.line.nodes.slice(line.dots.length)) dots.set(node.id, { ...last, node });
    }
  }
  return { width, height, columns: columns.length, gap: columns.length > 1 ? stride - boxWidth : 0, boxes, dots, conduits: conduits(boxes, links, nodes, grouping, columns.length > 1) };
}

/** The groups in columns, each ordered so that conduits cross little. */
function arrange(groups: Group[], links: MapLink[], nodes: MapNode[], grouping: Grouping, width: number): Group[][] {
  const count = width >= 880 ? 3 : width >= 560 ? 2 : 1;
  let columns: Group[][] = Array.from({ length: count }, (_, index) =>
    groups.filter((group) => Math.min(group.column, count - 1) === index),
  );
  columns = columns.filter((column) => column.length > 0);
  balance(columns);
  const weights = groupWeights(links, nodes, grouping);
  // Each group moves towards the middle of those it talks to; a few rounds settle it.
  for (let round = 0; round < 4; round += 1) {
    for (const column of columns) {
      const height = (group: Group) => columns.find((other) => other.includes(group))?.indexOf(group) ?? 0;
      const pull = new Map(
        column.map((group) => {
          let weight = 0;
          let sum = 0;
          for (const other of groups) {
            const between = weights.get(pairKey(group.key, other.key)) ?? 0;
            if (other === group || column.includes(other)) continue;
            const size = columns.find((list) => list.includes(other))?.length ?? 1;
            weight += between;
            sum += (between * (height(other) + 0.5)) / size;
          }
          return [group, weight > 0 ? sum / weight : (column.indexOf(group) + 0.5) / column.length] as const;
        }),
      );
      column.sort((one, other) => (pull.get(one) ?? 0) - (pull.get(other) ?? 0));
    }
  }
  return columns;
}

/** A column much longer than its neighbours gives groups away, the smallest first. */
function balance(columns: Group[][]): void {
  if (columns.length < 2) return;
  const length = (column: Group[]) => column.reduce((sum, group) => sum + roughHeight(group), 0);
  for (let round = 0; round < 12; round += 1) {
    const sorted = [...columns].sort((one, other) => length(other) - length(one));
    const longest = sorted[0];
    const shortest = sorted.at(-1);
    if (!longest || !shortest || longest.length < 2) return;
    const smallest = longest.reduce((least, group) => (roughHeight(group) < roughHeight(least) ? group : least));
    if (length(shortest) + roughHeight(smallest) >= length(longest) - roughHeight(smallest) / 2) return;
    longest.splice(longest.indexOf(smallest), 1);
    shortest.push(smallest);
  }
}

const roughHeight = (group: Group): number =>
  HEAD + PADDING + BOX_GAP + group.lines.reduce((sum, line) => sum + CELL * Math.min(ROWS_MAX, Math.ceil(line.nodes.length / 8)), 0);

const pairKey = (one: string, other: string): string => (one < other ? `${one}\n${other}` : `${other}\n${one}`);

function groupWeights(links: MapLink[], nodes: MapNode[], grouping: Grouping): Map<string, number> {
  const keys = new Map(nodes.map((node) => [node.id, groupKey(node, grouping)]));
  const weights = new Map<string, number>();
  for (const link of links) {
    const key = pairKey(keys.get(link.source) ?? '', keys.get(link.target) ?? '');
    weights.set(key, (weights.get(key) ?? 0) + Math.log2(1 + link.flows));
  }
  return weights;
}

/** Boxes of a column with their inner measures, at the origin. */
function stack(groups: Group[], width: number): Box[] {
  const label = Math.min(LABEL, width * 0.42);
  const perRow = Math.max(1, Math.floor((width - 2 * PADDING - label) / CELL));
  return groups.map((group) => {
    let y = HEAD;
    const lines = group.lines.map((line) => {
      const room = perRow * ROWS_MAX;
      // The last cell of a full line says how many more there are.
      const shown = line.nodes.length > room ? line.nodes.slice(0, room - 2) : line.nodes;
      const rows = Math.ceil(Math.min(line.nodes.length, room) / perRow);
      const dots = shown.map((node, index) => ({
        node,
        x: PADDING + label + (index % perRow) * CELL + CELL / 2,
        y: y + Math.floor(index / perRow) * CELL + CELL / 2,
      }));
      const placed = { line, y, height: rows * CELL, dots, hidden: line.nodes.length - shown.length };
      y += rows * CELL + LINE_GAP;
      return placed;
    });
    return { group, x: 0, y: 0, width, height: y + PADDING - LINE_GAP, lines };
  });
}

function place(box: Box, x: number, y: number): Box {
  const lines = box.lines.map((line) => ({
    ...line,
    y: line.y + y,
    dots: line.dots.map((dot) => ({ ...dot, x: dot.x + x, y: dot.y + y })),
  }));
  return { ...box, x, y, lines };
}

function conduits(boxes: Box[], links: MapLink[], nodes: MapNode[], grouping: Grouping, wide: boolean): Conduit[] {
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
  return [...between.values()]
    .sort((one, other) => other.volume.flows - one.volume.flows)
    .flatMap(({ one, other, volume, spoken }) => {
      const line = ports.line(one, other);
      if (!line) return [];
      const share = Math.log(1 + volume.flows) / Math.log(1 + most);
      return [{ from: one, to: other, volume, spoken: mostSpoken(spoken), width: CONDUIT_MIN + ((wide ? CONDUIT_MAX : CONDUIT_NARROW) - CONDUIT_MIN) * share ** 2, ...line }];
    });
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

const round = (value: number): number => Math.round(value * 10) / 10;

/** A line from one device to another: bent, so that lines within a box can be told apart. */
export function deviceLine(from: Dot, to: Dot): string {
  const across = Math.abs(from.x - to.x);
  const bend = across < 60 ? 34 + across * 0.2 : 0;
  const half = (to.x - from.x) / 2;
  return bend > 0
    ? `M${round(from.x)} ${round(from.y)}C${round(from.x + bend)} ${round(from.y)} ${round(to.x + bend)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`
    : `M${round(from.x)} ${round(from.y)}C${round(from.x + half)} ${round(from.y)} ${round(to.x - half)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
}
