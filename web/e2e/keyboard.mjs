// A way through the console without a mouse.

export async function keyboardPath(page, base, fail) {
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      return { tag: element?.tagName ?? '', role: element?.getAttribute('role') ?? '', text: element?.textContent?.trim() ?? '', href: element?.getAttribute('href') ?? '' };
    });
  const tabUntil = async (wanted, what, most = 60) => {
    for (let count = 0; count < most; count += 1) {
      await page.keyboard.press('Tab');
      if (wanted(await focused())) return true;
    }
    fail(`${what} cannot be reached with Tab`);
    return false;
  };

  await page.goto(`${base}/`, { waitUntil: 'load' });
  await page.waitForSelector('.severities');
  await page.keyboard.press('Tab');
  if ((await focused()).href !== '#content') fail('the first stop is not the link to the content');
  if (!(await page.locator('.skip').isVisible())) fail('the link to the content cannot be seen when it has the focus');

  if (await tabUntil((at) => at.href === '/devices', 'the device list')) {
    await page.keyboard.press('Enter');
    await page.waitForURL('**/devices');
    await page.waitForSelector('main h1');
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1').catch(() => fail('a new page does not take the focus'));
    const first = page.locator('main tbody th a').first();
    if ((await first.count()) > 0) {
      if (await tabUntil((at) => at.tag === 'INPUT', 'the search field', 8)) {
        await page.keyboard.type('zzzz-nothing');
        await page.waitForURL('**text=zzzz-nothing');
        await page.getByText('No device matches').waitFor().catch(() => fail('a search without a match does not say so'));
        for (let count = 0; count < 12; count += 1) await page.keyboard.press('Backspace');
        await page.waitForFunction(() => !location.search.includes('text='));
      }
      await first.waitFor();
      if (await tabUntil((at) => at.href.startsWith('/devices/'), 'a device')) {
        await page.keyboard.press('Enter');
        await page.waitForSelector('#identity').catch(() => fail('Enter does not open a device'));
        await page.goBack();
        await page.waitForFunction(() => location.pathname === '/devices').catch(() => fail('the back button does not lead back'));
        await first.waitFor();
      }
    }
  }

  await page.goto(`${base}/map`, { waitUntil: 'load' });
  const drawing = page.locator('svg [role=listbox]');
  if (await drawing.waitFor({ timeout: 3000 }).then(() => true, () => false)) {
    if (await tabUntil((at) => at.role === 'listbox', 'the drawing')) {
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowDown');
      const device = await drawing.getAttribute('aria-activedescendant');
      if (!device) fail('arrow keys do not move on the drawing');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => location.search.includes('device=')).catch(() => fail('Enter does not keep a device'));
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => !location.search.includes('device=')).catch(() => fail('Escape does not let go'));
    }
  }
}
