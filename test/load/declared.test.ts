// What the operator declares of kernels and programs: the accepted forms, and each error with its
// hint.
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
  const reported = checked.diagnostics.map(({ place, severity, code, summary, hint }) =>
    [
      place === undefined ? '-' : `${place.file}:${place.line}:${place.column}`,
      severity,
      `[${code}]`,
      summary,
      '->',
      hint,
    ].join(' '),
  );
  return { facts: checked.value?.get('n2'), reported };
}

describe('declared kernels and programs', () => {
  it.each<[string, string, object]>([
    ['no declarations', '{}', { 'kmem.kernels': {}, 'kmem.asks': {} }],
    [
      'answers with and without quotes',
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
      'declarations that agree with the table',
      '{kmem_kernels: {3.10.0-514.el7.x86_64: no}}',
      { 'kmem.kernels': { '3.10.0-514.el7.x86_64': 'no' } },
    ],
  ])('%s are read', (_, vars, facts) => {
    const { facts: read, reported } = declared(vars);
    expect(reported).toEqual([]);
    expect(read).toMatchObject(facts);
  });

  it.each<[string, string, string]>([
    [
      'a value that is no mapping',
      '{kmem_asks: kubelet}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks must be a mapping -> kmem_asks: {kubelet: no}',
    ],
    [
      'an unknown answer',
      '{kmem_asks: {kubelet: never}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kubelet must be yes or no -> kmem_asks: {kubelet: no}',
    ],
    [
      'the answer `try` for a program',
      '{kmem_asks: {kubelet: try}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kubelet must be yes or no -> kmem_asks: {kubelet: no}',
    ],
    [
      'an unknown program',
      '{kmem_asks: {kublet: no}}',
      'inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: kmem_asks: kublet is not a program that can ask for accounting -> did you mean `kubelet`?',
    ],
    [
      'a build number alone',
      '{kmem_kernels: {862: try}}',
      'inv/h.yml:4:15 error [kmem-kernels] host n1 and 1 more: kmem_kernels: 862 is not a release of an el7 kernel -> name releases as `uname -r` prints them: kmem_kernels: {3.10.0-862.el7.x86_64: try}',
    ],
    [
      'an answer that contradicts the table',
      '{kmem_kernels: {3.10.0-514.el7.x86_64: yes}}',
      'inv/h.yml:4:15 error [kmem-kernels] host n1 and 1 more: kmem_kernels: kmend knows that 3.10.0-514.el7.x86_64 does not obey cgroup.memory=nokmem -> remove the entry',
    ],
    [
      'a template that cannot be rendered',
      '{kmem_asks: "{{ nope }}"}',
      "inv/h.yml:4:15 error [kmem-asks] host n1 and 1 more: variable kmem_asks: 'nope' is undefined -> kmem_asks: {kubelet: no}",
    ],
  ])('%s is refused', (_, vars, reported) => {
    expect(declared(vars).reported).toEqual([reported]);
  });

  it('declarations of the play win over the inventory, and a play without a canary tries no kernel', () => {
    const play = (rollout: string): string =>
      `- name: P\n  hosts: web\n  vars: {kmem_kernels: {${release}: try}}\n  rollout: ${rollout}\n  tasks: [{nothing: }]\n`;
    expect(
      declared(`{kmem_kernels: {${release}: no}}`, { play: play('{canary: {hosts: 1}}') }),
    ).toMatchObject({
      facts: { 'kmem.kernels': { [release]: 'try' } },
      reported: [],
    });
    expect(declared('{}', { play: play('{}') })).toMatchObject({
      facts: { 'kmem.kernels': {} },
      reported: [
        `p.yml:1:3 warning [kmem-kernels] host n1 and 1 more: kmem_kernels: ${release} is not tried, because the play "P" has no canary -> add \`canary: {hosts: 1}\` to the \`rollout\` of the play`,
      ],
    });
  });
});
