// The scripts of the boot loaders that this machine has no tools of, on generated command lines:
// grubby and rpm-ostree are emulated.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArgumentEdit } from '../../src/modules/kernel-arg/edit.ts';
import {
  blsScript,
  flatcarScript,
  grub2Script,
  rpmOstreeScript,
} from '../../src/modules/kernel-arg/scripts.ts';
import { inverseOf, lawsOfEdit } from './boot-argument-laws.ts';
import {
  type CommandLine,
  commandLine,
  edits,
  oddWords,
  suseFiles,
} from './boot-argument-trees.ts';
import { type HostTree, hostTree } from './host-tree.ts';

const backups = /\.kmend-before$|\.log$/;

interface Loader {
  readonly name: string;
  readonly script: (edit: ArgumentEdit) => string;
  readonly tree: (lines: readonly string[], defaults: Readonly<Record<string, string>>) => HostTree;
  /** The command lines of its entries. */
  readonly read: (tree: HostTree) => readonly string[];
  /**
   * A word goes to the end of the line where its value changes: only an edit of a line without the
   * key restores every byte.
   */
  readonly moves?: true;
}

const entry = (line: string, index: number): string =>
  `menuentry 'CentOS Linux ${index}' {\n\tlinux16 /boot/vmlinuz-3.10.0-${1160 - index}.el7.x86_64 root=/dev/sda1 ${`ro ${line}`.trimEnd()}\n}\n`;

const bls = (zipl: boolean): Loader => ({
  name: zipl ? 'zipl' : 'boot loader entries',
  script: (edit) => blsScript(edit, zipl),
  tree: (lines, defaults) => {
    const tree = hostTree({
      ...defaults,
      ...Object.fromEntries(
        lines.map((line, index) => [
          `/boot/loader/entries/a-${index}.conf`,
          `title ${index}\nlinux /vmlinuz-4.18.0-${index}\noptions ${`ro ${line}`.trimEnd()}\n`,
        ]),
      ),
      '/etc/kernel/cmdline': `${`root=UUID=1 ${lines[0] ?? ''}`.trimEnd()}\n`,
    });
    tree.program('grubby');
    tree.program('zipl', 'echo ran >> "$KMEND_ROOT/zipl.log"');
    return tree;
  },
  read: (tree) => [
    ...[
      ...tree.run('cat "$KMEND_ROOT"/boot/loader/entries/*.conf').out.matchAll(/^options (.*)$/gm),
    ].map(([, line = '']) => line),
    tree.read('/etc/kernel/cmdline').trimEnd(),
  ],
});

const ostree = `shift; [ $# -gt 0 ] || exec cat "$KMEND_ROOT/kargs"
A=$(printf '%s\\n' "$@") awk 'BEGIN { m = split(ENVIRON["A"], a, "\\n") }
  { n = split($0, w, " "); for (j = 1; j <= m; j++) { v = a[j]; sub(/^--[a-z]*=/, "", v)
      if (a[j] ~ /^--append=/) w[++n] = v
      else { for (i = 1; i <= n; i++) if (w[i] == v) { w[i] = ""; break } if (i > n) exit 1 } }
    o = ""; for (i = 1; i <= n; i++) if (w[i] != "") o = o (o == "" ? "" : " ") w[i]; print o }' "$KMEND_ROOT/kargs" > "$KMEND_ROOT/kargs.new" && cat "$KMEND_ROOT/kargs.new" > "$KMEND_ROOT/kargs" && rm "$KMEND_ROOT/kargs.new"`;

/** What \`linux_append\` is in the end: GRUB's \`set\`, line by line. */
function appended(text: string): string {
  let value = '';
  for (const [, one = ''] of text.matchAll(/^set linux_append="(.*)"$/gm))
    value = one.replaceAll('$linux_append', value);
  return value;
}

const loaders: readonly Loader[] = [
  {
    name: 'el7 with grubby',
    script: grub2Script,
    tree: (lines, defaults) => {
      const tree = hostTree({
        ...defaults,
        '/boot/grub2/grub.cfg': `set default="0"\n${lines.map(entry).join('')}`,
      });
      tree.program('grubby');
      tree.program('grub2-script-check', 'true');
      return tree;
    },
    read: (tree) =>
      [...tree.read('/boot/grub2/grub.cfg').matchAll(/^\tlinux16 \S+ (.*)$/gm)].map(
        ([, line = '']) => line,
      ),
  },
  bls(false),
  bls(true),
  {
    name: 'rpm-ostree',
    script: rpmOstreeScript,
    tree: (lines) => {
      const tree = hostTree({ '/kargs': `${lines[0] ?? ''}\n` });
      tree.program('rpm-ostree', ostree);
      return tree;
    },
    read: (tree) => [tree.read('/kargs').trimEnd()],
    moves: true,
  },
  {
    name: 'Flatcar',
    script: flatcarScript,
    tree: (lines) =>
      hostTree({
        '/oem/oem-release': '',
        ...(lines.length === 1
          ? {}
          : {
              '/oem/grub.cfg': `# OEM\nset linux_console="console=tty0"\nset linux_append="${(lines[0] ?? '').replaceAll(/["$]/g, '')}"\n`,
            }),
      }),
    read: (tree) => [appended(tree.run('cat "$KMEND_ROOT/oem/grub.cfg" 2>/dev/null').out)],
  },
];

/** As these tools write it: one blank between words, none at the ends. */
const tidy = ({ text }: CommandLine): string => text.split(/\s+/).filter(Boolean).join(' ');
const lines = fc.array(commandLine().map(tidy), { minLength: 1, maxLength: 3 });

describe.each(loaders)('$name', ({ script, tree: treeOf, read, moves }) => {
  const rows = fc.sample(fc.tuple(lines, suseFiles, edits), { numRuns: 25, seed: 11 });
  let refused = 0;

  it.each(rows.map(([given, defaults, edit], index) => ({ index, given, defaults, edit })))(
    'tree $index',
    ({ given, defaults, edit }) => {
      const tree = treeOf(given, defaults);
      const [start, before] = [tree.picture(backups), read(tree)];
      const ran = tree.run(script(edit));
      if (ran.code !== 0) {
        refused += 1;
        expect(tree.picture(backups), ran.err).toEqual(start);
        // Words for init where the tool only appends, words with blanks that it cuts, or a shell file
        // that no edit reaches.
        expect([25, 26], ran.err).toContain(ran.code);
        return;
      }
      expect(ran.err).toBe('');
      for (const [index, line] of before.entries()) lawsOfEdit(line, read(tree)[index] ?? '', edit);
      const once = tree.picture(/\.log$/);
      expect([tree.run(script(edit)).code, tree.picture(/\.log$/)]).toEqual([0, once]);
      const texts = [...given, ...Object.values(defaults)];
      const back = inverseOf(edit, texts);
      if (
        back === undefined ||
        texts.some(
          (text) => oddWords.some((word) => word.test(text)) || (moves && text.includes(edit.key)),
        )
      )
        return;
      expect(tree.run(script(back))).toEqual({ code: 0, out: '', err: '' });
      expect(tree.picture(backups)).toEqual(start);
    },
  );

  it('few of them cannot be edited, and these are left as they were', () => {
    expect(refused).toBeLessThanOrEqual(6);
  });
});
