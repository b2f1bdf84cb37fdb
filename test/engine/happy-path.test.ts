// The whole job on the practice fleet: check, plan, apply, report; what the journal says, and in
// which order.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import type { CommandResult } from '../cli/real-world.ts';

let lab: Practice;
let applied: CommandResult;
beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2'), sick('h3', { args: ['cgroup.memory=nokmem'] })]);
});
afterAll(() => lab.close());

describe('check, plan, apply, report', () => {
  it('check reports the affected hosts and exits with 2', async () => {
    const done = await lab.run(['check']);
    expect(done.exit).toBe(2);
    expect(done.out).toMatch(/h1 .* on(?:\n.*)*kernel_arg/);
  });

  it('plan lists the changes, exits with 2, and touches nothing', async () => {
    const done = await lab.run([
      'plan',
      lab.file('remediate.yaml', remediationPlay()),
      '-o',
      join(lab.dir, 'plan.json'),
    ]);
    expect(done).toMatchObject({ exit: 2, err: '' });
    expect(done.out).toContain('cgroup.memory');
    expect(lab.host('h1').boots()).toBe(1);
  });

  it('apply remediates the two affected hosts one after the other, and does not touch the good one', async () => {
    const bootIds = new Map(lab.fleet.hosts.map((host) => [host.name, host.bootId()]));
    applied = await lab.run(['apply', join(lab.dir, 'plan.json'), '--yes']);
    expect(applied).toMatchObject({ exit: 0, err: '' });
    expect(lab.fleet.hosts.map((host) => host.boots())).toEqual([2, 2, 1]);
    for (const host of ['h1', 'h2']) {
      expect(readFileSync(join(lab.host(host).root, 'proc/cmdline'), 'utf8')).toContain(
        'cgroup.memory=nokmem',
      );
      const [sent] = eventsOf(lab.journal(), 'effect.started', host).filter(
        (event) => event.kind === 'reboot',
      );
      expect(sent?.bootId).toBe(bootIds.get(host));
    }
    expect(eventsOf(lab.journal(), 'host.started').map((event) => event.host)).toEqual([
      'h1',
      'h2',
    ]);
  });

  it('a host is proven before it is done, and the next is started only then', () => {
    const kinds = lab
      .journal()
      .filter((event) => ['host.started', 'proof', 'host.done'].includes(event.type))
      .map((event) => `${event.type} ${'host' in event ? event.host : ''}`);
    expect(kinds).toEqual([
      'host.started h1',
      'proof h1',
      'host.done h1',
      'host.started h2',
      'proof h2',
      'host.done h2',
    ]);
  });

  it('the fence on each host is closed, and its spool is gone', () => {
    for (const host of ['h1', 'h2']) {
      const run = lab.runs()[0] ?? '';
      expect(readFileSync(join(lab.host(host).root, 'var/lib/kmend/fence'), 'utf8')).toBe(
        `${run} 1 closed\n`,
      );
    }
  });

  it('the report and the audit read the journal alone', async () => {
    const run = lab.runs()[0] ?? '';
    const report = await lab.run(['report', run]);
    expect(report.exit).toBe(0);
    expect(report.out).toContain('h1');
    expect((await lab.run(['audit', 'verify', run])).out).toMatch(/every link holds/);
  });

  it('a second apply has nothing to do: 0, no host started, no effect', async () => {
    const again = await lab.run(['apply', join(lab.dir, 'remediate.yaml'), '--yes']);
    expect(again.exit).toBe(0);
    expect(eventsOf(lab.journal(), 'host.started')).toEqual([]);
    expect(lab.fleet.hosts.map((host) => host.boots())).toEqual([2, 2, 1]);
    expect((await lab.run(['plan', join(lab.dir, 'remediate.yaml')])).exit).toBe(0);
  });

  it('the saved plan, applied again: nothing to do, no slot taken', async () => {
    const again = await lab.run(['apply', join(lab.dir, 'plan.json'), '--yes']);
    expect(again.exit).toBe(0);
    expect(eventsOf(lab.journal(), 'effect.started')).toEqual([]);
    expect(eventsOf(lab.journal(), 'host.done').map((event) => event.changed)).toEqual([
      false,
      false,
    ]);
  });
});
