// `lookup` through a plan and its run: what it read is in the digests, what is secret is printed nowhere,
// and a file that others may write is refused.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { vaultText } from '../fakes/vault-writer.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

const say = `    - {name: Say, shell: 'echo {{ x | quote }} > "$KMEND_ROOT/var/said"'}\n`;
const said = (): string => readFileSync(join(lab.host('h1').root, 'var/said'), 'utf8');
const withX = (lookup: string): string => play(say, '{}', `  vars: {x: "{{ ${lookup} }}"}\n`);
const inEnv = (env: Record<string, string>) => ({ env });

it('a plan is applied with what it read, or is stale', async () => {
  const playbook = lab.file('env.yaml', withX("lookup('env', 'KM_WORD')"));
  const file = join(lab.dir, 'env.json');
  const env = inEnv({ KM_WORD: 'one' });
  expect((await lab.run(['plan', playbook, '-o', file], env)).exit).toBe(2);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).inputs)).toContain(
    'environment variable KM_WORD',
  );
  for (const [other, why] of [
    [{ KM_WORD: 'two' }, 'environment variable KM_WORD has changed'],
    [{}, 'environment variable KM_WORD has changed'],
  ] as const) {
    const stale = await lab.run(['apply', file, '--yes'], inEnv(other));
    expect([stale.exit, stale.err]).toEqual([8, expect.stringContaining(why)]);
  }
  expect((await lab.run(['apply', file, '--yes'], env)).exit).toBe(0);
  expect(said()).toBe('one\n');
});

it('a file that changed, and a new one of a pattern, make a plan stale', async () => {
  const found = lab.file('word.txt', 'first\n\n');
  const words = `lookup('file', 'word.txt') ~ (query('fileglob', '*.txt') | length)`;
  const playbook = lab.file('file.yaml', withX(words));
  const file = join(lab.dir, 'file.json');
  expect((await lab.run(['plan', playbook, '-o', file])).exit).toBe(2);
  writeFileSync(found, 'other\n');
  lab.file('new.txt', '');
  const stale = await lab.run(['apply', file, '--yes']);
  expect(stale.exit).toBe(8);
  expect(stale.err).toContain(`${found} has changed`);
  expect(stale.err).toMatch(/files of \S*\*\.txt has changed/);
  expect((await lab.run(['apply', playbook, '--yes'])).exit).toBe(0);
  expect(said()).toBe('other2\n');
});

it('a secret of the environment and of an encrypted file is printed nowhere', async () => {
  const password = lab.file('pass', 'the password\n');
  lab.file('sealed.txt', vaultText('Zq7-of-the-file\n', 'the password'));
  const lookups = `lookup('env', 'KM_TOKEN') ~ lookup('file', 'sealed.txt')`;
  const playbook = lab.file('secret.yaml', withX(lookups));
  const file = join(lab.dir, 'secret.json');
  const env = inEnv({ KM_TOKEN: 'Zq7-of-the-environment' });
  const vault = ['--vault-password-file', password];
  const planned = await lab.run(['plan', playbook, '-o', file, ...vault], env);
  const done = await lab.run(['apply', playbook, '--yes', ...vault], env);
  expect([planned.exit, done.exit], planned.err + done.err).toEqual([2, 0]);
  expect(said()).toBe('Zq7-of-the-environmentZq7-of-the-file\n');
  const all = [planned.out, planned.err, done.out, done.err, lab.journalText()];
  for (const text of [...all, readFileSync(file, 'utf8')]) expect(text).not.toContain('Zq7-of');
  const closed = await lab.run(['plan', playbook], env);
  expect([closed.exit, closed.err]).toEqual([3, expect.stringContaining('no vault password')]);
});

it('a file that others may write is refused', async () => {
  chmodSync(lab.file('open.txt', 'x'), 0o666);
  const done = await lab.run(['plan', lab.file('open.yaml', withX("lookup('file', 'open.txt')"))]);
  expect([done.exit, done.err]).toEqual([3, expect.stringContaining('open.txt cannot be read')]);
});

it('-e and inventories cannot look up: the error says so', async () => {
  const given = JSON.stringify({ x: "{{ lookup('env', 'HOME') }}" });
  const done = await lab.run(['plan', lab.file('plain.yaml', play(say)), '-e', given]);
  expect(`${done.out}${done.err}`.replaceAll(/\s+/g, ' ')).toContain(
    "lookup('env', 'HOME') is not available here",
  );
});
