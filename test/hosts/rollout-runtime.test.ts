// The container runtime on real hosts, with everything that package managers have in store: holds,
// locks, gone repositories, failing scripts.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grub2Script } from '../../src/modules/kernel-arg/scripts.ts';
import { type Lab, labMissing, startLab } from './lab.ts';
import { failureOf, type Operator, operator, playbook, rebootsOf } from './operator.ts';

const noEl7 = labMissing('el7');
const noDeb = labMissing('deb');

/** The shipped playbook, except that a failure stops no other host and ten hosts may be out of service. */
const unbraked = (name: string): string =>
  readFileSync(playbook(name), 'utf8')
    .replace('max_unavailable: 1', 'max_unavailable: 10')
    .replace('failures: 0', 'failures: 20');

/**
 * Whatever goes wrong on the way goes wrong while the pods are taken away: after the plan and its
 * preflight, before the packages move.
 */
const duringDrain = (command: string) => ({
  drain_command: command,
  uncordon_command: 'echo uncordoned >> /var/log/pods.log',
});

const runtimeOf = async (lab: Lab, host: string): Promise<string> =>
  (
    await lab.ssh(
      host,
      "rpm -q docker-ce docker-ce-cli containerd.io; docker version --format '{{.Server.Version}}'",
    )
  ).out.trim();

const oldRuntime =
  'docker-ce-18.06.1.ce-3.el7.x86_64\npackage docker-ce-cli is not installed\npackage containerd.io is not installed\n18.06.1-ce';
const newRuntime = (docker: string, containerd: string): string =>
  `docker-ce-${docker}-3.el7.x86_64\ndocker-ce-cli-${docker}-3.el7.x86_64\ncontainerd.io-${containerd}.el7.x86_64\n${docker}`;

describe.skipIf(noEl7 !== '')(`runtime.yaml on el7 hosts (${noEl7 || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  const bootsBefore = new Map<string, number>();
  const all = Array.from({ length: 12 }, (_, index) => `h${index + 1}`);
  const on = (host: string, command: string) => lab.ssh(host, command, 60);

  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 12, net: '127.22' });
    const kubelet = async (host: string, version: string): Promise<void> => {
      const old = lab.bootId(host);
      await on(host, `yum -q -y install kubelet-${version}`);
      await on(host, 'systemctl reboot; sleep 5');
      await lab.answers(host, old);
    };
    await Promise.all([
      on('h2', "echo 'exclude=docker-ce*' >> /etc/yum.conf"),
      on(
        'h3',
        "mkdir -p /etc/yum/pluginconf.d; echo '0:docker-ce-18.06.1.ce-3.el7.*' > /etc/yum/pluginconf.d/versionlock.list",
      ),
      on('h4', 'sed -i s,/repos/rpm,/repos/gone, /etc/yum.repos.d/lab.repo; yum -q clean all'),
      kubelet('h5', '1.12.3'),
      kubelet('h7', '1.22.17'),
      kubelet('h8', '1.22.17'),
      kubelet('h9', '1.22.17'),
      on(
        'h12',
        'cp -r /repos/rpm /repo && rm /repo/*/docker-ce-18.06* && createrepo_c -q /repo && sed -i s,/repos/rpm,/repo, /etc/yum.repos.d/lab.repo && yum -q clean all',
      ),
      on('h11', "mkdir -p /etc/docker; echo '{}' > /etc/docker/daemon.json"),
    ]);
    const drains: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      h7: duringDrain('setsid yum -q -y install lab-slow > /dev/null 2>&1 < /dev/null & sleep 3'),
      h8: duringDrain(
        'sed -i s,/repos/rpm,/repos/gone, /etc/yum.repos.d/lab.repo; yum -q clean all',
      ),
      h9: duringDrain('echo the pods will not go >&2; exit 3'),
    };
    op = operator(
      all.map((host) => ({ name: host, lab, host, vars: drains[host] ?? duringDrain('true') })),
    );
    for (const host of all) bootsBefore.set(host, lab.boots(host));
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('the plan names what prevents the remedy, and what to do about it', async () => {
    const { code, out } = await op.kmend([
      'plan',
      playbook('runtime'),
      '-i',
      op.inventory,
      '-l',
      'h2:h3:h4:h5',
      '--json',
    ]);
    const plan = JSON.parse(out);
    const refusals = new Map<string, { why: string; hint: string }>(
      plan.plays[0].hosts.map((host: { host: string; refused: { why: string; hint: string } }) => [
        host.host,
        host.refused,
      ]),
    );
    expect([code, refusals.size]).toEqual([4, 4]);
    expect(refusals.get('h2')).toMatchObject({
      why: expect.stringContaining('docker-ce is held'),
      hint: expect.stringContaining('exclude='),
    });
    expect(refusals.get('h3')).toMatchObject({
      why: expect.stringContaining('docker-ce is held'),
      hint: expect.stringContaining('versionlock'),
    });
    expect(refusals.get('h4')).toMatchObject({
      why: expect.stringContaining('no enabled repository has docker-ce'),
      hint: expect.stringContaining('vault.centos.org'),
    });
    expect(refusals.get('h5')).toMatchObject({
      why: expect.stringContaining('kubelet 1.12.3'),
      hint: expect.stringContaining('partial: accept'),
    });
  });

  it.each([
    [
      'a version that no repository has',
      '{"docker-ce": "18.09.7", "docker-ce-cli": "18.09.7", "containerd.io": "1.4.13"}',
      /no enabled repository has docker-ce 18\.09\.7 \(there are: .*18\.09\.9/,
    ],
    [
      'a containerd.io whose runc accounts',
      '{"docker-ce": "18.09.9", "docker-ce-cli": "18.09.9", "containerd.io": "1.2.10"}',
      /containerd\.io 1\.2\.10-3\.2\.el7 is not known to leave accounting off/,
    ],
  ])('%s is refused, with those that are there', async (_, versions, why) => {
    const { code, out } = await op.kmend([
      'plan',
      playbook('runtime'),
      '-i',
      op.inventory,
      '-l',
      'h1',
      '-e',
      `{"runtime_versions": ${versions}}`,
    ]);
    expect([code, out]).toEqual([4, expect.stringMatching(why)]);
  });

  it('an engine that is in no repository any more could not be rolled back: refused, unless `rollback: none`', async () => {
    const plan = (...more: readonly string[]) =>
      op.kmend(['plan', playbook('runtime'), '-i', op.inventory, '-l', 'h12', ...more]);
    const refused = await plan();
    expect([refused.code, refused.out]).toEqual([
      4,
      expect.stringMatching(
        /no enabled repository has docker-ce 18\.06\.1\.ce-3\.el7, which is installed now.*--rollback none/s,
      ),
    ]);
    const taken = await plan('--rollback', 'none');
    expect([taken.code, taken.out]).toEqual([2, expect.stringContaining('1 host to change')]);
    expect((await plan('--rollback', 'never')).code).toBe(3);
  });

  it('a package manager that is at work is named', async () => {
    void on('h10', 'yum -q -y install lab-slow');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { code, out } = await op.kmend([
      'plan',
      playbook('runtime'),
      '-i',
      op.inventory,
      '-l',
      'h10',
    ]);
    expect([code, out]).toEqual([
      4,
      expect.stringMatching(
        /the package manager is in use: dnf \(pid \d+, for \d+ s\) holds \/var\/lib\//,
      ),
    ]);
  });

  it('hosts that become unfit after the plan end as they are, or in a state that is named; the others are fixed', async () => {
    const path = op.file('wide.yaml', unbraked('runtime'));
    const planned = await op.kmend([
      'plan',
      path,
      '-i',
      op.inventory,
      '-l',
      'h1:h6:h7:h8:h9:h11',
      '-o',
      'plan.json',
    ]);
    expect([planned.code, planned.out]).toEqual([
      2,
      expect.stringContaining('Plan: 6 hosts to change'),
    ]);
    // h6: an operator pins the packages between plan and apply.
    await on('h6', "echo 'exclude=docker-ce*' >> /etc/yum.conf");
    const { code, out } = await op.kmend(['apply', 'plan.json', '--yes']);
    expect([code, out]).toEqual([
      4,
      expect.stringContaining('3 done, 2 failed, 1 refused (exit 4)'),
    ]);
    const events = op.journal();
    expect(failureOf(events, 'h6')).toMatchObject({
      touched: false,
      state: 'untouched',
      failure: { kind: 'refused', message: expect.stringContaining('docker-ce is held') },
    });
    expect(failureOf(events, 'h8')).toMatchObject({
      touched: true,
      state: expect.stringContaining('drained'),
      failure: { message: expect.stringContaining('no enabled repository has docker-ce') },
    });
    expect(failureOf(events, 'h9')).toMatchObject({
      touched: true,
      state: 'perhaps drained in part',
      failure: { kind: 'exit', detail: expect.stringContaining('the pods will not go') },
    });
  });

  it.each(['h1', 'h7', 'h11'])('%s moved all three packages and booted once', async (host) => {
    expect(await runtimeOf(lab, host)).toBe(newRuntime('18.09.1', '1.4.1-3.1'));
    expect(lab.boots(host)).toBe((bootsBefore.get(host) ?? 0) + 1);
    const [old, now] = lab.bootIds(host).slice(-2);
    expect(rebootsOf(op.journal(), host)).toEqual([{ before: old, after: now }]);
  });

  it.each(['h2', 'h3', 'h4', 'h5', 'h6', 'h8', 'h9', 'h10'])(
    '%s has the runtime of before and was not rebooted',
    async (host) => {
      expect([await runtimeOf(lab, host), lab.boots(host)]).toEqual([
        oldRuntime,
        bootsBefore.get(host),
      ]);
    },
  );

  it('another set is taken by -e, and a second plan has nothing to do', async () => {
    const versions =
      '{"runtime_versions": {"docker-ce": "18.09.9", "docker-ce-cli": "18.09.9", "containerd.io": "1.4.13"}}';
    // Both are out of service until an operator has acknowledged them, for this run too.
    const apply = () =>
      op.kmend([
        'apply',
        playbook('runtime'),
        '-i',
        op.inventory,
        '-l',
        'h10',
        '--yes',
        '-e',
        versions,
      ]);
    const run = op.runs().at(-1) ?? '';
    expect([(await apply()).code, (await op.kmend(['resolve', run, 'h8', 'h9'])).code]).toEqual([
      5, 0,
    ]);
    const { code, err } = await apply();
    expect([code, err, await runtimeOf(lab, 'h10')]).toEqual([
      0,
      '',
      newRuntime('18.09.9', '1.4.13-3.1'),
    ]);
    const again = await op.kmend([
      'plan',
      playbook('runtime'),
      '-i',
      op.inventory,
      '-l',
      'h1:h7:h10:h11',
    ]);
    expect([again.code, again.out]).toEqual([
      0,
      expect.stringContaining('0 hosts to change, 4 with nothing to do'),
    ]);
  });

  it('a package whose script fails is reported as such, though yum ended with 0', async () => {
    const path = op.file(
      'broken.yaml',
      '- hosts: all\n  tasks:\n    - package: {name: lab-broken}\n',
    );
    const { code } = await op.kmend(['apply', path, '-i', op.inventory, '-l', 'h1', '--yes']);
    expect([code, failureOf(op.journal(), 'h1')]).toMatchObject([
      4,
      {
        touched: true,
        failure: { kind: 'exit', message: expect.stringMatching(/a script of theirs failed/) },
      },
    ]);
    expect((await op.kmend(['resolve', op.runs().at(-1) ?? '', 'h1'])).code).toBe(0);
  });

  it('packages go back in one transaction where the play says so', async () => {
    const back = `- hosts: all
  tasks:
    - package: {packages: {docker-ce: 18.06.1.ce-3.el7, docker-ce-cli: absent, containerd.io: absent}, allow_downgrade: true}
    - reboot: {when_pending: true, stable_for: 2}
`;
    const old = lab.bootId('h11');
    const { code, err } = await op.kmend([
      'apply',
      op.file('back.yaml', back),
      '-i',
      op.inventory,
      '-l',
      'h11',
      '--yes',
    ]);
    expect([code, err, await runtimeOf(lab, 'h11')]).toEqual([0, '', oldRuntime]);
    expect(rebootsOf(op.journal(), 'h11')).toEqual([{ before: old, after: lab.bootId('h11') }]);
  });
});

describe.skipIf(noEl7 !== '')(`a full /boot on el7 hosts (${noEl7 || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 2, net: '127.23', bootKb: 1000 });
    op = operator(['h1', 'h2'].map((host) => ({ name: host, lab, host })));
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('no room for a kernel is reported before anything is touched', async () => {
    const { code, out } = await op.kmend([
      'plan',
      playbook('nokmem'),
      '-i',
      op.inventory,
      '-l',
      'h1',
    ]);
    expect([code, out]).toEqual([
      4,
      expect.stringMatching(/\/boot has 0 MB left, this needs 60 \(make room on \/boot first\)/),
    ]);
  });

  it('no room for a new grub.cfg is reported before anything is touched; where it runs out later, the old one boots', async () => {
    const old = lab.bootId('h2');
    await lab.ssh('h2', 'yum -q -y install kernel-3.10.0-1160.el7', 60);
    await lab.ssh('h2', 'systemctl reboot; sleep 5', 10);
    await lab.answers('h2', old);
    const sums = 'cksum /boot/grub2/grub.cfg /etc/default/grub';
    await lab.ssh('h2', 'dd if=/dev/zero of=/boot/filler bs=1k 2>/dev/null; :');
    const before = await lab.ssh('h2', sums);
    const { code, out } = await op.kmend([
      'plan',
      playbook('nokmem'),
      '-i',
      op.inventory,
      '-l',
      'h2',
    ]);
    expect([code, out]).toEqual([4, expect.stringMatching(/\/boot has 0 MB left, this needs 1/)]);
    const ran = await lab.ssh(
      'h2',
      grub2Script({ key: 'cgroup.memory', items: ['nokmem'], list: true, state: 'present' }),
    );
    expect([ran.code, ran.err]).toEqual([
      22,
      expect.stringContaining('cannot write beside /boot/grub2/grub.cfg'),
    ]);
    expect([(await lab.ssh('h2', sums)).out, lab.boots('h2')]).toEqual([before.out, 2]);
    expect((await lab.ssh('h2', 'ls /boot/grub2')).out.trim()).not.toMatch(/kmend-new/);
  });
});

const debSet = (docker: string): string => {
  const paragraph = (name: string, version: string): string =>
    `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n`;
  const epoch = `5:${docker}~3-0~debian-stretch`;
  return `${paragraph('docker-ce', epoch)}${paragraph('docker-ce-cli', epoch)}${paragraph('containerd.io', '1.4.13-1')}${docker}\n`;
};

describe.skipIf(noDeb !== '')(`packages on deb hosts (${noDeb || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  let play = '';
  const versions = async (host: string): Promise<string> =>
    (
      await lab.ssh(
        host,
        "dpkg -s docker-ce docker-ce-cli containerd.io | grep -E '^(Package|Status|Version):'; docker version --format '{{.Server.Version}}'",
        30,
      )
    ).out;

  beforeAll(async () => {
    lab = await startLab({ flavour: 'deb', count: 5, net: '127.24' });
    op = operator(
      Array.from({ length: 5 }, (_, index) => ({
        name: `d${index + 1}`,
        lab,
        host: `h${index + 1}`,
      })),
    );
    play = op.file(
      'deb.yaml',
      `- hosts: all
  rollout: {max_unavailable: 5, brake: {failures: 20}}
  tasks:
    - container_runtime: {versions: {docker-ce: "{{ engine_version | default('18.09.9') }}", docker-ce-cli: "{{ engine_version | default('18.09.9') }}", containerd.io: 1.4.13}}
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, stable_for: 2}
`,
    );
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('the plan reports a package pin, a missing version and a repository that is gone', async () => {
    await lab.ssh('h2', 'apt-mark hold docker-ce');
    await lab.ssh(
      'h3',
      'sed -i s,/repos/deb,/repos/gone, /etc/apt/sources.list.d/lab.list; rm -rf /var/lib/apt/lists/*',
    );
    const { code, out } = await op.kmend(['plan', play, '-i', op.inventory, '-l', 'd2:d3']);
    expect(code).toBe(4);
    expect(out).toMatch(/d2 +.*docker-ce is held.*apt-mark unhold docker-ce/s);
    expect(out).toMatch(
      /d3 +.*no enabled repository has docker-ce 18\.09\.9: this host never read the index.*apt-get update/s,
    );
    const missing = await op.kmend([
      'plan',
      play,
      '-i',
      op.inventory,
      '-l',
      'd1',
      '-e',
      'engine_version=18.09.7',
    ]);
    expect([missing.code, missing.out]).toEqual([
      4,
      expect.stringMatching(
        /no enabled repository has docker-ce 18\.09\.7 \(there are: .*5:18\.09\.9/,
      ),
    ]);
  });

  it('a lock that another process takes is seen', async () => {
    void lab.ssh('h5', 'apt-get -q -y install lab-slow', 60);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { code, out } = await op.kmend(['plan', play, '-i', op.inventory, '-l', 'd5']);
    // apt holds several locks; /proc/locks lists them by processor, so that any of them comes first.
    expect([code, out]).toEqual([
      4,
      expect.stringMatching(
        /the package manager is in use: (?:apt-get|dpkg) \(pid \d+, for \d+ s\) holds \/var\/(?:lib\/dpkg|cache\/apt\/archives)\/lock/,
      ),
    ]);
  });

  it('a script that fails leaves a package half configured: named, and the next plan refuses the host', async () => {
    const path = op.file(
      'broken.yaml',
      '- hosts: all\n  tasks:\n    - package: {name: lab-broken}\n',
    );
    const { code } = await op.kmend(['apply', path, '-i', op.inventory, '-l', 'd4', '--yes']);
    expect([code, failureOf(op.journal(), 'd4')]).toMatchObject([
      4,
      {
        touched: true,
        failure: { kind: 'exit', message: expect.stringMatching(/a script of theirs failed/) },
      },
    ]);
    const next = await op.kmend(['plan', play, '-i', op.inventory, '-l', 'd4']);
    expect([next.code, next.out]).toEqual([
      4,
      expect.stringMatching(/lab-broken is\s+half-configured.*dpkg --configure -a/s),
    ]);
  });

  it('runtime and argument at once, by apt, update-grub and one reboot', async () => {
    const old = lab.bootId('h1');
    const { code, err } = await op.kmend(['apply', play, '-i', op.inventory, '-l', 'd1', '--yes']);
    expect([code, err]).toEqual([0, '']);
    expect(await versions('h1')).toBe(debSet('18.09.9'));
    expect([lab.boots('h1'), rebootsOf(op.journal(), 'd1')]).toEqual([
      2,
      [{ before: old, after: lab.bootId('h1') }],
    ]);
    expect(lab.running('h1').cmdline).toMatch(/ cgroup\.memory=nokmem/);
    expect(lab.written('h1', 'etc/default/grub.d/99-kmend.cfg')).toContain('cgroup.memory=nokmem');
    expect(
      lab
        .written('h1', 'boot/grub/grub.cfg')
        .split('\n')
        .filter((line) => /^\s*linux\s/.test(line))
        .every((line) => line.includes('cgroup.memory=nokmem')),
    ).toBe(true);
    const again = await op.kmend(['plan', play, '-i', op.inventory, '-l', 'd1']);
    expect([again.code, again.out]).toEqual([
      0,
      expect.stringContaining('0 hosts to change, 1 with nothing to do'),
    ]);
  });

  it('and back to older versions', async () => {
    const { code, err } = await op.kmend([
      'apply',
      play,
      '-i',
      op.inventory,
      '-l',
      'd1',
      '--yes',
      '-e',
      'engine_version=18.09.1',
    ]);
    expect([code, err, await versions('h1')]).toEqual([0, '', debSet('18.09.1')]);
  });
});
