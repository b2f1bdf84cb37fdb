// The way out by a kernel line of another name, on practice hosts: tried, proven by the kernel that
// runs, made the default, and back again.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/model/run/plan.ts';
import { eventsOf, type Practice, play, practice } from '../cli/practice.ts';

const [old, young] = ['3.10.0-862.el7.x86_64', '5.4.278-1.el7.elrepo.x86_64'];
const packages = [
  'container-selinux-2:2.68-1.el7',
  'docker-ce-18.06.1.ce-3.el7',
  'kubelet-1.12.3-0',
];
const vars = { drain_command: 'true', reboot_stable_for: 1 };
const sick = { flavour: 'el7', kernel: old, packages, vars } as const;
const playbook = 'playbooks/newer-kernel.yaml';
const enable = ['-e', 'enablerepo=elrepo-kernel'];

describe('a kernel line of another name', () => {
  let fleet: Practice;
  const file = (host: string, path: string) =>
    readFileSync(join(fleet.host(host).root, path), 'utf8');
  beforeAll(async () => {
    fleet = await practice([
      { ...sick, name: 'good', elrepo: 'disabled' },
      { ...sick, name: 'panics', elrepo: 'disabled', faults: { panics: young } },
      { ...sick, name: 'stuck', elrepo: 'disabled' },
      { ...sick, name: 'enabled', elrepo: 'enabled' },
    ]);
  });
  afterAll(() => fleet.close());
  /** Of the last run, which holds its failed host. */
  const rollback = (host: string) => {
    const run = fleet.runs().at(-1) ?? '';
    return fleet.run(['rollback', run, '-l', host, '--takeover', run, '--yes']);
  };

  it('is refused where its repository is not enabled, and nothing is touched', async () => {
    const { exit, out } = await fleet.run(['plan', playbook, '-l', 'good']);
    expect(exit).toBe(4);
    expect(out).toMatch(
      /good +Download the kernel.*: no enabled repository has a kernel-lt 5\.4 or newer/,
    );
  });

  it('the plan shows the package, the trial, and what becomes the default', async () => {
    const { exit, out } = await fleet.run(['plan', playbook, '-l', 'good', ...enable]);
    expect(exit).toBe(2);
    expect(out).toContain('! download: kernel-lt 5.4.278-1.el7.elrepo');
    expect(out).toContain('+ package kernel-lt: 5.4.278-1.el7.elrepo');
    expect(out).toContain(
      `The newer kernel (once, with panic=30: when it does not come up, ${old} boots again)`,
    );
    expect(out).toContain('~ package whose updates become the default kernel: kernel -> kernel-lt');
  });

  it('is the default once it is proven, and the host counts as proven', async () => {
    const { exit, err, out } = await fleet.run([
      'apply',
      playbook,
      '-l',
      'good',
      ...enable,
      '--yes',
    ]);
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
    expect(order).toEqual([
      'yum: download kernel-lt 5.4.278-1.el7.elrepo',
      'drain by: true',
      `install kernel ${young} beside the old one; boot kernel ${young} once`,
      'reboot and wait for a new boot id',
      'proof',
      `make kernel ${young} the default`,
      'proof',
    ]);
    // Read again when the kernel that was tried is the default
    expect(eventsOf(fleet.journal(), 'proof')).toMatchObject([
      {
        verdict: 'not_applicable',
        by: 'kernel',
        evidence: expect.stringMatching(/; on trial, .* boots next/),
      },
      { verdict: 'not_applicable', by: 'kernel', evidence: 'kernel 5.4: accounting is healthy' },
    ]);
    expect(eventsOf(fleet.journal(), 'host.done')).toMatchObject([{ proven: 'yes' }]);
    expect(out).toContain(
      `proven not_applicable (kernel): kernel ${young}: accounting is healthy; on trial`,
    );
    expect([fleet.host('good').kernel(), fleet.host('good').boots()]).toEqual([young, 2]);
    expect(file('good', 'boot/grub2/grubenv')).toContain(`saved_entry=CentOS Linux (${young})`);
    expect(file('good', 'boot/grub2/grubenv')).not.toMatch(/kmend|next_entry/);
    expect(file('good', 'boot/grub2/grub.cfg')).not.toContain('panic=');
    expect(file('good', 'etc/sysconfig/kernel')).toBe(
      'UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel-lt\n',
    );
  }, 60_000);

  it('nothing is left to do, by this playbook or another; drift says that it was kept', async () => {
    for (const name of [playbook, 'playbooks/auto.yaml', 'playbooks/nokmem.yaml'])
      expect([name, (await fleet.run(['plan', name, '-l', 'good', ...enable])).exit]).toEqual([
        name,
        0,
      ]);
    const drift = await fleet.run(['drift', '-i', fleet.fleet.inventoryFile, '-l', 'good']);
    expect(drift.out).toMatch(/good .* kept +n\/a .*accounting is healthy/);
    expect(drift.exit).toBe(0);
  });

  it('its rollback boots the old kernel again, whose updates become the default as before', async () => {
    const run = fleet.runs().at(-1) ?? '';
    const { exit, err } = await fleet.run(['rollback', run, '-l', 'good', '--yes']);
    expect(`${exit} ${err}`).toBe('0 ');
    expect([fleet.host('good').kernel(), fleet.host('good').boots()]).toEqual([old, 3]);
    expect(file('good', 'boot/grub2/grubenv')).toContain(`saved_entry=CentOS Linux (${old})`);
    expect(file('good', 'etc/sysconfig/kernel')).toBe('UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n');
  }, 60_000);

  it('one that panics falls back; its rollback ends the trial', async () => {
    const { exit, out } = await fleet.run(['apply', playbook, '-l', 'panics', ...enable, '--yes']);
    expect(exit).toBe(4);
    expect(out).toContain(`kernel ${young} was booted once and did not come up: ${old} runs again`);
    expect(fleet.host('panics').kernel()).toBe(old);
    expect(file('panics', 'boot/grub2/grubenv')).toContain(`kmend_trial=${young}`);
    expect((await fleet.run(['resume', fleet.runs().at(-1) ?? '', '--skip', 'panics'])).exit).toBe(
      4,
    );
    const again = await fleet.run(['plan', playbook, '-l', 'panics', ...enable]);
    expect(again.out).toMatch(
      /Refused \(untouched\): 1\n +panics .*: kernel \S+ was booted once and did not come up/,
    );
    const back = await rollback('panics');
    expect(`${back.exit} ${back.err}`).toBe('0 ');
    expect(file('panics', 'boot/grub2/grubenv')).not.toMatch(/kmend/);
    expect(file('panics', 'boot/grub2/grub.cfg')).not.toContain('panic=');
  }, 60_000);

  it('a run that fails while the kernel is on trial is rolled back, though the old one would boot next anyway', async () => {
    const tasks = `    - drain: {command: 'true'}
    - kernel: {package: kernel-lt, min: "5.4", enablerepo: elrepo-kernel, trial: true}
    - reboot: {when_pending: true, timeout: 20s, stable_for: 1s}
    - command: 'false'
`;
    const failed = await fleet.run([
      'apply',
      fleet.file('stuck.yaml', play(tasks)),
      '-l',
      'stuck',
      '--yes',
    ]);
    expect(failed.exit).toBe(4);
    expect(fleet.host('stuck').kernel()).toBe(young);
    const back = await rollback('stuck');
    expect(`${back.exit} ${back.err}`).toBe(
      '0 warning: not rolled back: the task "command" (command) on stuck',
    );
    expect(back.out).toContain('kernel on trial');
    expect([fleet.host('stuck').kernel(), fleet.host('stuck').boots()]).toEqual([old, 3]);
    expect(file('stuck', 'boot/grub2/grubenv')).not.toMatch(/kmend/);
  }, 60_000);

  it('auto.yaml does not take it by itself where its repository is enabled, and the plan names it, in text and JSON', async () => {
    const { out } = await fleet.run(['plan', 'playbooks/auto.yaml', '-l', 'enabled']);
    expect(out).toContain('+ package kernel: 3.10.0-1160.el7');
    expect(out).not.toContain('+ package kernel-lt');
    const way =
      'kernel-lt 5.4.278-1.el7.elrepo (repository elrepo-kernel): `kernel: {package: kernel-lt, min: "5.4"}`';
    expect(out.replace(/\n +/g, ' ')).toContain(`another way: ${way}`);
    const json = JSON.parse(
      (await fleet.run(['plan', 'playbooks/auto.yaml', '-l', 'enabled', '--json'])).out,
    ) as Plan;
    expect(json.plays[0]?.hosts[0]?.tasks.flatMap(({ alternatives = [] }) => alternatives)).toEqual(
      [way],
    );
  });
});
