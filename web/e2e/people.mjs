// The way in of a console with accounts: wrong and right, what a ward sees and what not, and out again.

/** The accounts of the invented hospital when it is closed. */
export const PASSWORD = 'a long enough password';

export async function wayIn(page, base, inspect, fail) {
  const signIn = async (name, password) => {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
  };
  const shows = async (locator, what) => {
    await locator.first().waitFor({ timeout: 10_000 }).catch(() => fail(`${what} is not shown`));
  };
  await page.goto(`${base}/findings`, { waitUntil: 'load' });
  await shows(page.getByRole('heading', { name: 'Sign in' }), 'the way in');
  await inspect('sign-in');
  await signIn('ada', 'not the right password');
  await shows(page.getByText('Name, password or code is wrong'), 'that the password is wrong');
  await inspect('sign-in, wrong');
  await signIn('ada', PASSWORD);
  await shows(page.getByRole('heading', { name: 'Findings' }), 'the page that was asked for');
  await shows(page.getByText('Administrator'), 'the role');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await shows(page.getByRole('heading', { name: 'Sign in' }), 'the way in after signing out');

  await page.goto(`${base}/`, { waitUntil: 'load' });
  await signIn('icu', PASSWORD);
  await shows(page.getByRole('heading', { name: 'Devices' }), 'the devices of the ward');
  await shows(page.getByText('Intensive care').first(), 'the zone');
  if ((await page.getByRole('navigation').getByRole('link').count()) !== 1) fail('a ward is shown pages that it may not see');
  await inspect('devices of a ward');
  await page.locator('main tbody th a').first().click();
  await shows(page.getByRole('heading', { name: 'What it is, and why we think so' }), 'a device of the ward');
  if (await page.getByText('No finding').count()) fail('what a ward may not see is shown as if there were nothing');
  await inspect('device of a ward');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await shows(page.getByRole('heading', { name: 'Sign in' }), 'the way in after signing out');
}
