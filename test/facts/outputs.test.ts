// Outputs of the probe as people bring them home, and what is in them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outputsIn, parseProbe } from '../../src/facts/index.ts';

const output = readFileSync(
  join(import.meta.dirname, '../fixtures/recorded/direct-boot-default.txt'),
  'utf8',
);
const other = output
  .replace('host (none)', 'host node-b2')
  .replace(/boot cbbe50f2/g, 'boot 11111111');

/** Name by the file, name by the host, boot id; or why it cannot be used. */
const said = (text: string): readonly string[] =>
  outputsIn(text).map(({ host, text: inner }) => {
    const parsed = parseProbe(inner);
    return parsed.ok
      ? `${host ?? '-'} ${String(parsed.value['host.name'])} ${String(parsed.value['boot.id']).slice(0, 8)}`
      : `${host ?? '-'}: ${parsed.failure.message}`;
  });
const one = ['- (none) cbbe50f2'];
const prefixed = (prefix: string, text: string): string =>
  text
    .split('\n')
    .map((line) => `${prefix}${line}`.trimEnd())
    .join('\n');

describe('one output', () => {
  it.each([
    ['as it was printed', output],
    ['with the line ends of Windows', output.replaceAll('\n', '\r\n')],
    ['out of a terminal, doubled CR', output.replaceAll('\n', '\r\r\n')],
    ['without its last newline', output.trimEnd()],
    ['with a byte order mark', `\ufeff${output}`],
    [
      'in UTF-16, read as UTF-8',
      `\ufffd\ufffd${[...output].map((sign) => `${sign}\u0000`).join('')}`,
    ],
    [
      'between prompts, with the command',
      `[root@a ~]# sh probe.sh\n${output}[root@a ~]# exit\nlogout\n`,
    ],
    ['a prompt right before its first mark', output.replace('\n@@kmend begin', '$ @@kmend begin')],
    ['after a banner and in colours', `\u001b[1mAuthorized users only\u001b[0m\n${output}`],
    ['blanks at the ends of its marks', output.replace(/^(@@kmend .*)$/gm, '$1  ')],
    ['with the script before it', `printf '\\n@@kmen%s begin 1 12\\n' d\n${output}`],
    [
      "as a tool's JSON",
      JSON.stringify({
        changed: true,
        rc: 0,
        stdout: output.replaceAll('\n', '\r\n'),
        stdout_lines: [],
      }),
    ],
  ])('%s', (_, text) => expect(said(text)).toEqual(one));
});

describe('several in one file', () => {
  it('after each other', () =>
    expect(said(output + other)).toEqual(['- (none) cbbe50f2', '- node-b2 11111111']));
  it('after each other, the first broken off', () =>
    expect(said(output.slice(0, 400) + other)).toEqual([
      expect.stringContaining('truncated'),
      '- node-b2 11111111',
    ]));
  it.each([
    ['node-1: ', 'node-10: '],
    ['[node-1] ', '[node-10] '],
    ['node-1 | ', 'node-10 | '],
  ])('mixed line by line, behind %j and %j', (a, b) => {
    const [left, right] = [prefixed(a, output).split('\n'), prefixed(b, other).split('\n')];
    const mixed = left.flatMap((line, index) => [line, right[index] ?? '']).join('\n');
    expect(said(`some noise\n${mixed}\n`)).toEqual([
      'node-1 (none) cbbe50f2',
      'node-10 node-b2 11111111',
    ]);
  });
  it('below the names of hosts in JSON', () =>
    expect(
      said(
        JSON.stringify({
          plays: [
            { tasks: [{ hosts: { 'node-a': { stdout: output }, 'node-b': { stdout: other } } }] },
          ],
        }),
      ),
    ).toEqual(['node-a (none) cbbe50f2', 'node-b node-b2 11111111']));
});

describe('no output', () => {
  it.each([
    ['nothing at all', ''],
    ['other text', 'hello\n'],
    ['other JSON', '{"a": 1}'],
    ['broken JSON', '{"stdout": "'],
  ])('%s is one that cannot be used', (_, text) =>
    expect(said(text)).toEqual(['-: the host did not run the probe: none of its output came back']),
  );
});
