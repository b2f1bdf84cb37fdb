// playbooks/repository.yaml on a real host: its repositories are gone, it is given others, dnf
// finds a kernel in them, and they are taken away again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { type Operator, operator, playbook } from './operator.ts';

const noEl7 = labMissing('el7');

describe.skipIf(noEl7 !== '')(`repository.yaml on an el7 host (${noEl7 || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  const on = async (command: string) => (await lab.ssh('h1', command, 60)).out.trim();
  const mirror = ['-e', 'baseurl=file:///mirror/7.9.2009', '-e', 'docker_baseurl='];
  const apply = (...more: readonly string[]) =>
    op.kmend(['apply', playbook('repository'), '-i', op.inventory, '--yes', ...more]);
  const kernelPlan = async () => {
    const { code, out } = await op.kmend([
      'plan',
      playbook('nokmem'),
      '-i',
      op.inventory,
      '--json',
    ]);
    return [code, JSON.parse(out).plays[0].hosts[0].refused?.task ?? 'not refused'];
  };

  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 1, net: '127.41' });
    op = operator([{ name: 'h1', lab, host: 'h1', vars: { drain_command: 'true' } }]);
    await on(
      'for d in os updates extras; do mkdir -p /mirror/7.9.2009/$d; ln -s /repos/rpm /mirror/7.9.2009/$d/x86_64; done; rm /etc/yum.repos.d/lab.repo; yum -q clean all',
    );
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('without it the plan refuses the host; with it the kernel is there', async () => {
    expect(await kernelPlan()).toEqual([4, 'Download the kernel']);
    expect((await apply(...mirror)).code).toBe(0);
    expect(await on('cd /etc/yum.repos.d && stat -c "%n %a" * && grep ^.kmend- *')).toBe(
      'kmend.repo 644\n[kmend-os]\n[kmend-updates]\n[kmend-extras]',
    );
    expect(await kernelPlan()).toEqual([2, 'not refused']);
    expect(
      (await op.kmend(['plan', playbook('repository'), '-i', op.inventory, ...mirror])).code,
    ).toBe(0);
  });

  it('it is taken away by a rollback, and by state=absent', async () => {
    const run = op.runs().at(-1) ?? '';
    expect((await op.kmend(['rollback', run, '--yes'])).code).toBe(0);
    expect(await on('ls -A /etc/yum.repos.d')).toBe('');
    expect((await apply(...mirror, '-e', 'enabled=false')).code).toBe(0);
    expect(await kernelPlan()).toEqual([4, 'Download the kernel']);
    expect((await apply('-e', 'state=absent')).code).toBe(0);
    expect(await on('ls -A /etc/yum.repos.d')).toBe('');
    expect(
      (await op.kmend(['plan', playbook('repository'), '-i', op.inventory, '-e', 'state=absent']))
        .code,
    ).toBe(0);
  });
});
