// known_hosts: parser, index and verdict, with a property against a direct implementation of the
// manual.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Hop } from '../../src/adapters/ssh/config/route.ts';
import { createHostKeys } from '../../src/adapters/ssh/connect/host-keys.ts';
import {
  hashName,
  indexKnownHosts,
  judge,
  parseKnownHosts,
} from '../../src/adapters/ssh/connect/known-hosts.ts';

const ed = 'ssh-ed25519';
const rsa = 'ssh-rsa';
const salt = Buffer.alloc(20, 7);
const verdict = (text: string, host: string, port: number, type: string, key: string) =>
  judge([indexKnownHosts(parseKnownHosts(text, 'kh'))], host, port, type, key).kind;

describe('the verdict on a host key', () => {
  it.each([
    ['known by its name', `node-a ${ed} AAAA\n`, 'node-a', 22, ed, 'AAAA', 'known'],
    ['case does not matter', `Node-A ${ed} AAAA\n`, 'nodE-a', 22, ed, 'AAAA', 'known'],
    [
      'one of several names',
      `node-b,node-a,10.0.0.1 ${ed} AAAA\n`,
      '10.0.0.1',
      22,
      ed,
      'AAAA',
      'known',
    ],
    ['known by name and port', `[node-a]:2222 ${ed} AAAA\n`, 'node-a', 2222, ed, 'AAAA', 'known'],
    [
      'the port is part of the name',
      `[node-a]:2222 ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    [
      'a bare name counts for another port when the key matches',
      `node-a ${ed} AAAA\n`,
      'node-a',
      2222,
      ed,
      'AAAA',
      'known',
    ],
    [
      'a bare name with another key says nothing about another port',
      `node-a ${ed} BBBB\n`,
      'node-a',
      2222,
      ed,
      'AAAA',
      'unknown',
    ],
    ['hashed', `${hashName('node-a', salt)} ${ed} AAAA\n`, 'node-a', 22, ed, 'AAAA', 'known'],
    [
      'hashed with port',
      `${hashName('[node-a]:2222', salt)} ${ed} AAAA\n`,
      'node-a',
      2222,
      ed,
      'AAAA',
      'known',
    ],
    [
      'hashed, another host',
      `${hashName('node-b', salt)} ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    [
      'hashed and changed',
      `${hashName('node-a', salt)} ${ed} BBBB\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'changed',
    ],
    ['wildcard', `*.example.net ${ed} AAAA\n`, 'x.example.net', 22, ed, 'AAAA', 'known'],
    [
      'negation',
      `*.example.net,!bad.example.net ${ed} AAAA\n`,
      'bad.example.net',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    ['changed', `node-a ${ed} BBBB\n`, 'node-a', 22, ed, 'AAAA', 'changed'],
    [
      'one of two keys of a type',
      `node-a ${ed} BBBB\nnode-a ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'known',
    ],
    ['only another type is known', `node-a ${rsa} BBBB\n`, 'node-a', 22, ed, 'AAAA', 'other_type'],
    [
      'revoked wins over known',
      `node-a ${ed} AAAA\n@revoked * ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'revoked',
    ],
    [
      'revoked for another host',
      `node-a ${ed} AAAA\n@revoked node-b ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'known',
    ],
    [
      'a revoked key under the bare name counts for every port',
      `@revoked node-a ${ed} AAAA\n`,
      'node-a',
      2222,
      ed,
      'AAAA',
      'revoked',
    ],
    [
      'an authority does not vouch for a plain key',
      `@cert-authority * ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    [
      'an authority beside a plain key',
      `@cert-authority * ${ed} CCCC\nnode-a ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'known',
    ],
    [
      'an unknown marker is no line',
      `@trusted node-a ${ed} AAAA\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    [
      'comments and broken lines',
      `# x\n\nnode-a\nnode-a ${ed}\n|1|zz ${ed} AAAA\nnode-a ${ed} !!!\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'unknown',
    ],
    [
      'tabs and a comment at the end',
      `\tnode-a\t${ed}\tAAAA ops@desk\r\n`,
      'node-a',
      22,
      ed,
      'AAAA',
      'known',
    ],
  ])('%s', (_what, text, host, port, type, key, kind) => {
    expect(verdict(text, host, port, type, key)).toBe(kind);
  });

  it('a verdict names the line', () => {
    const seen = judge(
      [indexKnownHosts(parseKnownHosts(`# one\nnode-a ${ed} BBBB\n`, '/home/x/kh'))],
      'node-a',
      22,
      ed,
      'AAAA',
    );
    expect(seen).toMatchObject({ kind: 'changed', at: { file: '/home/x/kh', line: 2 } });
  });

  it('offers the known types, hashed ones too', () => {
    const index = indexKnownHosts(
      parseKnownHosts(
        `${hashName('node-a', salt)} ${rsa} AAAA\n${hashName('node-b', salt)} ${ed} BBBB\nnode-c ecdsa-sha2-nistp256 CCCC\n`,
        'kh',
      ),
    );
    expect(index.types('node-a')).toEqual([rsa]);
    expect(index.types('node-b')).toEqual([ed]);
    expect(index.types('node-c')).toEqual(['ecdsa-sha2-nistp256']);
    expect(index.types('node-d')).toEqual([]);
  });
});

// A reading of sshd(8), line by line and without any index.
function plainly(
  lines: readonly Line[],
  host: string,
  port: number,
  type: string,
  key: string,
): string {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const isFor = (line: Line, wanted: string): boolean =>
    !line.names.some((one) => one.startsWith('!') && glob(one.slice(1), wanted)) &&
    line.names.some((one) => !one.startsWith('!') && glob(one, wanted));
  const here = lines.filter((line) => isFor(line, name));
  const bare = lines.filter((line) => isFor(line, host));
  if ([...here, ...bare].some((line) => line.marker === '@revoked' && line.key === key))
    return 'revoked';
  const keys = here.filter((line) => line.marker === '');
  if (keys.some((line) => line.key === key)) return 'known';
  if (keys.some((line) => line.type === type)) return 'changed';
  if (keys.length > 0) return 'other_type';
  return bare.some((line) => line.marker === '' && line.key === key) ? 'known' : 'unknown';
}
const glob = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${[...pattern].map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[\\^$.|+()[\]{}]/, '\\$&'))).join('')}$`,
  ).test(text);

interface Line {
  readonly marker: '' | '@revoked' | '@cert-authority';
  readonly names: readonly string[];
  readonly hashed: boolean;
  readonly type: string;
  readonly key: string;
}
const names = ['a', 'b', 'ab', '[a]:2222', '[b]:2222'];
const aLine: fc.Arbitrary<Line> = fc.record({
  marker: fc.constantFrom(
    '' as const,
    '' as const,
    '' as const,
    '@revoked' as const,
    '@cert-authority' as const,
  ),
  names: fc.array(fc.constantFrom(...names, '*', '?', '!a', '![b]:2222', '[*]:2222', 'a*'), {
    minLength: 1,
    maxLength: 3,
  }),
  hashed: fc.boolean(),
  type: fc.constantFrom(ed, rsa),
  key: fc.constantFrom('AAAA', 'BBBB', 'CCCC'),
});
const written = (line: Line): string =>
  `${line.marker} ${line.names.join(',')} ${line.type} ${line.key}`.trim();
const hashedLine = (line: Line): Line => ({
  ...line,
  names: [names[line.key.charCodeAt(0) % names.length] ?? 'a'],
});

describe('properties', () => {
  it('the index judges like a direct reading of all lines', () => {
    fc.assert(
      fc.property(
        fc.array(aLine, { maxLength: 8 }),
        fc.constantFrom('a', 'b', 'ab', 'c'),
        fc.constantFrom(22, 2222),
        fc.constantFrom(ed, rsa),
        fc.constantFrom('AAAA', 'BBBB'),
        (lines, host, port, type, key) => {
          const really = lines.map((line) => (line.hashed ? hashedLine(line) : line));
          const text = really
            .map((line) =>
              line.hashed
                ? written({ ...line, names: [hashName(line.names[0] ?? 'a', salt)] })
                : written(line),
            )
            .join('\n');
          expect(verdict(text, host, port, type, key)).toBe(plainly(really, host, port, type, key));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('no text breaks the parser, and a line without the key never makes it known', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(verdict(text, 'node-a', 22, ed, 'AAAAC3NzaC1lZDI1NTE5AAAAIL7bSp2')).not.toBe(
          'known',
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('a pattern of many stars is matched within the limit', () => {
    const started = Date.now();
    verdict(`${'*a'.repeat(40)}b ${ed} AAAA\n`, 'a'.repeat(200), 22, ed, 'AAAA');
    expect(Date.now() - started).toBeLessThan(500);
  });
});

describe('the type of a key that a server sends', () => {
  const field = (text: string): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text, 'latin1')]);

  it.each([
    ['an algorithm', 'ssh-ed25519', true],
    ['an algorithm of a vendor', 'sk-ssh-ed25519@openssh.com', true],
    ['a line of its own', 'x\n* ssh-ed25519', false],
    ['a command for whoever pastes the hint', '$(touch\tx)', false],
    ['nothing', '', false],
  ])('%s: is stored only if it is a valid name', (_what, type, isFiled) => {
    const directory = mkdtempSync(join(tmpdir(), 'kmend-keys-'));
    const file = join(directory, 'known_hosts');
    const names = { alias: 'h1', host: 'h1', port: 22, user: 'root' };
    const files = { userKnownHosts: [file], globalKnownHosts: [], keyFiles: [] };
    const flags = {
      identitiesOnly: false,
      mayAsk: false,
      hashKnownHosts: false,
      legacyCrypto: false,
      connectTimeout: 1,
    };
    const hop: Hop = { ...names, ...files, ...flags, hostKeyChecking: 'accept-new' };
    const checked = createHostKeys(() => {}).check(hop, Buffer.concat([field(type), field('key')]));
    expect([
      checked.ok,
      existsSync(file) ? readFileSync(file, 'utf8').split('\n').length : 0,
    ]).toEqual([isFiled, isFiled ? 2 : 0]);
    rmSync(directory, { recursive: true });
  });
});
