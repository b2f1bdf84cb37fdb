// A run as JUnit XML: well-formed, in the structure that CI systems agree on, whatever hosts say.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { HostSummary, RunSummary } from '../../src/core/history/run-summary.ts';
import { junitXml } from '../../src/screens/run/junit.ts';

const host = (name: string, more: Partial<HostSummary>): HostSummary => ({
  host: name,
  status: 'same',
  before: 'on',
  remedy: 'kernel_arg',
  keepsSlot: false,
  differences: [],
  leftBehind: [],
  ...more,
});
const hostile = `<b>&"'\u0000\u001b[31m\u202e\ufffe\n]]>--><x a="`;

const counts: RunSummary['counts'] = {
  ...{ same: 1, planned: 1, waiting: 1, running: 1, soaking: 1, done: 2 },
  ...{ failed: 1, refused: 2, left_out: 1 },
};
const run: RunSummary = {
  run: '20261127-100000-ab12',
  state: 'finished',
  play: `Nights & <days> ${hostile}`,
  playbook: '/srv/plays/auto.yaml',
  planId: 'p1',
  startedAt: Date.UTC(2026, 10, 27, 10, 0, 0),
  lastAt: Date.UTC(2026, 10, 27, 10, 2, 3, 500),
  finished: { exit: 4, why: '1 failed' },
  counts,
  hosts: [
    host('same', {}),
    host('done', {
      status: 'done',
      startedAt: 1_000,
      endedAt: 3_250,
      proven: 'yes',
      proof: { verdict: 'off', by: 'samples', evidence: 'EIO on 17 of 17' },
    }),
    host('open', {
      status: 'done',
      proven: 'partial',
      proof: {
        verdict: 'on',
        by: 'samples',
        evidence: 'x',
        accepted: [{ key: 'kubelet', name: 'kubelet 1.12.3' }],
      },
    }),
    host('unproven', { status: 'soaking', proven: 'provisional' }),
    host('failed', {
      status: 'failed',
      failure: { kind: 'exit', message: hostile, hint: 'see <it>', detail: 'a\nb' },
    }),
    host('refused', { status: 'refused', refused: { task: '1', why: 'no', hint: 'hint & more' } }),
    host('unmet', { status: 'refused' }),
    host('runs', { status: 'running' }),
    host('planned', { status: 'planned' }),
    host(hostile, { status: 'waiting', keptOut: 'kmend.io/hold' }),
  ],
  leftOut: [{ host: 'away', failure: { kind: 'unreachable', message: 'no answer' } }],
  kernels: [],
  journal: { entries: 9, head: 'f'.repeat(64), torn: false },
};

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** A reader that refuses what is not well-formed. */
function read(xml: string): Element {
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  const token = /<\?xml[^?]*\?>|<(\/?)([a-z-]+)((?: [a-z_]+="[^"<]*")*)(\/?)>|([^<]+)/g;
  let end = 0;
  for (const found of xml.matchAll(token)) {
    expect(found.index).toBe(end);
    end += found[0].length;
    const [, closes, name = '', attributes = '', isEmpty, text] = found;
    const inner = open.at(-1) ?? top;
    expect(found[0].replace(/&(?:amp|lt|gt|quot);/g, '')).not.toContain('&');
    if (text !== undefined) inner.text += text.trim();
    else if (closes === '/') expect(open.pop()?.name).toBe(name);
    else if (name !== '') {
      const pairs = [...attributes.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
        ([, key = '', value = '']) => [key, value] as const,
      );
      expect(new Set(pairs.map(([key]) => key)).size).toBe(pairs.length);
      const made = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
      inner.children.push(made);
      if (isEmpty === '') open.push(made);
    }
  }
  expect([end, open.length]).toEqual([xml.length, 1]);
  return top;
}

/** What the schemas of Jenkins, GitLab and Surefire have in common. */
const allowed: Readonly<Record<string, { readonly has: string; readonly in: string }>> = {
  testsuites: { has: 'name tests failures errors skipped time', in: 'testsuite' },
  testsuite: {
    has: 'name tests failures errors skipped time timestamp',
    in: 'properties testcase',
  },
  properties: { has: '', in: 'property' },
  property: { has: 'name value', in: '' },
  testcase: { has: 'name classname time', in: 'skipped error failure system-out' },
  skipped: { has: 'message', in: '' },
  error: { has: 'message type', in: '' },
  failure: { has: 'message type', in: '' },
  'system-out': { has: '', in: '' },
};

function judge({ name, attributes, children }: Element): void {
  const { has, in: inside } = allowed[name] ?? { has: '?', in: '' };
  expect(Object.keys(attributes).join(' ')).toBe(has);
  for (const child of children) {
    expect(inside.split(' ')).toContain(child.name);
    judge(child);
  }
}

describe('JUnit XML', () => {
  const xml = junitXml(run);
  const [suites] = read(xml).children;
  const [suite] = suites?.children ?? [];
  const cases = (suite?.children ?? []).filter(({ name }) => name === 'testcase');

  it('has the elements and attributes that CI systems agree on', () => {
    if (suites === undefined) throw new Error('no element');
    judge(suites);
    expect(suite?.attributes).toMatchObject({ time: '123.500', timestamp: '2026-11-27T10:00:00' });
  });

  it('counts its test cases', () => {
    const count = (name: string): string =>
      String(cases.filter(({ children }) => children.some((one) => one.name === name)).length);
    for (const one of [suites, suite])
      expect(one?.attributes).toMatchObject({
        tests: '11',
        failures: count('failure'),
        errors: count('error'),
        skipped: count('skipped'),
      });
  });

  it('says of each host whether it is fine, and why not', () => {
    const rows = cases.map(({ attributes, children }) =>
      [
        attributes.name?.slice(0, 9),
        ...children.map((one) => `${one.name} ${one.attributes.type ?? one.text}`.trim()),
      ].join(': '),
    );
    expect(rows).toEqual([
      'same',
      'done: system-out off (samples): EIO on 17 of 17',
      'open: system-out on, proven in part (samples): x (left open: kubelet 1.12.3)',
      'unproven: failure not_verified',
      'failed: failure exit',
      'refused: failure refused',
      'unmet: failure refused',
      'runs: skipped',
      'planned: skipped',
      '&lt;b&gt;: skipped',
      'away: error unreachable',
    ]);
    expect(cases[1]?.attributes.time).toBe('2.250');
    expect(cases[9]?.children[0]?.attributes.message).toBe('kmend.io/hold');
    expect(cases[5]?.children[0]?.text).toBe('hint &amp; more');
  });

  it('names the playbook without the directories of this machine', () => {
    expect(xml).toContain('<property name="playbook" value="auto.yaml"/>');
    expect(xml).not.toContain('/srv');
  });

  it('has no character that XML forbids', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 does not allow these
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff\u202e]/);
  });

  const hasLint = spawnSync('xmllint', ['--version']).status === 0;
  it.skipIf(!hasLint)(`is well-formed for libxml2 (${hasLint ? 'there' : 'needs xmllint'})`, () => {
    const lint = spawnSync('xmllint', ['--noout', '-'], { input: xml, encoding: 'utf8' });
    expect([lint.status, lint.stderr]).toEqual([0, '']);
  });

  it('of a run that never began has no test case', () => {
    const none = junitXml({ ...run, hosts: [], leftOut: [], play: '', startedAt: 0, lastAt: 0 });
    expect(read(none).children[0]?.children[0]?.attributes).toMatchObject({
      name: run.run,
      tests: '0',
    });
  });
});
