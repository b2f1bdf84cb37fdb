// container_runtime: which set is chosen and why, what is refused, and the restart with its
// comparisons.
import { describe, expect, it } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { chooseSet } from '../../src/modules/container-runtime/good-set.ts';
import {
  afterScript,
  beforeScript,
  oldNamesScript,
} from '../../src/modules/container-runtime/script.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const engines = [
  '18.06.1.ce-3.el7',
  '3:18.09.0-3.el7',
  '3:18.09.1-3.el7',
  '3:18.09.9-3.el7',
  '3:20.10.9-3.el7',
];
const clients = ['1:18.09.0-3.el7', '1:18.09.1-3.el7', '1:18.09.9-3.el7', '1:20.10.9-3.el7'];
const builds = [
  '1.2.0-3.el7',
  '1.2.2-3.el7',
  '1.2.13-3.2.el7',
  '1.3.7-3.1.el7',
  '1.4.1-3.1.el7',
  '1.4.13-3.1.el7',
];
const repository = (
  engine = '',
  client = '',
  build = '',
  available = { engines, clients, builds },
) => ({
  ...packageFacts('docker-ce', engine, available.engines),
  ...packageFacts('docker-ce-cli', client, available.clients),
  ...packageFacts('containerd.io', build, available.builds),
});
const only = (some: Partial<{ engines: string[]; clients: string[]; builds: string[] }>) => ({
  engines,
  clients,
  builds,
  ...some,
});
const shown = (plan: ReturnType<typeof planOf>) =>
  plan.changes.map(({ what, after }) =>
    [what, after].filter((part) => part !== undefined).join(' '),
  );
const disabled = { engine: 'docker', kmem: 'disabled' };
const newer = {
  'docker.version': '18.09.9',
  'docker.evr': '3:18.09.9-3.el7',
  'docker.client': '18.09.9',
};

describe('the good set', () => {
  it.each<[string, unknown, Parameters<typeof el7>[0], readonly string[]]>([
    [
      'is the nearest that takes runc from containerd.io',
      disabled,
      repository('18.06.1.ce-3.el7'),
      [
        'package docker-ce 3:18.09.1-3.el7',
        'package docker-ce-cli 1:18.09.1-3.el7',
        'package containerd.io 1.4.1-3.1.el7',
        'restart docker',
      ],
    ],
    [
      'is the newest on request',
      { ...disabled, prefer: 'newest' },
      repository('18.06.1.ce-3.el7'),
      [
        'package docker-ce 3:20.10.9-3.el7',
        'package docker-ce-cli 1:20.10.9-3.el7',
        'package containerd.io 1.4.13-3.1.el7',
        'restart docker',
      ],
    ],
    [
      'keeps a good engine and changes its containerd.io alone',
      disabled,
      { ...newer, ...repository('3:18.09.9-3.el7', '1:18.09.9-3.el7', '1.2.13-3.2.el7') },
      ['package containerd.io 1.4.1-3.1.el7', 'restart docker'],
    ],
    [
      'is there already',
      disabled,
      { ...newer, ...repository('3:18.09.9-3.el7', '1:18.09.9-3.el7', '1.4.13-3.1.el7') },
      [],
    ],
    [
      'is installed, and the old engine still runs',
      disabled,
      {
        ...newer,
        'docker.version': '18.06.1-ce',
        ...repository('3:18.09.9-3.el7', '1:18.09.9-3.el7', '1.4.13-3.1.el7'),
      },
      ['restart docker'],
    ],
    [
      'takes a disputed build only when there is no better one',
      disabled,
      repository(
        '18.06.1.ce-3.el7',
        '',
        '',
        only({ builds: ['1.2.0-3.el7', '1.2.2-3.el7', '1.2.13-3.2.el7'] }),
      ),
      [
        'package docker-ce 3:18.09.1-3.el7',
        'package docker-ce-cli 1:18.09.1-3.el7',
        'package containerd.io 1.2.2-3.el7',
        'restart docker',
      ],
    ],
    [
      'may be given',
      {
        engine: 'docker',
        versions: { 'docker-ce': '18.09.9', 'docker-ce-cli': '18.09.9', 'containerd.io': '1.4.13' },
      },
      repository('18.06.1.ce-3.el7'),
      [
        'package docker-ce 3:18.09.9-3.el7',
        'package docker-ce-cli 1:18.09.9-3.el7',
        'package containerd.io 1.4.13-3.1.el7',
        'restart docker',
      ],
    ],
    [
      'is given in part, and what is not named is chosen to go with it',
      { ...disabled, versions: { 'docker-ce': '18.09.9' } },
      repository('18.06.1.ce-3.el7'),
      [
        'package docker-ce 3:18.09.9-3.el7',
        'package docker-ce-cli 1:18.09.9-3.el7',
        'package containerd.io 1.4.1-3.1.el7',
        'restart docker',
      ],
    ],
    [
      'does not start an engine that does not run',
      disabled,
      { 'docker.running': false, 'docker.version': '', ...repository('18.06.1.ce-3.el7') },
      [
        'package docker-ce 3:18.09.1-3.el7',
        'package docker-ce-cli 1:18.09.1-3.el7',
        'package containerd.io 1.4.1-3.1.el7',
      ],
    ],
  ])('%s', (_, args, facts, expected) => {
    const plan = planOf('container_runtime', { args, facts: el7(facts) });
    expect(plan.refuse).toBeUndefined();
    expect(shown(plan)).toEqual(expected);
  });

  it.each<[string, unknown, Parameters<typeof el7>[0], RegExp]>([
    [
      'no good containerd.io can be had',
      disabled,
      repository('18.06.1.ce-3.el7', '', '', only({ builds: ['1.2.13-3.2.el7'] })),
      /a containerd.io whose runc does not account/,
    ],
    [
      'no engine that takes runc from there',
      disabled,
      repository('18.06.1.ce-3.el7', '', '', only({ engines: ['3:18.09.0-3.el7'] })),
      /docker-ce 18.09.1 or later/,
    ],
    [
      'no client of that version',
      disabled,
      repository('18.06.1.ce-3.el7', '', '', only({ clients: [] })),
      /docker-ce-cli of the version/,
    ],
    [
      'a given version that accounts',
      { ...disabled, versions: { 'containerd.io': '1.2.13' } },
      repository('18.06.1.ce-3.el7'),
      /containerd.io 1.2.13-3.2.el7 is not known/,
    ],
    [
      'the engine of the distribution',
      disabled,
      { 'docker.package': 'docker', ...repository() },
      /migration/,
    ],
    ['docker.io', disabled, { 'docker.package': 'docker.io', ...repository() }, /migration/],
    [
      'docker-ee',
      disabled,
      { 'docker.package': 'docker-ee', ...repository() },
      /the package docker-ee: .* migration/,
    ],
    [
      'docker without a package',
      disabled,
      { 'docker.package': '', ...repository() },
      /did not come from a package/,
    ],
    [
      'no docker',
      disabled,
      { 'docker.package': '', 'docker.installed': false, ...repository() },
      /no docker here/,
    ],
    [
      'a held package',
      disabled,
      { ...repository('18.06.1.ce-3.el7'), 'package.docker-ce.held': true },
      /docker-ce is held/,
    ],
    [
      'a package manager in use',
      disabled,
      { ...repository('18.06.1.ce-3.el7'), 'packages.lock': 'yum (pid 9)' },
      /in use/,
    ],
    [
      'a full disk',
      disabled,
      { ...repository('18.06.1.ce-3.el7'), 'space.root_kb': 100_000 },
      /\/ has 97 MB left/,
    ],
    [
      'a kubelet that would still account',
      disabled,
      {
        ...repository('18.06.1.ce-3.el7'),
        'kubelet.installed': true,
        'kubelet.version': '1.12.3',
        'kubelet.driver': 'cgroupfs',
      },
      /kubelet 1.12.3 .* still accounts/,
    ],
  ])('refuses %s', (_, args, facts, why) => {
    const plan = planOf('container_runtime', { args, facts: el7(facts) });
    expect(plan.refuse?.why).toMatch(why);
  });

  it.each([
    [
      'docker-ee',
      /^take the boot argument .*: it needs no change of runtime\. Docker EE: its vendor has builds .*17\.06\.2-ee-18/,
    ],
    ['docker', /^take the boot argument .*\. Red Hat's docker: no build .*projectatomic\/runc#26/],
    ['docker.io', /^take the boot argument \(`kernel_arg`\): it needs no change of runtime$/],
  ])('says what the owner of %s has', (name, hint) => {
    const { refuse } = planOf('container_runtime', {
      args: disabled,
      facts: el7({ 'docker.package': name, ...repository() }),
    });
    expect(refuse?.hint).toMatch(hint);
  });

  it('is taken for a kubelet that would still account where the play accepts a part', () => {
    const facts = el7({
      ...repository('18.06.1.ce-3.el7'),
      'kubelet.installed': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'cgroupfs',
    });
    const plan = planOf('container_runtime', {
      args: disabled,
      facts,
      context: { acceptPartial: true },
    });
    expect(plan.changes).toHaveLength(4);
    expect(plan.warnings?.join()).toContain('partial');
  });

  it('leaves a kubelet of the systemd driver out of it', () => {
    const facts = el7({
      ...repository('18.06.1.ce-3.el7'),
      'kubelet.installed': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'systemd',
    });
    expect(planOf('container_runtime', { args: disabled, facts }).refuse).toBeUndefined();
  });

  it('warns that live-restore keeps the containers as they are', () => {
    const warnings = (live: boolean) =>
      planOf('container_runtime', {
        args: disabled,
        facts: el7({ ...repository('18.06.1.ce-3.el7'), 'docker.live_restore': live }),
      }).warnings;
    expect([warnings(true)?.join(), warnings(false)]).toEqual([
      expect.stringContaining('stay accounted'),
      undefined,
    ]);
  });

  it('looks for programs that are gone from 18.09 on, only where the engine crosses it', () => {
    const scriptOf = (engine: string, more: Parameters<typeof el7>[0] = {}) => {
      const plan = planOf('container_runtime', {
        args: disabled,
        facts: el7({ ...more, ...repository(engine, '', '') }),
      });
      const [effect] = plan.changes.flatMap((change) => change.effects);
      return effect?.kind === 'run' ? effect.script.includes(oldNamesScript) : undefined;
    };
    expect([scriptOf('18.06.1.ce-3.el7'), scriptOf('3:18.09.9-3.el7', newer)]).toEqual([
      true,
      false,
    ]);
  });

  it('on Debian only runc of rc94 or later is good', () => {
    const table = {
      'docker-ce': {
        installed: '',
        available: ['5:18.09.9~3-0~debian-stretch'],
        held: false,
        unusable: [],
      },
      'docker-ce-cli': {
        installed: '',
        available: ['5:18.09.9~3-0~debian-stretch'],
        held: false,
        unusable: [],
      },
      'containerd.io': {
        installed: '',
        available: ['1.2.2-1', '1.4.1-1', '1.4.6-1'],
        held: false,
        unusable: [],
      },
    };
    expect(chooseSet(table, 'apt', 'nearest')).toMatchObject({
      set: { 'containerd.io': '1.4.6-1' },
    });
  });

  it('foresees that a reboot is due: groups made before stay accounted', () => {
    const plan = planOf('container_runtime', {
      args: disabled,
      facts: el7(repository('18.06.1.ce-3.el7')),
    });
    expect(el7({ ...repository('18.06.1.ce-3.el7'), ...plan.promises })['boot.pending']).toBe(true);
  });

  it('says so when the repositories list nothing of it at all', () => {
    const facts = el7(
      repository('18.06.1.ce-3.el7', '', '', { engines: [], clients: [], builds: [] }),
    );
    expect(planOf('container_runtime', { args: disabled, facts }).refuse?.hint).toMatch(
      /^enable a repository that has it/,
    );
  });

  it.each([
    [{}],
    [{ engine: 'podman', kmem: 'disabled' }],
    [{ kmem: 'enabled' }],
    [{ versions: { runc: '1' } }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('container_runtime'), args)).toThrow();
  });
});

describe('the restart', () => {
  const script = withPrelude(
    `${beforeScript}${oldNamesScript}echo 18.09.9 > "$R/new"\n[ ! -e "$R/replace-json" ] || echo '{}' > "$J"\nd=$R/etc/systemd/system/docker.service.d\n[ ! -e "$R/change-unit" ] || echo x >> "$d/proxy.conf"\n[ ! -e "$R/lose-unit" ] || rm "$d/proxy.conf"\nmkdir -p "$R/etc/containerd"; echo new > "$R/etc/containerd/config.toml"\n${afterScript('18.09.9')}`,
  );
  const make = (runs = true) => {
    const tree = hostTree({
      '/etc/docker/daemon.json': '{"log-driver":"json-file"}\n',
      '/etc/systemd/system/docker.service.d/proxy.conf':
        '[Service]\n# docker-containerd was here\nEnvironment=HTTP_PROXY=http://p\n',
      ...(runs ? { '/run/docker': '18.06.1-ce\n' } : {}),
    });
    tree.program(
      'docker',
      '[ -e "$KMEND_ROOT/run/docker" ] || exit 1; case $1 in version) cat "$KMEND_ROOT/run/docker";; info) if [ -e "$KMEND_ROOT/other" ] && [ "$(cat "$KMEND_ROOT/run/docker")" = 18.09.9 ]; then echo systemd; else echo cgroupfs; fi;; esac',
    );
    tree.program(
      'systemctl',
      'echo "$*" >> "$KMEND_ROOT/calls"; case "$*" in "restart docker") [ ! -e "$KMEND_ROOT/broken" ] || exit 1; [ -e "$KMEND_ROOT/lazy" ] || cp "$KMEND_ROOT/new" "$KMEND_ROOT/run/docker";; esac',
    );
    tree.program('sleep', ':');
    return tree;
  };
  it('restarts and finds the new version', () => {
    const tree = make();
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/calls')).toContain('restart docker\n');
  });
  it('does not start what did not run', () => {
    const tree = make(false);
    expect(tree.run(script).code).toBe(0);
    expect(() => tree.read('/calls')).toThrow();
  });
  it.each<[string, string, number]>([
    ['daemon.json was replaced', '/replace-json', 50],
    ['a drop-in was changed', '/change-unit', 54],
    ['a drop-in is gone', '/lose-unit', 54],
    ['it does not come back', '/broken', 51],
    ['it still says the old version', '/lazy', 52],
    ['its cgroup driver is another one', '/other', 53],
  ])('reports that %s', (_, fault, code) => {
    const tree = make();
    tree.write(fault, '');
    expect(tree.run(script).code).toBe(code);
    expect(tree.read('/etc/docker/daemon.json.kmend-before')).toBe('{"log-driver":"json-file"}\n');
  });
  it.each([
    ['/etc/docker/daemon.json', '{"runtimes": {"old": {"path": "/usr/bin/docker-runc"}}}\n'],
    [
      '/etc/systemd/system/docker.service.d/own.conf',
      '[Service]\nExecStartPre=/usr/bin/docker-containerd-shim --version\n',
    ],
  ])('stops before anything moves where %s names a program that will be gone', (path, text) => {
    const tree = make();
    tree.write(path, text);
    const ran = tree.run(script);
    expect([ran.code, ran.err]).toEqual([55, expect.stringContaining(`${path}: `)]);
    expect(() => tree.read('/new')).toThrow();
  });
});
