// os_update with real apt-get and dnf on real sshd hosts: what the plan lists is what happens, or
// nothing does.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, type LabFlavour, labMissing, startLab } from './lab.ts';
import { failureOf, type Operator, operator } from './operator.ts';

const builder = join(import.meta.dirname, '../lab/update-repo.sh');
const play = (task: string, before = ''): string =>
  `- hosts: all\n  rollout: {max_unavailable: 3, brake: {failures: 20}}\n  tasks:\n${before}    - os_update: ${task}\n`;

interface Both {
  readonly lab: Lab;
  readonly op: Operator;
  readonly plan: (host: string, task: string) => Promise<string>;
  readonly apply: (host: string, task: string, before?: string) => Promise<string>;
}

async function labOf(flavour: LabFlavour, net: string, prepare: string): Promise<Both> {
  const lab = await startLab({ flavour, count: 3, net });
  const op = operator(lab.hosts.map(({ name }) => ({ name, lab, host: name })));
  const ready = await Promise.all(lab.hosts.map(({ name }) => lab.ssh(name, prepare, 240)));
  expect(ready.map(({ code, err }) => [code, code === 0 ? '' : err])).toEqual(
    ready.map(() => [0, '']),
  );
  const run = async (verb: string, host: string, text: string): Promise<string> => {
    const words = [verb, op.file('play.yaml', text), '-i', op.inventory, '-l', host];
    const { code, out, err } = await op.kmend(verb === 'apply' ? [...words, '--yes'] : words);
    return `exit ${code}\n${out}${err}`;
  };
  return {
    lab,
    op,
    plan: (host, task) => run('plan', host, play(task)),
    apply: (host, task, before = '') => run('apply', host, play(task, before)),
  };
}

const noDeb = labMissing('deb');

/** The lists are those of the old state; `new` makes the repository the new one. */
const aptHost = `sh ${builder} deb /r && rm /etc/apt/sources.list.d/* && cp -r /r/old /srv/r &&
echo 'deb [trusted=yes] file:/srv/r ./' > /etc/apt/sources.list.d/u.list && apt-get -q update &&
apt-get -y -q purge docker-ce && apt-get -y -q install tool openssh-server kubelet docker-ce orphan rival held linux-image-amd64 &&
apt-mark auto orphan rival && apt-mark hold held && rm -r /srv/r && cp -r /r/new /srv/r`;

describe.skipIf(noDeb !== '')(`real apt-get (${noDeb || 'all there'})`, () => {
  let both: Both;
  beforeAll(async () => {
    both = await labOf('deb', '127.51', aptHost);
  });
  afterAll(() => {
    both?.op.close();
    both?.lab.down();
  });
  const versions = async (host: string): Promise<string> =>
    (await both.lab.ssh(host, `dpkg-query -W -f '\${Package}=\${Version} '`)).out.trim();
  const before =
    'docker-ce=1 held=1 kubelet=1 linux-image-4.9.0-6-amd64=4.9.88-1 linux-image-6.1.0-1-amd64=6.1.1-1 linux-image-amd64=6.1.1 openssh-server=1 orphan=1 rival=1 tool=1';

  it('lists what new package lists bring, and reads them without touching those of the host', async () => {
    const lists = async () =>
      (
        await both.lab.ssh(
          'h1',
          'cd /var/lib/apt/lists && ls -l --time-style=+%s.%N; cat *_Packages | md5sum',
        )
      ).out;
    const [was, old] = [await lists(), await both.plan('h1', '{}')];
    expect(old).toMatch(/exit 0/);
    await both.lab.ssh('h1', 'touch -d "1 day ago" /var/lib/apt/lists');
    const listed = await both.plan('h1', '{update_cache: true}');
    expect(listed).toMatch(
      /exit 2.*! package lists: read again.*- package rival: 1.*~ package tool: 1 -> 2/s,
    );
    expect(listed).toMatch(
      /left out, because not named by `include`:\s+docker-ce,\s+kubelet; held,\s+excluded or not yet offered: held/,
    );
    expect([await lists(), await versions('h1')]).toEqual([was, before]);
  });

  it('moves exactly that, keeps what was automatic so, and a second plan is empty', async () => {
    expect(await both.apply('h1', '{update_cache: true, autoremove: true}')).toMatch(/^exit 0\n/);
    expect(await versions('h1')).toBe(
      'docker-ce=1 held=1 kubelet=1 libnew=1 linux-image-4.9.0-6-amd64=4.9.88-1 linux-image-6.1.0-1-amd64=6.1.1-1 linux-image-6.1.0-2-amd64=6.1.2-1 linux-image-amd64=6.1.2 openssh-server=2 tool=2',
    );
    expect(
      (await both.lab.ssh('h1', 'apt-mark showauto | tr "\\n" " "; apt-mark showhold')).out,
    ).toBe('libnew linux-image-6.1.0-1-amd64 linux-image-6.1.0-2-amd64 held\n');
    expect(await both.plan('h1', '{update_cache: true, autoremove: true}')).toMatch(/^exit 0\n/);
    expect(await both.apply('h1', '{include: [kubelet], exclude: ["docker*"]}')).toMatch(
      /^exit 0\n/,
    );
    expect(await versions('h1')).toContain('docker-ce=1 held=1 kubelet=2');
  });

  it('a repository that has moved on since the plan is stale, and nothing is changed', async () => {
    await both.lab.ssh('h2', 'apt-get -q update');
    const later = `    - shell: sh -c 'cd /srv/r && rm openssh-server_2.deb && apt-ftparchive packages . > Packages && apt-ftparchive release . > Release && apt-get -q update'\n`;
    const grown = `    - shell: sh -c 'cp /r/old/held_1.deb /srv/r/ && dpkg-deb -R /srv/r/tool_2.deb /t && sed -i s/^Version.*/Version:\\ 3/ /t/DEBIAN/control && dpkg-deb -Zgzip -b /t /srv/r/tool_3.deb && cd /srv/r && apt-ftparchive packages . > Packages && apt-ftparchive release . > Release && apt-get -q update'\n`;
    const less = await both.apply('h2', '{exclude: [tool]}', later);
    expect(less).toMatch(/^exit 0\n/);
    expect(await versions('h2')).toContain('openssh-server=1 orphan=1 rival=1 tool=1');
    const more = await both.apply('h2', '{}', grown);
    expect([more, failureOf(both.op.journal(), 'h2')?.failure]).toEqual([
      expect.stringMatching(/^exit 4\n/),
      expect.objectContaining({
        kind: 'drift',
        message: expect.stringMatching(
          /the plan is stale, and nothing was changed: .*package tool/,
        ),
      }),
    ]);
    expect(await versions('h2')).toContain('rival=1 tool=1');
  });

  it('what is needed no more is removed by a task of its own, and the host refuses to lose openssh-server', async () => {
    expect(await both.apply('h3', '{upgrade: none, autoremove: true}')).toMatch(/^exit 0\n/);
    expect(await versions('h3')).toMatch(/openssh-server=1 tool=1$/);
    await both.lab.ssh('h3', 'apt-mark auto openssh-server');
    expect(await both.plan('h3', '{upgrade: none, autoremove: true}')).toMatch(
      /^exit 4\n.*the update would remove openssh-server 1/s,
    );
    await both.lab.ssh('h3', 'touch -d "1 day ago" /var/lib/apt/lists');
    expect(
      await both.apply('h3', '{upgrade: none, update_cache: true, cache_valid_time: 1h}'),
    ).toMatch(/^exit 0\n/);
    const safe = await both.plan('h3', '{upgrade: safe, security: true}');
    expect(safe).toMatch(/~ package openssh-server: 1 -> 2/);
  });
});

const noEl7 = labMissing('el7');
const dnfHost = `sh ${builder} rpm /r && rm /etc/yum.repos.d/* && mkdir -p /srv && cp -r /r/old /srv/r &&
printf '[u]\\nname=u\\nbaseurl=file:///srv/r\\ngpgcheck=0\\nmetadata_expire=1d\\n' > /etc/yum.repos.d/u.repo &&
dnf -q -y erase docker-ce container-selinux && dnf -q -y install tool openssh-server kubelet docker-ce orphan rival held &&
dnf -q mark remove orphan && rm -r /srv/r && cp -r /r/new /srv/r`;

describe.skipIf(noEl7 !== '')(`real dnf (${noEl7 || 'all there'})`, () => {
  let both: Both;
  beforeAll(async () => {
    both = await labOf('el7', '127.52', dnfHost);
  });
  afterAll(() => {
    both?.op.close();
    both?.lab.down();
  });
  const versions = async (host: string): Promise<readonly string[]> =>
    (await both.lab.ssh(host, "rpm -qa --qf '%{NAME}-%{VERSION}\\n'")).out
      .trim()
      .split('\n')
      .toSorted();

  it('lists what new lists bring, moves exactly that, and a second plan is empty', async () => {
    await both.lab.ssh('h1', 'sed -i s/^VERSION_ID=.*/VERSION_ID=9/ /etc/os-release');
    const listed = await both.plan('h1', '{update_cache: true, exclude: [held]}');
    expect(listed).toMatch(
      /exit 2.*\+ kernel package kernel: 3.10.0-1170.el7.*\+ package libnew.*- package rival.*~ package tool: 1-1.el7 -> 2-1.el7/s,
    );
    expect(listed).not.toMatch(/package (held|kubelet|docker-ce)/);
    expect(await both.apply('h1', '{update_cache: true, exclude: [held]}')).toMatch(/^exit 0\n/);
    expect(await versions('h1')).toEqual([
      ...[
        'bash-4.2.46',
        'centos-release-7',
        'docker-ce-1',
        'held-1',
        'kernel-3.10.0',
        'kernel-3.10.0',
        'kubelet-1',
      ],
      ...['libnew-1', 'openssh-server-2', 'orphan-1', 'tool-2'],
    ]);
    expect(await both.plan('h1', '{update_cache: true, exclude: [held]}')).toMatch(/^exit 0\n/);
    expect(await both.apply('h1', '{upgrade: none, autoremove: true}')).toMatch(/^exit 0\n/);
    expect(await versions('h1')).not.toContain('orphan-1');
  });

  it('a repository that has moved on since the plan is stale, and nothing is changed', async () => {
    await both.lab.ssh(
      'h2',
      'rm -r /srv/r && cp -r /r/old /srv/r && cp /r/new/x86_64/openssh* /srv/r/x86_64/ && createrepo_c -q /srv/r && dnf -q clean all',
    );
    const grown = `    - shell: sh -c 'rm -r /srv/r && cp -r /r/new /srv/r && dnf -q clean all'\n`;
    const more = await both.apply('h2', '{}', grown);
    expect([more, failureOf(both.op.journal(), 'h2')?.failure.kind]).toEqual([
      expect.stringMatching(/^exit 4\n.*the plan is stale, and nothing was\s+changed/s),
      'drift',
    ]);
    expect(await versions('h2')).toEqual(expect.arrayContaining(['openssh-server-1', 'tool-1']));
  });

  it('a repository that fails refuses the host with its words', async () => {
    await both.lab.ssh(
      'h3',
      'sed -i s/^VERSION_ID=.*/VERSION_ID=9/ /etc/os-release; rm -r /srv/r; dnf -q clean all',
    );
    expect(await both.plan('h3', '{}')).toMatch(/^exit 4\n.*dnf does not say what it would do/s);
  });
});
