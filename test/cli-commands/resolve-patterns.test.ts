// `--retry`, `--skip`, `--done` and `kmend resolve` with patterns: which hosts of a run they mean.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { stateOf } from '../../src/app/history/history.ts';
import type { Resolution } from '../../src/app/run/resolutions.ts';
import { resolutionsIn, resolutionsOf } from '../../src/app/run/resolutions.ts';
import { command } from '../cli/real-world.ts';
import { begin, done, failed, hostFor, started } from '../core/fleet.ts';
import { makeRun } from '../store/made-runs.ts';

const run = '20260101-000000-00aa';
let dir: string;
let state: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-patterns-'));
  state = join(dir, 'state');
  const hosts = ['web1', 'web2', 'web3', 'db1', 'db2'];
  makeRun(state, {
    run,
    at: 0,
    bodies: [
      begin(hosts.map((host) => hostFor(host))),
      ...hosts.flatMap((host) => [started(host), host === 'web2' ? done(host) : failed(host)]),
    ],
  });
  writeFileSync(join(state, 'runs', run, 'settings.json'), '{"flags": {}}');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const meant = async (flags: Parameters<typeof resolutionsOf>[0]): Promise<readonly string[]> => {
  const store = createStore(state, () => 0);
  return resolutionsIn(resolutionsOf(flags, 'eve'), await stateOf(store, run)).map(
    ({ as, host }: Resolution) => `${as} ${host}`,
  );
};

it.each<[string, Parameters<typeof resolutionsOf>[0], readonly string[]]>([
  ['a name', { retry: ['web1'] }, ['retry web1']],
  ['a glob: only those that failed', { retry: ['web*'] }, ['retry web1', 'retry web3']],
  ['all', { skip: ['all'] }, ['skip web1', 'skip web3', 'skip db1', 'skip db2']],
  ['a regular expression', { done: ['~db\\d'] }, ['done db1', 'done db2']],
  ['an exclusion', { retry: ['all', '!db*', '!web2'] }, ['retry web1', 'retry web3']],
  ['a name and a pattern', { retry: ['db1', 'web*'] }, ['retry db1', 'retry web1', 'retry web3']],
  ['a name that the pattern has too', { retry: ['web1', 'web*'] }, ['retry web1', 'retry web3']],
  [
    'patterns of two ways',
    { retry: ['web*'], skip: ['db*'] },
    ['retry web1', 'retry web3', 'skip db1', 'skip db2'],
  ],
])('%s', async (_what, flags, hosts) => expect(await meant(flags)).toEqual(hosts));

it.each<[string, Parameters<typeof resolutionsOf>[0], RegExp]>([
  [
    'a pattern that no failed host has',
    { retry: ['web2*'] },
    /`web2\*` matches no failed host of run/,
  ],
  ['a pattern of no host', { retry: ['cache*'] }, /matches no failed host/],
  ['an exclusion of no host', { retry: ['all', '!cache*'] }, /excludes nothing/],
  ['a host in two ways', { retry: ['web*'], skip: ['all'] }, /web1 is in two of/],
  ['a name that did not fail', { retry: ['web2', 'db*'] }, /web2 did not fail/],
  ['an unknown name', { retry: ['web9'] }, /has no host web9/],
])('%s is refused', async (_what, flags, why) => expect(meant(flags)).rejects.toThrow(why));

it('kmend resolve leaves a command for each host of a pattern', async () => {
  expect(
    (await command(['resolve', run, 'db*', '--as', 'skip', '--state-dir', state], { home: dir }))
      .exit,
  ).toBe(0);
  const control = join(state, 'runs', run, 'control');
  const left = readdirSync(control).map(
    (name) => JSON.parse(readFileSync(join(control, name), 'utf8')).host,
  );
  expect(left.sort()).toEqual(['db1', 'db2']);
});
