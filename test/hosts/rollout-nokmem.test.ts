// The boot argument on thirteen real hosts, by the bundle as an operator runs it: check, plan,
// apply, check. Verified from outside the hosts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, type Operator, operator, playbook, rebootsOf } from './operator.ts';

const missing = labMissing('el7') || labMissing('deb');

const drain = {
  drain_command: 'echo drained >> /var/log/pods.log',
  uncordon_command: 'echo uncordoned >> /var/log/pods.log',
};

/** What a host has before kmend comes. */
const set862 = '3.10.0-862.el7.x86_64';
const set1062 = '3.10.0-1062.4.1.el7.x86_64';
const set1160 = '3.10.0-1160.el7.x86_64';
const plainLine = 'ro crashkernel=auto rhgb quiet';

describe.skipIf(missing !== '')(
  `nokmem.yaml over ten el7 and three deb hosts (${missing || 'all there'})`,
  () => {
    let el7: Lab;
    let deb: Lab;
    let op: Operator;
    const before = new Map<string, string>();
    const names = {
      el7: Array.from({ length: 10 }, (_, index) => `h${index + 1}`),
      deb: ['h1', 'h2', 'h3'],
    };

    beforeAll(async () => {
      [el7, deb] = await Promise.all([
        startLab({ flavour: 'el7', count: 10, net: '127.20' }),
        startLab({ flavour: 'deb', count: 3, net: '127.21' }),
      ]);
      const install = (host: string, ...words: readonly string[]) =>
        prepare(el7, host, `yum -q -y install ${words.join(' ')}`);
      await Promise.all([
        install('h3', 'kubelet-1.12.3'),
        install('h4', 'kernel-3.10.0-1160.el7'),
        install('h5', 'kernel-3.10.0-1062.4.1.el7'),
        install('h6', 'kernel-3.10.0-1160.el7', 'kubelet-1.12.3'),
        prepare(
          el7,
          'h7',
          'yum -q -y install kernel-3.10.0-1160.el7 && grubby --update-kernel=ALL --args=cgroup.memory=nokmem',
        ),
        prepare(
          el7,
          'h8',
          `sed -i 's/quiet/quiet cgroup.memory=nosocket/' /etc/default/grub && yum -q -y install kernel-3.10.0-1160.el7 && grub2-mkconfig -o /boot/grub2/grub.cfg`,
        ),
        install('h9', 'kubelet-1.12.3'),
      ]);
      op = operator([
        ...names.el7.map((host) => ({
          name: `el${host.slice(1)}`,
          lab: el7,
          host,
          ...(host === 'h9' ? {} : { vars: drain }),
        })),
        ...names.deb.map((host) => ({ name: `deb${host.slice(1)}`, lab: deb, host })),
      ]);
      for (const host of names.el7) before.set(host, el7.bootId(host));
    });
    afterAll(() => {
      op?.close();
      el7?.down();
      deb?.down();
    });

    it('check names for each host what is wrong and what fixes it', async () => {
      const { code, out } = await op.kmend(['check', '-i', op.inventory]);
      expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([
        2,
        '13 hosts: 9 need a remedy, 1 fine, 3 not applicable   (exit 2)',
      ]);
      const row = (name: string): string =>
        new RegExp(`^${name} .*(?:\\n {4}.*)*`, 'm').exec(out)?.[0].replace(/\n +/g, ' ') ?? '';
      expect(row('el1')).toMatch(
        /3\.10\.0-862\.el7 +18\.06\.1-ce +\(bundled\) +on +1 of 5 .* runtime/,
      );
      expect(row('el3')).toMatch(/1\.12\.3 +on .*kernel_and_arg/);
      expect(row('el4')).toMatch(/1160\.el7 .* on .*kernel_arg/);
      expect(row('el7')).toMatch(/ off +EIO on /);
      expect(row('deb2')).toMatch(/4\.9\.0-6-amd64 .* n\/a/);
    });

    it('a plan is saved, changes nothing, and refuses the host whose pods no command would drain', async () => {
      const { code, out, err } = await op.kmend([
        'plan',
        playbook('nokmem'),
        '-i',
        op.inventory,
        '--max-unavailable',
        '4',
        '--unplannable',
        'leave_out',
        '-o',
        'plan.json',
      ]);
      expect([code, err]).toEqual([4, '']);
      expect(out).toMatch(/Plan: 8 hosts to change, 4 with nothing to do, 1 refused/);
      expect(out).toMatch(
        /el9 +Take the pods away: a kubelet is installed here and no cluster is configured/,
      );
      expect(names.el7.map((host) => el7.boots(host))).toEqual(
        names.el7.map((host) => (prepared.has(host) ? 2 : 1)),
      );
      expect((await el7.ssh('h1', 'ls -d /var/lib/kmend')).code).not.toBe(0);
    });

    it('applied, every host is fixed and proven, and the refused one is untouched', async () => {
      const { code, out, err } = await op.kmend(['apply', 'plan.json', '--yes']);
      expect([code, err]).toEqual([4, '']);
      const done = out.split('\n').filter((line) => / : ok=.*proven/.test(line));
      expect(done.map((line) => line.split(' ')[0]).toSorted()).toEqual([
        'el1',
        'el10',
        'el2',
        'el3',
        'el4',
        'el5',
        'el6',
        'el8',
      ]);
      expect(out).toMatch(/8 done, 4 with nothing to do, 1 refused \(exit 4\)/);
    });

    it.each([
      ['h1', set1160, `${plainLine} panic=30 cgroup.memory=nokmem`],
      ['h2', set1160, `${plainLine} panic=30 cgroup.memory=nokmem`],
      ['h3', set1160, `${plainLine} panic=30 cgroup.memory=nokmem`],
      ['h4', set1160, `${plainLine} cgroup.memory=nokmem`],
      ['h5', set1062, `${plainLine} cgroup.memory=nokmem`],
      ['h6', set1160, `${plainLine} cgroup.memory=nokmem`],
      ['h8', set1160, `${plainLine} cgroup.memory=nosocket,nokmem`],
      ['h10', set1160, `${plainLine} panic=30 cgroup.memory=nokmem`],
    ])('%s booted once, into %s with the argument', async (host, kernel, cmdline) => {
      const { kernel: running, cmdline: line } = el7.running(host);
      expect([running, line.replace(/^BOOT_IMAGE=\S+ root=\S+ /, '').trim()]).toEqual([
        kernel,
        cmdline,
      ]);
      const [old, now] = el7.bootIds(host).slice(-2);
      expect([el7.boots(host), old]).toEqual([prepared.has(host) ? 3 : 2, before.get(host)]);
      expect(rebootsOf(op.journal(), `el${host.slice(1)}`)).toEqual([{ before: old, after: now }]);
      expect((await el7.ssh(host, 'rpm -q kernel')).out).toContain(`kernel-${kernel}`);
      const slabinfo = await el7.ssh(
        host,
        'LC_ALL=C cat /sys/fs/cgroup/memory/docker/*1/memory.kmem.slabinfo',
      );
      expect(slabinfo.err).toContain('Input/output error');
    });

    it('every boot entry and every later kernel has the argument, the old kernel stays, and what was before lies beside', () => {
      const cfg = el7.written('h1', 'boot/grub2/grub.cfg');
      const lines = cfg.split('\n').filter((line) => /^\s*linux16 /.test(line));
      expect([
        lines.length >= 2,
        lines.every((line) => line.trimEnd().endsWith('cgroup.memory=nokmem')),
      ]).toEqual([true, true]);
      expect([cfg.includes(set862), cfg.includes(set1160)]).toEqual([true, true]);
      // The trial of the new kernel is over: it is the default, and what brought the old one back
      // after a panic is gone.
      expect([cfg.includes('panic='), el7.written('h1', 'boot/grub2/grubenv')]).toEqual([
        false,
        expect.stringMatching(/^saved_entry=.*1160/m),
      ]);
      expect(el7.written('h1', 'etc/default/grub')).toContain(
        'GRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet cgroup.memory=nokmem"',
      );
      expect(el7.written('h1', 'etc/default/grub.kmend-before')).toContain(
        'GRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet"',
      );
      expect(el7.written('h8', 'etc/default/grub')).toContain(
        '"crashkernel=auto rhgb quiet cgroup.memory=nosocket,nokmem"',
      );
    });

    it('hosts with a kubelet were drained before, and uncordoned after the proof', () => {
      for (const host of ['h3', 'h6'])
        expect(el7.written(host, 'var/log/pods.log')).toBe('drained\nuncordoned\n');
      const order = op
        .journal()
        .flatMap((event) =>
          'host' in event &&
          event.host === 'el3' &&
          (event.type === 'effect.started' || event.type === 'proof')
            ? [event.type === 'proof' ? 'proof' : event.harmless === true ? 'download' : event.kind]
            : [],
        );
      // Download; drain, kernel and argument; the reboot; the proof; only then the kernel for good,
      // and the pods again; the proof of the kernel for good.
      expect(order).toEqual([
        'download',
        'run',
        'run',
        'run',
        'reboot',
        'proof',
        'run',
        'run',
        'proof',
      ]);
    });

    it('hosts with nothing to do and the refused one were not rebooted, nor written to', async () => {
      for (const host of ['h7', 'h9']) {
        expect([el7.boots(host), el7.bootId(host)]).toEqual([2, before.get(host)]);
        expect((await el7.ssh(host, 'ls -d /var/lib/kmend')).code).not.toBe(0);
      }
      expect(names.deb.map((host) => deb.boots(host))).toEqual([1, 1, 1]);
    });

    it('no more hosts were away at once than the plan allows', () => {
      let [away, most] = [0, 0];
      for (const event of op.journal()) {
        if (event.type === 'host.started') away += 1;
        if (event.type === 'host.done' || event.type === 'host.failed') away -= 1;
        most = Math.max(most, away);
      }
      expect(most).toBe(4);
    });

    it('the fence is closed, the spool is gone, and the journal holds link by link', async () => {
      const run = op.runs().at(-1) ?? '';
      expect(el7.written('h1', 'var/lib/kmend/fence')).toBe(`${run} 1 closed\n`);
      expect((await el7.ssh('h1', 'ls -A /var/lib/kmend/spool')).out).toBe('');
      const verified = await op.kmend(['audit', 'verify', run]);
      expect([verified.code, verified.out]).toEqual([
        0,
        expect.stringContaining('every link holds'),
      ]);
      const proofs = eventsOf(op.journal(), 'proof');
      expect(proofs.map(({ by, verdict }) => `${by} ${verdict}`)).toEqual(
        proofs.map(() => 'samples off'),
      );
      // Where a kernel was tried, the proof is read again when it is the default.
      const twice = ['el1', 'el10', 'el2', 'el3'];
      expect(proofs.map(({ host }) => host).toSorted()).toEqual(
        [...twice, ...twice, 'el4', 'el5', 'el6', 'el8'].toSorted(),
      );
    });

    it('a second plan has nothing to do', async () => {
      const { code, out } = await op.kmend([
        'plan',
        playbook('nokmem'),
        '-i',
        op.inventory,
        '-l',
        'all:!el9',
      ]);
      expect([code, out]).toEqual([
        0,
        expect.stringContaining('Plan: 0 hosts to change, 12 with nothing to do, 0 refused'),
      ]);
      expect((await op.kmend(['check', '-i', op.inventory, '-l', 'all:!el9'])).code).toBe(0);
    });
  },
);

/** Hosts that were rebooted once before kmend came. */
const prepared: ReadonlySet<string> = new Set(['h3', 'h4', 'h5', 'h6', 'h7', 'h8', 'h9']);

/** Makes a host what the test wants, as its owner would, and boots it. */
async function prepare(lab: Lab, host: string, command: string): Promise<void> {
  const old = lab.bootId(host);
  const made = await lab.ssh(host, command, 120);
  if (made.code !== 0) throw new Error(`${host}: ${made.err || made.out}`);
  await lab.ssh(host, 'systemctl reboot; sleep 5', 10);
  await lab.answers(host, old);
}
