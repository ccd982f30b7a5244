// The pages to walk. Which device and finding to open is asked from the API, so that any store will do.

const get = async (base, path) => {
  const response = await fetch(base + path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
};

export async function pagesOf(base) {
  const overview = await get(base, '/api/v1/overview');
  const devices = await get(base, '/api/v1/devices?limit=100');
  const findings = await get(base, '/api/v1/findings?limit=1');
  const busiest = devices.items.toSorted((one, other) => other.findings - one.findings || other.exposures - one.exposures)[0];
  const unknown = devices.items.find((device) => device.category === 'unknown');
  const pages = [
    { name: 'overview', path: '/', ready: '.severities' },
    { name: 'devices', path: '/devices', ready: 'main .card' },
    { name: 'devices-filtered', path: '/devices?category=unknown&sort=last-seen&descending=true', ready: 'main .card' },
    { name: 'findings', path: '/findings', ready: 'main .card' },
    { name: 'exposures', path: '/exposures', ready: 'main .card' },
    { name: 'patch', path: '/patch', ready: 'main .card', expected: overview.vulnerabilities > 0 ? ['Place 1'] : [] },
    { name: 'training', path: '/training?role=htm', ready: 'main .card' },
    { name: 'map', path: '/map', ready: overview.flows > 0 ? 'svg [role=listbox]' : 'main .card' },
    { name: 'segments', path: '/segments', ready: '#rules', expected: overview.flows > 0 ? ['Crown jewels'] : [] },
    { name: 'map-segments', path: '/map?group=segment', ready: overview.flows > 0 ? 'svg [role=listbox]' : 'main .card' },
    { name: 'conversations', path: '/conversations', ready: 'main .card' },
    { name: 'missing', path: '/no-such-page', ready: 'h1' },
  ];
  if (busiest) {
    const id = encodeURIComponent(busiest.id);
    pages.push({ name: 'device', path: `/devices/${id}`, ready: '#identity', expected: [busiest.name] });
    pages.push({ name: 'map-device', path: `/map?device=${id}`, ready: 'main .card', expected: [busiest.name] });
  }
  if (unknown) {
    pages.push({ name: 'device-unknown', path: `/devices/${encodeURIComponent(unknown.id)}`, ready: '#identity' });
  }
  for (const finding of findings.items) {
    pages.push({ name: 'finding', path: `/findings/${encodeURIComponent(finding.id)}`, ready: '#evidence', expected: [finding.summary] });
  }
  return pages;
}
