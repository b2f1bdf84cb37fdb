// lineinfile: what it plans, as a table. test/hosts/file-modules-differential.test.ts compares its
// edits with Ansible's.
import { describe, expect, it } from 'vitest';
import { fileFacts } from './file-facts.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const planned = (args: object, text: string | undefined, more = {}) =>
  planOf('lineinfile', { args: { path: '/etc/f', ...args }, facts: fileFacts(text, more) });
const written = (args: object, text: string): unknown =>
  planned(args, text).changes.flatMap(({ effects }) =>
    effects.map((effect) => (effect.kind === 'write' ? effect.content : effect.kind)),
  )[0];

describe('the edit', () => {
  it.each<[string, object, string, string | undefined]>([
    ['adds a line', { line: 'b' }, 'a\n', 'a\nb\n'],
    ['ends the last line first', { line: 'b' }, 'a', 'a\nb\n'],
    ['leaves a line that is there', { line: 'a' }, 'a\nb\n', undefined],
    ['replaces the last match', { line: 'x=2', regexp: '^x=' }, 'x=1\nx=3\n', 'x=1\nx=2\n'],
    ['or the first', { line: 'x=9', regexp: '^x', firstmatch: true }, 'x=1\nx=2\n', 'x=9\nx=2\n'],
    ['takes groups', { line: '\\1=2', regexp: '^(x)=1', backrefs: true }, 'x=1\n', 'x=2\n'],
    ['adds nothing with groups', { line: 'y', regexp: '^z', backrefs: true }, 'x\n', undefined],
    ['adds before a match', { line: 'n', insertbefore: '^b' }, 'a\nb\n', 'a\nn\nb\n'],
    ['adds behind a match', { line: 'n', insertafter: '^a' }, 'a\nb\n', 'a\nn\nb\n'],
    ['adds at the beginning', { line: 'n', insertbefore: 'BOF' }, 'a\n', 'n\na\n'],
    ['removes all', { state: 'absent', regexp: 'x' }, 'x\na\nxx\n', 'a\n'],
    [
      'looks ahead',
      { line: 'G="\\1 x=y"', regexp: '^G="(?!.*x=)(.*)"$', backrefs: true },
      'G="a"\n',
      'G="a x=y"\n',
    ],
    [
      'leaves what it looks for',
      { line: 'G="\\1 x=y"', regexp: '^G="(?!.*x=)(.*)"$', backrefs: true },
      'G="a x=z"\n',
      undefined,
    ],
    ['finds a text', { line: 'n', search_string: '.*' }, 'a\n.*\n', 'a\nn\n'],
  ])('%s', (_, args, before, after) => {
    expect(written(args, before)).toBe(after);
  });

  it('shows a diff, and sets the mode with it', () => {
    const [change] = planned({ line: 'b', mode: '0600' }, 'a\n').changes;
    expect(change?.diff).toMatch(/^\(\+1 -0 lines, not shown/);
    expect(planned({ line: 'b' }, 'a\n').changes[0]?.diff).toBe('@@ -1 +1,2 @@\n a\n+b');
  });

  it('changes the rights alone where the text is as wanted', () => {
    const [change] = planned({ line: 'a', owner: 'adm' }, 'a\n').changes;
    expect(change?.effects.map(({ kind }) => kind)).toEqual(['run']);
    expect(change?.after).toMatch(/^0644 adm:root sha256:/);
  });
});

describe('a file that it does not edit', () => {
  it.each<[string, object, string | undefined, object, RegExp]>([
    ['is not there', { line: 'a' }, undefined, {}, /\/etc\/f is not there/],
    ['is a directory', { line: 'a' }, undefined, { kind: 'directory' }, /is a directory/],
    [
      'would be edited again and again',
      { line: '\\1x', regexp: '(.*)', backrefs: true },
      'a\n',
      {},
      /done again by each run/,
    ],
  ])('%s', (_, args, text, more, why) => {
    const plan = planned(args, text, more);
    expect(plan.unmet?.evidence ?? plan.refuse?.why).toMatch(why);
  });

  it('may come with an earlier task', () => {
    const context = { done: { drained: false, rebooted: false, cordoned: false, altered: true } };
    const row = { args: { path: '/etc/f', line: 'a' }, facts: fileFacts(undefined), context };
    expect(() => planOf('lineinfile', row)).toThrow(/earlier task/);
  });

  it.each([
    [{ line: 'a', regexp: '(' }],
    [{ line: 'a', regexp: 'a*(?<=a)b' }],
    [{ state: 'present', regexp: 'a' }],
    [{ line: 'a', backrefs: true }],
    [{ line: 'a', insertafter: 'a', insertbefore: 'b' }],
    [{ line: 'a', mode: 'rw' }],
    [{ line: 'a', validate: 'visudo -c' }],
  ])('nor takes %j', (args) => {
    expect(() => parseArgs(moduleNamed('lineinfile'), { path: '/etc/f', ...args })).toThrow();
  });
});

it('has the risk of the place, and names the module that does better', () => {
  const at = (path: string) =>
    planOf('lineinfile', { args: { path, line: 'a' }, facts: fileFacts('', {}, path) });
  const risks = ['/etc/motd', '/etc/systemd/journald.conf', '/etc/default/grub'].map(
    (path) => at(path).changes[0]?.risk,
  );
  expect(risks).toEqual(['write', 'restart', 'reboot']);
  expect(at('/etc/default/grub').warnings).toEqual([expect.stringMatching(/kernel_arg/)]);
  expect(at('/proc/sys/kernel/panic').refuse?.why).toMatch(/not a file for a task/);
});
