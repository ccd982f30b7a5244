// Devices in groups: by zone where zones are known, else by what they are for.

import { CATEGORIES, type Category, type MapNode } from '../api/records';
import { words } from '../words';

export type Grouping = 'zone' | 'segment' | 'family';
export type Family = keyof typeof words.family;

const FAMILY: Record<Category, Family> = {
  'patient-monitor': 'bedside',
  ventilator: 'bedside',
  anesthesia: 'bedside',
  defibrillator: 'bedside',
  ecg: 'bedside',
  'blood-pressure-monitor': 'bedside',
  'pulse-oximeter': 'bedside',
  wearable: 'bedside',
  'cardiac-implant-monitor': 'bedside',
  'pacemaker-programmer': 'bedside',
  'infusion-pump': 'therapy',
  'insulin-pump': 'therapy',
  'glucose-meter': 'therapy',
  'medication-cabinet': 'therapy',
  'imaging-modality': 'imaging',
  pacs: 'imaging',
  'radiology-workstation': 'imaging',
  'lab-analyzer': 'laboratory',
  'telemetry-gateway': 'systems',
  'integration-engine': 'systems',
  ehr: 'systems',
  'nurse-call': 'systems',
  'medical-other': 'other',
  server: 'servers',
  workstation: 'office',
  printer: 'office',
  phone: 'office',
  camera: 'building',
  'building-automation': 'building',
  network: 'network',
  unknown: 'unknown',
};

/** Where a group stands: care at the left, the systems it leans on in the middle, the rest at the right. */
const COLUMN: Record<Family, 0 | 1 | 2> = {
  bedside: 0,
  therapy: 0,
  imaging: 0,
  laboratory: 0,
  other: 0,
  systems: 1,
  servers: 1,
  network: 1,
  office: 2,
  building: 2,
  unknown: 2,
};

/** The devices of one kind within a group: one line of the drawing. */
export interface Line {
  category: Category;
  nodes: MapNode[];
}

export interface Group {
  key: string;
  label: string;
  column: 0 | 1 | 2;
  lines: Line[];
  size: number;
}

export const familyOf = (category: Category): Family => FAMILY[category];

export function groupKey(node: MapNode, grouping: Grouping): string {
  if (grouping === 'segment') return node.segment ?? '';
  return grouping === 'zone' ? (node.zone ?? '') : familyOf(node.category);
}

/** Whether zones tell enough to group by them. */
export function zonesAreKnown(nodes: MapNode[]): boolean {
  const known = nodes.filter((node) => node.zone !== null);
  return new Set(known.map((node) => node.zone)).size > 1 && known.length * 2 >= nodes.length;
}

export function makeGroups(nodes: MapNode[], grouping: Grouping): Group[] {
  const members = new Map<string, MapNode[]>();
  for (const node of nodes) {
    const key = groupKey(node, grouping);
    const list = members.get(key);
    if (list) list.push(node);
    else members.set(key, [node]);
  }
  const groups = [...members].map(([key, list]) => {
    const lines = CATEGORIES.map((category) => ({
      category,
      nodes: list
        .filter((node) => node.category === category)
        .sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true })),
    })).filter((line) => line.nodes.length > 0);
    return { key, label: labelOf(key, grouping), column: columnOf(list), lines, size: list.length };
  });
  return groups.sort((one, other) => other.size - one.size || one.label.localeCompare(other.label, 'en'));
}

function labelOf(key: string, grouping: Grouping): string {
  if (grouping === 'family') return words.family[key as Family];
  return key === '' ? words.map.noZone : key;
}

/** Where most of the members belong; an archive stands with the systems, wherever its images come from. */
function columnOf(nodes: MapNode[]): 0 | 1 | 2 {
  const votes: [number, number, number] = [0, 0, 0];
  for (const node of nodes) votes[node.category === 'pacs' ? 1 : COLUMN[familyOf(node.category)]] += 1;
  const most = Math.max(...votes);
  return votes.indexOf(most) as 0 | 1 | 2;
}
