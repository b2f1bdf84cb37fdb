// `check --from` with files of hosts that lie or flood, and read-only commands that print without
// end: each is its own host's failure.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outputArea } from '../../src/core/plan/task/ask.ts';
import { observe } from '../../src/engine/session/observe.ts';
import type { ReadRequest, Session } from '../../src/engine/session/session.ts';
import { buildProbe, longestAnswer } from '../../src/facts/index.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import { command } from '../cli/real-world.ts';
import { recordings } from '../recorded/recordings.ts';

const good = readFileSync(join(recordings, 'direct-boot-default.txt'), 'utf8');
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kmend-from-'));
  for (const name of ['first', 'last']) writeFileSync(join(directory, name), good);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Ten lines of os-release of which each names the one before ten times. */
const bomb = Array.from(
  { length: 11 },
  (_, index) => `os A${index + 1}="${`\${A${index}}`.repeat(10)}"`,
);

describe('check --from', () => {
  const within = (part: number, text: string): string =>
    good.replace(`@@kmend done ${part}\n`, () => `${text}\n@@kmend done ${part}\n`);
  const files: readonly (readonly [string, string | Buffer])[] = [
    [
      'an expansion that grows without end',
      within(0, ['os A0=xxxxxxxxxx', ...bomb, `os PRETTY_NAME="\${A11}"`].join('\n')),
    ],
    ['an area without end', within(11, 'log x\n'.repeat(100_000))],
    ['a line without end', within(11, `log ${'INFO: task '.repeat(20_000)}`)],
    ['an answer without end', `${good}${'x\n'.repeat(longestAnswer)}`],
    ['nested JSON without end', '['.repeat(200_000)],
    ['JSON that is nested without end', `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`],
    [
      'bytes that are no text',
      Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 256)),
    ],
    ['NUL bytes', '\0'.repeat(1_000_000)],
  ];

  it.each(files)('shows the others beside %s', async (_, text) => {
    writeFileSync(join(directory, 'bad'), text);
    const { out, err } = await command(['check', '--from', directory], { home: directory });
    expect(err).not.toContain('internal error');
    expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['first', 'bad', 'last']),
    );
    expect(out).toMatch(/^3 hosts: /m);
  });

  it('says of a compressed file that unpacks without end that it cannot be read', async () => {
    writeFileSync(join(directory, 'bad.gz'), gzipSync(Buffer.alloc(80 * 1024 * 1024)));
    const { out, exit } = await command(['check', '--from', directory], { home: directory });
    expect(exit).toBe(4);
    expect(out).toMatch(/^bad .* parse .*bad\.gz .*67108864/m);
  });
});

/** A session that answers the probe with the good output, and every other script with this. */
const saying = (other: string, truncated: boolean, asked: ReadRequest[] = []): Session => {
  const never = (): Promise<never> => Promise.reject(new Error('not asked'));
  return {
    target: {
      name: 'h',
      address: 'h',
      port: 22,
      user: 'root',
      hostKeyChecking: 'yes',
      legacyCrypto: false,
      connectTimeout: 10,
    },
    read: async (script, request) => {
      asked.push(request);
      const isProbe = script === buildProbe();
      return ok({
        code: 0,
        stdout: isProbe ? good : other,
        stderr: '',
        truncated: truncated && !(isProbe && other !== ''),
      });
    },
    once: never,
    fresh: never,
    close: () => {},
    dialled: () => [],
    hostKey: () => 'SHA256:it',
  };
};

describe('over a connection', () => {
  it('a probe that was cut by the limit is a failure, and is asked with the limit', async () => {
    const asked: ReadRequest[] = [];
    expect(await observe(saying('', true, asked), [])).toMatchObject({
      ok: false,
      failure: {
        kind: 'parse',
        message: expect.stringContaining('the answer to the probe is too long'),
      },
    });
    expect(asked[0]?.maxOutput).toBe(longestAnswer);
  });

  it('of a probe that floods until its time is over no more is kept than the limit, and what came before counts', async () => {
    const session: Session = {
      ...saying('', false),
      read: async (_, { onLine }) => {
        for (const line of good.slice(0, good.indexOf('@@kmend done 1')).split('\n'))
          onLine?.(line);
        for (let line = 0; line < 16_384; line++) onLine?.('x'.repeat(1023));
        return failed('timeout', 'late');
      },
    };
    const read = await observe(session, []);
    expect(read.ok && read.value.facts).toMatchObject({
      'os.family': 'unknown',
      'host.name': { $unknown: 'the probe ended after 90 s' },
    });
  });

  it('a read-only command that prints more than 1 MiB is a failure that names it', async () => {
    const wants = [{ area: outputArea, args: { script: 'yes', timeout: 5 } }];
    expect((await observe(saying('y\n', false), wants)).ok).toBe(true);
    const asked: ReadRequest[] = [];
    expect(await observe(saying('y\n', true, asked), wants)).toMatchObject({
      ok: false,
      failure: {
        kind: 'parse',
        message: 'a read-only command printed too much: only 1048576 bytes are read',
        hint: 'let it print less: yes',
      },
    });
    expect(asked[1]?.maxOutput).toBe(1_048_576);
  });
});
