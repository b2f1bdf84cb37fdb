// The state directory cannot be written: no further step is begun on any host, and the error names
// the path and the hosts under way.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { StateWriteError } from '../../src/engine/ports/state-errors.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import type { EventType } from '../../src/model/run/event.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(['h1', 'h2', 'h3', 'h4'].map((name) => sick(name)));
});
afterAll(() => lab.close());

const ran = (host: string): string => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const twoSteps = (host: string, seconds: number): string =>
  lab.file(
    `${host}.yaml`,
    play(`    - name: First
      shell: {cmd: 'echo one >> "$KMEND_ROOT/var/ran"; sleep ${seconds}'}
    - name: Second
      shell: {cmd: 'echo two >> "$KMEND_ROOT/var/ran"'}
`).replace('hosts: all', `hosts: ${host}`),
  );

/** A store whose disk is full from the n-th event of this type on. */
const fullAt =
  (type: EventType, nth: number) =>
  async ({ state }: { readonly state: string }): Promise<Store> => {
    const real = createStore(state, Date.now);
    let seen = 0;
    return {
      ...real,
      createJournal: async (run) => {
        const journal = await real.createJournal(run);
        return {
          run,
          end: () => journal.end(),
          follow: (see) => journal.follow(see),
          close: () => journal.close(),
          append: async (body, sync) => {
            if (body.type === type) seen += 1;
            if (seen >= nth)
              throw new StateWriteError(
                `${state}/journal`,
                Object.assign(new Error('full'), { code: 'ENOSPC' }),
              );
            return journal.append(body, sync);
          },
        };
      },
    };
  };

describe('a disk that is full', () => {
  it.each<[string, EventType, number, string, string]>([
    ['before a host is started', 'host.started', 1, '', 'no host was under way'],
    ['before the first effect', 'effect.started', 1, '', 'under way: h1'],
    ['when the first effect ends', 'effect.done', 1, 'one\n', 'under way: h1 ('],
    ['before the second effect', 'effect.started', 2, 'one\n', 'under way: h1'],
  ])(
    '%s',
    async (_name, type, nth, done, under) => {
      const before = ran('h1');
      const end = await lab.run(
        ['apply', twoSteps('h1', 0), '--yes', '--state-dir', join(lab.dir, `${type}${nth}`)],
        {
          store: fullAt(type, nth),
        },
      );
      expect([end.exit, ran('h1').slice(before.length)]).toEqual([1, done]);
      expect(end.err).toContain(
        `${type}${nth}/journal cannot be written: no space is left on its disk`,
      );
      expect(end.err).toContain(under);
      expect(end.err).toMatch(/then: kmend resume \d/);
      // The host's fence is open for the run that stopped: free it for the next row.
      const fence = join(lab.host('h1').root, 'var/lib/kmend/fence');
      if (existsSync(fence)) writeFileSync(fence, '');
    },
    30_000,
  );
});

const sh = (line: string): void => void execFileSync('sh', ['-c', line]);
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('a real disk (root only: mounts a tmpfs)', () => {
  const mounts: string[] = [];
  const disk = (name: string): string => {
    const directory = join(lab.dir, name);
    mkdirSync(directory);
    sh(`mount -t tmpfs -o size=1m,mode=700 tmpfs ${directory}`);
    mounts.push(directory);
    return directory;
  };
  const fill = (directory: string): void => {
    for (const size of [65_536, 4096, 512, 1]) {
      for (let count = 0; ; count++) {
        try {
          writeFileSync(join(directory, `fill-${size}-${count}`), Buffer.alloc(size));
        } catch {
          break;
        }
      }
    }
  };
  afterAll(() => {
    for (const directory of mounts) sh(`umount -l ${directory}`);
  });

  it('runs full in the middle of a step: the run stops, and resume goes on once there is room', async () => {
    const state = disk('small');
    const book = twoSteps('h2', 1.5);
    const running = lab.start(['apply', book, '--yes', '--state-dir', state]);
    await until('the first step', () => ran('h2') !== '');
    fill(state);
    const end = await running.result;
    expect([end.exit, ran('h2')], end.err).toEqual([1, 'one\n']);
    expect(end.err).toContain(`${state}/runs/`);
    expect(end.err).toContain('journal.ndjson cannot be written: no space is left on its disk');
    expect(end.err).toContain('under way: h2');
    const run = /kmend resume (\S+)/.exec(end.err)?.[1] ?? '';

    const more = await lab.run(['apply', book, '--yes', '--state-dir', state]);
    expect([more.exit, more.err]).toMatchObject([
      1,
      expect.stringContaining('nothing was done on any host'),
    ]);
    const early = await lab.run(['resume', run, '--state-dir', state]);
    expect([early.exit, early.err, ran('h2')]).toMatchObject([
      1,
      expect.stringContaining('no space is left on its disk'),
      'one\n',
    ]);

    sh(`rm ${state}/fill-*`);
    appendFileSync(join(state, 'runs', run, 'journal.ndjson'), '{"v":1,"seq":');
    const shown = await lab.run(['runs', 'show', run, '--state-dir', state]);
    expect(shown.out).toContain('no process works on this run');
    expect(shown.out).toMatch(/h2 {2}started .* ago; /);
    expect(shown.out).toContain(`go on with: kmend resume ${run}`);
    expect(shown.out).toContain(
      'the last line of the journal was cut off by a crash; resume removes it',
    );
    const resumed = await lab.run(['resume', run, '--state-dir', state]);
    expect(resumed.out).toContain(
      'warning: the last line of the journal was cut off by a crash: it is removed',
    );
    expect([resumed.exit, ran('h2')], `${resumed.out}${resumed.err}`).toEqual([0, 'one\ntwo\n']);
  }, 60_000);

  it('is read-only: nothing is begun, and what was written there before can still be read', async () => {
    const state = disk('locked');
    expect((await lab.run(['apply', twoSteps('h3', 0), '--yes', '--state-dir', state])).exit).toBe(
      0,
    );
    sh(`mount -o remount,ro ${state}`);
    const done = ran('h3');
    const end = await lab.run(['apply', twoSteps('h3', 0), '--yes', '--state-dir', state]);
    expect([end.exit, ran('h3')]).toEqual([1, done]);
    expect(end.err).toContain(
      `${state} cannot be written: its file system is read-only; nothing was done on any host`,
    );
    expect((await lab.run(['runs', '--state-dir', state])).out).toContain('exit 0');
  }, 30_000);
});

describe('a run that is warned of', () => {
  it('while it is under way: who works on it, what each host does, and the words for it', async () => {
    const running = lab.start(['apply', twoSteps('h4', 1.5), '--yes']);
    await until('the first step', () => ran('h4') !== '');
    const run = lab.runs().at(-1) ?? '';
    const shown = await lab.run(['runs', 'show', run]);
    expect(shown.out).toContain(`under way: process ${process.pid} on `);
    expect(shown.out).toMatch(/h4 {2}started \S+ ago; .+, for \S+/);
    expect(shown.out).toContain(
      `hold it with: kmend pause ${run} --state-dir ${lab.state}; end it with: kmend abort ${run} --state-dir ${lab.state}`,
    );
    expect((await running.result).exit).toBe(0);
    const after = await lab.run(['runs', 'show', run]);
    expect(after.out).not.toContain('under way');
    expect(eventsOf(lab.journal(run), 'run.finished')).toHaveLength(1);
    expect((await lab.run(['runs', 'shwo', run])).exit).toBe(3);
  }, 30_000);
});
