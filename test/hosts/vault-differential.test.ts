// What the ansible-vault that is installed here encrypts, opened by kmend, and the other way round:
// both must agree on the text, and on what does not open. Skipped where ansible-core is missing.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decryptVault } from '../../src/adapters/local/vault/decrypt.ts';
import { parseExtraVars } from '../../src/load/index.ts';
import { isSealed } from '../../src/model/value.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { vaultText } from '../fakes/vault-writer.ts';

const program = '/usr/bin/ansible-vault';
const dir = mkdtempSync(join(tmpdir(), 'kmend-vault-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const passwords: Readonly<Record<string, string>> = { dev: 'first one', prod: 'pässwörd "2"' };
/** Blanks and line ends around a password do not count. */
for (const [label, password] of Object.entries(passwords))
  writeFileSync(at(label), `  ${password}  \n\n`);

const ansible = (args: readonly string[], input?: string) =>
  spawnSync(program, args, { cwd: dir, timeout: 60_000, ...(input !== undefined && { input }) });

function encrypted(data: string | Buffer, label: string): string {
  writeFileSync(at('file'), data);
  const done = ansible(['encrypt', '--vault-id', `${label}@${label}`, 'file']);
  if (done.status !== 0) throw new Error(String(done.stderr));
  return readFileSync(at('file'), 'utf8');
}

/** Opened by kmend with the passwords of these labels; undefined where it does not open. */
function byKmend(text: string, labels: readonly string[]): Buffer | undefined {
  const known = labels.map((label) => ({ label, password: passwords[label] ?? '' }));
  const result = decryptVault(text, known);
  return result.ok ? result.data : undefined;
}

function byAnsible(text: string, labels: readonly string[]): Buffer | undefined {
  writeFileSync(at('text'), text);
  const ids = labels.flatMap((label) => ['--vault-id', `${label}@${label}`]);
  const done = ansible(['decrypt', ...ids, '--output', '-', 'text']);
  return done.status === 0 ? done.stdout : undefined;
}

describe.skipIf(!existsSync(program))('a vault', () => {
  it.each<[string, string | Buffer]>([
    ['YAML', 'a: 1\nb: [x, y]\n'],
    ['umlauts', 'a: äöü€\n'],
    ['CRLF', 'a: 1\r\nb: 2\r\n'],
    ['16 bytes, a whole block', 'x'.repeat(16)],
    ['binary', Buffer.from([0, 255, 10, 13, 128, 0])],
    ['1 MiB', randomBytes(1024 * 1024)],
  ])(
    'of %s is opened to the same bytes',
    (_, data) => {
      expect(byKmend(encrypted(data, 'prod'), ['prod'])).toEqual(Buffer.from(data));
    },
    60_000,
  );

  it('by kmend is opened by ansible-vault', () => {
    for (const label of [undefined, 'prod'])
      expect(String(byAnsible(vaultText('text\n', passwords.prod ?? '', label), ['prod']))).toBe(
        'text\n',
      );
  }, 60_000);

  it('is opened, or not, with the same passwords, labels, line ends and damages', () => {
    const text = encrypted('secret\n', 'prod');
    const lines = text.trim().split('\n');
    const texts: Readonly<Record<string, string>> = {
      asWritten: text,
      otherLabel: text.replace('1.2;AES256;prod', '1.2;AES256;dev'),
      noLabel: text.replace('1.2;AES256;prod', '1.1;AES256'),
      crlf: text.replaceAll('\n', '\r\n'),
      truncated: lines.slice(0, -1).join('\n'),
      halfByte: text.trim().slice(0, -1),
      tampered: text.trim().replace(/.$/, (last) => (last === '1' ? '2' : '1')),
      otherCipher: text.replace('AES256', 'AES'),
    };
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ...Object.keys(texts).map((name) => [name, ['dev', 'prod']] as const),
      ['asWritten', ['dev']],
      ['otherLabel', ['prod']],
    ];
    for (const [name, labels] of cases) {
      const one = texts[name] ?? '';
      expect([name, labels, byKmend(one, labels)]).toEqual([name, labels, byAnsible(one, labels)]);
    }
  }, 120_000);

  it('of a single value is opened out of its YAML', () => {
    const done = ansible(
      ['encrypt_string', '--vault-id', 'dev@dev', '--stdin-name', 'token'],
      ' two\nlines ',
    );
    const { value } = parseExtraVars(['@v'], tableReader({ v: String(done.stdout) }));
    const { token = null } = value ?? {};
    if (!isSealed(token)) throw new Error(`not encrypted: ${JSON.stringify(value)}`);
    expect(String(byKmend(token.__ansible_vault, ['dev']))).toBe(' two\nlines ');
  }, 60_000);
});
