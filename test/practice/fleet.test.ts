// The practice fleet behaves as hosts do: commands, reboots by the boot loader's file, packages,
// holds, memory groups.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFleet, demoHosts, type Fleet } from '../../practice/index.ts';
import { hostOf, rebooted, ssh } from './client.ts';

const M = '"$KMEND_ROOT/sys/fs/cgroup/memory"';
const dir = mkdtempSync(join(tmpdir(), 'kmend-fleet-'));
let fleet: Fleet;

beforeAll(async () => {
  fleet = await createFleet({ dir, hosts: demoHosts, downSeconds: 0.3 });
});
afterAll(async () => {
  await fleet.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('a command', () => {
  it('runs in a real sh and returns stdout, stderr and the exit status', async () => {
    expect(await ssh(fleet, 'node-a1', 'echo out; echo err >&2; cat; exit 7', 'in\n')).toEqual({
      code: 7,
      out: 'out\nin\n',
      err: 'err\n',
    });
  });

  it('sees its own kernel, name and user', async () => {
    expect((await ssh(fleet, 'node-a1', 'uname -r; uname -n; id -u')).out).toBe(
      '3.10.0-862.el7.x86_64\nnode-a1\n0\n',
    );
    expect((await ssh(fleet, 'node-c1', 'uname -r')).out).toBe('6.1.0-28-amd64\n');
  });

  it('finds emulated tools before programs of this machine', async () => {
    const { out } = await ssh(
      fleet,
      'node-a1',
      'for p in yum rpm reboot systemctl grubby mount mkdir docker kubelet; do command -v $p; done',
    );
    for (const path of out.trim().split('\n')) expect(path.startsWith(dir)).toBe(true);
    expect(out.trim().split('\n')).toHaveLength(9);
  });
});

describe('a reboot', () => {
  it('brings a new boot id and the kernel and arguments that the boot loader names, and cuts every connection', async () => {
    const host = hostOf(fleet, 'build-b3');
    const before = host.bootId();
    expect((await ssh(fleet, 'build-b3', 'yum -q -y install kernel-3.10.0-1160.el7')).code).toBe(0);
    expect(
      (await ssh(fleet, 'build-b3', 'grubby --update-kernel=ALL --args=cgroup.memory=nokmem')).code,
    ).toBe(0);
    await expect(ssh(fleet, 'build-b3', 'systemctl reboot; sleep 20')).rejects.toThrow();
    await expect(ssh(fleet, 'build-b3', 'true')).rejects.toThrow(/ECONNREFUSED/);
    const after = await rebooted(fleet, 'build-b3', before);
    expect(after).toBe(host.bootId());
    expect(host.boots()).toBe(2);
    const { out } = await ssh(
      fleet,
      'build-b3',
      'uname -r; cat "$KMEND_ROOT/proc/cmdline"; cut -d. -f1 "$KMEND_ROOT/proc/uptime"',
    );
    const [kernel, cmdline, uptime] = out.split('\n');
    expect(kernel).toBe('3.10.0-1160.el7.x86_64');
    expect(cmdline).toContain('cgroup.memory=nokmem');
    expect(Number(uptime)).toBeLessThan(5);
  });

  it('ends what was detached with setsid too', async () => {
    const before = hostOf(fleet, 'build-b3').bootId();
    const mark = join(hostOf(fleet, 'build-b3').root, 'tmp/late');
    await ssh(
      fleet,
      'build-b3',
      `setsid sh -c 'sleep 2; : > ${mark}' </dev/null >/dev/null 2>&1 & reboot`,
    ).catch(() => undefined);
    await rebooted(fleet, 'build-b3', before);
    await new Promise((done) => setTimeout(done, 2200));
    expect(() => readFileSync(mark)).toThrow(/ENOENT/);
  });
});

describe('memory groups', () => {
  it('that are not accounted answer a read with a true EIO', async () => {
    const { code, err } = await ssh(
      fleet,
      'node-a1',
      `LC_ALL=C cat ${M}/docker/memory.kmem.slabinfo`,
    );
    expect(code).toBe(1);
    expect(err).toContain('Input/output error');
  });

  it('that are accounted show the header, and lines when a process runs in them', async () => {
    const { out } = await ssh(
      fleet,
      'node-a1',
      `cat ${M}/kubepods/memory.kmem.slabinfo | wc -c; cat ${M}/docker/1*/memory.kmem.slabinfo | wc -l`,
    );
    expect(out.trim().split(/\s+/).map(Number)).toEqual([204, 8]);
  });

  it('answer the active probe by the kernel and its arguments, and it leaves nothing behind', async () => {
    const probe = `mkdir ${M}/probe && echo 1 > ${M}/probe/memory.kmem.limit_in_bytes && cat ${M}/probe/memory.kmem.slabinfo 2>&1; rmdir ${M}/probe; ls -d ${M}/probe 2>&1`;
    const before = await ssh(fleet, 'node-a2', 'ls "$KMEND_ROOT/sys/kernel/slab"');
    expect((await ssh(fleet, 'node-a2', probe)).out).toMatch(
      /^slabinfo - version[\s\S]*No such file/,
    );
    expect(await ssh(fleet, 'node-a2', 'ls "$KMEND_ROOT/sys/kernel/slab"')).toEqual(before);
    const boot = hostOf(fleet, 'node-a2').bootId();
    await ssh(
      fleet,
      'node-a2',
      'grubby --update-kernel=ALL --args=cgroup.memory=nokmem; reboot',
    ).catch(() => undefined);
    await rebooted(fleet, 'node-a2', boot);
    expect((await ssh(fleet, 'node-a2', probe)).out).toMatch(/Input\/output error/);
    expect(
      (await ssh(fleet, 'node-a2', 'ls "$KMEND_ROOT/sys/kernel/slab" | grep -c "("')).out,
    ).toBe('0\n');
  });

  it('are not changed by an argument that the kernel does not know', async () => {
    const boot = hostOf(fleet, 'node-a1').bootId();
    await ssh(
      fleet,
      'node-a1',
      'grubby --update-kernel=ALL --args=cgroup.memory=nokmem; reboot',
    ).catch(() => undefined);
    await rebooted(fleet, 'node-a1', boot);
    expect((await ssh(fleet, 'node-a1', 'cat "$KMEND_ROOT/proc/cmdline"')).out).toContain('nokmem');
    expect((await ssh(fleet, 'node-a1', `cat ${M}/kubepods/memory.kmem.slabinfo`)).code).toBe(0);
  });

  it('of pods stay accounted by the kubelet when the engine is fixed, and the engine changes only with a restart', async () => {
    const version = 'docker version --format "{{.Server.Version}}"';
    await ssh(
      fleet,
      'node-a1',
      'yum -q -y install docker-ce-18.09.9 docker-ce-cli-18.09.9 containerd.io-1.4.13',
    );
    expect((await ssh(fleet, 'node-a1', version)).out).toBe('18.06.1-ce\n');
    await ssh(fleet, 'node-a1', 'systemctl restart docker');
    expect((await ssh(fleet, 'node-a1', version)).out).toBe('18.09.9\n');
    expect((await ssh(fleet, 'node-a1', `cat ${M}/docker/1*/memory.kmem.slabinfo`)).code).toBe(1);
    expect(
      (await ssh(fleet, 'node-a1', `cat ${M}/kubepods/burstable/*/3*/memory.kmem.slabinfo`)).code,
    ).toBe(0);
  });
});

describe('packages', () => {
  it('held by versionlock look like packages that do not exist', async () => {
    const { code, out } = await ssh(fleet, 'build-b2', 'yum -q -y install docker-ce-18.09.9');
    expect(code).toBe(1);
    expect(out).toContain('No package docker-ce-18.09.9 available.');
    expect((await ssh(fleet, 'build-b2', 'rpm -q docker-ce')).out).toBe(
      'docker-ce-18.06.1.ce-3.el7.x86_64\n',
    );
  });

  it('are there only where a repository is enabled; one that nobody configured ends yum', async () => {
    const list = async (flags: string) =>
      await ssh(fleet, 'build-b2', `yum ${flags} list available containerd.io`);
    expect((await list('')).code).toBe(0);
    expect((await list('--disablerepo=lab')).err).toContain('No matching Packages to list');
    expect((await list("'--disablerepo=*' --enablerepo=elrepo-kernel")).err).toContain(
      'Error getting repository data for elrepo-kernel, repository not found',
    );
    expect((await list("'--enablerepo=elrepo*'")).code).toBe(0);
  });

  it('keep the time of their installation by the clock of the host', async () => {
    const { out } = await ssh(
      fleet,
      'node-a3',
      "rpm -q --qf '%{INSTALLTIME}\\n' docker-ce; date +%s",
    );
    const [installed = 0, now = 0] = out.trim().split('\n').map(Number);
    expect(Math.round((now - installed) / 86_400)).toBe(90);
  });

  it('wait for the lock unless exit_on_lock is set, then 200', async () => {
    fleet.set('node-a3', 'lock', true);
    expect(
      (await ssh(fleet, 'node-a3', 'yum -q -y --setopt=exit_on_lock=1 install docker-ce-18.09.9'))
        .code,
    ).toBe(200);
    expect(
      (await ssh(fleet, 'node-a3', 'timeout 1 yum -q -y install docker-ce-18.09.1')).code,
    ).toBe(124);
    fleet.set('node-a3', 'lock', undefined);
  });

  it('cannot be downgraded over a file that another package owns now', async () => {
    const { code, err } = await ssh(
      fleet,
      'node-a3',
      'yum -q -y downgrade docker-ce-18.06.1.ce-3.el7',
    );
    expect(code).toBe(1);
    expect(err).toContain('file /usr/bin/docker');
    await ssh(
      fleet,
      'node-a3',
      'yum -q -y remove docker-ce docker-ce-cli containerd.io && yum -q -y install docker-ce-18.06.1.ce',
    );
    expect((await ssh(fleet, 'node-a3', 'rpm -q docker-ce docker-ce-cli')).out).toBe(
      'docker-ce-18.06.1.ce-3.el7.x86_64\npackage docker-ce-cli is not installed\n',
    );
  });

  it('with a failing post-install script are installed all the same, with status 0', async () => {
    fleet.set('node-b1', 'badpost', ['docker-ce']);
    const { code, err } = await ssh(
      fleet,
      'node-b1',
      'yum -q -y downgrade docker-ce-18.09.1 docker-ce-cli-18.09.1',
    );
    expect([code, /POSTIN scriptlet failure/.test(err)]).toEqual([0, true]);
    fleet.set('node-b1', 'badpost', undefined);
  });

  it('on debian are held by apt-mark', async () => {
    await ssh(fleet, 'node-c1', 'apt-mark hold docker-ce');
    const { code, err } = await ssh(
      fleet,
      'node-c1',
      'apt-get -q -y install docker-ce=5:25.0.5-1~debian.12~bookworm',
    );
    expect([code, err]).toEqual([
      100,
      'E: Held packages were changed and -y was used without --allow-change-held-packages.\n',
    ]);
    await ssh(fleet, 'node-c1', 'apt-mark unhold docker-ce');
    expect(
      (await ssh(fleet, 'node-c1', 'apt-get -q -y install docker-ce=5:25.0.5-1~debian.12~bookworm'))
        .code,
    ).toBe(0);
  });
});

it('nothing of it listens anywhere but on loopback', () => {
  const listening = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[3] === '0A')
      .map((words) => words[1] ?? ''),
  );
  for (const { port, isUp } of fleet.hosts) {
    const ours = listening.filter((address) =>
      address.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`),
    );
    expect(ours.every((address) => address.startsWith('0100007F:'))).toBe(true);
    expect(ours.length).toBe(isUp() ? 1 : 0);
  }
});

it('a host that is closed refuses connections', async () => {
  await expect(ssh(fleet, 'node-c2', 'true')).rejects.toThrow(/ECONNREFUSED/);
});
