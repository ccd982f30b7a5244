// Which page an address names, and the addresses of things.

export type Place =
  | { page: 'overview' }
  | { page: 'devices' }
  | { page: 'device'; id: string }
  | { page: 'findings' }
  | { page: 'finding'; id: string }
  | { page: 'exposures' }
  | { page: 'patch' }
  | { page: 'training' }
  | { page: 'map' }
  | { page: 'segments' }
  | { page: 'conversations' }
  | { page: 'missing' };

export function matchPage(path: string): Place {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second] = parts;
  if (parts.length > 2) return { page: 'missing' };
  if (second !== undefined) {
    const id = decode(second);
    if (id !== undefined && first === 'devices') return { page: 'device', id };
    if (id !== undefined && first === 'findings') return { page: 'finding', id };
    return { page: 'missing' };
  }
  switch (first) {
    case undefined:
      return { page: 'overview' };
    case 'devices':
    case 'findings':
    case 'exposures':
    case 'patch':
    case 'training':
    case 'map':
    case 'segments':
    case 'conversations':
      return { page: first };
    default:
      return { page: 'missing' };
  }
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

export const deviceHref = (id: string): string => `/devices/${encodeURIComponent(id)}`;
export const findingHref = (id: string): string => `/findings/${encodeURIComponent(id)}`;
