// kmend drift: hosts that a run remediated are read again, and not changed; what they lost since is
// named.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DriftState, hostDrift } from '../../src/core/history/drift-report.ts';
import { withDerived } from '../../src/core/plan/overlay.ts';
import {
  type MadeChange,
  type Remediated,
  readChanges,
  remember,
} from '../../src/core/run-state/host-history.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Partial, Remedy, Verdict } from '../../src/model/facts/values.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import { el7, nokmemNow, readsOff } from '../modules/facts.ts';

const edit = (path: string, change: (text: string) => string): void =>
  writeFileSync(path, change(readFileSync(path, 'utf8')));

describe('on a fleet', () => {
  let fleet: Practice;
  const drift = (...more: readonly string[]) =>
    fleet.run(['drift', '-i', fleet.fleet.inventoryFile, ...more]);

  beforeAll(async () => {
    fleet = await practice([sick('h1'), sick('h2'), sick('h3')]);
  });
  afterAll(() => fleet.close());

  it('says so when no run remediated anything', async () => {
    const { exit, err } = await drift();
    expect(exit).toBe(11);
    expect(err).toContain('remediated any of 3 hosts');
  });

  it('two remediated hosts have kept it, the third is not asked about', async () => {
    const applied = await fleet.run([
      'apply',
      fleet.file('remediate.yaml', remediationPlay('{max_unavailable: 2}')),
      '--yes',
      '-l',
      'h1,h2',
    ]);
    expect(applied.exit).toBe(0);
    const { exit, out } = await drift();
    expect(exit).toBe(0);
    expect(out).toContain('2 hosts: 2 kept the remedy   (exit 0)');
    expect(out).not.toContain('h3');
  });

  it('names the host that lost the argument, what became of it, and changes nothing', async () => {
    const { root } = fleet.host('h1');
    for (const path of ['boot/grub2/grub.cfg', 'etc/default/grub'])
      edit(join(root, path), (text) => text.replaceAll(' cgroup.memory=nokmem', ''));
    const before = readFileSync(join(root, 'boot/grub2/grub.cfg'), 'utf8');
    const { exit, out } = await drift();
    expect(exit).toBe(2);
    expect(out).toMatch(
      /^h1 .*lost +at_risk +kernel_arg +cgroup.memory=nokmem is not on the command line of the next boot/m,
    );
    expect(out).toMatch(/^h2 .*kept/m);
    expect(readFileSync(join(root, 'boot/grub2/grub.cfg'), 'utf8')).toBe(before);
    expect(fleet.runs()).toHaveLength(1);
  });

  it('--json says it as data; --all reads every host', async () => {
    const { exit, out } = await drift('--json', '--all');
    expect(exit).toBe(2);
    const rows = out.split('\n').map((line) => JSON.parse(line));
    expect(rows.map(({ schema, host, state }) => `${schema} ${host} ${state}`)).toEqual([
      'kmend.drift/1 h1 lost',
      'kmend.drift/1 h2 kept',
      'kmend.drift/1 h3 lost',
    ]);
    expect(rows[0].mended.changes[0]).toMatchObject({
      what: 'boot argument cgroup.memory',
      after: 'cgroup.memory=nokmem',
    });
    expect(rows[2]).not.toHaveProperty('mended');
  });
});

const change = (what: string, before?: string, after?: string): MadeChange => ({
  sign: before === undefined ? '+' : '~',
  what,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
  risk: 'write',
  task: 'a task',
  module: 'package',
});
const remediatedBy = (...changes: readonly MadeChange[]): Remediated => ({
  run: 'r1',
  at: 0,
  changes,
  proof: { verdict: 'off', by: 'samples', evidence: 'EIO' },
});
const argument = change('boot argument cgroup.memory', undefined, 'cgroup.memory=nokmem');

describe('what a host has lost', () => {
  const facts = (more: Parameters<typeof el7>[0] = {}) =>
    withDerived(el7({ ...nokmemNow, ...readsOff, ...more }), undefined);

  it.each<[string, Remediated | undefined, ReturnType<typeof facts>, string, readonly string[]]>([
    ['nothing', remediatedBy(argument), facts(), 'kept', []],
    [
      'the argument, by an entry that a new kernel got without it',
      remediatedBy(
        argument,
        change('kernel that boots next', '3.10.0-862.el7.x86_64', '3.10.0-1127.el7.x86_64'),
      ),
      facts({
        'kernel.next': '3.10.0-1160.119.1.el7.x86_64',
        'boot.next_cmdline': 'root=/dev/sda1 ro',
      }),
      'lost',
      [
        'cgroup.memory=nokmem is not on the command line of the next boot (kernel 3.10.0-1160.119.1.el7.x86_64)',
      ],
    ],
    [
      'the kernel: an older one boots next',
      remediatedBy(
        argument,
        change('kernel that boots next', '3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'),
      ),
      facts({ 'kernel.next': '3.10.0-862.el7.x86_64' }),
      'lost',
      ['kernel 3.10.0-862.el7.x86_64 boots next, older than 3.10.0-1160.el7.x86_64'],
    ],
    [
      'a package',
      remediatedBy(change('package docker-ce', '18.06.1.ce-3.el7', '3:18.09.9-3.el7')),
      withDerived(
        el7({
          'docker.evr': '18.06.1.ce-3.el7',
          'docker.version': '18.06.1-ce',
          'containerd.evr': '',
          ...readsOff,
        }),
        undefined,
      ),
      'lost',
      ['docker-ce is 18.06.1.ce-3.el7, older than 3:18.09.9-3.el7'],
    ],
  ])('%s', (_, remediated, now, state, why) => {
    const row = hostDrift('h1', remediated, { facts: now });
    expect([row.state, row.why]).toEqual([state, why]);
  });

  it.each<[Verdict, Remedy, DriftState]>([
    ['off', 'unknown', 'unproven'],
    ['unknown', 'none', 'unproven'],
    ['not_applicable', 'kernel_arg', 'lost'],
    ['not_applicable', 'none', 'kept'],
  ])('verdict %s with remedy %s is %s', (verdict, remedy, state) => {
    expect(
      hostDrift('h1', remediatedBy(), { facts: { 'kmem.verdict': verdict, 'kmem.remedy': remedy } })
        .state,
    ).toBe(state);
  });

  it('a host that cannot be read is neither kept nor lost', () => {
    expect(
      hostDrift('h1', remediatedBy(argument), {
        failure: { kind: 'unreachable', message: 'refused' },
      }),
    ).toMatchObject({
      state: 'unread',
      why: ['refused'],
    });
  });

  describe('a remedy that left a cause in place, as the play accepted', () => {
    const accepted = [{ key: 'kubelet', name: 'kubelet 1.12.3' }];
    const partial: Remediated = {
      ...remediatedBy(),
      proof: { verdict: 'on', by: 'samples', evidence: '', accepted },
    };
    const now = (state: Partial): Facts => ({
      'kmem.verdict': 'on',
      'kmem.remedy': 'kernel_arg',
      'kmem.remedy_why': 'kubelet accounts',
      'kmem.partial': state,
    });
    it.each<[Partial, DriftState, readonly string[]]>([
      ['samples', 'kept', ['kubelet 1.12.3']],
      ['none', 'unproven', []],
      ['refuted', 'lost', []],
    ])('%s: %s', (found, state, leftOpen) =>
      expect(hostDrift('h1', partial, { facts: now(found) })).toMatchObject({ state, leftOpen }),
    );
    it('is kept without a word where nothing is open any more', () => {
      const off: Facts = {
        'kmem.verdict': 'off',
        'kmem.remedy': 'none',
        'kmem.partial': 'samples',
      };
      expect(hostDrift('h1', partial, { facts: off })).toMatchObject({
        state: 'kept',
        leftOpen: [],
      });
    });
    it('is lost on a host of which nothing was accepted', () =>
      expect(hostDrift('h1', remediatedBy(), { facts: now('') })).toMatchObject({
        state: 'lost',
        why: ['all that the run had set is still there', 'kubelet accounts'],
      }));
  });
});

describe('what journals remember', () => {
  const journal = (...bodies: readonly EventBody[]): readonly Event[] =>
    bodies.map((body, seq) => ({ ...body, v: 1, seq, at: seq, run: 'r', prev: '' }));
  const planned = (task: string, module: string, ...changes: readonly MadeChange[]): EventBody => ({
    type: 'task.planned',
    host: 'h1',
    task,
    name: task,
    module,
    status: 'change',
    changes: changes.map(({ sign, what, before, after, risk }) => ({
      sign,
      what,
      risk,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })),
  });
  const began = (task: string): EventBody => ({
    type: 'effect.started',
    host: 'h1',
    task,
    effect: `h1/${task}/1`,
    kind: 'run',
    what: 'do it',
    timeout: 1,
    detached: true,
  });
  const start: EventBody = { type: 'host.started', host: 'h1', why: '' };
  const proof: EventBody = {
    type: 'proof',
    host: 'h1',
    verdict: 'off',
    by: 'samples',
    evidence: 'EIO',
  };
  const end = (proven: 'yes' | 'not_asked'): EventBody => ({
    type: 'host.done',
    host: 'h1',
    changed: true,
    proven,
  });
  const changesOf = (events: readonly Event[]) => {
    const { see, hostChanges } = readChanges();
    for (const event of events) see(event);
    return hostChanges();
  };
  const remediating = changesOf(
    journal(start, planned('arg', 'kernel_arg', argument), began('arg'), proof, end('yes')),
  );

  it('a change counts once its effect was begun', () => {
    expect(
      changesOf(journal(start, planned('arg', 'kernel_arg', argument))).get('h1')?.changes,
    ).toEqual([]);
    expect(remediating.get('h1')).toMatchObject({
      end: 'done',
      changes: [{ what: 'boot argument cgroup.memory' }],
    });
  });

  it('a task that was repeated after a crash has the first value before and the last one after', () => {
    const [first, again] = [
      change('package docker-ce', '1', '2'),
      change('package docker-ce', '2', '3'),
    ];
    const hostChanges = changesOf(
      journal(
        start,
        planned('p', 'package', first),
        began('p'),
        planned('p', 'package', again),
        began('p'),
      ),
    );
    expect(hostChanges.get('h1')?.changes).toMatchObject([{ sign: '~', before: '1', after: '3' }]);
  });

  it('a proof in part is remembered with what was accepted; one that is still to come is not', () => {
    const accepted = [{ key: 'kubelet', name: 'kubelet 1.12.3' }];
    const memoryOf = (by: 'samples' | 'none') => {
      const part: EventBody = {
        type: 'proof',
        host: 'h1',
        verdict: 'on',
        by,
        evidence: '',
        accepted,
      };
      return remember(
        new Map(),
        'r1',
        changesOf(
          journal(
            start,
            planned('p', 'package', change('package docker-ce', '1', '2')),
            began('p'),
            part,
            end('yes'),
          ),
        ),
      );
    };
    expect(memoryOf('samples').get('h1')?.proof.accepted).toEqual(accepted);
    expect(memoryOf('none').has('h1')).toBe(false);
  });

  it('a rollback ends the memory of what it rolled back, a later change of something else does not', () => {
    const memory = remember(new Map(), 'r1', remediating);
    expect(memory.get('h1')?.run).toBe('r1');
    const other = changesOf(
      journal(
        start,
        planned('p', 'package', change('package jq', undefined, '1')),
        began('p'),
        end('not_asked'),
      ),
    );
    expect(remember(memory, 'r2', other).get('h1')?.run).toBe('r1');
    const back = changesOf(
      journal(
        start,
        planned('a', 'kernel_arg', change('boot argument cgroup.memory', 'cgroup.memory=nokmem')),
        began('a'),
        end('not_asked'),
      ),
    );
    expect(remember(memory, 'r2', back).has('h1')).toBe(false);
  });
});
