// What people see who see colours otherwise, and what is on paper: hosts with hostile names in the
// page of a real `kmend serve`, and in the report.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { statuses, statusWords } from '../../src/screens/html/words.ts';
import { until } from '../cli/practice.ts';
import { command, startCommand } from '../cli/real-world.ts';
import { begin, done, failed, hostFor, started } from '../core/fleet.ts';
import { hasBrowser, launch, openPage, picture } from './browser.ts';
import { pageRoot } from './built.ts';

const run = '20261127-120000-aaaa';
const hostile = ['<img src=x onerror=alert(1)>', '"><script>alert(2)</script>', '\u202egnp.exe'];
const names = [...hostile, ...Array.from({ length: 497 }, (_, index) => `node-${index}`)];

/** How each of these hosts ended, or stands. */
function fateOf(host: string, index: number): readonly EventBody[] {
  if (index >= 400) return [];
  if (index >= 380) return [started(host)];
  const proven: EventBody = {
    ...{ type: 'proof', host, verdict: 'off', by: 'samples', evidence: 'EIO on 12 of 12' },
  };
  return index % 12 === 0 ? [started(host), failed(host)] : [started(host), proven, done(host)];
}

describe.skipIf(!hasBrowser)('what people see', () => {
  let browser: Browser;
  let home: string;
  beforeAll(async () => {
    browser = await launch();
    home = mkdtempSync(join(tmpdir(), 'kmend-sight-'));
    const store = createStore(join(home, 'state'), Date.now);
    const journal = await store.createJournal(run);
    const hosts = names.map((host, index) =>
      hostFor(host, {
        zone: `eu-${1 + (index % 3)}`,
        ...(index === 450 ? { refused: 'docker-ce is held' } : {}),
        ...(index === 451 ? { nothing: true } : {}),
      }),
    );
    await journal.append(begin(hosts, { maxUnavailable: { count: 40 } }), false);
    for (const [index, host] of names.entries())
      for (const body of fateOf(host, index)) await journal.append(body, false);
    await journal.append({ type: 'run.finished', exit: 4, why: '32 failed' }, false);
    await journal.append({ type: 'run.closed' }, true);
    await journal.close();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(home, { recursive: true, force: true });
  });

  const inState = (): readonly string[] => ['--state-dir', join(home, 'state')];

  async function served(): Promise<Page> {
    const server = startCommand(['serve', '--port', '0', ...inState()], {
      home,
      packageRoot: pageRoot,
    });
    await until('the server', () => server.out().includes('kmend serves'));
    const link = /http:\S+token=\S+/.exec(server.out())?.[0] ?? '';
    const { page } = await openPage(browser, link);
    await page.locator(`a[href="/runs/${run}"]`).click();
    await page.locator('.square').first().waitFor();
    return page;
  }

  it('has hostile names as text, live and on paper, with the head of the chain', async () => {
    const page = await served();
    const shown = async (one: Page) =>
      (await one.locator('.hosts tbody th .host').allTextContents()).slice(0, 3);
    const harmless = [...hostile.slice(0, 2), '?gnp.exe'];
    expect(await shown(page)).toEqual(harmless);
    const file = join(home, 'report.html');
    const { exit, err } = await command(['report', run, '--html', file, ...inState()], {
      home,
      packageRoot: pageRoot,
    });
    expect([exit, err]).toEqual([0, `wrote ${file}`]);
    const { page: report, wrong } = await openPage(browser, pathToFileURL(file).href);
    expect(await shown(report)).toEqual(harmless);
    expect([await report.locator('img').count(), wrong]).toEqual([0, []]);
    const pdf = join(home, 'report.pdf');
    await report.pdf({ path: pdf, format: 'A4' });
    expect(readFileSync(pdf).length).toBeLessThan(2_000_000);
    await report.emulateMedia({ media: 'print' });
    const { out } = await command(['report', run, '--json', ...inState()], { home });
    const { head } = JSON.parse(out).journal;
    expect(head).toMatch(/^[0-9a-f]{64}$/);
    expect(await report.getByText(head, { exact: true }).isVisible()).toBe(true);
  });

  const modes = ['deuteranopia', 'protanopia', 'tritanopia', 'achromatopsia'] as const;

  /** Of the fleet below, in the order of the legend. */
  const states = statuses.filter((status) => !['soaking', 'left_out', 'waiting'].includes(status));

  /** Relative luminance of the swatch of a state as it is on the screen. */
  async function brightness(page: Page, status: string): Promise<number> {
    const png = await page.locator(`header .swatch.s-${status}`).screenshot();
    const blank = await page.context().newPage();
    const [red, green, blue] = await blank.evaluate<readonly number[]>(`(async () => {
      const picture = new Image();
      picture.src = 'data:image/png;base64,${png.toString('base64')}';
      await picture.decode();
      const drawn = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
      drawn.drawImage(picture, 0, 0);
      return [...drawn.getImageData(4, picture.height / 2, 1, 1).data];
    })()`);
    await blank.close();
    const linear = (value = 0): number =>
      value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  }

  it('keeps states apart by marks and words, or by brightness, however colours are seen', async () => {
    const page = await served();
    const session = await page.context().newCDPSession(page);
    const legend = page.locator('header .counts button');
    const [marks, words] = [legend.locator('.swatch'), legend].map((all) => all.allTextContents());
    expect(new Set(await marks).size).toBe(states.length);
    expect(await words).toEqual(
      states.map((status) => expect.stringMatching(new RegExp(`\\d ${statusWords[status].word}$`))),
    );
    for (const type of modes) {
      await session.send('Emulation.setEmulatedVisionDeficiency', { type });
      await picture(page, type);
      // Squares of these have no mark.
      const plain: number[] = [];
      for (const status of ['done', 'same', 'planned'] as const)
        plain.push(await brightness(page, status));
      const steps = plain.toSorted((a, b) => b - a);
      for (const [index, one] of steps.slice(1).entries())
        expect([type, ((steps[index] ?? 0) + 0.05) / (one + 0.05) > 1.3]).toEqual([type, true]);
    }
  });
});
