// What flags mean beside a saved plan, a resume and a rollback: lists change nothing, and a takeover
// reaches the cluster.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failed } from '../../src/model/run/failure.ts';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';

let lab: Practice;
let plan = '';
let run = '';
beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2')]);
  const playbook = lab.file('fix.yaml', remediationPlay());
  plan = join(lab.dir, 'plan.json');
  expect((await lab.run(['plan', playbook, '-o', plan, '-l', 'h2'])).exit).toBe(2);
  expect((await lab.run(['apply', playbook, '--yes', '-l', 'h1', '--wait'])).exit).toBe(0);
  run = lab.runs().at(-1) ?? '';
}, 60_000);
afterAll(() => lab.close());

describe('a saved plan is only listed', () => {
  it.each([
    ['--list-hosts', /hosts \(1\):\n +h2$/],
    ['--list-tasks', /The argument/],
    ['--syntax-check', /playbook: .*fix\.yaml$/],
  ])('by %s, even with --yes', async (flag, wanted) => {
    const done = await lab.run(['apply', plan, flag, '--yes']);
    expect([done.exit, done.err, done.out]).toEqual([0, '', expect.stringMatching(wanted)]);
    expect(lab.runs()).toEqual([run]);
    expect(lab.host('h2').boots()).toBe(1);
  });
});

describe('--takeover reaches the cluster', () => {
  it.each([
    ['apply of a playbook', () => ['apply', join(lab.dir, 'fix.yaml')]],
    ['apply of a saved plan', () => ['apply', plan]],
    ['resume', () => ['resume', run]],
    ['rollback', () => ['rollback', run]],
  ])('by %s', async (_, words) => {
    const asked: (string | undefined)[] = [];
    const done = await lab.run([...words(), '--yes', '--kubeconfig', 'k', '--takeover', 'r9'], {
      cluster: async ({ takeover }) => {
        asked.push(takeover);
        return failed('unreachable', 'no cluster in this test');
      },
    });
    expect([done.exit, asked]).toEqual([3, ['r9']]);
  });
});

it('a run keeps how its hosts are reached, and nothing that was said of one command', () => {
  const { flags } = JSON.parse(readFileSync(join(lab.state, 'runs', run, 'settings.json'), 'utf8'));
  expect(Object.keys(flags).sort()).toEqual(['extraVars', 'inventory', 'limit', 'stateDir']);
});
