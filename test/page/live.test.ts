// A rollout of the practice fleet in a real browser: watched and steered by the page of a real
// `kmend serve`, from its question to its end.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostStates } from '../../src/core/run-state/state.ts';
import type { Asker } from '../../src/engine/ports/local.ts';
import { statuses, statusWords } from '../../src/screens/html/words.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';
import { hasBrowser, launch, openPage, picture, sideways, violations } from './browser.ts';
import { pageRoot } from './built.ts';

const hostile = '<img src=x onerror=alert(1)>';

/** The job, and a task before it that fails once on h2, with what a hostile host says. */
const job = (rollout: string): string => `- name: Take hosts out of kmem accounting
  hosts: all
  rollout: ${rollout}
  tasks:
    - name: Pods are gone
      shell:
        cmd: 'test -e "$KMEND_ROOT/var/once" || { touch "$KMEND_ROOT/var/once"; echo "${hostile}" >&2; exit 1; }'
      when: inventory_hostname == 'h2'
    - name: A slow one, so that the brake finds a host under way
      shell: {cmd: 'sleep 8'}
      when: inventory_hostname == 'h3'
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: {when_pending: true, timeout: 20s, stable_for: 1s}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
`;

/** A terminal at which nobody sits: questions stay open. */
const nobody: Asker = {
  attended: true,
  confirm: (_, signal) =>
    new Promise((answer) => signal?.addEventListener('abort', () => answer(false))),
  secret: async () => '',
};

describe.skipIf(!hasBrowser)('a rollout in a browser', () => {
  let browser: Browser;
  let lab: Practice;
  beforeAll(async () => {
    browser = await launch();
    lab = await practice(['h1', 'h2', 'h3', 'h4'].map((name) => sick(name)));
  });
  afterAll(async () => {
    await browser.close();
    await lab.close();
  });

  interface Server {
    readonly port: number;
    /** A link to log in with; each works once. */
    readonly link: () => string;
    readonly end: () => Promise<void>;
  }

  async function serve(port = 0): Promise<Server> {
    const server = lab.start(['serve', '--port', String(port), '--allow-control'], {
      packageRoot: pageRoot,
    });
    await until('the server', () => server.out().includes('kmend serves'));
    const end = async (): Promise<void> => {
      server.stop('SIGTERM');
      await server.result;
    };
    onTestFinished(end);
    const links = () => server.out().match(/http:\/\/\S+\/login\?token=\S+/g) ?? [];
    return { port: Number(new URL(links()[0] ?? '').port), link: () => links().at(-1) ?? '', end };
  }

  /** Starts a run whose plan was saved, and waits for its first entry. */
  async function begin(playbook: string): Promise<{
    readonly run: string;
    readonly result: Promise<{ readonly exit: number }>;
  }> {
    const before = lab.runs();
    const plan = join(lab.dir, `plan-${before.length}.json`);
    await lab.run(['plan', lab.file('book.yaml', playbook), '-o', plan]);
    const { result } = lab.start(['apply', plan, '--wait'], { asker: nobody });
    const run = (): string => lab.runs().find((one) => !before.includes(one)) ?? '';
    await until('the run', () => run() !== '');
    return { run: run(), result };
  }

  async function watch(server: Server, run: string, options?: BrowserContextOptions) {
    const opened = await openPage(browser, server.link(), options);
    await opened.page.locator(`a[href="/runs/${run}"]`).click();
    return opened;
  }

  const phase = (page: Page, word: string): Promise<void> =>
    page.locator('.phase', { hasText: word }).waitFor();

  /** Presses a button, gives a reason, and waits until the journal has it. */
  async function press(page: Page, button: string, reason: string): Promise<void> {
    await page.getByRole('button', { name: button, exact: true }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.locator('button.main').click();
    await dialog.waitFor({ state: 'detached' });
    await until(reason, () => lab.journalText().includes(reason));
  }

  /** No pointer: Tab to the button, Enter, the reason, Tab to the dialog's button, Enter. */
  async function pauseByKeys(page: Page, reason: string): Promise<void> {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate<string>('document.activeElement.textContent')) === 'Pause') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type(reason);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until(reason, () => lab.journalText().includes(reason));
  }

  /** Each host with its state as the rows, the tiles and the counters have it. */
  async function shown(page: Page) {
    const texts = async (selector: string): Promise<readonly string[]> =>
      (await page.locator(selector).allTextContents()).map((text) => text.trim());
    const pairs = async (host: string, status: string): Promise<readonly string[]> => {
      const own = await texts(status);
      return (await texts(host)).map((name, index) => `${name} ${own[index]}`);
    };
    return {
      rows: await pairs('.hosts tbody th .host', '.hosts tbody .c-end'),
      tiles: await pairs('.tile .host', '.tile .status'),
      counters: await texts('header .counts button'),
    };
  }

  /** The same by the fold of the journal as it is now. */
  function folded(run: string): Awaited<ReturnType<typeof shown>> {
    const states = [...hostStates(foldAll(lab.journal(run)))];
    const rows = states.map(({ host, status }) => {
      const { mark, word } = statusWords[status];
      return `${host} ${mark} ${word}`;
    });
    const counters = statuses.flatMap((own) => {
      const count = states.filter(({ status }) => status === own).length;
      const { mark, word } = statusWords[own];
      return count === 0 ? [] : [`${mark}${count} ${word}`];
    });
    return { rows, tiles: rows, counters };
  }

  /** Both are read anew in each look, since a run goes on meanwhile. */
  const agree = (page: Page, run: string): Promise<void> =>
    vi.waitFor(async () => expect(await shown(page)).toEqual(folded(run)), {
      timeout: 5000,
      interval: 100,
    });

  const windows: readonly (readonly [string, number, number])[] = [
    ['wide', 1280, 900],
    ['narrow', 390, 800],
    ['zoomed', 640, 450],
  ];

  /** Light and dark, narrow, and at 200 %: it breaks no rule, and nothing is cut off. */
  async function looks(page: Page, name: string): Promise<void> {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [size, width, height] of windows) {
        await page.setViewportSize({ width, height });
        expect([size, await violations(page)]).toEqual([size, []]);
        expect([size, await sideways(page)]).toEqual([size, 0]);
        if (size !== 'wide' || colorScheme === 'dark')
          await picture(page, `${name}-${colorScheme}-${size}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  }

  it('is approved, paused by keys, promoted, retried and watched to its end', async () => {
    const server = await serve();
    const rollout = '{canary: {hosts: h1, promote: manual}, max_unavailable: 2}';
    const { run, result } = await begin(job(rollout));
    const { page, wrong } = await watch(server, run);
    await phase(page, 'Waits for an answer');
    await page.getByText('This run may reboot on 4 hosts. Go on?').waitFor();
    await picture(page, 'asking');
    await press(page, 'Approve', 'read the plan');
    await pauseByKeys(page, 'lunch');
    await phase(page, 'Paused');
    await picture(page, 'paused');
    await looks(page, 'paused');
    await page.getByRole('button', { name: 'Abort' }).click();
    await looks(page, 'dialog');
    await page.keyboard.press('Escape');
    await press(page, 'Continue', 'after lunch');
    await page.getByText('waits for its promotion').waitFor();
    await agree(page, run);
    await picture(page, 'canary');
    await press(page, 'Promote', 'the canary is quiet');
    await phase(page, 'Brake tripped');
    await page.getByText(hostile).first().waitFor();
    await picture(page, 'brake');
    await press(page, 'Retry h2', 'its pods are gone now');
    await phase(page, 'Done');
    expect((await result).exit).toBe(0);
    await agree(page, run);
    await picture(page, 'done');
    expect([await page.locator('img').count(), wrong]).toEqual([0, []]);
    const by = { via: 'page' };
    expect(lab.journal(run).filter(({ via }) => via !== undefined)).toMatchObject([
      { type: 'approved', who: 'eve', why: 'read the plan', ...by },
      { type: 'run.paused', who: 'eve', why: 'lunch', ...by },
      { type: 'run.continued', who: 'eve', why: 'after lunch', ...by },
      { type: 'canary.promoted', by: 'eve', why: 'the canary is quiet', ...by },
      { type: 'host.resolved', host: 'h2', who: 'eve', note: 'its pods are gone now', ...by },
    ]);
  }, 180_000);

  it('waits for its gate, is shown again after the server was killed, and is aborted', async () => {
    const server = await serve();
    const ticket = join(lab.dir, 'ticket');
    const gate = `{gates: [{name: change ticket, command: "test -e ${ticket}"}], max_unavailable: 2}`;
    // Its hosts stay under way until the abort is on the page.
    const go = join(lab.dir, 'go');
    const { run, result } = await begin(
      play(
        `    - name: Wait\n      shell: {cmd: 'until test -e ${go}; do sleep 0.1; done'}\n`,
        gate,
      ),
    );
    const { page, wrong } = await watch(server, run);
    await phase(page, 'Waiting');
    await page.getByText('Gate change ticket', { exact: true }).waitFor();
    await picture(page, 'waiting');
    await server.end();
    await page.getByText('The connection is lost').waitFor();
    await picture(page, 'lost');
    writeFileSync(ticket, '');
    await until('the start', () => eventsOf(lab.journal(run), 'host.started').length > 0);
    const back = await serve(server.port);
    await page.getByText('The session has ended').waitFor();
    const other = await page.context().newPage();
    await other.goto(back.link());
    await other.getByRole('link', { name: 'Test' }).waitFor();
    await picture(other, 'overview');
    await phase(page, 'Running');
    await agree(page, run);
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByLabel('Type the id').fill(run);
    await page.getByLabel('Reason').fill('wrong fleet');
    await page.getByRole('dialog').getByRole('button', { name: 'Abort' }).click();
    await phase(page, 'Stopping');
    expect(await page.getByRole('button', { name: /^(?:Pause|Abort)$/ }).count()).toBe(0);
    await picture(page, 'abort');
    writeFileSync(go, '');
    await phase(page, 'Stopped');
    expect((await result).exit).toBe(130);
    await agree(page, run);
    await picture(page, 'stopped');
    const refused = /ERR_(?:CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING)|\b401\b/;
    expect(wrong.filter((text) => !refused.test(text))).toEqual([]);
  }, 120_000);
});
