// Errors next to a secret: where a quote or a sign is missing, the secret must not get into the log.
// And files with more errors than can be printed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { command } from '../cli/real-world.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-errors-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const inventory = (text: string): readonly string[] => ['check', '-i', file('hosts.ini', text)];

it.each([
  ['a quote that is not closed (-e)', ['check', '-i', 'h1,', '-e', 'api_token=CANARY x="']],
  ['a blank (-e)', ['check', '-i', 'h1,', '-e', 'db_password=two CANARY']],
  ['a blank (host line)', inventory('h1 ansible_password=two CANARY\n')],
  ['no sign (group variable)', inventory('[all:vars]\nansible_password CANARY\n')],
  ['a bracket', inventory('[ api_token=CANARY ]\n')],
  ['the URL of an inventory', ['check', '-i', 'https://ops:CANARY@h/inventory']],
  ['the URL of a playbook', ['plan', 'https://ops:CANARY@h/p.yaml', '-i', 'h1,']],
])('the message of an error never shows a secret: %s', async (_, args) => {
  const { exit, out, err } = await command(args, { home: dir });
  expect([exit, /error|kmend:/.test(err)]).toEqual([3, true]);
  expect(out + err).not.toContain('CANARY');
});

it('says what is wrong where no secret is near', async () => {
  const { err } = await command(['check', '-i', 'h1,', '-e', 'zone=a b'], { home: dir });
  expect(err).toContain('`b` is not name=value');
});

it('law: the output about errors has a limit, and takes little time', async () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join(', ');
  const path = file('merge.yaml', `x: &x {${keys}}\nall:\n  vars:\n    <<: [*x, *x, *x]\n`);
  const began = process.cpuUsage();
  const { exit, err } = await command(['check', '-i', path], { home: dir });
  expect(exit).toBe(3);
  expect(err).toContain('19900 more');
  expect(err.length).toBeLessThan(100_000);
  expect(process.cpuUsage(began).user / 1e6).toBeLessThan(10);
});
