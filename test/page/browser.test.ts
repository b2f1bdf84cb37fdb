// The page in a real browser: Debian's chromium, driven by playwright-core. Skipped without it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RunView } from '../../src/core/view/model.ts';
import { reportHtml } from '../../src/screens/html/report.ts';
import { shellHtml } from '../../src/screens/html/shell.ts';
import { hasBrowser, launch, openPage, sideways, violations } from './browser.ts';
import { builtPage } from './built.ts';
import { viewOf } from './views.ts';

const folder = mkdtempSync(join(tmpdir(), 'kmend-browser-'));

const hostile = ['<img src=x onerror=alert(1)>', '</script><b>', '\u202egnp.exe'];
const few = {
  hosts: 6,
  zones: 1,
  slots: 2,
  name: (index: number) => hostile[index] ?? `n${index}`,
};
const many = { hosts: 600, zones: 6, slots: 40 };

const reportOf = (name: string, view: RunView): string => {
  const path = join(folder, `${name}.html`);
  writeFileSync(path, reportHtml({ view, entries: 98, head: 'f00d', page: builtPage }));
  return pathToFileURL(path).href;
};

describe.skipIf(!hasBrowser)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  const open = (url: string, options?: BrowserContextOptions) => openPage(browser, url, options);

  const sizes: readonly (readonly [string, BrowserContextOptions])[] = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['390 px wide', { viewport: { width: 390, height: 800 } }],
    ['320 px wide, as 640 px at 200 %', { viewport: { width: 320, height: 800 } }],
  ];

  it.each(sizes)('draws a report: %s', async (_, options) => {
    for (const [name, view] of [
      ['few', viewOf({ ...few, passed: 1 })],
      ['many', viewOf({ ...many, passed: 0.6 })],
    ] as const) {
      const { page, wrong } = await open(reportOf(name, view), options);
      await page.waitForSelector('#hosts');
      expect(await violations(page)).toEqual([]);
      expect(await sideways(page)).toBeLessThanOrEqual(0);
      expect(wrong).toEqual([]);
    }
  });

  it('shows what hosts say as text', async () => {
    const { page } = await open(reportOf('hostile', viewOf({ ...few, passed: 1 })));
    const names = page.locator('table.hosts tbody th .host');
    expect((await names.allTextContents()).slice(0, 3)).toEqual([
      '<img src=x onerror=alert(1)>',
      '</script><b>',
      '?gnp.exe',
    ]);
    expect(await page.locator('img').count()).toBe(0);
  });

  it('draws 6,000 hosts with few elements', async () => {
    const { page } = await open(
      reportOf('large', viewOf({ hosts: 6000, zones: 6, slots: 240, passed: 1 })),
    );
    await page.waitForSelector('#hosts');
    expect(await page.locator('*').count()).toBeLessThan(6000);
  });

  it('has a table of each host where no script runs', async () => {
    const { page } = await open(reportOf('plain', viewOf({ ...many, passed: 1 })), {
      javaScriptEnabled: false,
    });
    expect(await page.locator('tbody tr:visible').count()).toBe(600);
    expect(await page.getByText('head f00d').isVisible()).toBe(true);
  });

  it('finds, filters and sorts hosts by keys alone', async () => {
    const view = viewOf({ ...many, passed: 1 });
    const { page } = await open(reportOf('keys', view));
    const rows = page.locator('table.hosts tbody tr');
    await page.getByLabel('Find').focus();
    await page.keyboard.type('node-0123');
    await expect.poll(() => rows.count()).toBe(1);
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.getByLabel('State').focus();
    await page.keyboard.type('failed');
    await expect.poll(() => rows.count()).toBe(view.head.counts.failed);
    await page.getByRole('button', { name: 'took' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
  });

  it('prints all hosts of a small run, of a large one those that are not done, or all', async () => {
    const rows = (page: Page): Promise<number> =>
      page.evaluate<number>(
        "dispatchEvent(new Event('beforeprint')), document.querySelectorAll('table.hosts tbody tr').length",
      );
    const small = await open(reportOf('small', viewOf({ ...many, hosts: 300, passed: 1 })));
    await small.page.waitForSelector('#hosts');
    expect(await rows(small.page)).toBe(300);
    const view = viewOf({ ...many, passed: 1 });
    const { page } = await open(reportOf('paper', view));
    await page.waitForSelector('#hosts');
    expect(await rows(page)).toBe(view.head.counts.failed + view.head.counts.refused);
    await page.getByLabel('print all 600 hosts').check();
    await expect.poll(() => rows(page)).toBe(600);
  });

  interface Fake {
    readonly url: string;
    readonly streams: ServerResponse[];
    readonly posted: string[];
    readonly say: (event: string, data: unknown) => void;
  }

  /** Stands for `kmend serve`: the page's own files, one stream, commands. */
  async function serving(view: () => RunView, control: boolean): Promise<Fake> {
    const streams: ServerResponse[] = [];
    const posted: string[] = [];
    const files: Readonly<Record<string, readonly [string, string]>> = {
      '/assets/page.js': ['text/javascript', builtPage.script],
      '/assets/page.css': ['text/css', builtPage.style],
    };
    const send = (response: ServerResponse, event: string, data: unknown): boolean =>
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const server: Server = createServer((request, response) => {
      const [type, text] = files[request.url ?? ''] ?? ['text/html', shellHtml];
      if (request.method === 'POST') {
        request.on('data', (body) => posted.push(String(body)));
        request.on('end', () => response.writeHead(202).end('{}'));
      } else if (request.url?.endsWith('/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        send(response, 'snapshot', { view: view(), control, now: view().head.lastAt });
        streams.push(response);
      } else
        response
          .writeHead(200, {
            'content-type': type,
            'content-security-policy':
              "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
          })
          .end(text);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/runs/20261126-010000-sim5`,
      streams,
      posted,
      say: (event, data) => {
        for (const stream of streams) send(stream, event, data);
      },
    };
  }

  const done = (page: Page): Promise<string | null> =>
    page.locator('.figures dd').first().textContent();

  it('follows a run, and has the whole of it again after the connection was lost', async () => {
    let view = viewOf({ ...many, passed: 0.4 });
    const fake = await serving(() => view, false);
    const { page, wrong } = await open(fake.url);
    await page.waitForSelector('#hosts');
    const before = view;
    view = viewOf({ ...many, passed: 0.5 });
    const changed = view.hosts.flatMap((row, index) =>
      JSON.stringify(row) === JSON.stringify(before.hosts[index]) ? [] : [[index, row] as const],
    );
    fake.say('delta', { head: view.head, hosts: changed, lines: [], done: [] });
    await expect.poll(() => done(page)).toContain(`${view.head.counts.done} of`);
    await page.getByLabel('State').selectOption('running');
    await expect
      .poll(() => page.locator('table.hosts tbody tr').count())
      .toBe(view.head.counts.running);
    view = viewOf({ ...many, passed: 0.7 });
    const lost = page.getByText('The connection is lost');
    const wasLost = lost.waitFor();
    for (const stream of fake.streams.splice(0)) stream.destroy();
    await wasLost;
    await lost.waitFor({ state: 'detached' });
    expect(await done(page)).toContain(`${view.head.counts.done} of`);
    await expect
      .poll(() => page.locator('table.hosts tbody tr').count())
      .toBe(view.head.counts.running);
    fake.say('gone', {});
    await page.getByText('This run was removed').waitFor();
    expect(wrong.filter((text) => !text.includes('ERR_INCOMPLETE_CHUNKED'))).toEqual([]);
  });

  it('pauses a run by keys alone, with a reason, and gives the focus back', async () => {
    const view = viewOf({ ...many, passed: 0.4 });
    const fake = await serving(() => view, true);
    const { page, wrong } = await open(fake.url);
    await page.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await dialog.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true);
    await page.keyboard.type('lunch');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => fake.posted).toEqual(['{"command":"pause","reason":"lunch"}']);
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('The command is left for the run').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Pause');
    expect(wrong).toEqual([]);
  });

  it('aborts only a run whose id is typed, and shows no button to a reader', async () => {
    const view = viewOf({ ...many, passed: 0.4 });
    const { page } = await open((await serving(() => view, true)).url);
    await page.getByRole('button', { name: 'Abort' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('wrong fleet');
    expect(await dialog.getByRole('button', { name: 'Abort' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Type the id').fill(view.head.run);
    expect(await dialog.getByRole('button', { name: 'Abort' }).isDisabled()).toBe(false);
    const reader = await open((await serving(() => view, false)).url);
    await reader.page.waitForSelector('#needs');
    expect(await reader.page.getByRole('button', { name: /Pause|Abort|Retry/ }).count()).toBe(0);
  });
});
