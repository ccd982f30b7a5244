// Walks every page in a real browser: both widths, both themes. Fails on any finding of axe, any error in the
// console, any request to another origin, and where the keyboard does not lead through.
//
//   npm run e2e -- --base-url http://127.0.0.1:8099 [--screenshots DIR] [--browser /usr/bin/chromium]
//
// A console with accounts is asked only for its way in.

import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { applyAndUndo } from './enforce.mjs';
import { keyboardPath } from './keyboard.mjs';
import { liveUpdates } from './live.mjs';
import { pagesOf } from './pages.mjs';
import { wayIn } from './people.mjs';
import { everydayUse } from './use.mjs';

const { values } = parseArgs({
  options: {
    'base-url': { type: 'string' },
    screenshots: { type: 'string' },
    browser: { type: 'string', default: '/usr/bin/chromium' },
    only: { type: 'string' },
  },
});
const base = values['base-url'];
if (!base) {
  console.error('e2e: --base-url is missing; start the console and give its address, such as http://127.0.0.1:8099');
  process.exit(2);
}
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const VIEWS = [
  { name: '1440', width: 1440, height: 900 },
  { name: '390', width: 390, height: 844 },
];

const failures = [];
const fail = (where, what) => {
  failures.push(`${where}: ${what}`);
  console.log(`  FAIL ${where}: ${what}`);
};

/** Everything that a page must not do while it is open. */
function watch(page, where) {
  page.on('console', (message) => {
    // The browser reports the status of the page that is missing by intent.
    if (where().startsWith('missing') && message.text().includes('404')) return;
    // Likewise that nobody is signed in yet.
    if (where().startsWith('people') && message.text().includes('401')) return;
    if (message.type() === 'error' || message.type() === 'warning') fail(where(), `console: ${message.text()}`);
  });
  page.on('pageerror', (error) => fail(where(), `error: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) fail(where(), `asks elsewhere: ${request.url()}`);
  });
}

async function inspect(page, where) {
  const found = await page.evaluate(async (tags) => {
    const result = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    return result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  }, STANDARDS);
  for (const violation of found) fail(where, `axe ${violation}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) fail(where, `the page is ${overflow} px wider than the screen`);
}

const browser = await chromium.launch({
  executablePath: values.browser,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  if (values.screenshots) await mkdir(values.screenshots, { recursive: true });
  const closed = (await fetch(`${base}/api/v1/session`)).status === 401;
  const pages = closed ? [] : await pagesOf(base);
  if (!values.only && !closed) {
    console.log('live');
    await liveUpdates(browser, base, (what) => fail('live', what));
    console.log('use');
    await everydayUse(browser, base, pages, (what) => fail('use', what));
  }
  for (const view of VIEWS) {
    for (const theme of ['light', 'dark']) {
      const context = await browser.newContext({
        viewport: { width: view.width, height: view.height },
        colorScheme: theme,
        timezoneId: 'Europe/Berlin',
        locale: 'en-GB',
      });
      // Outside of the page's own policy, as a tester's tool and not as a script of the page.
      await context.addInitScript(axe);
      const page = await context.newPage();
      let where = '';
      watch(page, () => where);
      for (const { name, path, ready, expected = [] } of pages) {
        if (values.only && !name.includes(values.only)) continue;
        where = `${name} ${view.name} ${theme}`;
        console.log(where);
        const answer = await page.goto(base + path, { waitUntil: 'load' });
        if (answer.status() !== (name === 'missing' ? 404 : 200)) fail(where, `status ${answer.status()}`);
        await page.waitForSelector(ready, { timeout: 10_000 }).catch(() => fail(where, `${ready} did not appear`));
        await page.evaluate(() => document.fonts.ready);
        await page.waitForTimeout(150);
        for (const text of expected) {
          if (!(await page.getByText(text).first().isVisible().catch(() => false))) fail(where, `does not show ${text}`);
        }
        await inspect(page, where);
        if (values.screenshots) {
          await page.screenshot({ path: join(values.screenshots, `${name}-${view.name}-${theme}.png`), fullPage: true });
        }
      }
      if (closed) {
        where = `people ${view.name} ${theme}`;
        console.log(where);
        const look = async (name) => {
          await inspect(page, `${where}, ${name}`);
          if (values.screenshots) {
            await page.screenshot({ path: join(values.screenshots, `${name}-${view.name}-${theme}.png`), fullPage: true });
          }
        };
        await wayIn(page, base, look, (what) => fail(where, what));
        await applyAndUndo(page, base, look, (what) => fail(where, what));
      } else if (!values.only) {
        where = `keyboard ${view.name} ${theme}`;
        console.log(where);
        await keyboardPath(page, base, (what) => fail(where, what));
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
}
if (failures.length > 0) {
  console.error(`e2e: ${failures.length} failures`);
  process.exit(1);
}
console.log('e2e: all pages pass');
