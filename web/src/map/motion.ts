// From device to device with the arrow keys.

import type { Category } from '../api/records';
import { familyOf } from './groups';
import type { Dot } from './layout';

export type Direction = 'left' | 'right' | 'up' | 'down';

const NOT_MEDICAL = new Set(['servers', 'office', 'building', 'network', 'unknown']);

/** As `Category::is_medical` of the model: medical devices and the systems that clinical work runs on. */
export const isMedical = (category: Category): boolean => !NOT_MEDICAL.has(familyOf(category));

/** The nearest dot in a direction; the first dot where none was chosen; the same where there is none. */
export function step(dots: Dot[], from: string | null, direction: Direction): string | null {
  const start = dots.find((dot) => dot.node.id === from);
  if (!start) return dots[0]?.node.id ?? null;
  let best: { id: string; cost: number } | undefined;
  for (const dot of dots) {
    const dx = dot.x - start.x;
    const dy = dot.y - start.y;
    const [ahead, aside] = direction === 'left' ? [-dx, dy] : direction === 'right' ? [dx, dy] : direction === 'up' ? [-dy, dx] : [dy, dx];
    if (ahead <= 1) continue;
    const cost = ahead + Math.abs(aside) * 2.5;
    if (!best || cost < best.cost) best = { id: dot.node.id, cost };
  }
  return best?.id ?? start.node.id;
}
