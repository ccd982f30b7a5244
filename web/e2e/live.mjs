// The open page hears of news and shows it without being loaded again.

export async function liveUpdates(browser, base, fail) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/`, { waitUntil: 'load' });
  await page
    .getByText('Updates by itself')
    .waitFor({ timeout: 5000 })
    .catch(() => fail('the page does not listen for events'));
  const total = async () => (await (await fetch(`${base}/api/v1/overview`)).json()).device_total;
  const before = await total();
  await page.waitForTimeout(3000);
  if ((await total()) > before) {
    await page.evaluate(() => {
      window.notLoadedAgain = true;
    });
    const shown = () =>
      page.evaluate(() => Number(document.querySelector('nav a[href="/devices"] .count')?.textContent?.replace(/\D/g, '')));
    const first = await shown();
    let later = first;
    for (let count = 0; count < 40 && later <= first; count += 1) {
      await page.waitForTimeout(250);
      later = await shown();
    }
    if (!(later > first)) fail(`the store grows, but the page goes on showing ${first} devices`);
    if (!(await page.evaluate(() => window.notLoadedAgain))) fail('the page was loaded again');
    console.log(`  the open page went from ${first} to ${later} devices`);
  } else {
    console.log('  nothing is being stored; only the connection was checked');
  }
  await context.close();
}
