// kernel with `trial`: chosen for one boot by real GRUB tools, made the default only once it runs,
// refused once it has fallen back.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildProbe, derive, parseProbe } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { el7, packageFacts } from './facts.ts';
import { type HostTree, hostTree } from './host-tree.ts';
import { planOf } from './laws.ts';

const [old, young] = ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'];
const args = { min: '3.10.0-1062.el7', trial: true };
const fresh: Facts = {
  'kernel.release': old,
  'kernel.next': old,
  'kernel.saved': old,
  'kernel.trial': '',
  'kernel.installed': [old],
  'boot.once': 'yes',
  'boot.next_once': false,
  'boot.grub_cfg': '/boot/grub2/grub.cfg',
  ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-1160.el7']),
};
const tried: Facts = { ...fresh, 'kernel.installed': [old, young], 'kernel.trial': young };
const plan = (facts: Facts) => planOf('kernel', { args, facts: el7(facts) });

describe('kernel: trial', () => {
  it('chooses it for one boot, and says what happens when it does not come up', () => {
    const { changes, note, promises } = plan(fresh);
    expect(changes.map(({ what, before, after }) => [what, before, after])).toEqual([
      ['package kernel', undefined, '3.10.0-1160.el7'],
      ['kernel that boots next', old, young],
    ]);
    expect(note).toBe(`once, with panic=30: when it does not come up, ${old} boots again`);
    expect(promises).toMatchObject({
      'boot.next_once': true,
      'kernel.saved': old,
      'kernel.trial': young,
    });
  });

  it('is the default at once where the loader cannot, and the plan says so', () => {
    const { note, warnings, promises } = plan({
      ...fresh,
      'boot.once': 'GRUB cannot write to /dev/mapper/root (xfs), so the choice would stay',
    });
    expect(note).toBeUndefined();
    expect(warnings?.[0]).toMatch(
      /becomes the default at once, without being tried first: GRUB cannot write/,
    );
    expect(promises).toMatchObject({ 'boot.next_once': false, 'kernel.saved': young });
  });

  it('makes the kernel that came up the default', () => {
    const { changes, note, promises } = plan({ ...tried, 'kernel.release': young });
    expect(changes.map(({ before, after }) => [before, after])).toEqual([[old, young]]);
    expect(note).toBe('after its trial boot');
    expect(promises).toMatchObject({ 'kernel.trial': '', 'kernel.saved': young });
  });

  it('is content before the boot, and after it was made the default', () => {
    expect(plan({ ...tried, 'kernel.next': young, 'boot.next_once': true }).changes).toEqual([]);
    expect(
      plan({
        ...tried,
        'kernel.release': young,
        'kernel.next': young,
        'kernel.saved': young,
        'kernel.trial': '',
      }).changes,
    ).toEqual([]);
  });

  it('refuses a kernel that fell back', () => {
    expect(plan(tried).refuse?.why).toBe(
      `kernel ${young} was booted once and did not come up: ${old} runs again`,
    );
  });

  it('the reboot uses the choice up; that the old kernel would boot next is no reason for another', () => {
    const chosen = el7({ ...fresh, ...plan(fresh).promises });
    expect(chosen['boot.pending']).toBe(true);
    const { promises } = planOf('reboot', { args: {}, facts: chosen });
    expect(promises).toMatchObject({
      'kernel.release': young,
      'kernel.next': old,
      'boot.next_once': false,
    });
    expect(el7({ ...chosen, ...promises })['boot.pending']).toBe(false);
  });
});

const grubTools = spawnSync('grub-editenv', ['--version']).error === undefined;
const emulatedGrubby = join(import.meta.dirname, 'emulated/grubby');

/**
 * A grub.cfg as grub2-mkconfig writes it with GRUB_DEFAULT=saved, and a grubenv made by the real
 * program.
 */
function host(files: Readonly<Record<string, string>> = {}): HostTree {
  const entry = (release: string) =>
    `menuentry 'CentOS Linux (${release}) 7 (Core)' --class centos $menuentry_id_option 'gnulinux-${release}-advanced' {\n\tlinux16 /vmlinuz-${release} root=/dev/sda1 ro quiet\n}\n`;
  const header = `if [ "\${next_entry}" ] ; then\n   set default="\${next_entry}"\n   set next_entry=\n   save_env next_entry\nelse\n   set default="\${saved_entry}"\nfi\n`;
  const tree = hostTree({
    '/etc/os-release': 'ID="centos"\nVERSION_ID="7"\n',
    '/proc/sys/kernel/osrelease': `${old}\n`,
    '/proc/cmdline': `BOOT_IMAGE=/vmlinuz-${old} root=/dev/sda1 ro quiet\n`,
    '/proc/mounts': '/dev/mapper/centos-root / xfs rw 0 0\n/dev/sda1 /boot xfs rw 0 0\n',
    [`/boot/vmlinuz-${old}`]: 'k',
    [`/boot/vmlinuz-${young}`]: 'k',
    '/boot/grub2/grub.cfg': header + entry(young) + entry(old),
    ...files,
  });
  const env = join(tree.root, 'boot/grub2/grubenv');
  spawnSync('grub-editenv', [env, 'create']);
  spawnSync('grub-editenv', [env, 'set', `saved_entry=CentOS Linux (${old}) 7 (Core)`]);
  tree.program('uname', `echo ${old}`);
  // Which kernel is the default stands in grubenv, by title, as with the real grubby.
  tree.program(
    'grubby',
    `E=$KMEND_ROOT/boot/grub2/grubenv
case $1 in
  --default-kernel) sed -n 's|^saved_entry=CentOS Linux (\\(.*\\)) 7 (Core)|/boot/vmlinuz-\\1|p' "$E";;
  --set-default=*) r=\${1##*/vmlinuz-}; grub-editenv "$E" set "saved_entry=CentOS Linux ($r) 7 (Core)";;
  *) exec sh ${JSON.stringify(emulatedGrubby)} "$@";;
esac`,
  );
  return tree;
}

function factsOf(tree: HostTree): Facts {
  const parsed = parseProbe(tree.run(buildProbe()).out);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return derive(parsed.value);
}

const scriptFor = (facts: Facts, given: unknown = args): string => {
  const effect = planOf('kernel', { args: given, facts: el7({ ...fresh, ...facts }) }).changes.at(
    -1,
  )?.effects[0];
  return effect?.kind === 'run' ? effect.script : '';
};
const env = (tree: HostTree) =>
  readFileSync(join(tree.root, 'boot/grub2/grubenv'), 'utf8')
    .split('\n')
    .filter((line) => /^\w/.test(line));

describe.skipIf(!grubTools)(
  `its scripts, with the real grub-editenv (${grubTools ? 'there' : 'needs grub-common'})`,
  () => {
    const choose = scriptFor({ 'kernel.installed': [old, young] });

    it('choose the kernel once; the old one stays the default; a panic boots again', () => {
      const tree = host();
      expect(factsOf(tree)).toMatchObject({
        'kernel.next': old,
        'kernel.saved': old,
        'kernel.trial': '',
        'boot.once': 'yes',
      });
      expect(tree.run(choose)).toEqual({ code: 0, out: '', err: '' });
      expect(factsOf(tree)).toMatchObject({
        'kernel.next': young,
        'boot.next_once': true,
        'kernel.saved': old,
        'kernel.trial': young,
      });
      expect(tree.read('/boot/grub2/grub.cfg')).toMatch(
        /vmlinuz-3\.10\.0-1160\S+ root=\/dev\/sda1 ro quiet panic=30\n/,
      );
      expect(tree.read('/boot/grub2/grub.cfg')).toMatch(
        /vmlinuz-3\.10\.0-862\S+ root=\/dev\/sda1 ro quiet\n/,
      );
    });

    it('a kernel package that made itself the default is put back behind the old one', () => {
      const tree = host();
      const [before = '', after = ''] = choose.split('[ -n "$old_default" ]');
      const moved = `${before}[ -n "$old_default" ]${after.replace('\n', `\ngrubby --set-default=/boot/vmlinuz-${young}\n`)}`;
      expect(tree.run(moved).code).toBe(0);
      expect(factsOf(tree)).toMatchObject({ 'kernel.next': young, 'kernel.saved': old });
    });

    it('once it has come up it is made the default, and nothing of the trial is left', () => {
      const tree = host();
      tree.run(choose);
      // As GRUB does when it boots the choice.
      spawnSync('grub-editenv', [join(tree.root, 'boot/grub2/grubenv'), 'unset', 'next_entry']);
      tree.write('/proc/sys/kernel/osrelease', `${young}\n`);
      expect(factsOf(tree)).toMatchObject({
        'kernel.next': old,
        'kernel.trial': young,
        'boot.pending': false,
      });
      expect(tree.run(scriptFor({ ...tried, 'kernel.release': young }))).toEqual({
        code: 0,
        out: '',
        err: '',
      });
      expect(factsOf(tree)).toMatchObject({
        'kernel.next': young,
        'kernel.saved': young,
        'kernel.trial': '',
        'boot.next_once': false,
      });
      expect(tree.read('/boot/grub2/grub.cfg')).not.toContain('panic');
      expect(env(tree)).toEqual([`saved_entry=CentOS Linux (${young}) 7 (Core)`]);
    });

    it('a panic= of the owner stays', () => {
      const tree = host();
      tree.write(
        '/boot/grub2/grub.cfg',
        tree.read('/boot/grub2/grub.cfg').replaceAll('ro quiet', 'ro quiet panic=10'),
      );
      tree.run(choose);
      tree.run(scriptFor({ ...tried, 'kernel.release': young }));
      expect(tree.read('/boot/grub2/grub.cfg').match(/panic=10/g)).toHaveLength(2);
    });

    it('a rollback removes a choice that was not used yet', () => {
      const tree = host();
      tree.run(choose);
      expect(
        tree.run(
          scriptFor({ ...tried, 'kernel.next': young, 'boot.next_once': true }, { version: old }),
        ).code,
      ).toBe(0);
      expect(factsOf(tree)).toMatchObject({
        'kernel.next': old,
        'boot.next_once': false,
        'kernel.trial': '',
      });
      expect(tree.read('/boot/grub2/grub.cfg')).not.toContain('panic');
    });

    it.each<[string, Readonly<Record<string, string>>, RegExp]>([
      [
        'LVM',
        { '/proc/mounts': '/dev/mapper/centos-root / xfs rw 0 0\n' },
        /^GRUB cannot write to \/dev\/mapper\/centos-root/,
      ],
      ['btrfs', { '/proc/mounts': '/dev/sda2 / btrfs rw 0 0\n' }, /\(btrfs\)/],
      [
        'a fixed default',
        {
          '/boot/grub2/grub.cfg': `set default="0"\nmenuentry 'x' {\n\tlinux16 /vmlinuz-${old} ro\n}\n`,
        },
        /GRUB_DEFAULT=saved/,
      ],
    ])('no choice for one boot on %s', (_, files, why) => {
      expect(factsOf(host(files))['boot.once']).toMatch(why);
    });

    it('an entry that is not there, and a grubenv that cannot be written, are errors', () => {
      const tree = host();
      tree.write(
        '/boot/grub2/grub.cfg',
        tree.read('/boot/grub2/grub.cfg').replace(`/vmlinuz-${young}`, '/vmlinuz-other'),
      );
      expect(tree.run(choose).code).toBe(64);
      tree.remove('/boot/grub2/grubenv');
      expect(tree.run(choose).code).not.toBe(0);
    });
  },
);
