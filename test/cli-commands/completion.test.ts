// Completion: what may follow on a command line, and what real shells make of it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOption } from '../../src/cli/completion/candidates.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { until } from '../cli/practice.ts';
import { command } from '../cli/real-world.ts';

let dir = '';
let env: NodeJS.ProcessEnv = {};
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-completion-'));
  const { build } = await import(pathToFileURL(join(process.cwd(), 'scripts/build.mjs')).href);
  const program = build({ out: join(dir, 'dist/kmend.cjs') });
  symlinkSync(join(process.cwd(), 'playbooks'), join(dir, 'playbooks'));
  writeFileSync(
    join(dir, 'inventory.yaml'),
    'pool_a: {hosts: {node-a1: {}, node-a2: {}}}\npool_b: {hosts: {web-1: {}, "web;reboot": {}, "v6::1": {}}}\n',
  );
  writeFileSync(join(dir, 'mine.yaml'), '');
  mkdirSync(join(dir, 'bin'));
  mkdirSync(join(dir, 'state'));
  writeFileSync(
    join(dir, 'bin/kmend'),
    `#!/bin/sh\n[ "$1" != __complete ] || exec '${process.execPath}' '${program}' "$@"\necho "given: $*."\n`,
  );
  chmodSync(join(dir, 'bin/kmend'), 0o755);
  env = {
    PATH: `${join(dir, 'bin')}:/usr/bin:/bin`,
    HOME: dir,
    TERM: 'vt100',
    KMEND_INVENTORY: 'inventory.yaml',
    KMEND_STATE_DIR: join(dir, 'state'),
  };
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(join(dir, shell), (await command(['completion', shell], { home: dir })).out);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));

/** The candidates for a line that ends where the cursor is. */
async function following(line: string): Promise<readonly string[]> {
  const world = { home: dir, cwd: dir, env: {} };
  const { out, err, exit } = await command(
    ['__complete', '-i', join(dir, 'inventory.yaml'), '--', ...line.split(' ')],
    world,
  );
  expect([exit, err]).toEqual([0, '']);
  return out.split('\n').map((found) => found.split('\t')[0] ?? '');
}

describe('what may follow', () => {
  it.each<[string, readonly string[]]>([
    ['re', ['resume', 'report', 'resolve']],
    ['audit ', ['verify', 'help']],
    ['plan --max', ['--max-unavailable']],
    ['plan @n', ['@newer-kernel', '@nokmem', ':files']],
    ['validate mine.yaml @ru', ['@runtime', ':files']],
    ['check -l ', ['node-a1', 'node-a2', 'web-1', 'v6::1', 'all', 'ungrouped', 'pool_a', 'pool_b']],
    ['check web', ['web-1']],
    ['resolve 20261124-153012-k3f9 node-a1 node-a', ['node-a1', 'node-a2']],
    ['plan --unplannable ', ['leave_out', 'stop', 'ask']],
    ['show ', [':files']],
    ['runs --state-dir ', [':directories']],
    ['runs --state ', [':directories']],
    ['docs kernel_', ['kernel_arg']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['schedule install nightly ', ['--']],
    ['schedule install nightly --every daily -- apply @sch', ['@scheduled', ':files']],
    ['__', ['']],
    ['check -f ', ['']],
  ])('kmend %s', async (line, wanted) => expect(await following(line)).toEqual(wanted));

  it('is nothing where the inventory cannot be read', async () => {
    expect(await following('check -i /nowhere -l ')).toEqual(['']);
  });

  it('knows only words that the help of their option names', () => {
    const all = ({ options, commands }: Command): readonly (readonly [string, string])[] => [
      ...options.map(({ long, description }) => [long ?? '', description] as const),
      ...commands.flatMap(all),
    ];
    const described = all(buildProgram({ version: '0' } as unknown as World, () => {}));
    for (const [long, { words = [] }] of Object.entries(byOption)) {
      const texts = described.filter(([name]) => name === long).map(([, text]) => text);
      expect(texts.length).toBeGreaterThan(0);
      for (const { word } of words) expect(texts.join(' ')).toContain(word);
    }
  });
});

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill();
});

/** A shell on a pseudo-terminal. */
function interactive(shell: string): { readonly shell: ChildProcess; readonly seen: () => string } {
  const child = spawn('script', ['-qfec', shell, '/dev/null'], {
    cwd: dir,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  started.push(child);
  return { shell: child, seen: () => text };
}

const shells = [
  ['bash', 'bash --norc --noprofile -i', 'source ./bash'],
  ['zsh', 'zsh -f -i', 'autoload -Uz compinit && compinit -u -D && source ./zsh'],
] as const;

describe.each(shells)('in %s', (name, start, load) => {
  const missing = !has(name) || !has('script');
  it.skipIf(missing)(
    `a tab completes commands, options, playbooks, hosts and files (skipped without ${name})`,
    { timeout: 60_000 },
    async () => {
      const { shell, seen } = interactive(start);
      const type = (text: string): void => void shell.stdin?.write(text);
      type(`PS1='> '; ${load}; echo loa''ded\n`);
      await until('the script is loaded', () => seen().includes('loaded'));
      for (const [typed, wanted] of [
        ['repo\t', 'report'],
        ['plan --unpl\tstop', 'plan --unplannable stop'],
        ['plan @aut\t', 'plan @auto'],
        ['check -l web\t', 'check -l web-1'],
        ['plan mi\t', 'plan mine.yaml'],
        ['check -l v6:\t', 'check -l v6::1'],
        ['runs --state-dir sta\t\b/x', 'runs --state-dir state/x'],
      ] as const) {
        type(`kmend ${typed}\n`);
        await until(wanted, () => seen().includes(`given: ${wanted}.`));
      }
      type('exit\n');
    },
  );
});

describe('in fish', () => {
  const missing = !has('fish');
  const complete = (line: string): readonly string[] => {
    const { stdout } = spawnSync('fish', ['-N', '-c', `source ./fish; complete -C '${line}'`], {
      cwd: dir,
      env,
      encoding: 'utf8',
    });
    return stdout.trim().split('\n');
  };
  it.skipIf(missing)(
    'commands, options, playbooks, hosts and files are completed (skipped without fish)',
    { timeout: 60_000 },
    () => {
      expect(complete('kmend repo')).toEqual([expect.stringMatching(/^report\twhat a run did/)]);
      expect(complete('kmend plan --unpl')).toEqual([expect.stringMatching(/^--unplannable\t/)]);
      expect(complete('kmend plan @aut')).toEqual(['@auto\tcomes with kmend']);
      expect(complete('kmend check -l web')).toEqual(['web-1\thost']);
      expect(complete('kmend plan mi')).toEqual(['mine.yaml']);
      expect(complete('kmend runs --state-dir sta')).toEqual(['state/']);
    },
  );
});

it.skipIf(!has('shellcheck'))('the script for bash has no finding of shellcheck', () => {
  const { stdout } = spawnSync('shellcheck', ['-s', 'bash', join(dir, 'bash')], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
});
