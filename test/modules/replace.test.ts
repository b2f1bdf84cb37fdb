// replace: what it plans, as a table. test/hosts/file-modules-differential.test.ts compares its
// edits with Ansible's.
import { expect, it } from 'vitest';
import { allOf, fact } from '../../src/model/fact.ts';
import { fileFacts } from './file-facts.ts';
import { planOf } from './laws.ts';

it.each<[string, object, string, string | undefined]>([
  ['every match', { regexp: '^a', replace: 'b' }, 'a\na\n', 'b\nb\n'],
  ['with groups', { regexp: 'x=(\\d)', replace: 'y=\\1' }, 'x=1\n', 'y=1\n'],
  ['by nothing', { regexp: '#.*\\n' }, 'a\n# b\n', 'a\n'],
  ['behind a match', { regexp: 'a', replace: 'b', after: '-' }, 'a-a', 'a-b'],
  ['before a match', { regexp: 'a', replace: 'b', before: '-' }, 'a-a', 'b-a'],
  ['only between', { regexp: 'a', replace: 'b', after: '<', before: '>' }, 'a<a>a', 'a<b>a'],
  ['nothing where that is not there', { regexp: 'a', replace: 'b', after: '!' }, 'a', undefined],
])('replaces %s', (_, args, before, after) => {
  const plan = planOf('replace', { args: { path: '/etc/f', ...args }, facts: fileFacts(before) });
  const [effect] = plan.changes.flatMap(({ effects }) => effects);
  expect(effect?.kind === 'write' ? effect.content : undefined).toBe(after);
});

it('refuses what each run would do again, and a file that is not there', () => {
  const args = { path: '/etc/f', regexp: 'a', replace: 'aa' };
  expect(planOf('replace', { args, facts: fileFacts('a') }).refuse?.why).toMatch(/each run/);
  expect(planOf('replace', { args, facts: fileFacts(undefined) }).unmet?.evidence).toMatch(
    /not there/,
  );
  const bytes = allOf([
    fileFacts('a'),
    fact('file./etc/f.text', { text: '', why: 'it is not UTF-8 text' }),
  ]);
  expect(planOf('replace', { args, facts: bytes }).refuse?.why).toMatch(/is not UTF-8 text/);
});
