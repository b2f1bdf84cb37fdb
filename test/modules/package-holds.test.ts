// Holds that are lifted for one transaction: the calls of the tools, and that everything is back
// afterwards, also when it fails or was killed.
import { describe, expect, it } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import type { Step } from '../../src/modules/package-manager/choose.ts';
import { packageSteps } from '../../src/modules/package-manager/script.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree, shells } from './host-tree.ts';
import { planOf } from './laws.ts';

const held = (from: string, to: string): Step => ({
  name: 'docker-ce',
  from,
  to,
  kind: 'upgrade',
  held: true,
});
const rpmStep = held('18.06.1.ce-3.el7', '3:18.09.9-3.el7');

describe('the plan', () => {
  const facts = el7(
    packageFacts('docker-ce', '18.06.1.ce-3.el7', ['18.06.1.ce-3.el7', '3:18.09.9-3.el7'], true),
  );
  it('refuses a held package, and says how to have it lifted', () => {
    expect(
      planOf('package', { args: { name: 'docker-ce', version: '18.09.9' }, facts }).refuse,
    ).toMatchObject({
      why: expect.stringContaining('docker-ce is held'),
      hint: expect.stringContaining('holds: lift'),
    });
  });
  it('lifts it where the play allows it, with a warning', () => {
    const plan = planOf('package', {
      args: { name: 'docker-ce', version: '18.09.9', holds: 'lift' },
      facts,
    });
    expect([plan.refuse, plan.changes.length, plan.warnings]).toEqual([
      undefined,
      1,
      [expect.stringContaining('docker-ce is held')],
    ]);
  });
  it('says nothing of holds where none is', () => {
    const free = el7(
      packageFacts('docker-ce', '18.06.1.ce-3.el7', ['18.06.1.ce-3.el7', '3:18.09.9-3.el7']),
    );
    expect(
      planOf('package', {
        args: { name: 'docker-ce', version: '18.09.9', holds: 'lift' },
        facts: free,
      }).warnings,
    ).toBeUndefined();
  });
  it('container_runtime does the same', () => {
    const runtime = el7({
      ...packageFacts(
        'docker-ce',
        '18.06.1.ce-3.el7',
        ['18.06.1.ce-3.el7', '3:18.09.9-3.el7'],
        true,
      ),
      ...packageFacts('docker-ce-cli', '', ['1:18.09.9-3.el7']),
      ...packageFacts('containerd.io', '', ['1.4.13-3.1.el7']),
    });
    expect(
      planOf('container_runtime', { args: { kmem: 'disabled' }, facts: runtime }).refuse?.why,
    ).toMatch(/is held/);
    const plan = planOf('container_runtime', {
      args: { kmem: 'disabled', holds: 'lift' },
      facts: runtime,
    });
    expect([plan.refuse, plan.warnings?.[0]]).toEqual([
      undefined,
      expect.stringContaining('docker-ce is held'),
    ]);
  });
});

describe.each(['yum', 'dnf'] as const)('%s', (tool) => {
  const make = (does: string) => {
    const tree = hostTree({
      '/etc/yum/pluginconf.d/versionlock.list':
        '# ours\n0:docker-ce-18.06.1.ce-3.el7.*\n0:docker-ce-18.06.1.ce-3.el70.*\n0:other-1-1.*\n',
      '/etc/dnf/plugins/versionlock.list': 'docker-ce-0:18.06.1.ce-3.el7.*\n',
    });
    tree.program(tool, `echo "$*" >> "$KMEND_ROOT/calls"\n${does}`);
    tree.program('rpm', 'cat "$KMEND_ROOT/db" 2>/dev/null || exit 1');
    return tree;
  };
  const script = withPrelude(packageSteps(tool, [rpmStep], 3));
  it('passes over holds in this one transaction, with flags that yum 3 knows; a lock follows', () => {
    const tree = make('echo 18.09.9-3.el7 > "$KMEND_ROOT/db"');
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/calls')).toBe(
      '-y --setopt=exit_on_lock=1 --disableexcludes=all --disableplugin=versionlock install docker-ce-18.09.9-3.el7\n',
    );
    expect(tree.read('/etc/yum/pluginconf.d/versionlock.list')).toBe(
      '# ours\n3:docker-ce-18.09.9-3.el7.*\n0:docker-ce-18.06.1.ce-3.el70.*\n0:other-1-1.*\n',
    );
    expect(tree.read('/etc/dnf/plugins/versionlock.list')).toBe('docker-ce-3:18.09.9-3.el7.*\n');
  });
  it('leaves the locks byte for byte when it fails', () => {
    const tree = make('exit 1');
    const before = tree.picture(/calls|tmp/);
    expect(tree.run(script).code).toBe(41);
    expect(tree.picture(/calls|tmp/)).toEqual(before);
  });
  it('says nothing of holds for packages that are not held', () => {
    expect(packageSteps(tool, [{ ...rpmStep, held: undefined } as never], 3)).not.toMatch(
      /disableexcludes|versionlock/,
    );
  });
});

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'apt-mark, under %s',
  (_, shell) => {
    const script = withPrelude(packageSteps('apt', [held('18.06', '5:18.09.9-0')], 3));
    const make = (does: string) => {
      const tree = hostTree({ '/holds': 'docker-ce\nother\n' });
      tree.program('sleep', ':');
      tree.program('dpkg-query', 'cat "$KMEND_ROOT/status" 2>/dev/null || exit 1');
      tree.program(
        'apt-mark',
        `h=$KMEND_ROOT/holds; v=$1; shift; case $v in showhold) cat "$h";; unhold) for n; do grep -vx -e "$n" "$h" > "$h.n"; mv "$h.n" "$h"; done;; hold) [ ! -e "$KMEND_ROOT/stuck" ] || exit 1; for n; do echo "$n" >> "$h"; done;; esac`,
      );
      tree.program(
        'apt-get',
        `[ "$1" != -s ] || exit 0; cp "$KMEND_ROOT/holds" "$KMEND_ROOT/during"\n${does}`,
      );
      return tree;
    };
    const sorted = (text: string) => text.trim().split('\n').toSorted();
    const works = 'echo "install ok installed 5:18.09.9-0" > "$KMEND_ROOT/status"';
    it('lifts for the transaction and holds again', () => {
      const tree = make(works);
      expect(tree.run(script, shell)).toEqual({ code: 0, out: '', err: '' });
      expect([sorted(tree.read('/during')), sorted(tree.read('/holds'))]).toEqual([
        ['other'],
        ['docker-ce', 'other'],
      ]);
      expect(() => tree.read('/var/lib/kmend/lifted-holds')).toThrow();
    });
    it.each([
      ['fails', 'exit 100', 41],
      ['is ended by a signal', 'kill -TERM $PPID; exit 100', 143],
    ])('holds again when it %s', (_, does, code) => {
      const tree = make(does);
      expect(tree.run(script, shell).code).toBe(code);
      expect(sorted(tree.read('/holds'))).toEqual(['docker-ce', 'other']);
    });
    it('holds again at the next run when it was killed outright', () => {
      const tree = make('kill -KILL $PPID');
      tree.run(script, shell);
      expect(sorted(tree.read('/holds'))).toEqual(['other']);
      tree.program('apt-get', `[ "$1" != -s ] || exit 0; ${works}`);
      expect(tree.run(script, shell).code).toBe(0);
      expect(sorted(tree.read('/holds'))).toEqual(['docker-ce', 'other']);
    });
    it('reports a hold that cannot be restored', () => {
      const tree = make(`${works}; : > "$KMEND_ROOT/stuck"`);
      const ran = tree.run(script, shell);
      expect([ran.code, ran.err]).toEqual([
        39,
        expect.stringContaining('not on hold any more: docker-ce'),
      ]);
    });
    it('a package that goes needs no hold', () => {
      const tree = make('rm -f "$KMEND_ROOT/status"');
      tree.write('/status', 'install ok installed 18.06');
      const away = packageSteps('apt', [{ ...held('18.06', ''), kind: 'remove' }], 3);
      expect(tree.run(withPrelude(away), shell)).toEqual({ code: 0, out: '', err: '' });
      expect(sorted(tree.read('/holds'))).toEqual(['other']);
    });
  },
);

describe('zypper (model)', () => {
  const locks =
    '\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: docker-*\n\ntype: package\nsolvable_name: vim\n';
  const make = (does: string) => {
    const tree = hostTree({ '/etc/zypp/locks': locks });
    tree.program('rpm', 'cat "$KMEND_ROOT/db" 2>/dev/null || exit 1');
    tree.program(
      'zypper',
      `echo "$*" >> "$KMEND_ROOT/calls"; cp "$KMEND_ROOT/etc/zypp/locks" "$KMEND_ROOT/during"\n${does}`,
    );
    return tree;
  };
  const steps: readonly Step[] = [{ ...held('3:18.09.9-3', '18.06.1-3'), kind: 'downgrade' }];
  it.each([
    ['goes well', 'echo 18.06.1-3 > "$KMEND_ROOT/db"', 0],
    ['fails', 'exit 4', 41],
  ])('takes out the locks that match, and puts the list back when it %s', (_, does, code) => {
    const tree = make(does);
    expect(tree.run(withPrelude(packageSteps('zypper', steps, 3))).code).toBe(code);
    expect(tree.read('/during')).not.toContain('docker');
    expect(tree.read('/during')).toContain('solvable_name: vim');
    expect(tree.read('/etc/zypp/locks')).toBe(locks);
    expect(tree.read('/calls')).toBe(
      '--non-interactive --quiet install --auto-agree-with-licenses --oldpackage docker-ce=18.06.1-3\n',
    );
  });
  it('moves and takes away in one transaction', () => {
    const away: Step = { name: 'docker-ce-cli', from: '1:1-1', to: '', kind: 'remove' };
    expect(packageSteps('zypper', [...steps, away], 3)).toContain(
      "docker-ce=18.06.1-3 '!docker-ce-cli'",
    );
  });
});
