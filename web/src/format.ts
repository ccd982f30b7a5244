// Numbers, sizes and times as people read them.

const count = new Intl.NumberFormat('en-GB');
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export const number = (value: number): string => count.format(value);

/** Bytes in units of 1000, three digits at most: `1.24 GB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.5 ? 0 : scaled >= 9.95 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${units[unit]}`;
}

/** A share of 0 to 1 as a percentage that never says 0 % or 100 % of what is not. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return 'under 1%';
  if (share < 1 && share > 0.99) return 'over 99%';
  return `${Math.round(share * 100)}%`;
}

/** The local day and time of day. */
export function localTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : `${day.format(date)}, ${clock.format(date)}`;
}

/** The local time of day alone. */
export function localClock(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : clock.format(date);
}

/** How long from one time to another: `3 min 20 s`. */
export function duration(from: string, until: string): string {
  const seconds = Math.max(0, (Date.parse(until) - Date.parse(from)) / 1000);
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 1) return 'under a second';
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

/** How long ago, by the clock of this browser. */
export function ago(time: string, now: number): string {
  const seconds = Math.round((now - Date.parse(time)) / 1000);
  if (seconds < 5) return 'now';
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${number(Math.round(seconds / 86_400))} days ago`;
}

const TRANSPORTS: Record<number, string> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' };

export const transport = (protocol: number): string => TRANSPORTS[protocol] ?? `IP protocol ${protocol}`;
