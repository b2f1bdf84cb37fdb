// What happens where a text goes beyond what it may be: each limit by an example.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveKubeconfig } from '../../src/adapters/kube/auth/kubeconfig.ts';
import { readSshConfig } from '../../src/adapters/ssh/config/config-file.ts';
import { holdsOf } from '../../src/facts/areas/packages/package-pins.ts';
import { readAssignments } from '../../src/facts/assignments.ts';
import { areas } from '../../src/facts/index.ts';
import { loadInventory, resolvePattern } from '../../src/load/index.ts';
import { sourceOf } from '../../src/load/text/source.ts';
import { parseYaml } from '../../src/load/text/yaml.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import { compareUpstream, versionInRange } from '../../src/model/text/versions.ts';
import { tableReader } from '../fakes/table-reader.ts';

const read = (area: string, text: string) => areas.get(area)?.parse(text, { cut: false, args: {} });
const inventory = (text: string) =>
  loadInventory(['i.ini'], { reader: tableReader({ 'i.ini': text }) });

describe('a host', () => {
  it('with variables that hold each other ten times keeps the names where they would become too much', () => {
    const lines = Array.from(
      { length: 12 },
      (_, at) => `A${at}="${at === 0 ? 'x'.repeat(10) : `\${A${at - 1}}`.repeat(10)}"`,
    );
    const values = readAssignments(lines);
    expect(values.get('A3')).toHaveLength(10_000);
    expect(values.get('A11')?.length).toBeLessThan(100_000);
    expect(values.get('A11')).toContain('A10');
  });

  it('with sixty stars in an exclude line is answered at once', () => {
    expect(holdsOf('containerd.io', [], [`${'*'.repeat(60)}Q`])).toEqual([]);
    expect(holdsOf('containerd.io', [], [`${'*'.repeat(60)}o`])).toHaveLength(1);
  });

  it('with a kernel called constructor has it among the maps', () => {
    expect(
      read('kernel', 'map constructor:ff T _text\nmap constructor:ff b cgroup_memory_nokmem')?.[
        'kernel.maps'
      ],
    ).toEqual({
      constructor: 'yes',
    });
  });

  it('with a version of 400 digits is neither infinite nor below 17', () => {
    const [large, larger] = ['9'.repeat(400), `1${'0'.repeat(400)}`];
    expect(compareUpstream(large, larger)).toBeLessThan(0);
    expect(versionInRange(large, '<17', compareUpstream)).toBe(false);
  });
});

describe('a file', () => {
  it('of ranges that make more than 500,000 hosts and variables in all is an error at the line that exceeds the limit', () => {
    const { diagnostics } = inventory(`${'n[1:100000]\n'.repeat(5)}x[1:10] a=1\n`);
    expect(diagnostics).toMatchObject([{ code: 'range', place: { line: 6 } }]);
  });

  it('of groups that are nested more than 100 deep is an error', () => {
    const chain = (depth: number) =>
      Array.from({ length: depth }, (_, at) => `[g${at}:children]\ng${at + 1}\n`).join('');
    expect(inventory(`n1\n${chain(90)}[g90]\nn2\n`).diagnostics).toEqual([]);
    expect(inventory(`n1\n${chain(5000)}[g5000]\nn2\n`).diagnostics[0]).toMatchObject({
      code: 'too-deep',
    });
  });

  it('that has only errors reports a hundred of them', () => {
    expect(parseYaml(sourceOf('a.yaml', 'a: [}\n'.repeat(3000))).diagnostics).toHaveLength(100);
  });

  it('of ssh with a keyword called constructor is read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kmend-limits-'));
    try {
      writeFileSync(
        join(folder, 'config'),
        'Host n1\n  constructor x\n  __proto__ y\n  User ops\n',
      );
      const path = join(folder, 'config');
      const config = readSshConfig([{ path, base: folder, isOwn: true }], folder);
      const query = { names: ['n1'], before: new Map(), ignore: new Set<string>() };
      expect(config.lookup(query).settings.get('user')?.values).toEqual(['ops']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a kubeconfig', () => {
  it.each(['{{', '[', '- ', ' a:\n  '])(
    'of nothing but %j is an error, and ends no process',
    (part) => {
      const read = resolveKubeconfig(
        [{ path: '/k', text: `users: ${part.repeat(50_000)}` }],
        parsePlain,
      );
      expect(read.ok).toBe(false);
    },
  );
});

describe('a pattern of an operator', () => {
  it('that would take exponential time by trial and error is answered at once', () => {
    const { value } = inventory(`${'a'.repeat(60)}!\nb\n`);
    if (value === undefined) throw new Error('the inventory is good');
    expect(resolvePattern('~(a+)+$', value).diagnostics).toMatchObject([{ code: 'no-match' }]);
    expect(resolvePattern('~(?P<x>b)\\Z', value).value).toEqual(['b']);
  });
});
