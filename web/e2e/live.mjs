// The open page says whether it hears from the server, in words.

export async function liveUpdates(browser, base, fail) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/`, { waitUntil: 'load' });
  await page
    .getByText('Updates by itself')
    .waitFor({ timeout: 5000 })
    .catch(() => fail('the page does not listen for events'));
  await context.setOffline(true);
  await page.goto('about:blank');
  await context.setOffline(false);
  await page.goBack();
  await page
    .getByText('Updates by itself')
    .waitFor({ timeout: 5000 })
    .catch(() => fail('the page does not listen again after it was left'));
  await context.close();
}
