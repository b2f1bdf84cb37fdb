// A newer kernel on practice hosts: booted once, proven, made the default; and one that panics,
// which falls back by itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, practice } from '../cli/practice.ts';

const [old, young] = ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'];
const packages = [
  'container-selinux-2:2.68-1.el7',
  'docker-ce-18.06.1.ce-3.el7',
  'kubelet-1.12.3-0',
];
const vars = { drain_command: 'true', reboot_stable_for: 1 };

describe('a kernel that is tried first', () => {
  let fleet: Practice;
  const env = (host: string) =>
    readFileSync(join(fleet.host(host).root, 'boot/grub2/grubenv'), 'utf8');
  beforeAll(async () => {
    fleet = await practice([
      { name: 'good', flavour: 'el7', kernel: old, packages, vars },
      { name: 'panics', flavour: 'el7', kernel: old, packages, vars, faults: { panics: young } },
    ]);
  });
  afterAll(() => fleet.close());

  it('the plan shows both steps', async () => {
    const { out } = await fleet.run(['plan', 'playbooks/auto.yaml', '-l', 'good']);
    expect(out).toContain(
      `A kernel that knows the argument (once, with panic=30: when it does not come up, ${old} boots again)`,
    );
    expect(out).toMatch(
      /That kernel is the default from now on \(after its trial boot\)\n +~ kernel that boots next: \S+862\S+ -> \S+1160/,
    );
  });

  it('is the default once it is proven', async () => {
    const { exit, err } = await fleet.run(['apply', 'playbooks/auto.yaml', '-l', 'good', '--yes']);
    expect(`${exit} ${err}`).toBe('0 ');
    const order = fleet
      .journal()
      .flatMap((event) =>
        event.type === 'proof'
          ? ['proof']
          : event.type === 'effect.started' && event.kind !== 'drain'
            ? [event.what]
            : [],
      );
    expect(order.indexOf('proof')).toBeLessThan(order.indexOf(`make kernel ${young} the default`));
    expect(eventsOf(fleet.journal(), 'host.done')).toMatchObject([{ proven: 'yes' }]);
    expect([fleet.host('good').kernel(), fleet.host('good').boots()]).toEqual([young, 2]);
    expect(env('good')).toContain(`saved_entry=CentOS Linux (${young})`);
    expect(env('good')).not.toMatch(/kmend|next_entry/);
    expect((await fleet.run(['plan', 'playbooks/auto.yaml', '-l', 'good'])).exit).toBe(0);
  }, 60_000);

  it('one that panics falls back; the node is not uncordoned, and the kernel is not tried again by itself', async () => {
    const { exit, out } = await fleet.run([
      'apply',
      'playbooks/auto.yaml',
      '-l',
      'panics',
      '--yes',
    ]);
    expect(exit).toBe(4);
    expect(out).toContain(`kernel ${young} was booted once and did not come up: ${old} runs again`);
    expect(fleet.host('panics').kernel()).toBe(old);
    expect(eventsOf(fleet.journal(), 'host.failed')).toMatchObject([
      { failure: { kind: 'not_verified' } },
    ]);
    expect((await fleet.run(['resume', fleet.runs().at(-1) ?? '', '--skip', 'panics'])).exit).toBe(
      4,
    );
    const again = await fleet.run(['plan', 'playbooks/auto.yaml', '-l', 'panics']);
    expect(again.out).toMatch(
      /Refused \(untouched\): 1\n +panics +Download the kernel: kernel \S+ was booted once and did not come up/,
    );
  }, 60_000);
});
