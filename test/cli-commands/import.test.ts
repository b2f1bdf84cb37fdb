// `kmend import` on a corpus of playbooks: what it writes can be planned on a fleet, and what is
// left to decide is refused by `apply`.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sick } from '../cli/practice.ts';
import { command } from '../cli/real-world.ts';
import { type NodeFleet, nodeFleet, sickNode } from '../kube/fleet-nodes.ts';

const corpus = join(import.meta.dirname, '../load/import-corpus');
const playbooks = readdirSync(corpus).filter((name) => name.endsWith('.yml'));

/** The groups that the playbooks name; each has a host of its kind. */
const groups = `all:
  children:
    kube_workers: {hosts: {w1: }}
    storage: {hosts: {s1: }}
    debian: {hosts: {d1: }}
    kube_control_plane: {hosts: {w1: }}
`;

let dir = '';
let fleet: NodeFleet;
let inventories: readonly string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-import-'));
  fleet = await nodeFleet([
    sickNode('w1'),
    sick('s1'),
    {
      name: 'd1',
      flavour: 'debian',
      kernel: '6.1.0-28-amd64',
      packages: ['linux-image-6.1.0-28-amd64=6.1.119-1'],
    },
  ]);
  // What every such machine has.
  for (const { root } of fleet.lab.fleet.hosts)
    for (const path of ['etc/sysctl.d', 'etc/modules-load.d'])
      mkdirSync(join(root, path), { recursive: true });
  const file = join(dir, 'groups.yml');
  writeFileSync(file, groups);
  inventories = ['-i', fleet.lab.fleet.inventoryFile, '-i', file];
});
afterAll(async () => {
  await fleet.close();
  rmSync(dir, { recursive: true, force: true });
});

const imported = (args: readonly string[]) => command(['import', ...args], { home: dir });

interface Result {
  readonly exit: number;
  readonly planned?: number;
  readonly text: string;
}
async function tried(name: string): Promise<Result> {
  const out = join(dir, `${name}.d`);
  const { exit } = await imported([join(corpus, name), '-o', `${out}/`]);
  if (exit !== 0 && exit !== 2) return { exit, text: '' };
  const planned = await fleet.run(['plan', join(out, name), ...inventories]);
  return {
    exit,
    planned: planned.exit,
    text: `${planned.out}\n${planned.err}`,
  };
}

describe('drafts of the corpus', () => {
  it('most of them can be planned, and none is refused by the loader', async () => {
    const rows: string[] = [];
    let usable = 0;
    for (const name of playbooks) {
      const { exit, planned, text } = await tried(name);
      rows.push(`${name}: import ${exit}, plan ${planned ?? '-'}`);
      if (exit === 4) continue;
      expect([0, 2, 4], `${name}\n${text}`).toContain(planned);
      if (planned === 4) rows.push(text.slice(0, 700));
      if (planned !== 4) usable += 1;
    }
    console.log(`${rows.join('\n')}\nusable: ${usable} of ${playbooks.length}`);
    expect(usable / playbooks.length).toBeGreaterThanOrEqual(0.6);
  });
});

describe('import', () => {
  const old = (name: string, tasks: string): string =>
    fleet.lab.file(name, `- hosts: storage\n  become: true\n  tasks:\n${tasks}`);
  const open =
    '    - command: uptime\n    - command: who\n    - command: id\n    - user: {name: ops}\n';

  it('a decision that is left stops apply and plan -o, and is named by validate and plan', async () => {
    const draft = join(dir, 'open.yml');
    const made = await imported([old('old-open.yml', open), '-o', draft]);
    expect([made.exit, made.err]).toEqual([
      2,
      expect.stringMatching(/old-open\.yml:7:7: DECIDE: user: /),
    ]);
    const saved = join(dir, 'open.json');
    const named = `${draft}:12:7`;
    for (const [exit, ...words] of [
      [0, 'validate', draft],
      [2, 'plan', draft, ...inventories],
      [3, 'plan', draft, ...inventories, '-o', saved],
      [3, 'apply', draft, ...inventories, '--yes'],
    ] as const) {
      const { exit: found, out, err } = await fleet.run(words);
      expect(found, words.join(' ')).toBe(exit);
      expect(err).toContain(`${named}: warning: a decision is open: kmend has no module`);
      if (exit === 3) expect(err).toContain(`open.yml has 1 open decision: ${named}`);
      if (words[0] === 'plan' && exit === 2) expect(out).toContain('! DECIDE: kmend has no module');
    }
    expect(existsSync(saved)).toBe(false);
    expect(fleet.lab.runs()).toEqual([]);
  });

  it('prints the draft, and what became of the tasks on standard error', async () => {
    const { exit, out, err } = await imported([old('printed.yml', '    - command: uptime\n')]);
    expect([exit, out]).toEqual([
      0,
      expect.stringContaining('    # kmend: kept\n    - command: uptime'),
    ]);
    expect(err).toContain(
      '1 task: 1 kept, 0 replaced, 0 dropped, 0 to decide (100 % kept or replaced)',
    );
  });

  it('writes a playbook with its roles to a directory, and never over a file', async () => {
    const book = join(corpus, '07-role-patching.yml');
    const one = await imported([book, '-o', join(dir, 'one.yml')]);
    expect([one.exit, one.err]).toEqual([3, expect.stringContaining('give -o a directory')]);
    const made = join(dir, 'made');
    expect((await imported([book, '-o', `${made}/`])).exit).toBe(0);
    expect(readFileSync(join(made, 'roles/patching/tasks/main.yml'), 'utf8')).toContain(
      '# kmend: kept',
    );
    expect(existsSync(join(made, 'roles/patching/defaults/main.yml'))).toBe(true);
    const again = await imported([book, '-o', made]);
    expect([again.exit, again.err]).toEqual([3, expect.stringContaining('is there already')]);
  });

  it('says that a file is not worth it, and writes nothing', async () => {
    const draft = join(dir, 'unworthy.yml');
    const book = join(corpus, '10-accounts-and-cron.yml');
    const { exit, err, out } = await imported([book, '-o', draft]);
    expect([exit, out]).toEqual([4, '']);
    expect(err).toContain('Not worth importing');
    expect(existsSync(draft)).toBe(false);
  });

  it('names the place of an error in the old file', async () => {
    const { exit, err } = await imported([fleet.lab.file('bad.yml', '- hosts: [\n')]);
    expect([exit, err]).toEqual([3, expect.stringMatching(/bad\.yml:2:1: error: /)]);
  });
});
