// docs/getting-started.md: each of its commands, in their order, with the package as it is
// published and without root.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFleet, type Fleet } from '../../practice/index.ts';

interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of the page, each below its heading. */
function blocksOf(page: string): readonly Block[] {
  let heading = '';
  return [...page.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, language = '', text = '']) => {
      heading = title ?? heading;
      return title === undefined ? [{ heading, language, text }] : [];
    },
  );
}
const blocks = blocksOf(readFileSync('docs/getting-started.md', 'utf8'));
const commands = blocks.flatMap(({ heading, language, text }) =>
  language === 'sh'
    ? text
        .trim()
        .split('\n')
        .map((line) => [heading, line] as const)
    : [],
);

const nobody = 65_534;
const runner = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

/** The directory of a Node that the reader may run: that of root's home is copied. */
function nodeFor(home: string): string {
  if (spawnSync(process.execPath, ['--version'], runner).status === 0)
    return dirname(process.execPath);
  mkdirSync(join(home, '.node'));
  copyFileSync(process.execPath, join(home, '.node/node'));
  return join(home, '.node');
}

describe('docs/getting-started.md', () => {
  const home = mkdtempSync(join(tmpdir(), 'kmend-newcomer-'));
  const path = `${nodeFor(home)}:${process.env.PATH ?? ''}`;
  let own: Fleet;
  /** Working directory and variables go from one line to the next, as in the shell of a reader. */
  const shellState = join(home, '.shell-state');

  beforeAll(async () => {
    execFileSync('npm', ['run', 'build'], { stdio: 'ignore' });
    execFileSync('npm', ['pack', '--pack-destination', home], { stdio: 'ignore' });
    own = await createFleet({
      dir: join(home, '.own-fleet'),
      hosts: ['node-1.example.net', 'node-2.example.net'].map((name) => ({
        name,
        flavour: 'el7',
        kernel: '3.10.0-1160.el7.x86_64',
        packages: ['docker-ce-18.06.1.ce-3.el7'],
        user: 'ops',
      })),
    });
    const key = join(home, '.ssh/id_ed25519');
    mkdirSync(dirname(key), { mode: 0o700 });
    copyFileSync(own.keyFile, key);
    writeFileSync(join(home, '.ssh/known_hosts'), own.knownHostsText);
    const entry = ({ name, address, port }: Fleet['hosts'][number]): string =>
      `Host ${name}\n  HostName ${address}\n  Port ${port}\n`;
    writeFileSync(join(home, '.ssh/config'), own.hosts.map(entry).join(''));
    for (const block of blocks.filter(({ language }) => language === 'yaml')) {
      const [, name = ''] = /^# (\S+)\n/.exec(block.text) ?? [];
      mkdirSync(join(home, 'fleet'), { recursive: true });
      writeFileSync(join(home, 'fleet', name), block.text);
    }
    writeFileSync(shellState, `cd '${home}'\n`);
    if (runner.uid !== undefined)
      for (const name of [
        '',
        '.ssh',
        'fleet',
        '.shell-state',
        ...readdirSync(join(home, '.ssh')).map((file) => `.ssh/${file}`),
      ])
        chownSync(join(home, name), nobody, nobody);
    chmodSync(home, 0o755);
  });
  afterAll(async () => {
    spawnSync(
      join(home, '.local/bin/kmend'),
      ['lab', 'down', '--state-dir', join(home, 'practice/state')],
      { env: process.env },
    );
    await own.close();
    rmSync(home, { recursive: true, force: true });
  });

  it.each(commands)('%s: %s', async (_heading, line) => {
    const expected = Number(/# exit (\d+)/.exec(line)?.[1] ?? 0);
    const script = `exec 2>&1\nset -a\n. ${shellState}\n${line}\nstatus=$?\n{ echo "cd '$PWD'"; export -p; } > ${shellState}\nexit $status\n`;
    // Not a synchronous call: the own fleet is served by this process.
    const shell = spawn('sh', ['-c', script], {
      ...runner,
      cwd: home,
      env: { HOME: home, PATH: path, USER: 'newcomer' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [printed, [status]] = await Promise.all([text(shell.stdout), once(shell, 'exit')]);
    expect([status, status === expected ? '' : printed]).toEqual([expected, '']);
  });
});
