// Using the pages as people do: choosing a theme, searching, sorting, and reading on a very narrow screen.

export async function everydayUse(browser, base, pages, fail) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  const page = await context.newPage();
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto(`${base}/devices`, { waitUntil: 'load' });
  await page.waitForSelector('main .card');
  const light = await background();
  await page.getByLabel('Theme').selectOption('dark');
  const dark = await background();
  if (dark === light) fail('choosing the dark theme changes nothing');
  await page.reload({ waitUntil: 'load' });
  if ((await background()) !== dark) fail('the chosen theme is forgotten');
  await page.getByLabel('Theme').selectOption('');
  if ((await background()) !== light) fail('the theme of the system does not come back');

  if ((await page.locator('main tbody tr').count()) > 1) {
    const column = page.locator('th', { hasText: 'Last seen' });
    await column.getByRole('button').click();
    await page.waitForFunction(() => location.search.includes('sort=last-seen'));
    if ((await column.getAttribute('aria-sort')) !== 'descending') fail('a sorted column does not say so');
    await page.reload({ waitUntil: 'load' });
    await page.waitForSelector('main tbody tr');
    if ((await column.getAttribute('aria-sort')) !== 'descending') fail('an order is not kept in the address');
    const name = (await page.locator('main tbody th a').first().textContent()) ?? '';
    await page.getByLabel('Search').fill(name.toUpperCase());
    await page.waitForFunction(() => location.search.includes('text='));
    await page
      .locator('main tbody th a', { hasText: name })
      .first()
      .waitFor({ timeout: 5000 })
      .catch(() => fail('a device is not found by its name in capitals'));
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.waitForFunction(() => !location.search.includes('text='));
    if ((await page.getByLabel('Search').inputValue()) !== '') fail('cleared filters leave text in the search field');
  }

  // The reason for a place in the queue is one click away, also in the list that it is part of.
  await page.goto(`${base}/patch`, { waitUntil: 'load' });
  await page.waitForSelector('main .card');
  if ((await page.locator('main article').count()) > 0) {
    const place = page.locator('main article').first();
    await place.locator('summary').click();
    if (!(await place.getByText('Exploitation:').isVisible())) fail('the reason for a place does not open');
  }

  // 320 px is what remains of 1280 at four times the size (WCAG 2.2, 1.4.10).
  await page.setViewportSize({ width: 320, height: 640 });
  for (const { name, path, ready } of pages) {
    await page.goto(base + path, { waitUntil: 'load' });
    await page.waitForSelector(ready).catch(() => fail(`${name} does not appear at 320 px`));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) fail(`${name} is ${over} px wider than a screen of 320 px`);
  }
  await context.close();
}
