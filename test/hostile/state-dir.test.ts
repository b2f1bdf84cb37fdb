// The state directory is kmend's own: owner, mode, links and foreign files in it; and paths that
// would write lines into unit files.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { commandsFor, createStore, postCommand } from '../../src/adapters/store/index.ts';
import { takeLock } from '../../src/adapters/store/locks/lock.ts';
import { StateRefusal } from '../../src/engine/ports/state-errors.ts';
import { command } from '../cli/real-world.ts';

const root = mkdtempSync(join(tmpdir(), 'kmend-state-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let state: string;
let count = 0;
beforeEach(() => {
  state = join(root, `state-${count++}`);
});

const otherUser = 65_534;
const asRoot = process.getuid?.() === 0;
const run = (...args: readonly string[]) =>
  command([...args, '--state-dir', state], { home: root });
const put = (path: string, text: string): string => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
  return path;
};

describe('the state directory', () => {
  it('is made for its user alone', async () => {
    await (await createStore(state, () => 0).createJournal('r1')).close();
    for (const path of [state, join(state, 'runs'), join(state, 'runs/r1')])
      expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(state, 'runs/r1/journal.ndjson')).mode & 0o777).toBe(0o600);
  });

  const damages: readonly (readonly [string, () => void])[] = [
    ['everybody may write', () => chmodSync(state, 0o777)],
    ['everybody may write', () => chmodSync(state, 0o1777)],
  ];
  const given: typeof damages = asRoot
    ? [[`belongs to user ${otherUser}`, () => chownSync(state, otherUser, 0)]]
    : [];
  it.each([...damages, ...given])('is not used: %s', async (why, invalidate) => {
    mkdirSync(state, { mode: 0o700 });
    invalidate();
    for (const words of [
      ['runs'],
      ['report', 'x'],
      ['pause', 'x'],
      ['resume', 'x'],
      ['schedule', 'run', 'j'],
      ['check', '-i', 'h1,'],
    ]) {
      const answer = await run(...words);
      expect(answer, words.join(' ')).toMatchObject({
        exit: 3,
        err: expect.stringContaining(`the state directory ${state} is not used`),
      });
      expect(answer.err).toContain(why);
    }
    expect(readdirSync(state)).toEqual([]);
  });

  it.each(['runs', 'runs/r1', 'locks', 'slots', 'runs/r1/control'])(
    'a link planted as %s is not followed',
    async (name) => {
      const target = join(root, `target-${count}`);
      mkdirSync(target);
      mkdirSync(dirname(join(state, name)), { recursive: true, mode: 0o700 });
      symlinkSync(target, join(state, name));
      const store = createStore(state, () => 0);
      const work = {
        runs: () => store.createJournal('r1'),
        'runs/r1': () => store.createJournal('r1'),
        locks: () => store.lock(['a'], 'r1'),
        slots: () => store.slots('r1', new Set()).others(),
        'runs/r1/control': () => postCommand(state, 'r1', { type: 'run.continued', who: 'eve' }, 0),
      }[name];
      await expect(work?.()).rejects.toThrow(/is a symbolic link/);
      expect(readdirSync(target)).toEqual([]);
    },
  );

  it('a journal that is a link is not read', async () => {
    const store = createStore(state, () => 0);
    await (await store.createJournal('r1')).close();
    const journal = join(state, 'runs/r1/journal.ndjson');
    renameSync(journal, join(root, 'elsewhere.ndjson'));
    symlinkSync(join(root, 'elsewhere.ndjson'), journal);
    await expect(store.scanEvents('r1', () => undefined)).rejects.toThrow(
      `${journal} is a symbolic link`,
    );
  });
});

describe('what lies in it', () => {
  const claims: readonly (readonly [string, string])[] = [
    ['no JSON', '{'],
    [
      'no hosts',
      JSON.stringify({
        run: 'r1',
        hosts: null,
        state: 'held',
        machine: 'm',
        boot: 'b',
        pid: 1,
        started: '0',
      }),
    ],
    ['a list', '[]'],
  ];
  it.each(claims)('a claim with %s keeps its hosts locked, with a message', async (_, text) => {
    const path = put(join(state, 'locks/x.1.1.1.lock'), text);
    await expect(takeLock(dirname(path), ['a'], 'r2')).rejects.toThrow(
      `${path}: is no lock that kmend wrote`,
    );
    expect(readdirSync(dirname(path))).toEqual(['x.1.1.1.lock']);
  });

  it.runIf(asRoot)('a claim and a command of another user are refused', async () => {
    const claim = put(join(state, 'locks/x.1.1.1.lock'), '{}');
    const word = put(
      join(state, 'runs/r1/control/1.json'),
      JSON.stringify({ type: 'run.aborted', who: 'root', why: 'x' }),
    );
    expect(await commandsFor(state, 'r1').take()).toHaveLength(1);
    put(word, JSON.stringify({ type: 'run.aborted', who: 'root', why: 'x' }));
    for (const path of [claim, word]) chownSync(path, otherUser, 0);
    await expect(takeLock(dirname(claim), ['a'], 'r2')).rejects.toThrow(
      `${claim} belongs to user ${otherUser}`,
    );
    await expect(commandsFor(state, 'r1').take()).rejects.toThrow(
      `${word} belongs to user ${otherUser}`,
    );
    expect(existsSync(word)).toBe(true);
  });

  it.runIf(asRoot)('a directory of commands that is a link is refused', async () => {
    const theirs = join(root, 'theirs');
    chownSync(
      put(join(theirs, '1.json'), JSON.stringify({ type: 'run.aborted', who: 'root', why: 'x' })),
      otherUser,
      0,
    );
    chownSync(theirs, otherUser, 0);
    mkdirSync(join(state, 'runs/r1'), { recursive: true, mode: 0o700 });
    symlinkSync(theirs, join(state, 'runs/r1/control'));
    await expect(commandsFor(state, 'r1').take()).rejects.toThrow(`belongs to user ${otherUser}`);
  });

  it('links and pipes are refused without waiting', async () => {
    const secret = put(join(root, 'elsewhere'), '{}');
    mkdirSync(join(state, 'locks'), { recursive: true });
    symlinkSync(secret, join(state, 'locks/a.lock'));
    await expect(takeLock(join(state, 'locks'), ['a'], 'r2')).rejects.toThrow(StateRefusal);
    rmSync(join(state, 'locks/a.lock'));
    spawnSync('mkfifo', [join(state, 'locks/a.lock')]);
    await expect(takeLock(join(state, 'locks'), ['a'], 'r2')).rejects.toThrow('is no regular file');
  });
});

describe('a job whose path would write lines of its own', () => {
  const install = (directory: string, ...more: readonly string[]) =>
    command(
      [
        'schedule',
        'install',
        'nightly',
        '--every',
        'daily',
        '--state-dir',
        state,
        ...more,
        '--',
        'check',
        '-i',
        'h1,',
      ],
      {
        home: root,
        cwd: directory,
      },
    );

  it.each(['x\nExecStartPre=touch y', 'x\rExecStartPre=touch y', 'x\\', 'x '])(
    'is refused: %j',
    async (name) => {
      for (const as of ['systemd', 'cron'])
        expect(await install(`/srv/${name}`, '--as', as)).toMatchObject({
          exit: 3,
          out: '',
          err: expect.stringContaining('cannot be written in a unit file'),
        });
      expect(existsSync(join(state, 'jobs'))).toBe(false);
    },
  );

  it('specifiers and quotes in it are only text', async () => {
    const { out } = await install('/srv/50%h "x" $HOME');
    expect(out).toContain('WorkingDirectory=/srv/50%%h "x" $HOME\n');
    const units = out.split('\n').filter((line) => /^(?:ExecStart|WorkingDirectory)/.test(line));
    expect(units).toHaveLength(2);
    expect(readFileSync(join(state, 'jobs/nightly.json'), 'utf8')).toContain('50%h');
  });
});
