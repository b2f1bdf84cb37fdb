// Login users that become root by sudo on real hosts: without a password, with one given through
// standard input, with a wrong one.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { failureOf, type Operator, operator, playbook, rebootsOf } from './operator.ts';

const missing =
  labMissing('el7') ||
  (existsSync('/usr/bin/sudo') && existsSync('/usr/sbin/useradd') ? '' : 'needs sudo and useradd');
const password = 'Correct-Horse-7';

/** The machine's own users and rules of sudo are the hosts' too, until they are changed there. */
const addUser = (rule: string): string => `set -e
useradd -m -s /bin/sh ops; echo 'ops:${password}' | chpasswd
mkdir -p /home/ops/.ssh; cp /root/.ssh/authorized_keys /home/ops/.ssh/; chown -R ops /home/ops; chmod 700 /home/ops/.ssh
echo '${rule}' > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/ops
yum -q -y install kernel-3.10.0-1160.el7`;

describe.skipIf(missing !== '')(
  `nokmem.yaml through sudo on three el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    const apply = (hosts: string, words: readonly string[], stdin?: string) =>
      op.kmend(
        [
          'apply',
          playbook('nokmem'),
          '-i',
          op.inventory,
          '-l',
          hosts,
          '--yes',
          '--max-unavailable',
          '3',
          ...words,
        ],
        stdin,
      );

    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 3, net: '127.27' });
      const make = async (host: string, rule: string): Promise<void> => {
        const old = lab.bootId(host);
        const made = await lab.ssh(host, addUser(rule), 120);
        if (made.code !== 0) throw new Error(`${host}: ${made.err}`);
        await lab.ssh(host, 'systemctl reboot; sleep 5', 10);
        await lab.answers(host, old);
      };
      await Promise.all([
        make('h1', 'ops ALL=(ALL) NOPASSWD: ALL'),
        make('h2', 'ops ALL=(ALL) ALL'),
        make('h3', 'ops ALL=(ALL) ALL'),
      ]);
      op = operator(
        ['h1', 'h2', 'h3'].map((host) => ({
          name: host,
          lab,
          host,
          vars: { ansible_user: 'ops' },
        })),
      );
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    it('without becoming root what must not be read is unknown, never off', async () => {
      const { code, out } = await op.kmend(['check', '-i', op.inventory, '-l', 'h1']);
      expect(out).toMatch(/h1 .*(?:unknown|on) /);
      expect(out).not.toMatch(/h1 .* off /);
      expect(code).not.toBe(0);
      const become = await op.kmend(['check', '-b', '-i', op.inventory, '-l', 'h1']);
      expect([become.code, become.out]).toEqual([
        2,
        expect.stringMatching(/h1 .* on +1 of 5 non-root cgroups readable/),
      ]);
    });

    it('tasks of a play run as the users that they ask for', async () => {
      const text = `- hosts: all
  tasks:
    - {shell: 'id -un > /tmp/as-login'}
    - {shell: 'id -un > /tmp/as-root', become: true}
    - {shell: 'cat; id -un', args: {stdin: x}, become: true, become_user: daemon, register: r}
    - {command: {argv: [id, -un], read_only: true}, become: true, become_user: daemon, register: s}
    - {assert: {that: ["r.stdout_lines[1] == 'daemon'", "s.stdout == 'daemon'"]}}
`;
      const { code, err } = await op.kmend([
        'apply',
        op.file('users.yml', text),
        '-i',
        op.inventory,
        '-l',
        'h1',
        '--yes',
      ]);
      expect([code, err]).toEqual([0, '']);
      const { out } = await lab.ssh('h1', 'cat /tmp/as-login /tmp/as-root; stat -c %U /tmp/as-*');
      expect(out.trim().split('\n')).toEqual(['ops', 'root', 'ops', 'root']);
    });

    it('a task that does not become root leaves the host alone', async () => {
      const text = `- hosts: all
  tasks:
    - {shell: 'true', become: true}
    - {systemd: {daemon_reload: true}}
`;
      const { code, out } = await op.kmend([
        'plan',
        op.file('users.yml', text),
        '-i',
        op.inventory,
        '-l',
        'h1',
      ]);
      expect(out).toContain('service changes the host as root, and this task runs as the login');
      expect(code).not.toBe(0);
    });

    it('NOPASSWD: the whole job', async () => {
      const old = lab.bootId('h1');
      const { code, err } = await apply('h1', []);
      expect([code, err]).toEqual([0, '']);
      expect([lab.boots('h1'), rebootsOf(op.journal(), 'h1')]).toEqual([
        3,
        [{ before: old, after: lab.bootId('h1') }],
      ]);
      expect(lab.running('h1').cmdline).toContain('cgroup.memory=nokmem');
    });

    it('a missing password: untouched, and the hint says -K', async () => {
      const { code, out } = await op.kmend([
        'plan',
        playbook('nokmem'),
        '-i',
        op.inventory,
        '-l',
        'h2',
        '--unplannable',
        'leave_out',
      ]);
      expect([code, out]).toEqual([
        4,
        expect.stringMatching(/h2 +auth: .*sudo asks for a password.*-K/s),
      ]);
    });

    it('a wrong password: untouched', async () => {
      const { code, out, err } = await apply('h2', ['-K', '--unplannable', 'leave_out'], 'wrong\n');
      expect([code, out + err]).toEqual([4, expect.stringMatching(/sudo refused the password/)]);
      expect([lab.boots('h2'), (await lab.ssh('h2', 'ls -d /var/lib/kmend')).code]).toEqual([2, 2]);
    });

    it('-K from standard input: the whole job on two hosts, and the password is nowhere', async () => {
      const olds = ['h2', 'h3'].map((host) => lab.bootId(host));
      const { code, out, err } = await apply('h2:h3', ['-K'], `${password}\n`);
      expect([code, failureOf(op.journal(), 'h2')]).toEqual([0, undefined]);
      for (const [index, host] of ['h2', 'h3'].entries()) {
        expect([lab.boots(host), rebootsOf(op.journal(), host)]).toEqual([
          3,
          [{ before: olds[index], after: lab.bootId(host) }],
        ]);
        expect(lab.running(host).cmdline).toContain('cgroup.memory=nokmem');
      }
      expect((out + err + JSON.stringify(op.journal())).includes(password)).toBe(false);
      expect(
        (
          await lab.ssh(
            'h2',
            `grep -rlF '${password}' /var/lib/kmend /run /var/log /home 2>/dev/null`,
          )
        ).out,
      ).toBe('');
    });
  },
);
