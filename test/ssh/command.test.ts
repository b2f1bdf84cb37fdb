// The command line for the login shell, run by real shells, and the handling of the output.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  coded,
  loginQuote,
  type RemoteCommand,
  remoteCommand,
} from '../../src/adapters/ssh/exec/command.ts';
import { createOutput } from '../../src/adapters/ssh/exec/output.ts';
import { buildProbe, checkWants } from '../../src/facts/index.ts';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { type Become, secret } from '../../src/model/host.ts';

const shells = [
  '/bin/sh',
  '/bin/bash',
  '/bin/dash',
  '/usr/bin/zsh',
  '/usr/bin/fish',
  '/bin/ksh',
].filter((shell) => existsSync(shell));
const busybox = existsSync('/bin/busybox') || existsSync('/usr/bin/busybox');
const runIn = (shell: string, line: string, input: Buffer | string = '') =>
  spawnSync(shell, ['-c', line], { input, encoding: 'utf8', maxBuffer: 1e8 });
/** Longer than the limit of a command, with characters that need quotes. */
const long = `# ${"'\\x é".repeat(2000)}\n`;
const behind = (text: string, mark: string): string =>
  text.slice(text.indexOf('\n', text.indexOf(mark)) + 1);

describe.each(shells)('with %s as login shell', (shell) => {
  it.each([
    ['quotes and backslashes', `printf '%s\\n' "it's" 'a\\b' "\\\\"`, `it's\na\\b\n\\\n`],
    ['here document', `cat <<'X'\n$HOME \\ ' "\nX`, `$HOME \\ ' "\n`],
    ['a comment at the end', 'echo one # two', 'one\n'],
    ['dollar, exclamation, percent', `echo '$x !! %s * ~'`, '$x !! %s * ~\n'],
  ])('%s', (_what, script, expected) => {
    const command = remoteCommand({ script });
    const result = runIn(shell, command.line);
    expect(behind(result.stdout, command.ready.whole)).toBe(expected);
    expect(behind(result.stderr, command.ready.whole)).toBe('');
  });

  it('a script of 200 KiB is sent through the input, followed by more input', () => {
    const script = `# ${"'\\x".repeat(70_000)}\ncat\nexit 7`;
    const command = remoteCommand({ script, stdin: 'left for\nthe script' });
    expect(command.line.length).toBeLessThan(2000);
    const result = runIn(shell, command.line, command.input ?? '');
    expect(behind(result.stdout, command.ready.whole)).toBe('left for\nthe script');
    expect(result.status).toBe(7);
  });

  it('a long script alone is the whole input, and reads nothing itself', () => {
    const command = remoteCommand({ script: `${long}cat <<'X'\n$HOME \\ ' "\nX\ncat; exit 7` });
    expect(command).toMatchObject({ atOnce: true });
    expect(command.line.length).toBeLessThan(1000);
    const result = runIn(shell, command.line, command.input);
    expect([behind(result.stdout, command.ready.whole), result.status]).toEqual([
      `$HOME \\ ' "\n`,
      7,
    ]);
  });

  it('a script without input reads nothing', () => {
    const command = remoteCommand({ script: 'cat; echo end' });
    expect(behind(runIn(shell, command.line, 'not for it').stdout, command.ready.whole)).toBe(
      'end\n',
    );
  });
});

describe.each(['/bin/dash', '/bin/bash', '/bin/busybox'].filter((program) => existsSync(program)))(
  'a long script where %s is /bin/sh',
  (program) => {
    const dir = mkdtempSync(join(tmpdir(), 'kmend-sh-'));
    symlinkSync(program, join(dir, 'sh'));
    writeFileSync(
      join(dir, 'sudo'),
      '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n',
      { mode: 0o755 },
    );
    writeFileSync(join(dir, 'su'), '#!/bin/sh\nexec /bin/sh -c "$3"\n', { mode: 0o755 });
    afterAll(() => rmSync(dir, { recursive: true }));
    const run = ({ line }: RemoteCommand, input: Buffer | undefined) =>
      spawnSync(
        '/bin/sh',
        ['-c', `PATH=${dir}:$PATH; ${line.replaceAll('/bin/sh', `${dir}/sh`)}`],
        {
          input: input ?? '',
          encoding: 'utf8',
        },
      );
    const script = `echo begun\n${long}cat\nexit 7\n`;
    const ways = {
      alone: remoteCommand({ script }),
      'behind a password': remoteCommand({
        script,
        become: { method: 'sudo', user: 'root', password: secret('x') },
      }),
      'with input of its own': remoteCommand({ script, stdin: 'in' }),
      'with a stream': remoteCommand({ script, stream: async function* () {} }),
      'on a terminal': remoteCommand({
        script,
        become: { method: 'su', user: 'root', password: secret('x') },
      }),
    };
    it.each(Object.entries(ways))('%s: runs, and keeps its exit status', (_, command) => {
      const result = run(command, command.input);
      expect(behind(result.stdout, command.ready.whole)).toMatch(/^begun\n(in)?$/);
      expect(result.status).toBe(7);
    });
    it.each(Object.entries(ways))(
      '%s: if it arrives incomplete, nothing of it runs',
      (_, command) => {
        const { input = Buffer.alloc(0) } = command;
        const whole = command.input?.toString().lastIndexOf('.end') ?? 0;
        const cuts = [0, 1, 30, 60, 200, Math.floor(whole / 2), whole - 30, whole, whole + 3];
        for (const piece of [
          ...cuts.map((at) => input.subarray(0, at)),
          input.subarray(1),
          input.subarray(whole / 2),
        ]) {
          const result = run(command, piece);
          expect(result).toMatchObject({
            status: 95,
            stderr: expect.stringContaining('the script arrived cut'),
          });
          expect(result.stdout).not.toContain('begun');
        }
      },
    );
  },
);

it.skipIf(!busybox)('busybox sh decodes lines too', () => {
  const text = `a'\\b\u00e9\0\u20ac\n${'x'.repeat(3000)}`;
  const script = `while IFS= read -r l; do printf '%b' "$l"; done`;
  const result = spawnSync('busybox', ['sh', '-c', script], { input: coded(text) });
  expect(result.stdout.toString()).toBe(text);
});

describe('properties', () => {
  const word = fc.string({
    unit: fc.constantFrom(
      'a',
      "'",
      '\\',
      '"',
      '$',
      '`',
      '\n',
      ' ',
      '!',
      '~',
      '*',
      '#',
      ';',
      '&',
      'é',
      '-',
    ),
    maxLength: 12,
  });
  it('a quoted word passes through a shell unchanged', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
        const result = runIn('/bin/sh', `printf '%s\\0' ${words.map(loginQuote).join(' ')}`);
        expect(result.stdout).toBe(words.map((one) => `${one}\0`).join(''));
      }),
      { numRuns: 60 },
    );
  });
  it('encoded text is decoded unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4000 }), (text) => {
        const result = spawnSync(
          '/bin/sh',
          ['-c', `while IFS= read -r l; do printf '%b' "$l"; done`],
          { input: coded(text) },
        );
        expect(result.stdout.equals(Buffer.from(text))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe('becoming another user', () => {
  it('no command has 8,192 bytes or more, whatever is quoted', () => {
    const ways = (['sudo', 'su', 'doas'] as const).flatMap((method) => [
      { method, user: 'root' },
      { method, user: 'root', password: secret('x') },
    ]);
    const longest = Math.max(
      ...[undefined, ...ways].flatMap((become) =>
        ["'", '\\', 'é', 'x'].flatMap((unit) =>
          Array.from({ length: 45 }, (_, index) => {
            const request = {
              script: unit.repeat(200 * index),
              ...(become === undefined ? {} : { become }),
            };
            return Math.max(
              ...[{}, { stdin: 'in' }].map((more) =>
                Buffer.byteLength(remoteCommand({ ...request, ...more }).line),
              ),
            );
          }),
        ),
      ),
    );
    // So near that a limit that is checked before quoting would be exceeded.
    expect(longest).toBeGreaterThan(7500);
    expect(longest).toBeLessThan(8192);
  });
  const line = (become: Parameters<typeof remoteCommand>[0]['become']) =>
    remoteCommand({ script: 'id', ...(become === undefined ? {} : { become }) });
  it('no password is ever in the command', () => {
    for (const method of ['sudo', 'su', 'doas'] as const) {
      const command = line({ method, user: 'root', password: secret('hush-hush') });
      expect(JSON.stringify(command)).not.toContain('hush-hush');
      expect(command.input).toBeUndefined();
    }
  });
  it.each([
    ['sudo', 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'],
    ['su', 'exec /bin/sh -c "$3"'],
    ['doas', 'shift 3; exec "$@"'],
  ] as const)(
    'behind %s that keeps the environment, the login user leads nobody into a tree of his own',
    (method, keeps) => {
      const dir = mkdtempSync(join(tmpdir(), 'kmend-become-'));
      const program = (name: string, text: string): void =>
        writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      program(method, keeps);
      program('id', 'echo his own');
      const env = { PATH: `${dir}:${process.env.PATH}`, KMEND_ROOT: '/home/eve/tree' };
      const script = withPrelude('echo "[$R] $(id -u)"');
      const run = (become?: Become): string => {
        const command = remoteCommand({ script, ...(become === undefined ? {} : { become }) });
        return behind(
          spawnSync('/bin/sh', ['-c', command.line], { env, encoding: 'utf8' }).stdout,
          command.ready.whole,
        );
      };
      const as = run({ method, user: 'root' });
      const alone = run();
      rmSync(dir, { recursive: true });
      // sudo and doas look after PATH themselves.
      expect(as).toBe(method === 'su' ? `[] ${process.getuid?.()}\n` : '[] his own\n');
      expect(alone).toBe('[/home/eve/tree] his own\n');
    },
  );
  it('a program that prints the command cannot print the ready line', () => {
    const command = line({ method: 'sudo', user: 'root', password: secret('x') });
    expect(command.line).not.toContain(command.ready.whole);
  });
  it('sudo must not ask without a password, and asks with our own prompt otherwise', () => {
    expect(line({ method: 'sudo', user: 'db' }).line).toMatch(
      /^exec env LC_ALL=C sudo -n -H -u db -- \/bin\/sh -c /,
    );
    const command = line({ method: 'sudo', user: 'db', password: secret('x') });
    const prompt = /sudo -k -S -H -p (\S+) /.exec(command.line)?.[1] ?? '';
    expect(command.asks?.(prompt, 0)).toBe(true);
    expect(command.asks?.(prompt, prompt.length)).toBe(false);
    expect(command.asks?.('Password:', 0)).toBe(false);
    expect(command.terminal).toBe(false);
  });
  it.each([
    ['Password: ', true],
    ['Mot de passe : ', true],
    ['パスワード：', true],
    ['su: user x does not exist\n', false],
  ])('on a terminal %j is a question: %s', (said, expected) => {
    const command = line({ method: 'su', user: 'root', password: secret('x') });
    const [, left = '', right = ''] = /^printf '%s%s\\n' (\S+) (\S+);/.exec(command.line) ?? [];
    expect(command.terminal).toBe(true);
    expect(command.asks?.(`profile noise: ${left}${right}\n${said}`, 0)).toBe(expected);
    expect(command.asks?.(said, 0)).toBe(false);
  });
});

describe('output', () => {
  const all = (chunks: readonly (string | Buffer)[], more = {}) => {
    const lines: string[] = [];
    const output = createOutput({
      mark: 'MARK',
      limit: 100,
      terminal: false,
      onLine: (line) => lines.push(line),
      ...more,
    });
    for (const chunk of chunks) output.feed(Buffer.from(chunk));
    output.end();
    return {
      text: output.text(),
      lines,
      truncated: output.truncated(),
      started: output.started(),
      before: output.before(),
      tail: output.tail(),
    };
  };
  it('text before the mark is dropped, wherever the chunks are split', () => {
    const text = 'Welcome!\nno newline hereMARK 4711\none\ntwo é\nthree';
    for (let cut = 1; cut < Buffer.byteLength(text); cut++) {
      const bytes = Buffer.from(text);
      expect(all([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual({
        text: 'one\ntwo é\nthree',
        lines: ['one', 'two é', 'three'],
        truncated: false,
        started: true,
        before: 'Welcome!\nno newline here',
        tail: '4711',
      });
    }
  });
  it('the head is kept, also in lines, and no character is split', () => {
    const result = all(['MARK\n', `${'x'.repeat(99)}é\nlast\n`]);
    expect(result).toMatchObject({ text: 'x'.repeat(99), truncated: true });
    expect(result.lines).toEqual(['x'.repeat(99)]);
  });
  it('output of exactly the limit is not truncated', () =>
    expect(all(['MARK\n', 'x'.repeat(100)])).toMatchObject({ truncated: false }));
  it('CR LF of a terminal becomes LF', () =>
    expect(all(['MARK 1\r\na\r\nb\r\n'], { terminal: true })).toMatchObject({
      text: 'a\nb\n',
      lines: ['a', 'b'],
      tail: '1',
    }));
  it('noise before the mark does not fill the memory', () => {
    const result = all([...Array.from({ length: 20 }, () => 'n'.repeat(10_000)), 'MARK\nx']);
    expect(result.text).toBe('x');
    expect(result.before.length).toBeLessThan(40_000);
  });
});

it('the script of a check goes to a host in one packet', () => {
  // Of OpenSSH's channels (RFC 4254, section 5.1: the maximum packet size is the receiver's).
  const longest = 32_768;
  const { input, atOnce } = remoteCommand({ script: buildProbe(checkWants) });
  expect(atOnce).toBe(true);
  expect(input?.length).toBeLessThanOrEqual(longest);
});
