// Package files: which count on which host, what is copied, what goes with what, how each package
// manager gets, and what is refused.

import { describe, expect, it } from 'vitest';
import { allOf, type Facts, fact, viewOf } from '../../src/model/fact.ts';
import type { PackageFile, PackageFiles } from '../../src/model/package-file.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import { unknown } from '../../src/model/value.ts';
import { el7, packageFacts } from './facts.ts';
import { moduleNamed, noContext, parseArgs, planOf } from './laws.ts';

const sum = 'a'.repeat(64);
const file = (name: string, version: string, more: Partial<PackageFile> = {}): PackageFile => ({
  kind: 'rpm',
  name,
  version,
  arch: 'x86_64',
  sha256: sum,
  size: 98_100_000,
  at: `/srv/${name}.rpm`,
  needs: [],
  ...more,
});

const old = '18.06.1.ce-3.el7';
const engine = file('docker-ce', '3:18.09.9-3.el7', { needs: ['containerd.io', 'docker-ce-cli'] });
const client = file('docker-ce-cli', '1:18.09.9-3.el7');
const containerd = file('containerd.io', '1.4.13-3.1.el7');
const kernel = file('kernel', '3.10.0-1160.el7', { needs: ['linux-firmware'] });

/** Given in the task by these keys. */
const given = (files: PackageFiles) => Object.keys(files).map((path) => ({ path }));
const path = ({ name, version, arch, kind }: PackageFile): string =>
  `/var/lib/kmend/packages/${name}-${version.replace(/^\d+:/, '')}.${arch}-${sum.slice(0, 12)}.${kind}`;
/** As a shell word. */
const word = (one: PackageFile): string =>
  `"$R/var/lib/kmend/packages/"${path(one).split('/').at(-1)}`;
const there = (...files: readonly PackageFile[]): Facts =>
  allOf(files.map((one) => fact(`path.${path(one)}.exists`, true)));
const away = (...files: readonly PackageFile[]): Facts =>
  allOf(files.map((one) => fact(`path.${path(one)}.exists`, false)));

/** A host whose repositories have nothing, and where nothing was copied. */
const bare = (files: PackageFiles, more: Facts = {}): Facts =>
  el7({
    ...Object.assign({}, ...Object.values(files).map(({ name }) => packageFacts(name, '', []))),
    ...away(...Object.values(files)),
    'kernel.next': '3.10.0-862.el7.x86_64',
    'kernel.installed': ['3.10.0-862.el7.x86_64'],
    ...more,
  });

const planned = (
  module: string,
  args: object,
  files: PackageFiles,
  facts: Facts,
  context = {},
): ModulePlan =>
  planOf(module, { args: { ...args, files: given(files) }, facts, context: { files, ...context } });
const whats = (plan: ModulePlan) =>
  plan.changes.map(
    ({ sign, what, after }) => `${sign} ${what}${after === undefined ? '' : ` ${after}`}`,
  );
const scriptOf = (plan: ModulePlan): string => {
  const run = plan.changes
    .flatMap(({ effects }) => effects)
    .find((effect) => effect.kind === 'run');
  return run?.kind === 'run' ? run.script : '';
};
const commands = (plan: ModulePlan) =>
  [...scriptOf(plan).matchAll(/^ *bounded ((?:yum|dnf|apt-get) .*)$/gm)].map((match) => match[1]);

describe('what is planned', () => {
  const files = { 'e.rpm': engine, 'c.rpm': client, 'd.rpm': containerd };
  const facts = bare(files, packageFacts('docker-ce', old, [old]));

  it('copies, and moves together what requires each other, without any repository first', () => {
    const plan = planned('package', { name: 'docker-ce', version: '18.09.9' }, files, facts);
    expect(whats(plan)).toEqual([
      '! copy package files docker-ce 3:18.09.9-3.el7 (98.1 MB), containerd.io 1.4.13-3.1.el7 (98.1 MB), docker-ce-cli 1:18.09.9-3.el7 (98.1 MB)',
      '~ package docker-ce 3:18.09.9-3.el7',
      '+ package containerd.io 1.4.13-3.1.el7',
      '+ package docker-ce-cli 1:18.09.9-3.el7',
    ]);
    expect(plan.changes[0]?.effects[0]).toEqual({
      kind: 'copy',
      what: `copy docker-ce-18.09.9-3.el7.x86_64-${sum.slice(0, 12)}.rpm to the host`,
      from: '/srv/docker-ce.rpm',
      name: `docker-ce-18.09.9-3.el7.x86_64-${sum.slice(0, 12)}.rpm`,
      sha256: sum,
      size: 98_100_000,
      timeout: 1800,
    });
    const words = [engine, containerd, client].map(word).join(' ');
    expect(commands(plan)).toEqual([
      `yum -y --setopt=exit_on_lock=1 '--disablerepo=*' install ${words}; rc=$?`,
      `yum -y --setopt=exit_on_lock=1 install ${words}; rc=$?`,
    ]);
    expect(scriptOf(plan)).toMatch(
      new RegExp(
        `is_file "\\$f" ${sum}[\\s\\S]*'docker-ce 3:18\\.09\\.9-3\\.el7 x86_64'[\\s\\S]*'containerd\\.io 0:1\\.4\\.13-3\\.1\\.el7 x86_64'[\\s\\S]*bounded`,
      ),
    );
  });

  it('names each package that a file is, when the task names none', () => {
    expect(
      whats(planned('package', {}, { 'd.rpm': containerd }, bare({ 'd.rpm': containerd }))),
    ).toEqual([
      '! copy package files containerd.io 1.4.13-3.1.el7 (98.1 MB)',
      '+ package containerd.io 1.4.13-3.1.el7',
    ]);
    const newer = file('containerd.io', '1.4.14-1.el7');
    expect(
      whats(
        planned(
          'package',
          {},
          { 'd.rpm': newer, 'e.rpm': containerd },
          bare({ d: newer, e: containerd }),
        ),
      )[1],
    ).toMatch(/1\.4\.14/);
    const done = bare({ 'd.rpm': containerd }, packageFacts('containerd.io', '1.4.13-3.1.el7', []));
    expect(whats(planned('package', {}, { 'd.rpm': containerd }, done))).toEqual([]);
  });

  it('copies nothing that is there, and leaves what is required and newer', () => {
    const ready = {
      ...facts,
      ...there(engine, client, containerd),
      ...packageFacts('containerd.io', '1.6.0-1.el7', []),
    };
    expect(
      whats(planned('package', { name: 'docker-ce', version: '18.09.9' }, files, ready)),
    ).toEqual(['~ package docker-ce 3:18.09.9-3.el7', '+ package docker-ce-cli 1:18.09.9-3.el7']);
  });

  it('beside chosen repositories', () => {
    const chosen: Facts = {
      'package.docker-ce@elrepo.available': [old],
      'package.docker-ce.available': unknown('not looked for'),
      'package.docker-ce-cli.available': unknown('not looked for'),
    };
    const plan = planned(
      'package',
      { name: 'docker-ce', version: '18.09.9', enablerepo: 'elrepo' },
      files,
      { ...facts, ...chosen },
    );
    expect(commands(plan)[1]).toMatch(/--enablerepo=elrepo install/);
    expect(plan.changes).toHaveLength(4);
  });

  it('takes one from a file and another from a repository, in one transaction', () => {
    const mixed = bare(
      { 'e.rpm': engine },
      {
        ...packageFacts('docker-ce', old, [old]),
        ...packageFacts('docker-ce-cli', '', ['1:18.09.9-3.el7']),
      },
    );
    const plan = planned(
      'package',
      { packages: { 'docker-ce': '18.09.9', 'docker-ce-cli': '18.09.9' } },
      { 'e.rpm': engine },
      mixed,
    );
    expect(commands(plan)).toEqual([
      `yum -y --setopt=exit_on_lock=1 install ${word(engine)} docker-ce-cli-18.09.9-3.el7; rc=$?`,
    ]);
  });

  it('goes back to a file, also together with packages that go', () => {
    const before = file('docker-ce', old);
    const now = bare(
      { b: before },
      {
        ...packageFacts('docker-ce', '3:18.09.9-3.el7', []),
        ...packageFacts('docker-ce-cli', '1:18.09.9-3.el7', []),
      },
    );
    const back = {
      packages: { 'docker-ce': old, 'docker-ce-cli': 'absent' },
      allow_downgrade: true,
    };
    const plan = planned('package', back, { b: before }, now, { acceptNoRollback: true });
    expect(scriptOf(plan)).toContain(
      `  echo downgrade ${word(before)}\n  echo remove docker-ce-cli\n  echo run\n`,
    );
    // The version of before counts as one that can be had again.
    const up = planned(
      'package',
      { name: 'docker-ce', version: '18.09.9' },
      { e: { ...engine, needs: [] }, b: before },
      bare({ e: engine, b: before }, packageFacts('docker-ce', old, [])),
    );
    expect(up.refuse).toBeUndefined();
  });

  it('a runtime and a kernel, with what the kernel requires', () => {
    const runtime = { ...facts, 'kubelet.installed': false };
    expect(whats(planned('container_runtime', { kmem: 'disabled' }, files, runtime))).toEqual([
      expect.stringMatching(
        /^! copy package files docker-ce 3:18\.09\.9-3\.el7 .*, docker-ce-cli .*, containerd\.io/,
      ),
      '~ package docker-ce 3:18.09.9-3.el7',
      '+ package docker-ce-cli 1:18.09.9-3.el7',
      '+ package containerd.io 1.4.13-3.1.el7',
      '! restart docker',
    ]);
    const firmware = file('linux-firmware', '20200421-79.git78c0348.el7', { arch: 'noarch' });
    const both = { 'k.rpm': kernel, 'f.rpm': firmware };
    const plan = planned(
      'kernel',
      { min: '3.10.0-1062.el7' },
      both,
      bare(
        both,
        packageFacts('linux-firmware', '20180220-62.git6d51311.el7', [
          '20180220-62.git6d51311.el7',
        ]),
      ),
    );
    expect(whats(plan)).toEqual([
      expect.stringMatching(/^! copy package files kernel .*, linux-firmware/),
      '+ package kernel 3.10.0-1160.el7',
      '~ package linux-firmware 20200421-79.git78c0348.el7',
      '~ kernel that boots next 3.10.0-1160.el7.x86_64',
    ]);
  });

  it('apt is given paths', () => {
    const deb = file('docker-ce', '5:18.09.9~3-0~debian-stretch', {
      kind: 'deb',
      arch: 'amd64',
      at: '/srv/d.deb',
    });
    const host = bare({ d: deb }, { 'packages.manager': 'apt' });
    const plan = planned('package', { name: 'docker-ce' }, { d: deb }, host);
    expect(commands(plan).at(-1)).toContain(
      ` install "$R/var/lib/kmend/packages/"'docker-ce-18.09.9~3-0~debian-stretch.amd64-${sum.slice(0, 12)}.deb'; rc=$?`,
    );
  });
});

describe('ahead of the drain', () => {
  it('copies, and looks whether the files are enough, and promises them', () => {
    const files = { 'k.rpm': { ...kernel, needs: [] } };
    const plan = planned(
      'kernel',
      { min: '3.10.0-1062.el7', predownload: true },
      files,
      bare(files),
    );
    expect(whats(plan)).toEqual([
      '! copy package files kernel 3.10.0-1160.el7 (98.1 MB)',
      '! download kernel 3.10.0-1160.el7',
    ]);
    expect(plan.promises).toEqual(there(kernel));
    expect(commands(plan)[0]).toMatch(
      /'--disablerepo=\*' --downloadonly install "\$R\/var\/lib\/kmend\/packages\/"kernel-3/,
    );
  });

  it.each([
    ['by the cluster', { done: { ...noContext.done, drained: true } }],
    ['by a command', { sets: { kmend_drain: 'command' } }],
  ])('a host that is drained %s is refused when a file is not there yet', (_, context) => {
    const files = { 'k.rpm': { ...kernel, needs: [] } };
    const late = planned('kernel', { min: '3.10.0-1062.el7' }, files, bare(files), context);
    expect(late.refuse).toEqual({
      why: expect.stringMatching(
        /^kernel-3\.10\.0-1160\.el7\.x86_64-a+\.rpm would be copied to this host only after its drain$/,
      ),
      hint: 'put a copy of this task with `predownload: true` before the drain',
    });
    expect(
      planned(
        'kernel',
        { min: '3.10.0-1062.el7' },
        files,
        { ...bare(files), ...there(kernel) },
        context,
      ).refuse,
    ).toBeUndefined();
  });
});

describe('which files count', () => {
  const fitting = (one: PackageFile, facts: Facts = {}): readonly string[] => {
    const files = { f: one };
    const module = moduleNamed('package');
    const args = parseArgs(module, { name: 'x', files: given(files) });
    return module
      .facts(args, viewOf(el7(facts)), files)
      .flatMap((want) => (want.area === 'path' ? [String(want.args?.path)] : []));
  };
  it.each<[string, PackageFile, Facts, boolean]>([
    ['of this architecture', containerd, {}, true],
    ['of every architecture', file('x', '1-1', { arch: 'noarch' }), {}, true],
    ['of another architecture', file('x', '1-1', { arch: 'i686' }), {}, false],
    ['of another el release', file('kernel', '4.18.0-305.el8'), {}, false],
    [
      'of another el release, on Fedora',
      file('x', '1-1.el8'),
      { 'os.family': 'fedora', 'os.version': '34' },
      true,
    ],
    ['of another package format', file('x', '1', { kind: 'deb', arch: 'all' }), {}, false],
    [
      'deb by its own names',
      file('x', '1', { kind: 'deb', arch: 'arm64' }),
      { 'packages.manager': 'apt', 'machine.arch': 'aarch64' },
      true,
    ],
    ['rpm on Debian', containerd, { 'packages.manager': 'apt' }, false],
  ])('%s', (_, one, facts, counts) => {
    expect(fitting(one, facts)).toEqual(counts ? [path(one)] : []);
  });
});

describe('what is refused', () => {
  const files = { 'd.rpm': containerd };
  const to = { name: 'containerd.io' };
  it.each<[string, object, Facts, RegExp]>([
    ['zypper', to, { 'packages.manager': 'zypper' }, /package files with yum, dnf and apt only/],
    [
      'too little room',
      to,
      { 'space.var_kb': 100 * 1024 },
      /\/var has 100 MB left, the package files need 144/,
    ],
    [
      'a version that no file is',
      { ...to, version: '1.6.0' },
      {},
      /no enabled repository has containerd\.io 1\.6\.0/,
    ],
    ['a held package', to, { 'package.containerd.io.held': true }, /containerd\.io is held/],
  ])('%s', (_, args, more, why) => {
    expect(planned('package', args, files, bare(files, more)).refuse?.why).toMatch(why);
  });
  it('a required file whose package is held', () => {
    const both = { 'e.rpm': { ...engine, needs: ['containerd.io'] }, 'd.rpm': containerd };
    const facts = bare(both, {
      ...packageFacts('docker-ce', old, [old]),
      'package.containerd.io.held': true,
    });
    expect(
      planned('package', { name: 'docker-ce', version: '18.09.9' }, both, facts).refuse?.why,
    ).toMatch(/containerd\.io is held/);
    expect(
      planned('package', { name: 'docker-ce', version: '18.09.9', holds: 'lift' }, both, facts)
        .refuse,
    ).toBeUndefined();
  });
  it('a host that no file is for hears why they do not count, and only where it is refused', () => {
    const hints = (one: PackageFile, more: Facts = {}) =>
      planned(
        'kernel',
        { min: '3.10.0-1062.el7' },
        { k: one },
        bare({ k: one }, { 'os.id': 'centos', 'os.version': '7.5', ...more }),
      ).refuse?.hint;
    const unfit = 'no package file that was given is for this host (yum, x86_64, centos 7.5)';
    expect(hints({ ...kernel, arch: 'aarch64' })).toContain(
      `${unfit}: kernel 3.10.0-1160.el7 (rpm, aarch64); `,
    );
    expect(hints(file('kernel', '4.18.0-305.el8'))).toContain(
      `${unfit}: kernel 4.18.0-305.el8 (rpm, x86_64); `,
    );
    expect(hints(kernel, { 'space.var_kb': 1024 })).toBe('make room on /var first');
    const has = bare({ k: containerd }, packageFacts('containerd.io', '', ['1.4.13-3.1.el7']));
    expect(
      planned('package', to, { k: { ...containerd, arch: 'aarch64' } }, has).refuse,
    ).toBeUndefined();
  });
  it('a file that came out of a variable too late', () => {
    const plan = planOf('package', {
      args: { ...to, files: [{ path: 'late.rpm' }] },
      facts: bare(files),
    });
    expect(plan.refuse?.why).toBe(
      'package file late.rpm was not known before hosts were contacted',
    );
  });
});
