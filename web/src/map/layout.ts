// Where everything stands. Pure: the same input gives the same drawing.

import type { MapLink, MapNode } from '../api/records';
import { BOX_GAP, conduits, pairKey, round, type Conduit } from './conduits';
import { groupKey, type Group, type Grouping, type Line } from './groups';

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

/** Which group stands where, to draw the next one alike. */
export interface Arrangement {
  grouping: Grouping;
  count: number;
  columns: string[][];
}

export interface Drawing {
  width: number;
  height: number;
  /** Free width between two columns. */
  gap: number;
  columns: number;
  arrangement: Arrangement;
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
const BOX_MAX = 440;

/** `kept` is the arrangement of an earlier drawing: what stands somewhere stays there while devices come and go. */
export function draw(
  groups: Group[],
  links: MapLink[],
  nodes: MapNode[],
  grouping: Grouping,
  width: number,
  kept?: Arrangement,
): Drawing {
  const columns = arrange(groups, links, nodes, grouping, width, kept);
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
  return {
    width,
    height,
    columns: columns.length,
    arrangement: { grouping, count: columnsFor(width), columns: columns.map((column) => column.map((group) => group.key)) },
    gap: columns.length > 1 ? stride - boxWidth : 0,
    boxes,
    dots,
    conduits: conduits(boxes, links, nodes, grouping, columns.length > 1),
  };
}

const columnsFor = (width: number): number => (width >= 880 ? 3 : width >= 560 ? 2 : 1);

/** The groups in columns, each ordered so that conduits cross little. */
function arrange(
  groups: Group[],
  links: MapLink[],
  nodes: MapNode[],
  grouping: Grouping,
  width: number,
  kept?: Arrangement,
): Group[][] {
  const count = columnsFor(width);
  if (kept?.grouping === grouping && kept.count === count) {
    const stays = kept.columns.map((keys) => keys.flatMap((key) => groups.filter((group) => group.key === key)));
    const rest = groups.filter((group) => !stays.some((column) => column.includes(group)));
    const shown = stays.filter((column) => column.length > 0);
    if (shown.length > 0 && rest.length * 2 <= groups.length) {
      for (const group of rest) shown[Math.min(group.column, shown.length - 1)]?.push(group);
      return shown;
    }
  }
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

function groupWeights(links: MapLink[], nodes: MapNode[], grouping: Grouping): Map<string, number> {
  const keys = new Map(nodes.map((node) => [node.id, groupKey(node, grouping)]));
  const weights = new Map<string, number>();
  for (const link of links) {
    const key = pairKey(keys.get(link.source) ?? '', keys.get(link.target) ?? '');
    weights.set(key, (weights.get(key) ?? 0) + Math.log2(1 + link.flows));
  }
  return weights;
}

/** Width of the names of kinds in a box. */
export const labelWidth = (width: number): number => Math.min(LABEL, width * 0.42);

/** Boxes of a column with their inner measures, at the origin. */
function stack(groups: Group[], width: number): Box[] {
  const label = labelWidth(width);
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

/** A line from one device to another: bent, so that lines within a box can be told apart. */
export function deviceLine(from: Dot, to: Dot): string {
  const across = Math.abs(from.x - to.x);
  const bend = across < 60 ? 34 + across * 0.2 : 0;
  const half = (to.x - from.x) / 2;
  return bend > 0
    ? `M${round(from.x)} ${round(from.y)}C${round(from.x + bend)} ${round(from.y)} ${round(to.x + bend)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`
    : `M${round(from.x)} ${round(from.y)}C${round(from.x + half)} ${round(from.y)} ${round(to.x - half)} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
}
