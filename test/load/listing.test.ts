// The output of inventory listings and task lists; the differential test compares it with Ansible's
// output.
import { describe, expect, it } from 'vitest';
import {
  inventoryGraph,
  inventoryList,
  listTagsText,
  listTasksText,
  loadInventory,
  loadPlaybook,
  sortedJson,
} from '../../src/load/index.ts';
import { playbookSchema } from '../../src/load/playbook/playbook-schema.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const text =
  'all:\n  vars: {b: 1}\n  hosts: {lone: }\n  children:\n    web: {hosts: {n2: {a: [1, {k: "v"}]}, n1: }, vars: {t: true, n: }}\n    site: {children: {web: , empty: }}\n';
const { value } = loadInventory(['h.yml'], { reader: tableReader({ 'h.yml': text }) });
const inventory = value ?? { hosts: new Map(), groups: new Map(), files: [] };

describe('an inventory', () => {
  it('is printed as a list', () => {
    expect(inventoryList(inventory)).toEqual({
      _meta: {
        hostvars: {
          lone: { b: 1 },
          n1: { b: 1, t: true, n: null },
          n2: { b: 1, t: true, n: null, a: [1, { k: 'v' }] },
        },
        profile: 'inventory_legacy',
      },
      all: { children: ['ungrouped', 'web', 'site'] },
      ungrouped: { hosts: ['lone'] },
      web: { hosts: ['n2', 'n1'] },
      site: { children: ['web', 'empty'] },
    });
    expect(inventoryList(inventory, ['n1'])).toMatchObject({
      _meta: { hostvars: { n1: { b: 1 } } },
      web: { hosts: ['n1'] },
    });
    expect(sortedJson({ b: [], a: { d: 1, c: 'ü' } })).toBe(
      '{\n    "a": {\n        "c": "ü",\n        "d": 1\n    },\n    "b": []\n}',
    );
  });

  it('is printed as a graph', () => {
    expect(inventoryGraph(inventory).value?.join('\n')).toMatchInlineSnapshot(`
      "@all:
        |--@ungrouped:
        |  |--lone
        |--@web:
        |  |--n2
        |  |--n1
        |--@site:
        |  |--@web:
        |  |  |--n2
        |  |  |--n1
        |  |--@empty:"
    `);
    expect(inventoryGraph(inventory, 'web', true).value?.join('\n')).toMatchInlineSnapshot(`
      "@web:
        |--n2
        |  |--{a = [1, {'k': 'v'}]}
        |  |--{b = 1}
        |  |--{n = None}
        |  |--{t = True}
        |--n1
        |  |--{b = 1}
        |  |--{n = None}
        |  |--{t = True}
        |--{n = None}
        |--{t = True}"
    `);
    expect(inventoryGraph(inventory, 'wbe').diagnostics).toMatchObject([
      { code: 'unknown-group', hint: 'did you mean `web`?' },
    ]);
  });
});

describe('a playbook', () => {
  const playbook = loadPlaybook(
    'p.yml',
    '- hosts: web\n  tags: [z, p]\n  tasks:\n    - command: uptime\n    - {name: Named, nothing: , tags: [b, a]}\n    - block: [{name: inner, nothing: , tags: x}]\n      tags: y\n- {name: second, hosts: all, tasks: []}\n',
    { modules: smallModules, facts: [], inventory },
  ).value ?? { file: '', plays: [], files: [] };

  it('is printed as tasks and tags', () => {
    expect(listTasksText(playbook).join('\n')).toMatchInlineSnapshot(`
      "
      playbook: p.yml

        play #1 (web): web	TAGS: [z,p]
          tasks:
            command	TAGS: [p, z]
            Named	TAGS: [a, b, p, z]
            inner	TAGS: [p, x, y, z]

        play #2 (all): second	TAGS: []
          tasks:"
    `);
    expect(
      listTasksText(playbook, (task) => task.tags.includes('x')).filter((line) =>
        line.startsWith('      '),
      ),
    ).toEqual(['      inner\tTAGS: [p, x, y, z]']);
    expect(listTagsText(playbook).join('\n')).toMatchInlineSnapshot(`
      "
      playbook: p.yml

        play #1 (web): web	TAGS: [z,p]
            TASK TAGS: [a, b, p, x, y, z]

        play #2 (all): second	TAGS: []
            TASK TAGS: []"
    `);
  });

  it('has a JSON schema with every module and key', () => {
    const schema = JSON.stringify(playbookSchema(smallModules));
    for (const name of [
      ...smallModules.keys(),
      'max_unavailable',
      'any_errors_fatal',
      'loop_control',
      'partial',
      'on_window_end',
      'gather_facts',
    ]) {
      expect(schema).toContain(`"${name}":`);
    }
    const task = JSON.parse(schema).definitions.task.allOf.at(-1);
    expect(task.else.properties.nothing).toMatchObject({
      type: 'object',
      additionalProperties: false,
    });
  });
});
