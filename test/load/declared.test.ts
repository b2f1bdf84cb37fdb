// What the operator declares of kernels and programs: how it may be written, and every mistake with
// what to do about it.
import { describe, expect, it } from 'vitest';
import { declaredFacts, loadInventory, loadPlaybook } from '../../src/load/index.ts';
import type { Play } from '../../src/model/playbook.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const release = '3.10.0-862.el7.x86_64';

/** Reads these variables of the group `web`, hosts n1 and n2. */
function declared(
  vars: string,
  more: { readonly play?: string; readonly extraVars?: Record<string, never> } = {},
) {
  const { value: inventory } = loadInventory(['inv/h.yml'], {
    reader: tableReader({
      'inv/h.yml': `all:\n  children:\n    web:\n      hosts: {n1: , n2: }\n      vars: ${vars}\n`,
    }),
  });
  if (inventory === undefined) throw new Error('this inventory is broken');
  const plays =
    more.play === undefined
      ? []
      : loadPlaybook('p.yml', more.play, { modules: smallModules, facts: [], inventory }).value
          ?.plays;
  const [play] = plays ?? [];
  const checked = declaredFacts(inventory, ['n1', 'n2'], {
    extraVars: more.extraVars ?? {},
    ...(play === undefined ? {} : { play: play satisfies Play }),
  });
  const told = checked.diagnostics.map(({ place, severity, code, summary, hint }) =>
    [
      place === undefined ? '-' : `${place.file}:${place.line}:${place.column}`,
      severity,
      `[${code}]`,
      summary,
      '->',
      hint,
    ].join(' '),
  );
  return { facts: checked.value?.get('n2'), told };
}

describe('declarations', () => {
  it.each<[string, string, object]>([
    ['nothing', '{}', { 'kmem.kernels': {}, 'kmem.asks': {} }],
    [
      'words as YAML reads them',
      `{kmem_kernels: {${release}: try, 3.10.0-957.el7.x86_64: yes, 3.10.0-693.el7.x86_64: "no"}, kmem_asks: {kubelet: no, runc: "yes"}}`,
      {
        'kmem.kernels': {
          [release]: 'try',
          '3.10.0-957.el7.x86_64': 'yes',
          '3.10.0-693.el7.x86_64': 'no',
        },
        'kmem.asks': { kubelet: 'no', runc: 'yes' },
      },
    ],
    ['templates', `{mine: {runc: no}, kmem_asks: "{{ mine }}"}`, { 'kmem.asks': { runc: 'no' } }],
    [
      'what the table says too',
      '{kmem_kernels: {3.10.0-514.el7.x86_64: no}}',
      { 'kmem.kernels': { '3.10.0-514.el7.x86_64': 'no' } },
    ],
  ])('%s', (_, vars, facts) => {
    const { facts: read, told } = declared(vars);
    expect(told).toEqual([]);
    expect(read).toMatchObject(facts);
  });

  it.each<[string, string, string]>([
    [
      'no mapping',
      '{kmem_asks: kubelet}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks must be a mapping -> kmem_asks: {kubelet: no}',
    ],
    [
      'no word',
      '{kmem_asks: {kubelet: never}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kubelet must be yes or no -> kmem_asks: {kubelet: no}',
    ],
    [
      'a program may not be tried',
      '{kmem_asks: {kubelet: try}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kubelet must be yes or no -> kmem_asks: {kubelet: no}',
    ],
    [
      'an unknown program',
      '{kmem_asks: {kublet: no}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kublet is no program that could ask for accounting -> did you mean `kubelet`?',
    ],
    [
      'a build number alone',
      '{kmem_kernels: {862: try}}',
      'inv/h.yml:4:15 error [kmem-kernels] host n1 and 1 more: kmem_kernels: 862 is no release of an el7 kernel -> name releases as `uname -r` prints them: kmem_kernels: {3.10.0-862.el7.x86_64: try}',
    ],
    [
      'against a kernel that was booted',
      '{kmem_kernels: {3.10.0-514.el7.x86_64: yes}}',
      'inv/h.yml:4:15 error [kmem-kernels] host n1 and 1 more: kmem_kernels: 3.10.0-514.el7.x86_64 was booted or read, and does not obey cgroup.memory=nokmem -> take it out: kmend knows this kernel',
    ],
    [
      'a template that cannot be rendered',
      '{kmem_asks: "{{ nope }}"}',
      "inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: variable kmem_asks: 'nope' is undefined -> kmem_asks: {kubelet: no}",
    ],
  ])('%s', (_, vars, told) => {
    expect(declared(vars).told).toEqual([told]);
  });

  it('of the play win over those of the inventory and have its place; a play without a canary tries nothing', () => {
    const play = (rollout: string): string =>
      `- name: P\n  hosts: web\n  vars: {kmem_kernels: {${release}: try}}\n  rollout: ${rollout}\n  tasks: [{nothing: }]\n`;
    expect(
      declared(`{kmem_kernels: {${release}: no}}`, { play: play('{canary: {hosts: 1}}') }),
    ).toMatchObject({
      facts: { 'kmem.kernels': { [release]: 'try' } },
      told: [],
    });
    expect(declared('{}', { play: play('{}') })).toMatchObject({
      facts: { 'kmem.kernels': {} },
      told: [
        `p.yml:1:3 warning [kmem-kernels] host n1 and 1 more: kmem_kernels: ${release} is not tried, because the play "P" has no canary -> add \`canary: {hosts: 1}\` to the \`rollout\` of the play`,
      ],
    });
  });
});
