// `lookup` and `query` against the ansible-core that is installed here: each expression has the same
// value in a play, in a role and in its variables. Skipped where it is missing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderDeep } from '../../src/expression/index.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { BlockTask, Task } from '../../src/model/playbook.ts';
import type { Value } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { noAnsible } from './file-modules.ts';

const expressions = [
  "lookup('env', 'KM_A')",
  "lookup('env', 'KM_A', 'KM_NONE')",
  "lookup('env', 'KM_NONE')",
  "lookup('env', 'KM_NONE') | default('d', true)",
  "lookup('env', 'KM_NONE', default='d')",
  "lookup('env', 'KM_BRACES')",
  "lookup('env', 'KM_A B')",
  "query('env', 'KM_A', 'KM_NONE')",
  "q('env', 'KM_A')",
  "lookup('env', 'KM_A', wantlist=True)",
  "lookup('ansible.builtin.env', 'KM_A') ~ '/x'",
  "lookup('file', 'a')",
  "lookup('file', 'a', rstrip=False)",
  "lookup('file', 'a', lstrip=True)",
  "lookup('file', 'a', 'b')",
  "query('file', 'a', 'b')",
  "lookup('file', 'sub/c')",
  "lookup('file', 'files/sub/c')",
  "lookup('file', 'beside')",
  "lookup('file', 'none', errors='ignore')",
  "query('file', 'none', errors='ignore')",
  "query('file', 'none', errors='warn')",
  "lookup('file', chosen)",
  "query('fileglob', '*.conf') | map('basename') | sort",
  "query('fileglob', 'sub/*') | map('basename') | sort",
  "query('fileglob', 'sub/.*') | map('basename') | sort",
  "query('fileglob', 'sub/[!c]*', 'none/*', 'be*') | map('basename') | sort",
  "lookup('fileglob', 'none/*')",
  "lookup('fileglob', 'sub/c')",
];

const all = `[${expressions.join(', ')}]`;
const tasks = (place: string): string =>
  [
    `- copy: {dest: "{{ out }}/${place}.task", content: ${JSON.stringify(`{{ ${all} | to_json }}`)}}`,
    `- copy: {dest: "{{ out }}/${place}.var", content: "{{ of_${place} | to_json }}"}`,
    `- copy: {dest: "{{ out }}/${place}.play", content: "{{ of_play | to_json }}"}`,
  ].join('\n');
const variable = JSON.stringify(`{{ ${all} }}`);
const files: Readonly<Record<string, string>> = {
  'p.yml': `- hosts: all
  gather_facts: false
  vars: {chosen: b, of_play: ${variable}}
  roles: [r]
  tasks:
    ${tasks('play').replaceAll('\n', '\n    ')}
`,
  'roles/r/tasks/main.yml': `${tasks('role')}\n`,
  'roles/r/defaults/main.yml': `of_role: ${variable}\n`,
  'files/a': ' of the play {{ x }} \n\n',
  'files/b': 'b\n',
  'files/sub/c': 'c',
  'files/sub/.hidden': '',
  'files/sub/d.conf': '',
  'files/x.conf': '',
  beside: 'beside\n',
  'before.conf': '',
  'roles/r/files/a': 'of the role\u00a0\u001c',
  'roles/r/files/sub/c': 'role c',
  'roles/r/y.conf': '',
};
const env = { KM_A: 'a value', KM_BRACES: '{{ 1 + 1 }}' };

/** What the content of each `copy` renders to. */
function ours(dir: string): Readonly<Record<string, Value>> {
  const table = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [join(dir, name), text]),
  );
  const path = join(dir, 'p.yml');
  const { value, diagnostics } = loadPlaybook(path, files['p.yml'] ?? '', {
    ...{ modules, facts: [], reader: tableReader(table), env, cwd: dir },
    extraVars: { out: 'out' },
  });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const inventory = { hosts: new Map(), groups: new Map(), files: [] };
  const found: Record<string, Value> = {};
  const [play] = value?.plays ?? [];
  const walk = (list: readonly Task[], blocks: readonly BlockTask[]): void => {
    for (const task of list) {
      if (task.kind === 'block') {
        walk(task.tasks, [task, ...blocks]);
        continue;
      }
      const scope = hostScope(inventory, 'h', {
        extraVars: { out: 'out' },
        taskVars: [task, ...blocks],
        ...(play && { playVars: play.vars }),
        ...(play?.defaults && { playDefaults: play.defaults }),
      });
      const args = renderDeep(task.args, scope);
      const { dest, content } = (args.kind === 'value' ? args.value : {}) as Record<string, string>;
      found[dest?.slice(4) ?? JSON.stringify(args)] = JSON.parse(content ?? 'null');
    }
  };
  walk(play?.tasks ?? [], []);
  return found;
}

describe.skipIf(noAnsible)(`with Ansible (${noAnsible ? 'not installed' : 'all there'})`, () => {
  it('every expression has the same value', { timeout: 300_000 }, () => {
    const dir = mkdtempSync(join(tmpdir(), 'kmend-lookups-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    mkdirSync(join(dir, 'out'));
    const words = ['-i', 'localhost,', '-c', 'local', join(dir, 'p.yml'), '-e', `out=${dir}/out`];
    const done = spawnSync('ansible-playbook', words, {
      env: { PATH: process.env.PATH, HOME: dir, ...env },
      cwd: dir,
      encoding: 'utf8',
      timeout: 280_000,
    });
    expect([done.status, done.stdout]).toEqual([0, expect.anything()]);
    const mine = ours(dir);
    const places = ['play', 'role'].flatMap((place) =>
      ['task', 'var'].map((kind) => `${place}.${kind}`),
    );
    for (const place of places) {
      const theirs = JSON.parse(readFileSync(join(dir, 'out', place), 'utf8'));
      for (const [index, expression] of expressions.entries())
        expect([place, expression, (mine[place] as Value[])[index]]).toEqual([
          place,
          expression,
          theirs[index],
        ]);
    }
    // A variable of a play that a role uses: Ansible looks beside the role first, kmend does not.
    const shared = JSON.parse(readFileSync(join(dir, 'out', 'role.play'), 'utf8'));
    const at = expressions.indexOf("lookup('file', 'beside')");
    expect((mine['role.play'] as Value[])[at]).toEqual(shared[at]);
  });
});
