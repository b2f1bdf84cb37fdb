// A run of the practice fleet that is watched and steered by a page, and what `check` and `drift`
// leave for the overview.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Overview } from '../../src/core/view/overview.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';
import { listen, send } from './client.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2'), sick('h3')]);
});
afterAll(() => lab.close());

async function serve(...flags: readonly string[]) {
  const server = lab.start(['serve', '--port', '0', ...flags]);
  await until('the server', () => server.out().includes('kmend serves'));
  const [, port = '', token = ''] =
    /127\.0\.0\.1:(\d+)\/login\?token=(\S+)/.exec(server.out()) ?? [];
  const { headers } = await send(Number(port), `/login?token=${token}`);
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  return {
    port: Number(port),
    cookie,
    overview: async (): Promise<Overview> =>
      JSON.parse((await send(Number(port), '/api/overview', { headers: { cookie } })).text),
    order: (run: string, body: object) =>
      send(Number(port), `/api/runs/${run}/command`, {
        body: JSON.stringify(body),
        headers: {
          cookie,
          origin: `http://127.0.0.1:${port}`,
          'content-type': 'application/json',
        },
      }),
    end: async () => {
      server.stop('SIGTERM');
      await server.result;
    },
  };
}

it('a page pauses a run, retries its failed host and continues it: the journal says by whom and how', async () => {
  const once = 'test -e "$KMEND_ROOT/var/once" || { touch "$KMEND_ROOT/var/once"; exit 1; }';
  const book = lab.file(
    'steps.yaml',
    play(
      `    - shell: {cmd: '${once}'}\n      when: inventory_hostname == 'h1'\n    - shell: {cmd: 'sleep 6'}\n`,
      '{brake: {failures: 3}, max_unavailable: 2}',
    ),
  );
  const running = lab.start(['apply', book, '--yes', '--wait']);
  await until(
    'the failure',
    () => lab.runs().length === 1 && lab.journalText().includes('host.failed'),
  );
  const [run = ''] = lab.runs();
  const page = await serve('--allow-control');
  const stream = await listen(page.port, `/api/runs/${run}/events`, {
    headers: { cookie: page.cookie },
  });
  await until('the snapshot', () => stream.events.length > 0);
  expect(stream.events[0]).toMatchObject({
    event: 'snapshot',
    data: { control: true, view: { head: { run, counts: { failed: 1 } } } },
  });
  for (const [command, more] of [
    ['pause', {}],
    ['retry', { host: 'h1' }],
    ['continue', {}],
  ] as const) {
    const { status } = await page.order(run, { command, ...more, reason: `${command}: test` });
    expect(status).toBe(202);
    await until(command, () => lab.journalText().includes(`${command}: test`));
  }
  expect((await running.result).exit).toBe(0);
  const given = lab.journal(run).filter(({ via }) => via !== undefined);
  expect(given).toMatchObject([
    { type: 'run.paused', who: 'eve', why: 'pause: test', via: 'page' },
    {
      type: 'host.resolved',
      host: 'h1',
      who: 'eve',
      note: 'retry: test',
      as: 'retry',
      via: 'page',
    },
    { type: 'run.continued', who: 'eve', why: 'continue: test', via: 'page' },
  ]);
  await until('the end', () => stream.events.at(-1)?.data.head?.phase === 'done');
  expect(stream.events.at(-1)?.data.head.counts).toMatchObject({ done: 3, failed: 0 });
  await page.end();
  await stream.ended;
  const { out } = await lab.run(['report', run]);
  expect(out).toContain('h1');
  expect((await lab.run(['audit', 'verify', run])).exit).toBe(0);
  expect(eventsOf(lab.journal(run), 'run.paused')).toHaveLength(1);
}, 60_000);

it('check and drift keep their newest result for the overview; some hosts replace their rows only', async () => {
  const page = await serve();
  const fleet = async () => (await page.overview()).fleets;
  await lab.run(['check', '-l', 'h1,h2']);
  expect(await fleet()).toMatchObject([{ check: { hosts: 2, verdicts: { on: 2 } } }]);
  await lab.run(['check']);
  const metrics = lab.file('check.prom', '');
  await lab.run(['check', 'h3', '--metrics-file', metrics]);
  const args = ['-i', lab.fleet.inventoryFile];
  await lab.run(['drift', '--all', ...args]);
  const [one, ...more] = await fleet();
  expect(more).toEqual([]);
  expect(one?.inventory).toBe(lab.fleet.inventoryFile.split('/').slice(-2).join('/'));
  expect(one?.check).toMatchObject({
    ...{ who: 'eve', pattern: 'h3', hosts: 3, verdicts: { on: 3 }, exit: 2 },
    worst: [{ host: 'h3', remedy: 'kernel_arg' }, { host: 'h1' }, { host: 'h2' }],
  });
  expect(one?.drift).toMatchObject({ hosts: 3, states: { lost: 3, kept: 0 } });
  expect(JSON.stringify(one)).not.toContain(lab.dir);
  expect(readFileSync(metrics, 'utf8')).toContain(
    `kmend_check_time_seconds{inventory="${one?.inventory}"}`,
  );
  await page.end();
}, 60_000);
