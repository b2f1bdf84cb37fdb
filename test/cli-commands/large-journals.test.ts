// Journals of any length are read in a flat amount of memory, by every command that reads one.
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventBody } from '../../src/model/run/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { begin, done, failed, fleet, planFor, started, wave } from '../core/fleet.ts';

const run = '20260101-000000-0000';
const events = 200_000;
const names = fleet(20).map(({ host }) => host);
let dir = '';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A talkative rollout: what its hosts said is nearly all of it. */
function* story(): Generator<EventBody> {
  yield {
    ...begin(names.map((host) => ({ host, plan: planFor(host), down: false }))),
    playbook: 'auto.yaml',
  };
  yield wave(1, names);
  for (const host of names) {
    yield started(host);
    const effect = `${host}/1/1`;
    const change = {
      sign: '+',
      what: 'boot argument cgroup.memory',
      after: 'cgroup.memory=nokmem',
      risk: 'write',
    } as const;
    yield {
      type: 'task.planned',
      host,
      task: '1',
      name: 'Arg',
      module: 'kernel_arg',
      status: 'change',
      changes: [change],
    };
    yield {
      type: 'effect.started',
      host,
      task: '1',
      effect,
      kind: 'run',
      what: 'set it',
      timeout: 60,
      detached: true,
    };
    for (let line = 0; line < events / names.length; line++)
      yield {
        type: 'effect.progress',
        host,
        task: '1',
        effect,
        text: `line ${line} of a transaction that says a lot about what it does`,
      };
    yield { type: 'effect.done', host, task: '1', effect, result: { ok: true } };
    yield { type: 'proof', host, verdict: 'off', by: 'samples', evidence: 'EIO' };
    yield host === 'h20' ? failed(host) : done(host);
  }
  yield { type: 'brake.tripped', why: 'h20', host: 'h20' };
  yield { type: 'run.finished', exit: 4, why: '19 done, 1 failed' };
}

function writeJournal(path: string): void {
  let prev = hash(`kmend journal ${run}`);
  let seq = 0;
  let waiting: string[] = [];
  const flush = (): void => {
    appendFileSync(path, waiting.join(''));
    waiting = [];
  };
  for (const body of story()) {
    const line = JSON.stringify({
      v: 1,
      seq,
      at: 1_760_000_000_000 + seq * 100,
      run,
      prev,
      ...body,
    });
    prev = hash(line);
    seq += 1;
    waiting.push(`${line}\n`);
    if (waiting.length >= 5_000) flush();
  }
  flush();
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-large-'));
  const folder = join(dir, 'state/runs', run);
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(dir, 'home'));
  writeJournal(join(folder, 'journal.ndjson'));
  const inventory = join(dir, 'inventory.yaml');
  // Nobody listens there: what is asked about is the journal.
  writeFileSync(inventory, 'all: {hosts: {h1: {ansible_host: 127.0.0.1, ansible_port: 9}}}\n');
  writeFileSync(
    join(folder, 'settings.json'),
    JSON.stringify({
      schema: 'kmend.settings/1',
      flags: { inventory: [inventory] },
      play: 'Remediate',
    }),
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A heap of which the events would need twice as much. */
const smallHeap = { NODE_OPTIONS: '--max-old-space-size=48' };

it.each<[string, readonly string[], number, RegExp]>([
  ['report', ['report', run], 0, /check h20, then: kmend resume/],
  ['resolve', ['resolve', run, 'h20', '--as', 'skip'], 0, /left for run/],
  // 4: there is no key to log in with.
  ['drift', ['drift', '-i', 'INVENTORY', '-T', '1'], 4, /h1/],
  [
    'rollback',
    [
      'rollback',
      run,
      '--check',
      '-l',
      'h1',
      '-T',
      '1',
      '--playbook',
      join(process.cwd(), 'playbooks/rollback.yaml'),
    ],
    4,
    /h1/,
  ],
])(
  '%s reads it in a heap of 48 MB',
  async (_name, args, exit, says) => {
    const words = args.map((word) => (word === 'INVENTORY' ? join(dir, 'inventory.yaml') : word));
    const child = await spawnCommand(
      [...words, '--state-dir', join(dir, 'state')],
      join(dir, 'home'),
      smallHeap,
    );
    expect([await child.ended, child.err()]).toEqual([exit, expect.not.stringContaining('heap')]);
    expect(child.out() + child.err()).toMatch(says);
  },
  120_000,
);
