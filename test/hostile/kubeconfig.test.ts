// A kubeconfig can name a program: both are obeyed only where nobody else could have written them.
// And the whole program in a directory of others.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { bundlePath } from '../cli/child.ts';

const root = mkdtempSync(join(tmpdir(), 'kmend-kube-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir: string;
let count = 0;
beforeEach(() => {
  dir = join(root, `case-${count++}`);
  mkdirSync(join(dir, 'home'), { recursive: true });
});

const put = (name: string, text: string, mode = 0o600): string => {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const plugin = (name: string): string => put(name, `#!/bin/sh\n: > '${dir}/ran'\n`, 0o755);
const ran = (): boolean => existsSync(join(dir, 'ran'));
const kubeconfig = (name: string, command: string): string =>
  put(
    name,
    `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}], users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "${command}", interactiveMode: Never}}}]}`,
  );

async function kmend(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
) {
  const done = spawnSync(process.execPath, [bundlePath(), ...args], {
    cwd,
    encoding: 'utf8',
    timeout: 30_000,
    env: { HOME: join(dir, 'home'), PATH: process.env.PATH, ...env },
  });
  return { exit: done.status, output: `${done.stdout}${done.stderr}` };
}

const commands = [
  ['drain', 'n1', '--dry-run'],
  ['uncordon', 'n1'],
  ['doctor', '-i', 'h1,'],
  ['inventory', 'from-cluster'],
];

describe('a kubeconfig that others may write', () => {
  it.each(commands)('%s %s', async (...words) => {
    const args = words.filter((word) => word !== undefined);
    plugin('plug');
    const path = kubeconfig('kc', './plug');
    chmodSync(path, 0o666);
    const refused = await kmend([...args, '--kubeconfig', path], dir);
    expect(refused.output).toContain(`everybody may write ${path}`);
    expect(ran()).toBe(false);
    const byVariable = args[0] === 'drain';
    await kmend(
      [...(byVariable ? [] : ['--trust-files']), ...args, '--kubeconfig', path],
      dir,
      byVariable ? { KMEND_TRUST_FILES: 'true' } : {},
    );
    expect(ran()).toBe(true);
  });

  it('found in the home directory, and beside one that may be obeyed', async () => {
    plugin('plug');
    chmodSync(kubeconfig('home/.kube/config', '../../plug'), 0o622);
    expect((await kmend(['uncordon', 'n1'], dir)).output).toContain('everybody may write');
    const both = {
      KUBECONFIG: `${kubeconfig('own', join(dir, 'plug'))}:${join(dir, 'home/.kube/config')}`,
    };
    expect((await kmend(['uncordon', 'n1'], dir, both)).output).toContain('everybody may write');
    expect(ran()).toBe(false);
  });
});

describe('a credential plugin that others may write', () => {
  it.each(['./open/plug', 'open'])('%s', async (given) => {
    const path = plugin('open/plug');
    chmodSync(dirname(path), 0o777);
    const refused = await kmend(
      ['uncordon', 'n1', '--kubeconfig', kubeconfig('kc', given === 'open' ? path : given)],
      dir,
    );
    expect(refused.output).toMatch(
      /the credential plugin .*\/open\/plug is not run: everybody may write .*\/open/,
    );
    expect(ran()).toBe(false);
  });
});

describe.runIf(process.getuid?.() === 0)(
  'root in a directory of everybody, with the files of another user',
  () => {
    it.each(['kmend.yaml', 'inventory'])('runs none of their programs: %s', async (name) => {
      const spread = join(dir, 'spread');
      const evil = put('spread/evil-inv', `#!/bin/sh\n: > '${dir}/ran'\necho '{}'\n`, 0o755);
      const files = [evil, plugin('spread/plug'), kubeconfig('spread/kc', './plug')];
      if (name === 'inventory')
        files.push(put('spread/inventory', `#!/bin/sh\n: > '${dir}/ran'\necho '{}'\n`, 0o755));
      else files.push(put('spread/kmend.yaml', 'inventory: ./evil-inv\nkubeconfig: ./kc\n'));
      chmodSync(spread, 0o1777);
      chmodSync(dir, 0o777);
      for (const path of files) lchownSync(path, 65_534, 65_534);
      const playbook = join(process.cwd(), 'playbooks/check.yaml');
      for (const args of [
        ['validate', playbook],
        ['inventory', '--list'],
        ['check'],
        ['plan', playbook],
        ['apply', playbook, '--yes'],
        ['drift', '--all'],
        ['doctor'],
        ['drain', 'n1', '--dry-run'],
        ['uncordon', 'n1'],
      ])
        await kmend(args, spread);
      expect(ran()).toBe(false);
      expect((await kmend(['check'], spread)).output).toMatch(
        /(?:everybody may write|belongs to user 65534)/,
      );
    });
  },
);
