// Modules on real hosts: real dnf, rpm, apt-get, dpkg and grub-mkconfig do the work; facts are read
// again, and the second plan must be empty.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProbe, derive, parseProbe } from '../../src/facts/index.ts';
import { type Facts, viewOf } from '../../src/model/fact.ts';
import type { ModulePlan, PlanContext } from '../../src/model/run/change.ts';
import { isList, type Mapping, type Value } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { type Lab, labMissing, labNumber, startLab } from './lab.ts';

const context: PlanContext = {
  hasCluster: false,
  acceptPartial: false,
  acceptNoRollback: false,
  done: { drained: false, rebooted: false, cordoned: false },
};

async function planOn(
  lab: Lab,
  host: string,
  name: string,
  given: unknown,
): Promise<{ readonly plan: ModulePlan; readonly facts: Facts }> {
  const module = modules.get(name);
  const args = module?.args.safeParse(given);
  if (module === undefined || args?.success !== true)
    throw new Error(`${name} does not take ${JSON.stringify(given)}`);
  const wants = module.facts(args.data, viewOf({}));
  const read = parseProbe((await lab.ssh(host, buildProbe(wants), 180)).out, wants);
  if (!read.ok) throw new Error(read.failure.message);
  const facts = derive(read.value);
  return { plan: module.plan(args.data, viewOf(facts), context), facts };
}

/** Runs the scripts of a plan; the first status that is not 0, or 0, with its output. */
async function carryOut(
  lab: Lab,
  host: string,
  plan: ModulePlan,
): Promise<{ readonly code: number; readonly err: string }> {
  for (const effect of plan.changes.flatMap((change) => change.effects)) {
    if (effect.kind !== 'run') throw new Error(`${effect.kind} is not for this test`);
    const ran = await lab.ssh(host, effect.script, 240);
    if (ran.code !== 0) return ran;
  }
  return { code: 0, err: '' };
}

/** Plans, acts, plans again: there must have been something to do, and nothing may be left. */
async function converges(lab: Lab, host: string, name: string, args: unknown): Promise<Facts> {
  const { plan } = await planOn(lab, host, name, args);
  expect([plan.refuse, plan.unmet]).toEqual([undefined, undefined]);
  expect(plan.changes).not.toEqual([]);
  expect(await carryOut(lab, host, plan)).toEqual({ code: 0, err: expect.anything() });
  const again = await planOn(lab, host, name, args);
  expect(again.plan.changes).toEqual([]);
  const read: Mapping = again.facts;
  for (const [fact, value] of Object.entries(plan.promises ?? {}))
    if (/^(?:package|boot\.next|boot\.cmdline_future|kernel|docker\.(?:version|evr))/.test(fact))
      expect([fact, wordsOf(read[fact])]).toEqual([fact, wordsOf(value)]);
  return again.facts;
}

/** The order of boot arguments and of installed kernels is the tool's own business. */
const wordsOf = (value: Value | undefined): readonly string[] =>
  (isList(value) ? value.map(String) : String(value).split(' ').filter(Boolean)).toSorted();

const noEl7 = labMissing('el7');

describe.skipIf(noEl7 !== '')(`modules on el7 hosts with dnf (${noEl7 || 'all there'})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 5, net: '127.13' });
  });
  afterAll(() => lab?.down());

  it('a kernel and the argument are there, kept by a mkconfig, and the boot takes both', async () => {
    await converges(lab, 'h1', 'kernel', { min: '3.10.0-1062.el7' });
    await converges(lab, 'h1', 'kernel_arg', { key: 'cgroup.memory', value: 'nokmem' });
    const before = lab.bootId('h1');
    await lab.ssh('h1', 'grub2-mkconfig -o /boot/grub2/grub.cfg', 60);
    expect(
      (await planOn(lab, 'h1', 'kernel_arg', { key: 'cgroup.memory', value: 'nokmem' })).plan
        .changes,
    ).toEqual([]);
    await lab.ssh('h1', 'systemctl reboot; sleep 5', 10);
    await lab.answers('h1', before);
    const { plan, facts } = await planOn(lab, 'h1', 'verify_kmem', {});
    expect([facts['kernel.release'], facts['kmem.verdict']]).toEqual([
      '3.10.0-1160.el7.x86_64',
      'off',
    ]);
    expect(plan.proof?.by).toBe('samples');
    await converges(lab, 'h1', 'kernel_arg', {
      key: 'cgroup.memory',
      value: 'nokmem',
      state: 'absent',
    });
  });

  it('a kernel is booted once by a choice in a real grubenv, then made the default; unproven it would have fallen back', async () => {
    const trial = { min: '3.10.0-1062.el7', trial: true };
    const chosen = await converges(lab, 'h4', 'kernel', trial);
    expect([chosen['kernel.next'], chosen['kernel.saved'], chosen['boot.next_once']]).toEqual([
      '3.10.0-1160.el7.x86_64',
      '3.10.0-862.el7.x86_64',
      true,
    ]);
    const before = lab.bootId('h4');
    await lab.ssh('h4', 'systemctl reboot; sleep 5', 10);
    await lab.answers('h4', before);
    const { facts } = await planOn(lab, 'h4', 'kernel', trial);
    expect([facts['kernel.release'], facts['kernel.next'], facts['boot.pending']]).toEqual([
      '3.10.0-1160.el7.x86_64',
      '3.10.0-862.el7.x86_64',
      false,
    ]);
    expect(facts['boot.cmdline']).toContain('panic=30');
    expect((await converges(lab, 'h4', 'kernel', trial))['kernel.trial']).toBe('');
    expect((await lab.ssh('h4', 'cat /boot/grub2/grub.cfg')).out).not.toContain('panic=30');
  });

  it('the runtime moves as one set, and back in one transaction', async () => {
    const facts = await converges(lab, 'h2', 'container_runtime', { kmem: 'disabled' });
    expect([facts['docker.version'], facts['containerd.evr'], facts['boot.pending']]).toEqual([
      '18.09.1',
      '1.4.1-3.1.el7',
      true,
    ]);
    const back = {
      packages: {
        'docker-ce': '18.06.1.ce-3.el7',
        'docker-ce-cli': 'absent',
        'containerd.io': 'absent',
      },
      allow_downgrade: true,
    };
    expect((await converges(lab, 'h2', 'package', back))['docker.evr']).toBe('18.06.1.ce-3.el7');
  });

  it('a pinned package, a missing version and a script that fails have messages of their own', async () => {
    await lab.ssh(
      'h3',
      'echo "exclude=docker-ce*" >> /etc/dnf/dnf.conf; echo "exclude=docker-ce*" >> /etc/yum.conf',
    );
    expect(
      (await planOn(lab, 'h3', 'container_runtime', { kmem: 'disabled' })).plan.refuse?.why,
    ).toMatch(/docker-ce is held/);
    expect(
      (await planOn(lab, 'h3', 'package', { name: 'lab-broken', version: '9' })).plan.refuse?.why,
    ).toMatch(/no enabled repository has lab-broken 9/);
    const { plan } = await planOn(lab, 'h3', 'package', { name: 'lab-broken' });
    expect((await carryOut(lab, 'h3', plan)).code).toBe(43);
    // dnf ignores the exclude for this one transaction, and the line stays.
    await converges(lab, 'h3', 'container_runtime', { kmem: 'disabled', holds: 'lift' });
    expect((await lab.ssh('h3', 'grep -h ^exclude /etc/dnf/dnf.conf')).out).toBe(
      'exclude=docker-ce*\n',
    );
  });

  it('another transaction is seen in the plan, and waited for no longer than `lock_timeout`', async () => {
    const { plan } = await planOn(lab, 'h4', 'package', { name: 'lab-broken', lock_timeout: '3s' });
    const slow = lab.ssh('h4', 'yum -q -y install lab-slow', 60);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const now = await planOn(lab, 'h4', 'package', { name: 'lab-broken' });
    const ran = await carryOut(lab, 'h4', plan);
    await slow;
    expect(now.plan.refuse?.why).toMatch(/in use/);
    expect(ran.code).toBe(40);
  });

  it('what was downloaded ahead is installed though the repository is gone; without it nothing is changed', async () => {
    const server = served(lab, 'h5', '/repos/rpm', 18_050 + labNumber);
    await server.start();
    await lab.ssh(
      'h5',
      `sed -i 's#file:///repos/rpm#http://127.0.0.1:${18_050 + labNumber}#' /etc/yum.repos.d/lab.repo; yum -q clean all`,
    );
    const cached =
      "find /var/cache/dnf /var/cache/yum -name 'docker-ce*.rpm' -o -name 'containerd.io*.rpm' -o -name 'kernel-*.rpm' 2>/dev/null";
    await downloadsAhead(lab, 'h5', server, cached, 'container_runtime', { kmem: 'disabled' });
    await server.start();
    await downloadsAhead(lab, 'h5', server, cached, 'kernel', { min: '3.10.0-1062.el7' });
  });

  it('a repository file is prepared, dnf sees its packages, and it is removed again', async () => {
    const seen = async (...more: readonly string[]) =>
      (
        await lab.ssh(
          'h3',
          `yum -q ${more.join(' ')} list available docker-ce-cli 2>&1 | grep -c '^docker-ce-cli'`,
          60,
        )
      ).out.trim();
    const files = async () => (await lab.ssh('h3', 'ls -A /etc/yum.repos.d')).out;
    await lab.ssh(
      'h3',
      'sed -i "/^exclude/d" /etc/dnf/dnf.conf /etc/yum.conf; yum -q -y remove docker-ce-cli; mv /etc/yum.repos.d/lab.repo /tmp; yum -q clean all',
      60,
    );
    expect(await seen()).toBe('0');
    const own = {
      name: 'own-el7',
      description: 'own mirror',
      baseurl: 'file:///repos/gone',
      gpgcheck: false,
      file: 'own',
    };
    await converges(lab, 'h3', 'yum_repository', { ...own, name: 'other', enabled: false });
    await converges(lab, 'h3', 'yum_repository', own);
    expect(await seen()).toBe('0');
    await converges(lab, 'h3', 'yum_repository', {
      ...own,
      baseurl: ['file:///repos/gone', 'file:///repos/rpm'],
      enabled: false,
    });
    expect([await seen(), await seen('--disablerepo="*"', '--enablerepo=own-*')]).toEqual([
      '0',
      '1',
    ]);
    expect(
      (await lab.ssh('h3', 'stat -c %a /etc/yum.repos.d/own.repo; ls -A /etc/yum.repos.d')).out,
    ).toBe('644\nown.repo\n');
    await converges(lab, 'h3', 'yum_repository', { name: 'own-el7', file: 'own', state: 'absent' });
    expect(
      (
        await lab.ssh(
          'h3',
          'grep "^.name" /etc/yum.repos.d/own.repo; grep -c "^.other.$" /etc/yum.repos.d/own.repo',
        )
      ).out,
    ).toBe('1\n');
    await converges(lab, 'h3', 'yum_repository', { name: 'other', file: 'own', state: 'absent' });
    expect(await files()).toBe('');
    await lab.ssh('h3', 'mv /tmp/lab.repo /etc/yum.repos.d; yum -q clean all', 60);
  });
});

/**
 * Serves a folder of the host over HTTP there, as repositories are; returns how to stop it, and
 * start it again.
 */
function served(lab: Lab, host: string, folder: string, port: number) {
  const command = (text: string) => lab.ssh(host, text, 60);
  return {
    start: () =>
      command(
        `cd ${folder} && { setsid python3 -m http.server --bind 127.0.0.1 ${port} > /dev/null 2>&1 < /dev/null & echo $! > /run/http.pid; }; sleep 1`,
      ),
    stop: () => command('kill "$(cat /run/http.pid)"'),
  };
}

/**
 * What a download ahead of the drain must do, whatever the package manager: `cached` lists the
 * files that it brought.
 */
async function downloadsAhead(
  lab: Lab,
  host: string,
  server: ReturnType<typeof served>,
  cached: string,
  module: string,
  given: object,
): Promise<void> {
  const ahead = { ...given, predownload: true };
  const { plan } = await planOn(lab, host, module, ahead);
  expect([plan.refuse, plan.changes.map(({ what, risk }) => [what, risk])]).toEqual([
    undefined,
    [['download', 'write']],
  ]);
  const installed = async () => (await lab.ssh(host, 'rpm -qa 2>/dev/null | sort; dpkg -l')).out;
  const before = await installed();
  await server.stop();
  const failed = await carryOut(lab, host, plan);
  expect([failed.code, await installed()], failed.err).toEqual([33, before]);
  await server.start();
  expect([(await carryOut(lab, host, plan)).code, await installed()]).toEqual([0, before]);
  await server.stop();
  expect((await lab.ssh(host, cached)).out.trim().split('\n').length).toBeGreaterThanOrEqual(1);
  // The repository is gone, and all that is needed is there.
  await converges(lab, host, module, given);
}

const noDeb = labMissing('deb');

describe.skipIf(noDeb !== '')(`modules on Debian hosts with apt (${noDeb || 'all there'})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ flavour: 'deb', count: 3, net: '127.14' });
  });
  afterAll(() => lab?.down());

  it('the argument is there after a reboot, and gone after the rollback', async () => {
    const present = { key: 'cgroup.memory', value: ['nosocket', 'nokmem'] };
    const before = await planOn(lab, 'h1', 'kernel_arg', present);
    // Their 4.9 parses it.
    expect(before.plan.refuse).toBeUndefined();
    await converges(lab, 'h1', 'kernel_arg', present);
    const id = lab.bootId('h1');
    await lab.ssh('h1', 'systemctl reboot; sleep 5', 10);
    await lab.answers('h1', id);
    expect((await planOn(lab, 'h1', 'kernel_arg', present)).facts['boot.cmdline']).toContain(
      'cgroup.memory=nosocket,nokmem',
    );
    const facts = await converges(lab, 'h1', 'kernel_arg', {
      key: 'cgroup.memory',
      value: 'nokmem',
      state: 'absent',
    });
    expect(facts['boot.next_cmdline']).toMatch(/cgroup\.memory=nosocket(?!,)/);
  });

  it('packages go to exact versions, and back', async () => {
    const up = {
      packages: { 'docker-ce': '18.09.9', 'docker-ce-cli': '18.09.9', 'containerd.io': '1.4.1' },
    };
    await converges(lab, 'h2', 'package', up);
    await converges(lab, 'h2', 'package', {
      packages: { 'docker-ce': '18.09.1', 'docker-ce-cli': '18.09.1' },
      allow_downgrade: true,
    });
  });

  it('a hold, and a script that fails', async () => {
    await lab.ssh('h2', 'apt-mark hold docker-ce');
    const up = { packages: { 'docker-ce': '18.09.9', 'docker-ce-cli': '18.09.9' } };
    expect((await planOn(lab, 'h2', 'package', up)).plan.refuse?.why).toMatch(/docker-ce is held/);
    const facts = await converges(lab, 'h2', 'package', { ...up, holds: 'lift' });
    expect([
      facts['package.docker-ce.held'],
      (await lab.ssh('h2', 'apt-mark showhold')).out,
    ]).toEqual([true, 'docker-ce\n']);
    const { plan } = await planOn(lab, 'h2', 'package', { name: 'lab-broken' });
    expect((await carryOut(lab, 'h2', plan)).code).toBe(43);
    expect((await planOn(lab, 'h2', 'package', { name: 'lab-slow' })).plan.refuse?.why).toMatch(
      /not in order/,
    );
  });

  it('what was downloaded ahead is installed though the repository is gone', async () => {
    const server = served(lab, 'h3', '/repos/deb', 18_060 + labNumber);
    await server.start();
    await lab.ssh(
      'h3',
      `echo 'deb [trusted=yes] http://127.0.0.1:${18_060 + labNumber}/ ./' > /etc/apt/sources.list.d/lab.list; apt-get -q update; apt-get clean`,
    );
    const up = {
      packages: { 'docker-ce': '18.09.9', 'docker-ce-cli': '18.09.9', 'containerd.io': '1.4.1' },
    };
    await downloadsAhead(lab, 'h3', server, 'ls /var/cache/apt/archives/*.deb', 'package', up);
  });
});
