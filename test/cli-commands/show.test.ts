// A saved plan is read again: by `show` as it is, by `apply --check` if it still fits its files. And
// playbooks that come with kmend go by name.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import { command } from '../cli/real-world.ts';

let lab: Practice;
let plan = '';
let playbook = '';
let planned = '';
const show = (...words: readonly string[]) => command(['show', ...words], { home: lab.dir });
/** The lines of the plan itself. */
const body = (text: string): string =>
  /Play: [\s\S]*?Plan: .*/.exec(text)?.[0].replace(/about \S+|expected to take \S+/g, '') ?? '';

beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2')]);
  playbook = lab.file('fix.yaml', remediationPlay('{canary: {hosts: h2}}'));
  plan = join(lab.dir, 'plan.json');
  const done = await lab.run(['plan', playbook, '-o', plan]);
  expect(done.exit).toBe(2);
  planned = done.out;
}, 60_000);
afterAll(() => lab.close());

describe('kmend show', () => {
  it('prints what the plan printed, canary included, and where it came from', async () => {
    const shown = await show(plan);
    expect([shown.exit, shown.err]).toEqual([0, '']);
    expect(body(planned)).toMatch(/Canary: 1\n {2}h2/);
    expect(body(shown.out)).toBe(body(planned));
    const { tool } = JSON.parse(readFileSync(plan, 'utf8'));
    expect(shown.out.split('\n')[0]).toMatch(
      new RegExp(
        `^Made \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC by kmend ${tool} of .*fix\\.yaml`,
      ),
    );
    expect(shown.out.split('\n').at(-1)).toBe(`Carry it out with: kmend apply ${plan}`);
  });

  it('gives the plan itself as JSON', async () => {
    const { out } = await show(plan, '--json');
    expect(JSON.parse(out)).toEqual(JSON.parse(readFileSync(plan, 'utf8')));
  });

  it('needs neither the playbook nor the inventory', async () => {
    const copy = lab.file(
      'elsewhere.json',
      readFileSync(plan, 'utf8').replaceAll(playbook, '/gone.yaml'),
    );
    expect((await show(copy)).exit).toBe(0);
  });

  it.each([
    ['a playbook', () => playbook, /fix\.yaml is no saved plan\n.*give the FILE of `kmend plan -o/],
    ['other JSON', () => lab.file('other.json', '{}'), /is not a plan that `kmend plan -o` saved/],
    ['what is not there', () => '/gone.json', /gone\.json cannot be read/],
  ])('refuses %s', async (_, path, why) => {
    const { exit, err } = await show(path());
    expect([exit, err]).toEqual([3, expect.stringMatching(why)]);
  });
});

describe('kmend apply --check of a saved plan', () => {
  it('prints the plan, and ends as the plan did', async () => {
    const { exit, out, err } = await lab.run(['apply', '--check', plan]);
    expect([exit, err]).toEqual([2, '']);
    expect(body(out)).toBe(body(planned));
    expect(lab.runs()).toEqual([]);
  });

  it('refuses it when it is stale', async () => {
    const text = readFileSync(playbook, 'utf8');
    writeFileSync(playbook, `${text}\n# changed\n`);
    const { exit, err } = await lab.run(['apply', '-C', plan]);
    writeFileSync(playbook, text);
    expect([exit, err]).toEqual([
      8,
      expect.stringMatching(/plan\.json is stale: .*fix\.yaml has changed/),
    ]);
  });
});

it('an apply without a terminal and without --yes names what works', async () => {
  const { exit, err } = await lab.run(['apply', playbook]);
  expect([exit, err]).toEqual([
    3,
    expect.stringMatching(
      /kmend plan -o FILE\), then carry out exactly that: kmend apply FILE --yes/,
    ),
  ]);
});

describe('a playbook that comes with kmend', () => {
  it('goes by name, also in the plan that is saved of it', async () => {
    const saved = join(lab.dir, 'named.json');
    expect((await lab.run(['plan', '@check', '-o', saved])).exit).toBe(0);
    expect(JSON.parse(readFileSync(saved, 'utf8'))).toMatchObject({ playbook: '@check' });
    expect(readFileSync(saved, 'utf8')).not.toContain('check.yaml');
    expect(await lab.run(['apply', saved, '--check', '--yes'])).toMatchObject({ exit: 0, err: '' });
  });

  it.each(['auto', 'newer-kernel', 'nokmem', 'repository', 'runtime', 'scheduled'])(
    '%s is one of them',
    async (name) => {
      const { exit, out } = await lab.run(['validate', `@${name}`]);
      expect([exit, out]).toEqual([0, expect.stringMatching(`@${name}: 1 play fine`)]);
    },
  );

  it.each([
    ['@atuo', /no playbook that comes with kmend is called @atuo\n.*did you mean @auto\?/],
    ['@zebra', /they are @auto, @check, @newer-kernel, /],
    ['@../docs/rbac', /is called @\.\.\/docs\/rbac/],
    ['nowhere/playbooks/auto.yaml', /comes with a playbook of this name: give @auto/],
    ['mine.yaml', /a plan that `kmend plan -o` saved/],
  ])('%s: the hint is right', async (name, why) => {
    const { exit, err } = await lab.run(['plan', name]);
    expect([exit, err]).toEqual([3, expect.stringMatching(why)]);
  });
});
