// Scripts for hosts: each in a file of its own, used, with its purpose at its head, and without a
// finding of shellcheck.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import {
  clearSpoolScript,
  copyScript,
  escalateScript,
  pollScript,
  rebootScript,
  spoolIdScript,
  startScript,
  writeScript,
} from '../../src/engine/effects/host-scripts.ts';
import { buildProbe, checkWants } from '../../src/facts/index.ts';
import { scriptText } from '../../src/model/text/script-text.ts';
import {
  afterScript,
  beforeScript,
  oldNamesScript,
} from '../../src/modules/container-runtime/script.ts';
import { beforeTrial, defaultScript, trialScript } from '../../src/modules/kernel/script.ts';
import {
  blsScript,
  flatcarScript,
  grub2Script,
  grubDebianScript,
  grubSuseScript,
  rpmOstreeScript,
} from '../../src/modules/kernel-arg/scripts.ts';
import type { Step } from '../../src/modules/package-manager/choose.ts';
import { packageSteps } from '../../src/modules/package-manager/script.ts';
import { activeProbeScript } from '../../src/modules/verify-kmem.ts';

const root = join(import.meta.dirname, '../..');
const below = (folder: string, kind: RegExp): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => kind.test(path))
    .map((path) => `${folder}/${path}`);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const scripts = ['src', 'practice'].flatMap((folder) => below(folder, /\.(?:sh|awk)$/));
const sources = ['src', 'practice'].flatMap((folder) => below(folder, /\.ts$/));

/** What is no fault in any of our scripts. */
const allowed = {
  SC2015: '`A && B || exit` ends the script also where B fails: that is meant',
  SC2034: 'a part sets what another part reads',
  SC2148: 'a part has no first line of its own',
  SC2154: 'a part reads what another part sets; whole scripts are checked for it below',
};

const noShellcheck = spawnSync('shellcheck', ['--version']).status !== 0;

/** Findings of shellcheck, each with the name of its script. */
function findings(texts: ReadonlyMap<string, string>, flags: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-shellcheck-'));
  for (const [name, text] of texts) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const { stdout, stderr } = spawnSync(
    'shellcheck',
    ['--norc', '-s', 'dash', '-f', 'gcc', ...flags, ...texts.keys()],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  rmSync(folder, { recursive: true });
  return stdout + stderr;
}

describe('scripts for hosts', () => {
  it('say at their head what they are for', () => {
    const silent = scripts.filter((path) => !/^(?:#!\/bin\/sh\n)?# \S/.test(read(path)));
    expect(silent).toEqual([]);
  });

  it('are each imported by a file of their folder', () => {
    const imported = new Set(
      sources.flatMap((path) =>
        [...read(path).matchAll(/from '(\.[^']+\.(?:sh|awk))'/g)].map(([, target = '']) =>
          relative(root, join(root, dirname(path), target)),
        ),
      ),
    );
    expect(scripts.filter((path) => !imported.has(path))).toEqual([]);
  });

  it.skipIf(noShellcheck)(
    'have no finding of shellcheck (skipped without it)',
    { timeout: 120_000 },
    () => {
      const parts = scripts
        .filter((path) => path.endsWith('.sh'))
        .map((path) => [path, read(path).replace(/@[A-Za-z]\w*@/g, '1')] as const);
      expect(parts.length).toBeGreaterThan(50);
      expect(findings(new Map(parts), ['-e', Object.keys(allowed).join(',')])).toBe('');
    },
  );

  it.skipIf(noShellcheck)(
    'read no variable that nobody sets (skipped without shellcheck)',
    { timeout: 120_000 },
    () => {
      expect(findings(new Map(Object.entries(whole())), ['-i', 'SC2154'])).toBe('');
    },
  );

  it('are no text in the code: four lines at most', () => {
    const shell =
      /^\s*(?:if \[|elif |fi\b|done\b|esac\b|exit \d|set --|trap '|\[ |while |until |BEGIN ?\{|function \w+\(|\w+\(\) \{)/m;
    const long = sources.flatMap((path) =>
      literalsOf(path).flatMap(({ text, line }) =>
        text.trim().split('\n').length > 4 && shell.test(text) ? [`${path}:${line}`] : [],
      ),
    );
    expect(long.filter((at) => !notShell.some((path) => at.startsWith(`${path}:`)))).toEqual([]);
    expect(notShell.filter((path) => !long.some((at) => at.startsWith(`${path}:`)))).toEqual([]);
  });
});

/** Long texts that only look like shell. */
const notShell = ['practice/host/grub.ts'];

describe('the text of a script', () => {
  it.each([
    [
      'loses the comment at its head',
      '# What it does.\n# shellcheck disable=SC2086\necho\n# stays\n',
      {},
      'echo\n# stays\n',
    ],
    ['keeps its first line', '#!/bin/sh\n# What it does.\n', {}, '#!/bin/sh\n# What it does.\n'],
    [
      'has values as they are',
      'a=@word@ b=@count@\n',
      { word: "'$& $1'", count: 3 },
      "a='$& $1' b=3\n",
    ],
    ['takes no value for a name', 'a=@one@\n', { one: '@two@' }, 'a=@two@\n'],
    [
      'has no newline at the end of a value',
      'awk \'@program@\' "$1"\n@lines@\nend\n',
      { program: '{ print }\n', lines: 'a\nb\n' },
      'awk \'{ print }\' "$1"\na\nb\nend\n',
    ],
    ['loses a line of its own with an empty value', 'a\n@more@\nb@more@\n', { more: '' }, 'a\nb\n'],
  ])('%s', (_, file, values, wanted) => {
    expect(scriptText(file, values)).toBe(wanted);
  });

  it('is refused with a name that has no value', () => {
    expect(() => scriptText('a=@word@\n', { words: 'x' })).toThrow(
      'a script has no value for @word@',
    );
  });
});

/** Template literals with the line on which they begin. */
function literalsOf(path: string): readonly { readonly text: string; readonly line: number }[] {
  const text = read(path);
  const found: { text: string; line: number }[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('type' in node && node.type === 'TemplateLiteral' && 'start' in node && 'end' in node) {
      const literal = text.slice(Number(node.start) + 1, Number(node.end) - 1);
      found.push({ text: literal, line: text.slice(0, Number(node.start)).split('\n').length });
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(basename(path), text).program);
  return found;
}

/** Whole scripts as hosts get them. */
function whole(): Readonly<Record<string, string>> {
  const token = { run: '20261124-153012-k3f9', number: 1, takeover: '20261124-153012-aaaa' };
  const edit = { key: 'cgroup.memory', items: ['nokmem'], list: true, state: 'present' } as const;
  const step = (kind: Step['kind'], name: string, from: string, to: string): Step => ({
    kind,
    name,
    from,
    to,
    held: true,
  });
  const steps = [
    step('downgrade', 'docker-ce', '3:19.03.1-3.el7', '3:18.09.9-3.el7'),
    step('install', 'containerd.io', '', '1.2.10-3.el7'),
  ];
  const wants = [
    ...checkWants,
    { area: 'kernels' },
    { area: 'package', args: { name: 'kernel' } },
    { area: 'service', args: { name: 'docker' } },
  ];
  const release = '3.10.0-1160.el7.x86_64';
  const menu = '/boot/grub2/grub.cfg';
  const writing = { kind: 'write', what: '', path: '/etc/motd', mode: '0644', timeout: 9 } as const;
  const packages = (['yum', 'apt', 'zypper'] as const).map(
    (manager) => [manager, packageSteps(manager, steps, 300)] as const,
  );
  const prelude = scriptText(read('src/facts/probe/prelude.sh'));
  return {
    probe: buildProbe(wants),
    start: startScript(token, 'node-a1/1/1'),
    local: startScript({ ...token, home: '/home/a b/run/host' }, 'node-a1/1/1'),
    spoolId: spoolIdScript('/home/a b', 'id'),
    clearSpool: clearSpoolScript('/home/a b/run/host'),
    poll: pollScript(token, 'node-a1/1/1', 10, 4096),
    write: writeScript(token, { ...writing, content: 'text', validate: ['test', '-s', '%s'] }),
    fromHost: writeScript(token, { ...writing, content: { from: '/etc/issue' }, replaces: '' }),
    copy: copyScript(token, {
      kind: 'copy',
      what: 'copy',
      from: '/x',
      name: 'x.rpm',
      sha256: 'a'.repeat(64),
      size: 10,
      timeout: 10,
    }),
    reboot: rebootScript(token, 'node-a1/1/1'),
    escalate: escalateScript(token, 'node-a1/1/1', 'boot', 'force'),
    grub2: grub2Script(edit),
    bls: blsScript(edit, true),
    debian: grubDebianScript(edit),
    suse: grubSuseScript(edit),
    ostree: rpmOstreeScript(edit),
    flatcar: flatcarScript(edit),
    runtime: prelude + beforeScript + oldNamesScript + afterScript('18.09.9'),
    default: prelude + defaultScript(release, menu, 'kernel-lt'),
    trial: prelude + beforeTrial + trialScript(release, menu, 'grub2'),
    active: prelude + activeProbeScript,
    ...Object.fromEntries(packages.map(([name, text]) => [name, prelude + text])),
  };
}
