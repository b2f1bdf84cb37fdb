// Pages in Debian's chromium, what they must never do, and pictures of them.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { source as axe } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const executablePath = '/usr/bin/chromium';
export const hasBrowser = existsSync(executablePath);

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] });

export interface Opened {
  readonly page: Page;
  /** What it must never do: messages in the console, errors, dialogs, requests to other servers. */
  readonly wrong: readonly string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(page, `FAILED ${task.name}`);
    await context.close();
  });
  const wrong: string[] = [];
  page.on('console', (message) => wrong.push(message.text()));
  page.on('pageerror', ({ message }) => wrong.push(message));
  page.on('dialog', (dialog) => wrong.push(dialog.message()));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) wrong.push(request.url());
  });
  await page.goto(url);
  return { page, wrong };
}

/** Names of the rules of accessibility that it breaks, with an element of each. */
export async function violations(page: Page): Promise<readonly string[]> {
  // Evaluated, not inserted: the policy of the page stays as it is.
  await page.evaluate(axe);
  return page.evaluate<readonly string[]>(
    'axe.run().then((found) => found.violations.map(({ id, nodes }) => [id, nodes[0].html].join(" ")))',
  );
}

/** Pixels by which it is wider than its window. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');

const pictures = join(process.cwd(), 'test-results/page');

/** Keeps a picture of the whole page for people. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
