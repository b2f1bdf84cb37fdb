// Patterns and limits: they match the same hosts as in Ansible, except where kmend is stricter.
import { describe, expect, it } from 'vitest';
import { limitTo, loadInventory, resolvePattern } from '../../src/load/index.ts';
import { splitPattern } from '../../src/load/inventory/pattern.ts';
import { tableReader } from '../fakes/table-reader.ts';

const text =
  '[web]\nnode[01:06]\ndb-a\n[db]\ndb-[a:c]\n[canary]\nnode02\ndb-b\n[zone_a]\nnode[01:03]\ndb-a\n';
const { value } = loadInventory(['h.ini'], { reader: tableReader({ 'h.ini': text }) });
const inventory = value ?? { hosts: new Map(), groups: new Map(), files: [] };
const find = (pattern: string) => resolvePattern(pattern, inventory);
const nodes = (...numbers: number[]): string => numbers.map((number) => `node0${number}`).join(' ');
const everything = `${nodes(1, 2, 3, 4, 5, 6)} db-a db-b db-c`;

describe('patterns', () => {
  it.each([
    ['all', everything],
    ['*', everything],
    ['web:db', everything],
    ['web,db', everything],
    ['web db', everything],
    ['db:web', `db-a db-b db-c ${nodes(1, 2, 3, 4, 5, 6)}`],
    ['web:!canary', `${nodes(1, 3, 4, 5, 6)} db-a`],
    ['web:&zone_a', `${nodes(1, 2, 3)} db-a`],
    ['web:db:!canary:&zone_a', `${nodes(1, 3)} db-a`],
    ['!canary', `${nodes(1, 3, 4, 5, 6)} db-a db-c`],
    ['&zone_a', `${nodes(1, 2, 3)} db-a`],
    ['!node02:web', `${nodes(1, 3, 4, 5, 6)} db-a`],
    ['node*', nodes(1, 2, 3, 4, 5, 6)],
    ['db-?', 'db-a db-b db-c'],
    ['w*', `${nodes(1, 2, 3, 4, 5, 6)} db-a`],
    ['NODE01', ''],
    ['node0', ''],
    ['~node0[24]', nodes(2, 4)],
    ['~(web|db)', everything],
    ['web[0]', 'node01'],
    ['web[-1]', 'db-a'],
    ['web[1:2]', nodes(2, 3)],
    ['web[2:]', `${nodes(3, 4, 5, 6)} db-a`],
    ['web[0:100]', `${nodes(1, 2, 3, 4, 5, 6)} db-a`],
    ['web[2:0]', 'node03'],
    ['web[3:1]', ''],
    ['web[1-2]', nodes(2, 3)],
    ['node[01:03]', ''],
    ['node01,nosuch', 'node01'],
    ['all[-2:]', ''],
    ['node0[!1]', nodes(2, 3, 4, 5, 6)],
    ['web:22', ''],
    ['node0[!]', ''],
    ['node0[]', ''],
    ['node0[!],web[0', ''],
    ['node0[]1],db-a', 'node01 db-a'],
    ['node0[!]1],', nodes(2, 3, 4, 5, 6)],
    ['db-a:!localhost', 'db-a'],
    ['db-a,!127.0.0.1', 'db-a'],
  ])('%s', (pattern, expected) => {
    expect(find(pattern).value?.join(' ')).toBe(expected);
  });

  it.each([
    ['', 'empty-pattern'],
    [',', 'empty-pattern'],
    [' : ', 'empty-pattern'],
    ['!nosuch', 'exclusion-matches-nothing'],
    ['web:!nosuch', 'exclusion-matches-nothing'],
    ['!', 'pattern'],
    ['web:&', 'pattern'],
    ['web[99]', 'subscript'],
    ['web[-9]', 'subscript'],
    ['web[9:0]', 'subscript'],
    ['~node0(', 'pattern'],
    ['web[0', 'pattern'],
    ['web:!canary[', 'pattern'],
    ['n]', 'pattern'],
    ['!node0[!]', 'exclusion-matches-nothing'],
  ])('%j is refused: %s', (pattern, code) => {
    const found = find(pattern);
    expect(found.value).toBeUndefined();
    expect(
      found.diagnostics.filter((one) => one.severity === 'error').map((one) => one.code),
    ).toEqual([code]);
  });

  it.each([
    ['nosuch', 'no-match', undefined],
    ['wbe', 'no-match', 'did you mean `web`?'],
    [
      'node[01:03]',
      'no-match',
      'in a pattern, brackets are a subscript; ranges exist in inventories only',
    ],
    ['localhost', 'no-match', 'the machine that runs kmend is never changed by it'],
    ['web[2:0]', 'subscript-end', 'write [2]'],
    ['web[1-2]', 'subscript-dash', '[1:2]'],
  ])('%s warns: %s', (pattern, code, hint) => {
    expect(find(pattern).diagnostics.map((one) => [one.severity, one.code, one.hint])).toEqual([
      ['warning', code, hint],
    ]);
  });

  it.each([
    ['9a01:7f8:191:7701::9', ['9a01:7f8:191:7701::9']],
    ['foo[1:2]', ['foo[1:2]']],
    ['a::b', ['a::b']],
    ['web:22', ['web:22']],
    ['[::1]:22', ['[::1]:22']],
    ['a:b', ['a', 'b']],
    ['a b', ['a', 'b']],
    ['a:b,c', ['a:b', 'c']],
    ['a[0', ['a', '[', '0']],
  ])('%s is split into %j', (pattern, parts) => {
    expect(splitPattern(pattern)).toEqual(parts);
  });
});

it('a group of groups has the hosts of its children, level by level', () => {
  const files = { 'h.ini': `${text}[pool:children]\ncanary\nweb\n` };
  const { value: nested } = loadInventory(['h.ini'], { reader: tableReader(files) });
  expect(nested && resolvePattern('pool', nested).value).toEqual([
    'node02',
    'db-b',
    'node01',
    'node03',
    'node04',
    'node05',
    'node06',
    'db-a',
  ]);
});

describe('limits', () => {
  const hosts = find('web').value ?? [];
  const limit = (text: string, files: Readonly<Record<string, string>> = {}) =>
    limitTo(hosts, text, inventory, tableReader(files));

  it('keep the hosts of both, in the order of the play', () => {
    expect(limit('db-a:node02').value).toEqual(['node02', 'db-a']);
    expect(limit('!canary').value).toEqual([
      'node01',
      'node03',
      'node04',
      'node05',
      'node06',
      'db-a',
    ]);
    expect(limit('db-c').value).toEqual([]);
  });

  it.each([['node0[!]'], ['node0[]']])('%s keeps no host', (text) => {
    expect(limit(text)).toMatchObject({
      value: [],
      diagnostics: [{ severity: 'warning', code: 'no-match' }],
    });
  });

  it.each([[''], [','], [':'], [' ']])('%j is an error, not every host', (text) => {
    expect(limit(text).value).toBeUndefined();
    expect(limit(text).diagnostics[0]?.code).toBe('empty-limit');
  });

  it('@file has one pattern on each line', () => {
    expect(limit('@retry', { retry: 'node02\n# comment\n\nnode0[13]*\n' }).value).toEqual([
      'node01',
      'node02',
      'node03',
    ]);
  });

  it.each([
    ['', 'empty-limit'],
    ['\n# nothing\n', 'empty-limit'],
    ['n1,n2\n', 'limit-line'],
    ['n1 # note\n', 'limit-line'],
  ])('a file %j is an error: %s', (content, code) => {
    expect(limit('@retry', { retry: content })).toMatchObject({
      diagnostics: [{ code, place: { file: 'retry' } }],
    });
  });

  it('a missing file is an error', () => {
    expect(limit('@nope').diagnostics[0]?.code).toBe('unreadable');
  });
});
