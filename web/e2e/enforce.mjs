// From a proposal to what is in force and back, as an administrator: looked at, applied, undone.

import { PASSWORD } from './people.mjs';

export async function applyAndUndo(page, base, inspect, fail) {
  const shows = async (locator, what) => {
    await locator.first().waitFor({ timeout: 20_000 }).catch(() => fail(`${what} is not shown`));
  };
  await page.goto(`${base}/segments`, { waitUntil: 'load' });
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await shows(page.getByRole('heading', { name: 'Zones and rules' }), 'the page');
  await shows(page.getByRole('heading', { name: 'Rules' }), 'the rules');
  await inspect('segments, signed in');
  if (await page.getByText('No enforcer answers this console').count()) {
    console.log('  no enforcer: applying is left out');
  } else {
    await page.getByRole('button', { name: 'Apply this proposal' }).click();
    await shows(page.getByText('Before it is applied'), 'what will happen');
    await inspect('segments, before applying');
    await page.getByRole('button', { name: 'Apply for 120 seconds' }).click();
    await shows(page.getByText('waits for confirmation'), 'that the change waits');
    await shows(page.getByRole('button', { name: 'Care goes on: confirm' }), 'the confirmation');
    await inspect('segments, waiting');
    await page.getByRole('button', { name: 'Undo now' }).click();
    await shows(page.getByText('No policy is enforced.'), 'that it was undone');
    await page.getByText('What was done').click();
    await shows(page.getByText('rolled-back'), 'the log');
    await inspect('segments, undone');
  }
  await page.getByRole('button', { name: 'Sign out' }).click();
  await shows(page.getByRole('heading', { name: 'Sign in' }), 'the way in after signing out');
}
