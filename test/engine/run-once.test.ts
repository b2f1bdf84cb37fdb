// Tasks that one host does for all: by real processes, also after kill -9.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
const groups = [
  'plain',
  'fails',
  'learns',
  'killed',
  'closes',
  'braked',
  'saved',
  'rescued',
] as const;
type Group = (typeof groups)[number];
const hostsOf = (group: Group): readonly string[] => [1, 2, 3].map((n) => `${group}${n}`);

beforeAll(async () => {
  lab = await practice(groups.flatMap(hostsOf).map((name) => sick(name)));
});
afterAll(() => lab.close());

const log = (name: Group): string => join(lab.dir, `${name}.log`);
/** What this machine wrote, in its order. */
const linesOf = (name: Group): readonly string[] =>
  existsSync(log(name)) ? readFileSync(log(name), 'utf8').trim().split('\n') : [];
const book = (group: Group, tasks: string, keys = 'max_fail_percentage: 100'): string =>
  lab.file(`${group}.yaml`, `- hosts: ${hostsOf(group).join(':')}\n  ${keys}\n  tasks:\n${tasks}`);

/** A local task that writes its word and the host. */
const writes = (group: Group, word: string, keys: readonly string[] = [], more = ''): string =>
  [
    `    - name: ${word}`,
    `      shell: "echo ${word} {{ inventory_hostname }} >> '${log(group)}'${more}"`,
    '      delegate_to: localhost',
    ...keys.map((key) => `      ${key}`),
    '',
  ].join('\n');

const start = (args: readonly string[]) =>
  spawnCommand([...args, '--state-dir', lab.state], join(lab.dir, 'home'), {
    XDG_STATE_HOME: join(lab.dir, 'state-of'),
  });

async function run(args: readonly string[]) {
  const child = await start(args);
  const exit = await child.ended;
  return { exit, out: child.out() + child.err() };
}
const fleet = (path: string): readonly string[] => [path, '-i', lab.fleet.inventoryFile];
const runOf = (group: Group): string =>
  lab.runs().find((one) => lab.journalText(one).includes(`${group}.yaml`)) ?? '';
const starts = (events: readonly Event[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'host.started' ? [event.host] : []));

/** Applies the playbook, and kills kmend when this machine has written `line`. */
async function killedAt(group: Group, path: string, line: string): Promise<string> {
  const child = await start(['apply', ...fleet(path), '--yes']);
  await until(`${group}: ${child.out()}${child.err()}`, () => linesOf(group).includes(line), 40);
  child.signal('SIGKILL');
  await child.ended;
  return runOf(group);
}

const all = 'rollout: {max_unavailable: 3}';
const once = 'run_once: true';

describe('run_once', () => {
  it('is done on the first host, before all others; the plan says so', async () => {
    const path = book(
      'plain',
      writes('plain', 'first', [once], '; sleep 1') + writes('plain', 'each'),
      all,
    );
    const plan = await run(['plan', ...fleet(path)]);
    expect(plan.out).toContain('first (once, on plain1, before all others)');
    expect(plan.out.split('first (once')).toHaveLength(2);
    const applied = await run(['apply', ...fleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    const [first, ...others] = linesOf('plain');
    expect(first).toBe('first plain1');
    expect([...others].sort()).toEqual(['each plain1', 'each plain2', 'each plain3']);
    const events = lab.journal(runOf('plain'));
    const past = events.findIndex(({ type }) => type === 'prelude.done');
    expect(starts(events.slice(0, past))).toEqual(['plain1']);
    expect(starts(events.slice(past))).toEqual(['plain2', 'plain3']);
  }, 120_000);

  it.concurrent('its failure starts no other host, and a retry goes on', async () => {
    const path = book(
      'fails',
      writes('fails', 'first', [once], `; [ -e '${log('fails')}.ok' ]`) + writes('fails', 'each'),
      'rollout: {max_unavailable: 3, brake: {failures: 3}}',
    );
    const applied = await run(['apply', ...fleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(5);
    expect(applied.out).toMatch(
      /no other host is started: fails1 did not do the tasks that run once before all others/,
    );
    expect(linesOf('fails')).toEqual(['first fails1']);
    const skipped = await run(['resume', runOf('fails'), '--skip', 'fails1', '--yes']);
    expect([skipped.exit, linesOf('fails')], skipped.out).toEqual([5, ['first fails1']]);
    writeFileSync(`${log('fails')}.ok`, '');
    const again = await run(['resume', runOf('fails'), '--retry', 'fails1', '--yes']);
    expect(again.exit, again.out).toBe(0);
    expect(linesOf('fails')).toHaveLength(5);
  }, 120_000);

  it.concurrent('what it registers and sets is data of all hosts', async () => {
    const trap = '{{ inventory_hostname }}';
    const path = book(
      'learns',
      `    - command: {argv: [printf, "%s", "{{ '${'{{'}' }} inventory_hostname }}"], expand_argument_vars: false}
      register: first
      run_once: true
    - set_fact: {chosen: "by {{ inventory_hostname }}"}
      run_once: true
    - debug: {msg: "SAYS {{ inventory_hostname }}: {{ first.stdout }}, {{ chosen }}"}
    - shell: echo {{ inventory_hostname }} {{ chosen | quote }} >> '${log('learns')}'
      delegate_to: localhost
      when: first.stdout is defined
`,
      all,
    );
    const applied = await run(['apply', ...fleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    for (const host of hostsOf('learns'))
      expect(applied.out).toContain(`SAYS ${host}: ${trap}, by learns1`);
    expect([...linesOf('learns')].sort()).toEqual(
      hostsOf('learns').map((host) => `${host} by learns1`),
    );
  }, 120_000);

  it.concurrent('kill -9 in the prelude: nothing is done twice, nothing is lost', async () => {
    const path = book(
      'killed',
      writes('killed', 'zero', [once]) +
        writes('killed', 'first', [once], '; sleep 3') +
        writes('killed', 'each'),
      all,
    );
    const id = await killedAt('killed', path, 'first killed1');
    const resumed = await run(['resume', id, '--yes']);
    expect(resumed.exit, resumed.out).toBe(0);
    const [zero, first, ...others] = linesOf('killed');
    expect([zero, first]).toEqual(['zero killed1', 'first killed1']);
    expect([...others].sort()).toEqual(hostsOf('killed').map((host) => `each ${host}`));
  }, 120_000);

  it.concurrent('behind all others it is done when every host has ended, also after kill -9', async () => {
    const path = book(
      'closes',
      writes('closes', 'first', [once]) +
        writes('closes', 'each', ['register: own']) +
        writes('closes', 'last', [once, 'when: own.rc == 0'], '; sleep 3'),
      all,
    );
    const plan = await run(['plan', ...fleet(path)]);
    expect(plan.out).toContain('once, on closes1, after all others');
    const id = await killedAt('closes', path, 'last closes1');
    const resumed = await run(['resume', id, '--yes']);
    expect(resumed.exit, resumed.out).toBe(0);
    const lines = linesOf('closes');
    expect([lines[0], lines.at(-1)]).toEqual(['first closes1', 'last closes1']);
    expect(lines.slice(1, -1).toSorted()).toEqual(hostsOf('closes').map((host) => `each ${host}`));
    const more = await run(['resume', id, '--yes']);
    expect(linesOf('closes'), more.out).toEqual(lines);
  }, 120_000);

  it.concurrent('behind the brake it is not done, and the run says so', async () => {
    const path = book(
      'braked',
      writes('braked', 'each', [], "; [ '{{ inventory_hostname }}' != braked2 ]") +
        writes('braked', 'last', [once]),
      'rollout: {max_unavailable: 1, brake: {failures: 0}}',
    );
    const applied = await run(['apply', ...fleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(5);
    expect(linesOf('braked')).toEqual(['each braked1', 'each braked2']);
    expect(applied.out).toContain('not done: the tasks that run once after all others, on braked1');
    const done = await run(['resume', runOf('braked'), '--done', 'braked2', '--yes']);
    expect(done.exit, done.out).toBe(0);
    expect(linesOf('braked').slice(2)).toEqual(['each braked3', 'last braked1']);
  }, 120_000);

  it.concurrent('a saved plan keeps the host; with --limit it is the first of these', async () => {
    const path = book(
      'saved',
      writes('saved', 'first', [once]) + writes('saved', 'each'),
      'rollout: {max_unavailable: 3, order: reverse_inventory}',
    );
    const plan = join(lab.dir, 'saved.json');
    const made = await run(['plan', ...fleet(path), '-l', 'saved1:saved2', '-o', plan]);
    expect(made.out).toContain('first (once, on saved2, before all others)');
    const applied = await run(['apply', ...fleet(plan), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    expect([linesOf('saved')[0], linesOf('saved').slice(1).toSorted()]).toEqual([
      'first saved2',
      ['each saved1', 'each saved2'],
    ]);
  }, 120_000);

  it.concurrent('a rescue around it counts, and `when` is asked of its host alone', async () => {
    const path = book(
      'rescued',
      `    - run_once: true
      block:
        - {command: "false", changed_when: false, delegate_to: localhost}
      rescue:
        - {shell: "echo saved {{ inventory_hostname }} >> '${log('rescued')}'", delegate_to: localhost}
` +
        writes('rescued', 'no', [once, "when: inventory_hostname == 'rescued2'"]) +
        writes('rescued', 'each'),
      'rollout: {max_unavailable: 3, brake: {rescued: ignore}}',
    );
    const applied = await run(['apply', ...fleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    const [first, ...others] = linesOf('rescued');
    expect(first).toBe('saved rescued1');
    expect([...others].sort()).toEqual(hostsOf('rescued').map((host) => `each ${host}`));
  }, 120_000);
});
