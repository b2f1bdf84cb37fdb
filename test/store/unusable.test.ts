// A state directory that cannot be used is an error message at every command: what, why, and what
// to do; never an internal error.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { type Practice, play, practice, sick, until } from '../cli/practice.ts';
import { type FakeKube, startFakeKube } from '../fakes/kube-api.ts';
import { clusterFor } from '../kube/cluster-on.ts';

let lab: Practice;
let kube: FakeKube;
beforeAll(async () => {
  lab = await practice(['h1', 'h2', 'h3'].map((name) => sick(name)));
  kube = await startFakeKube();
});
afterAll(async () => {
  await lab.close();
  await kube.stop();
});

/** Only the tree of commands is built. */
const silentWorld = (): World =>
  ({ version: '0', who: 'nobody', out: () => {}, err: () => {} }) as unknown as World;

const sh = (line: string): void => void execFileSync('sh', ['-c', line]);
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('at every command (root only: mounts a tmpfs)', () => {
  const mounts: string[] = [];
  afterAll(() => {
    for (const directory of mounts) sh(`umount -l ${directory}`);
  });
  /** With one finished run, one that failed and waits, and a job. */
  async function disk(
    name: string,
    failing: string,
  ): Promise<{ readonly state: string; readonly run: string; readonly book: string }> {
    const state = join(lab.dir, name);
    mkdirSync(state);
    sh(`mount -t tmpfs -o size=1m,mode=700 tmpfs ${state}`);
    mounts.push(state);
    const book = lab.file(
      'book.yaml',
      play("    - shell: {cmd: 'true'}\n").replace('hosts: all', 'hosts: h1'),
    );
    const fails = lab.file(
      'fails.yaml',
      play("    - shell: {cmd: 'false'}\n", '{canary: {hosts: 1}}').replace(
        'hosts: all',
        `hosts: ${failing}`,
      ),
    );
    await lab.run(['apply', book, '--yes', '--state-dir', state]);
    const failed = await lab.run(['apply', fails, '--yes', '--state-dir', state]);
    const run = /kmend resume (\S+)/.exec(`${failed.out}${failed.err}`)?.[1] ?? '';
    await lab.run([
      'schedule',
      'install',
      'nightly',
      '--every',
      'daily',
      '--state-dir',
      state,
      '--',
      'check',
      '-i',
      lab.fleet.inventoryFile,
    ]);
    return { state, run, book };
  }
  const full = (state: string): void => {
    for (const size of [65_536, 4096, 512, 1]) {
      for (let count = 0; ; count++) {
        try {
          writeFileSync(join(state, `fill-${size}-${count}`), Buffer.alloc(size));
        } catch {
          break;
        }
      }
    }
  };

  interface Line {
    readonly args: readonly string[];
    /** It has to write there: it fails, says why, and what to do. The others do their work. */
    readonly writes?: true;
  }
  const lines = (run: string, book: string, state: string, failing: string): readonly Line[] => [
    { args: ['check'] },
    { args: ['plan', book] },
    { args: ['plan', book, '-o', join(state, 'plan.json')], writes: true },
    { args: ['apply', book, '--yes'], writes: true },
    { args: ['resume', run, '--yes', '--retry', failing], writes: true },
    { args: ['drift', '-i', lab.fleet.inventoryFile] },
    { args: ['rollback', run, '--yes'] },
    { args: ['validate', book] },
    { args: ['inventory', '-i', lab.fleet.inventoryFile] },
    { args: ['runs'] },
    { args: ['runs', 'show', run] },
    { args: ['report', run] },
    { args: ['__complete', '--', 'report', ''] },
    { args: ['audit', 'verify'] },
    { args: ['pause', run], writes: true },
    { args: ['continue', run], writes: true },
    { args: ['abort', run], writes: true },
    { args: ['promote', run], writes: true },
    { args: ['resolve', run, failing], writes: true },
    { args: ['doctor', '-i', lab.fleet.inventoryFile] },
    { args: ['uncordon', failing, '--kubeconfig', 'kubeconfig'] },
    { args: ['cleanup', 'all', '-i', lab.fleet.inventoryFile, '--yes'] },
    {
      args: [
        'schedule',
        'install',
        'two',
        '--every',
        'daily',
        '--',
        'check',
        '-i',
        lab.fleet.inventoryFile,
      ],
      writes: true,
    },
    // An address that this machine does not have: it ends.
    { args: ['serve', '--listen', '192.0.2.1', '--public-url', 'https://kmend.example.net'] },
    { args: ['token', 'new', 'wall'], writes: true },
    { args: ['token', 'list'] },
    { args: ['token', 'revoke', 'wall'] },
    { args: ['schedule', 'list'] },
    { args: ['schedule', 'run', 'nightly'] },
    { args: ['schedule', 'remove', 'nightly'] },
    // They need a database.
    { args: ['worker'] },
    { args: ['workers'] },
  ];

  it.each<[string, string, (state: string) => void, string]>([
    [
      'read-only',
      'h2',
      (state) => sh(`mount -o remount,ro ${state}`),
      'its file system is read-only',
    ],
    ['full', 'h3', full, 'no space is left on its disk'],
  ])(
    '%s',
    async (name, failing, invalidate, why) => {
      const { state, run, book } = await disk(`state-${name}`, failing);
      // The mark of a run that this directory knows: what it owes the node is looked up there.
      const mark = JSON.stringify({ run, number: 1, wasUnschedulable: false });
      kube.addNode(failing, { metadata: { annotations: { 'kmend.io/owner': mark } } });
      invalidate(state);
      for (const { args, writes } of lines(run, book, state, failing)) {
        const cut = args.indexOf('--');
        const at = cut < 0 ? args.length : cut;
        const { exit, err } = await lab.run(
          [...args.slice(0, at), '--state-dir', state, ...args.slice(at)],
          args[0] === 'uncordon' ? { cluster: clusterFor(kube) } : {},
        );
        const what = `${args.join(' ')}: ${exit} ${err}`;
        expect(what).not.toMatch(/internal error|fault of kmend/);
        if (writes === true) {
          expect(exit, what).toBe(1);
          expect(err, what).toContain(why);
          expect(err, what).toContain('hint: make room or make it writable');
        }
      }
    },
    80_000,
  );

  it('the table above has every command that takes --state-dir, but for those of the practice fleet', () => {
    const known = new Set(
      lines('r', 'b', 's', 'h').map(({ args }) =>
        ['audit', 'schedule', 'token'].includes(args[0] ?? '')
          ? args.slice(0, 2).join(' ')
          : (args[0] ?? ''),
      ),
    );
    const named = (command: Command, before: string): readonly string[] =>
      command.commands
        .filter((inner) => inner.name() !== 'lab')
        .flatMap((inner) => [
          ...(inner.options.some(({ long }) => long === '--state-dir')
            ? [`${before}${inner.name()}`]
            : []),
          ...named(inner, `${before}${inner.name()} `),
        ]);
    expect(
      named(
        buildProgram(silentWorld(), () => {}),
        '',
      ).filter((name) => !known.has(name)),
    ).toEqual([]);
  });
});

const file = (path: string): string => {
  writeFileSync(path, '');
  return path;
};
const replace = (path: string): void => {
  renameSync(path, `${path}.moved`);
  mkdirSync(path, { mode: 0o700 });
};

it.each<[string, (state: string) => string, string]>([
  ['a file', file, 'a part of its path is no directory'],
  ['below a file', (state) => join(file(state), 'deep'), 'a part of its path is no directory'],
  ['in /proc', () => '/proc/kmend', 'cannot be made'],
])('a state directory that is %s', async (name, make, why) => {
  const state = make(join(lab.dir, `odd-${name.replaceAll(/\W/g, '')}`));
  const book = lab.file('true.yaml', play("    - shell: {cmd: 'true'}\n"));
  const { exit, err } = await lab.run(['apply', book, '--yes', '--state-dir', state]);
  expect([exit, err]).toMatchObject([1, expect.stringContaining(why)]);
  expect(err).toContain('hint:');
});

describe('a state directory that is not where it was', () => {
  it.each<[string, (state: string) => void]>([
    ['moved', (state) => renameSync(state, `${state}.moved`)],
    ['replaced by an empty one', replace],
  ])(
    '%s in the middle of a run: that is said, with the hosts under way, and nothing more is begun',
    async (name, invalidate) => {
      const state = join(lab.dir, name.replaceAll(' ', '-'), 'state');
      const ran = join(lab.host('h1').root, 'var/ran');
      const step = (text: string, seconds: number): string =>
        `    - shell: {cmd: 'echo ${text} >> "$KMEND_ROOT/var/ran"; sleep ${seconds}'}\n`;
      const book = lab.file(
        'steps.yaml',
        play(step('one', 1) + step('two', 0)).replace('hosts: all', 'hosts: h1'),
      );
      const before = existsSync(ran) ? readFileSync(ran, 'utf8').length : 0;
      const done = (): string => (existsSync(ran) ? readFileSync(ran, 'utf8').slice(before) : '');
      const running = lab.start(['apply', book, '--yes', '--state-dir', state]);
      await until('the first step', () => done() !== '');
      invalidate(state);
      const { exit, err } = await running.result;
      expect([exit, done()], err).toEqual([1, 'one\n']);
      expect(err).toContain(
        `${state} cannot be written: it was moved, removed or unmounted while this run was under way`,
      );
      expect(err).toContain('under way: h1');
      const run = /hint: put it back, then: kmend resume (\S+)/.exec(err)?.[1] ?? '';
      // Its claim lies where the directory went, and its process lives: it runs this test.
      const back = await lab.run([
        'resume',
        run,
        '--takeover',
        run,
        '--state-dir',
        `${state}.moved`,
      ]);
      expect([back.exit, done()], back.err).toEqual([0, 'one\ntwo\n']);
    },
    30_000,
  );
});
