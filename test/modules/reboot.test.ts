// reboot as a table.

import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { el7, nokmemNow } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const pending = { when_pending: true };
const rebooted = { done: { drained: false, cordoned: false, rebooted: true } };
const next = { ...nokmemNow, 'boot.cmdline': 'ro' };

describe('reboot', () => {
  it('is planned when the next boot would be another one, and says why', () => {
    const plan = planOf('reboot', {
      args: null,
      facts: el7({ ...next, 'kernel.release': '3.10.0-862.el7.x86_64' }),
    });
    expect(plan.changes).toMatchObject([
      {
        what: 'reboot',
        risk: 'reboot',
        effects: [{ kind: 'reboot', timeout: 1200, stableFor: 30, drain: 'required' }],
      },
    ]);
    expect(plan.changes[0]?.after).toMatch(
      /kernel: 3.10.0-862.*; cgroup.memory: not set -> nokmem/,
    );
  });
  it('is not planned when it would not, where it waits for that', () => {
    for (const args of [pending, { force: false }])
      expect(planOf('reboot', { args, facts: el7() })).toMatchObject({
        changes: [],
        note: 'the next boot would be like this one',
      });
  });
  it.each([null, {}, { force: true }, { when_pending: false }])(
    'needs no other reason than the play: %j',
    (args) => {
      expect(planOf('reboot', { args, facts: el7() }).changes).toMatchObject([
        { what: 'reboot', after: 'the play says so' },
      ]);
      expect(planOf('reboot', { args, facts: el7(), context: rebooted })).toMatchObject({
        changes: [],
        note: 'this run has rebooted the host, and nothing asks for another reboot',
      });
      expect(planOf('reboot', { args, facts: el7(next), context: rebooted }).changes).toHaveLength(
        1,
      );
    },
  );
  it('tests the new boot by a command of the play, also after a resume', () => {
    const args = { test_command: 'echo "not yet" >&2; false', timeout: 5 };
    const [, test] = planOf('reboot', { args, facts: el7() }).changes;
    expect(test).toMatchObject({ what: 'test the new boot: echo "not yet" >&2; false' });
    expect(planOf('reboot', { args, facts: el7(), context: rebooted }).changes).toEqual([test]);
    const [effect] = test?.effects ?? [];
    const script = effect?.kind === 'run' ? effect.script : '';
    expect(hostTree().run(script)).toMatchObject({ code: 72, err: 'not yet\n' });
    expect(hostTree().run(script.replace('; false', '')).code).toBe(0);
  });
  it('does not take two words for the same', () => {
    expect(() => parseArgs(moduleNamed('reboot'), { force: true, when_pending: true })).toThrow(
      /keep one of them/,
    );
  });
  it('is due after packages that are younger than the boot, and only once', () => {
    expect(
      planOf('reboot', { args: pending, facts: el7({ 'docker.installed_at': 1_699_000_000 }) })
        .changes,
    ).toHaveLength(1);
  });
  it.each<[string, number]>([
    ['a clock that went back five years after the installation', 1_899_000_000],
    ['a clock that went forward five years after the installation', 1_539_000_000],
    ['the right clock', 1_699_000_000],
  ])('is due after packages that this run changed in this boot: %s', (_, installedAt) => {
    const facts = el7({
      'docker.installed_at': installedAt,
      'containerd.package': 'containerd.io',
      'docker.package': 'docker-ce',
    });
    const done = { drained: true, cordoned: false, rebooted: false };
    const reasonFor = (replaced: readonly string[]) =>
      planOf('reboot', { args: pending, facts, context: { done: { ...done, replaced } } })
        .changes[0]?.after;
    expect(reasonFor(['containerd.io', 'docker-ce', 'vim'])).toBe(
      'docker-ce was installed after this boot; containerd.io was installed after this boot',
    );
    if (installedAt !== 1_699_000_000) expect(reasonFor(['vim'])).toBeUndefined();
  });
  it.each<[string, unknown, object, 'required' | 'none']>([
    ['a drain of this run', {}, {}, 'required'],
    ['`drain: none` before it', {}, { sets: { kmend_drain: 'none' } }, 'none'],
    ['`drain: {command: ...}` before it', {}, { sets: { kmend_drain: 'command' } }, 'none'],
    ['its own `drain: none`', { drain: 'none' }, {}, 'none'],
  ])('requests of the effect context: %s', (_, args, context, drain) => {
    expect(planOf('reboot', { args, facts: el7(next), context }).changes[0]?.effects).toMatchObject(
      [{ drain }],
    );
  });
  it.each<[string, Parameters<typeof el7>[0], RegExp | undefined]>([
    ['nothing', {}, undefined],
    [
      'tasks that hang',
      {
        'kmem.symptoms': [
          { kind: 'soft_lockup', from: 'kernel', count: 2, line: 'BUG: soft lockup' },
        ],
      },
      /orderly shutdown may hang/,
    ],
    [
      'tasks that hung',
      {
        'kmem.symptoms': [{ kind: 'hung_task', from: 'kernel', count: 1, line: '' }],
        'host.blocked': 0,
      },
      /orderly shutdown may hang/,
    ],
    ['a boot of just now', { 'boot.uptime': 90 }, /booted 90 s ago/],
    ['a boot of long ago', { 'boot.uptime': 400 * 86_400 }, /up for 400 days/],
  ])('warns beforehand of %s', (_, facts, warning) => {
    const { warnings } = planOf('reboot', { args: {}, facts: el7({ ...next, ...facts }) });
    if (warning === undefined) expect(warnings).toBeUndefined();
    else expect(warnings?.join()).toMatch(warning);
  });
  it.each<[string, object, unknown, Parameters<typeof el7>[0], RegExp | undefined]>([
    [
      'tasks that hung and still do',
      {},
      {},
      { 'host.blocked': 2 },
      /2 still hang \(java \(pid 7\)\): a shutdown would wait/,
    ],
    ['tasks that hung and hang no more', {}, {}, { 'host.blocked': 0 }, undefined],
    ['a play with a harder way', {}, { escalate: ['force'] }, { 'host.blocked': 2 }, undefined],
    [
      'a host that is drained already',
      { done: { drained: true, cordoned: true, rebooted: false } },
      {},
      { 'host.blocked': 2 },
      undefined,
    ],
  ])('before a drain: %s', (_, context, args, facts, why) => {
    const hung: Facts = {
      'kmem.symptoms': [{ kind: 'hung_task', from: 'kernel', count: 3, line: '' }],
      'host.blocked_by': ['java (pid 7)'],
      ...facts,
    };
    const { refuse } = planOf('reboot', { args, facts: el7({ ...next, ...hung }), context });
    if (why === undefined) expect(refuse).toBeUndefined();
    else expect(refuse?.why).toMatch(why);
  });
  it('is harder only where the play says so, each way once', () => {
    const effects = (args: unknown) =>
      planOf('reboot', { args, facts: el7(next) }).changes[0]?.effects;
    expect(effects({})?.[0]).not.toHaveProperty('escalate');
    expect(effects({ escalate: ['force', 'sysrq', 'force'] })).toMatchObject([
      { escalate: ['force', 'sysrq'] },
    ]);
    expect(() => parseArgs(moduleNamed('reboot'), { escalate: ['power'] })).toThrow();
  });
  it('takes times as people write them', () => {
    expect(parseArgs(moduleNamed('reboot'), { timeout: '20m', stable_for: '1m' })).toMatchObject({
      timeout: 1200,
      stable_for: 60,
    });
    expect(() => parseArgs(moduleNamed('reboot'), 'now')).toThrow();
  });
});
