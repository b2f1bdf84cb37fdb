// Packages that are not fully installed, on real hosts with dpkg and rpm: never called done, and
// the command that is printed repairs them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { failureOf, type Operator, operator } from './operator.ts';

const noEl7 = labMissing('el7');
const noDeb = labMissing('deb');

const play = (versions: string): string => `- hosts: all
  rollout: {max_unavailable: 5, brake: {failures: 20}}
  tasks:
    - container_runtime: {versions: ${versions}}
    - reboot: {force: true, stable_for: 2}
    - verify_kmem: {without_sample: provisional}
`;

/** The first command that a refusal names for the host. */
const repairOf = (text: string): string =>
  /repair\s+it\s+on\s+the\s+host:\s+`([^`]+)`/.exec(text)?.[1]?.replace(/\s+/g, ' ') ??
  'no command was printed';

describe.skipIf(noDeb !== '')(`states of dpkg (${noDeb || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  let runtime = '';
  const apply = (host: string, path = runtime) =>
    op.kmend(['apply', path, '-i', op.inventory, '-l', host, '--yes']);
  const retry = (host: string, run: string) => op.kmend(['resume', run, '--retry', host, '--yes']);
  const set =
    'docker-ce=5:18.09.9~3-0~debian-stretch docker-ce-cli=5:18.09.9~3-0~debian-stretch containerd.io=1.4.13-1';
  const broken = (host: string) => lab.ssh(host, 'dpkg --audit');
  const repaired = async (host: string, text: string): Promise<void> => {
    const command = repairOf(text).replace(/^apt-get /, 'apt-get -y ');
    expect(await lab.ssh(host, `${command} && test -z "$(dpkg --audit)"`)).toMatchObject({
      code: 0,
    });
  };

  beforeAll(async () => {
    lab = await startLab({ flavour: 'deb', count: 4, net: '127.44' });
    op = operator(['h1', 'h2', 'h3', 'h4'].map((host) => ({ name: host, lab, host })));
    runtime = op.file(
      'runtime.yaml',
      play('{docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}'),
    );
    const own = `mkdir -p /own/DEBIAN /own/usr/bin && echo x > /own/usr/bin/containerd && dpkg-deb -Zgzip -b /own /own.deb && dpkg -i /own.deb`;
    const control =
      'Package: own\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: x <x@x>\\nDescription: x\\n';
    await Promise.all([
      lab.ssh(
        'h1',
        `cp -r /repos/deb /repo && cd /repo && dpkg-deb -R containerd.io_1.4.13-1_amd64.deb /t && printf '#!/bin/sh\\ntest -e /etc/sound\\n' > /t/DEBIAN/postinst &&
chmod 755 /t/DEBIAN/postinst && dpkg-deb -Zgzip -b /t containerd.io_1.4.13-1_amd64.deb && apt-ftparchive packages . > Packages && apt-ftparchive release . > Release &&
sed -i s,/repos/deb,/repo, /etc/apt/sources.list.d/lab.list && apt-get -q update`,
      ),
      lab.ssh('h2', `mkdir -p /own/DEBIAN && printf '${control}' > /own/DEBIAN/control && ${own}`),
      lab.ssh(
        'h3',
        `apt-get -y -q install ${set} && sed -i '/^Package: containerd.io$/,/^Status/s/^Status:.*/Status: install reinstreq half-installed/' /var/lib/dpkg/status && rm /usr/bin/runc`,
      ),
      lab.ssh(
        'h4',
        "printf 'Package: containerd.io\\nPin: release *\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/no; apt-get -y install lab-broken",
      ),
    ]);
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('a package whose script failed is never done, neither by --retry nor by a fresh apply, until the printed command repaired it', async () => {
    const first = await apply('h1');
    expect([first.code, failureOf(op.journal(), 'h1')?.failure.message]).toEqual([
      4,
      expect.stringMatching(/a script of theirs failed/),
    ]);
    const run = op.runs().at(-1) ?? '';
    const again = await retry('h1', run);
    expect([again.code, again.out]).toEqual([
      4,
      expect.stringMatching(/containerd\.io is half-configured/),
    ]);
    const fresh = await apply('h1');
    expect([fresh.code, lab.boots('h1'), (await broken('h1')).out]).toEqual([
      4,
      1,
      expect.stringContaining('containerd.io'),
    ]);
    await lab.ssh('h1', 'touch /etc/sound');
    await repaired('h1', fresh.out + fresh.err);
    expect([(await retry('h1', run)).code, lab.boots('h1')]).toEqual([0, 2]);
  });

  it('a file of another package is named as what stopped dpkg', async () => {
    const { code } = await apply('h2');
    const run = op.runs().at(-1) ?? '';
    expect([code, failureOf(op.journal(), 'h2')?.failure]).toEqual([
      4,
      expect.objectContaining({
        message: expect.stringMatching(/has a file that another package has too/),
        detail: expect.stringContaining('own (1)'),
      }),
    ]);
    const fresh = await apply('h2');
    expect([fresh.code, fresh.out + fresh.err]).toEqual([
      4,
      expect.stringMatching(/docker-ce is unpacked/),
    ]);
    await lab.ssh('h2', 'dpkg -P own');
    await repaired('h2', fresh.out + fresh.err);
    expect([(await retry('h2', run)).code, lab.boots('h2')]).toEqual([0, 2]);
  });

  it('a package that must be installed again stops every play that proves its hosts, also one that touches no package', async () => {
    const argument = op.file(
      'argument.yaml',
      '- hosts: all\n  tasks:\n    - kernel_arg: {key: cgroup.memory, value: nokmem}\n    - verify_kmem: {}\n      when: false\n',
    );
    for (const path of [runtime, argument]) {
      const { code, out, err } = await apply('h3', path);
      expect([code, out + err]).toEqual([
        4,
        expect.stringMatching(/containerd\.io is broken and must be installed again/),
      ]);
    }
    expect((await lab.ssh('h3', 'ls /etc/default/grub.d')).out).not.toContain('kmend');
    const { out, err } = await apply('h3');
    await repaired('h3', out + err);
    expect([(await apply('h3')).code, lab.boots('h3'), (await lab.ssh('h3', 'runc')).code]).toEqual(
      [0, 2, 0],
    );
  });

  it('a negative pin holds a package, and a package that is half-configured is not "present"', async () => {
    await lab.ssh('h4', 'dpkg -P lab-broken');
    const held = await op.kmend(['plan', runtime, '-i', op.inventory, '-l', 'h4']);
    expect([held.code, held.out]).toEqual([
      4,
      expect.stringMatching(/containerd\.io is held.*the\s+pin\s+in\s+\/etc\/apt\/preferences/s),
    ]);
    await lab.ssh('h4', 'apt-get -y install lab-broken');
    const present = op.file(
      'present.yaml',
      '- hosts: all\n  tasks:\n    - package: {name: lab-broken, state: present}\n',
    );
    const { code, out } = await op.kmend(['plan', present, '-i', op.inventory, '-l', 'h4']);
    expect([code, out]).toEqual([
      4,
      expect.stringMatching(/lab-broken is half-configured.*dpkg --configure -a/s),
    ]);
  });
});

describe.skipIf(noEl7 !== '')(`what rpm does not say (${noEl7 || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 2, net: '127.45' });
    op = operator(['h1', 'h2'].map((host) => ({ name: host, lab, host })));
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('two versions of one package are damage, and the printed command ends it', async () => {
    const runtime = op.file(
      'runtime.yaml',
      play('{docker-ce: 18.09.1, docker-ce-cli: 18.09.1, containerd.io: 1.4.13}'),
    );
    const plan = () => op.kmend(['plan', runtime, '-i', op.inventory, '-l', 'h1']);
    await lab.ssh(
      'h1',
      'rpm -i --nodeps --force /repos/rpm/*/docker-ce-18.09.1* /repos/rpm/*/docker-ce-cli-18.09.1* /repos/rpm/*/containerd.io-1.4.13*',
    );
    const byYum = await plan();
    expect([byYum.code, byYum.out]).toEqual([
      4,
      expect.stringMatching(/docker-ce is installed in several versions at once/),
    ]);
    expect(repairOf(byYum.out)).toBe('yum -y install yum-utils && package-cleanup -y --cleandupes');
    await lab.ssh('h1', `sed -i 's/^VERSION_ID=.*/VERSION_ID="8"/' /etc/os-release`);
    expect((await lab.ssh('h1', `${repairOf((await plan()).out)} -y`)).code).toBe(0);
    expect([(await plan()).out, (await lab.ssh('h1', 'rpm -q docker-ce')).out]).toEqual([
      expect.not.stringContaining('several versions'),
      'docker-ce-18.09.1-3.el7.x86_64\n',
    ]);
  });

  it('a package whose script failed is not done at the second try either, until it was installed again', async () => {
    const path = op.file(
      'broken.yaml',
      '- hosts: all\n  tasks:\n    - package: {name: lab-broken}\n',
    );
    const apply = () => op.kmend(['apply', path, '-i', op.inventory, '-l', 'h2', '--yes']);
    expect([(await apply()).code, failureOf(op.journal(), 'h2')?.failure.message]).toEqual([
      4,
      expect.stringMatching(/a script of theirs failed/),
    ]);
    const run = op.runs().at(-1) ?? '';
    const again = await op.kmend(['resume', run, '--retry', 'h2', '--yes']);
    expect([again.code, again.out]).toEqual([
      4,
      expect.stringMatching(/lab-broken is installed, but its script failed/),
    ]);
    const fresh = await apply();
    expect(fresh.code).toBe(4);
    expect((await lab.ssh('h2', `sleep 1; ${repairOf(fresh.out + fresh.err)} -y`)).code).toBe(0);
    expect((await op.kmend(['resume', run, '--retry', 'h2', '--yes'])).code).toBe(0);
    expect((await apply()).code).toBe(0);
  });
});
