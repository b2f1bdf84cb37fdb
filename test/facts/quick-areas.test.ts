// The quick areas of a probe run in a shell of their own: no other script may read what they set.
import { describe, expect, it } from 'vitest';
import { type Area, areas } from '../../src/facts/index.ts';
import { emptyHost, file, program, runProbe } from './replay.ts';

const textOf = ({ script, sets = '', functions = '' }: Area): string =>
  `${functions}\n${sets}\n${typeof script === 'string' ? script : script({})}`;

/** Variables with capital names, which scripts share. Awk programs have names of their own. */
const set = (area: Area): readonly string[] => setIn(textOf(area));
function setIn(text: string): readonly string[] {
  const assigned = /(?:^|[\s;({&|]|\$\{)([A-Z][A-Z0-9]?):?=(?!=)/gm;
  const read = /\b(?:read(?: -r)?|for) ([^;<\n]*)/g;
  const names = [...text.matchAll(read)].flatMap(([, words = '']) => words.split(' '));
  return [
    ...[...text.matchAll(assigned)].map(([, name = '']) => name),
    ...names.filter((name) => /^[A-Z][A-Z0-9]?$/.test(name)),
  ];
}
const reads = (area: Area, name: string): boolean =>
  new RegExp(`\\$\\{?${name}\\b`).test(textOf(area));

const all = [...areas.values()].filter(({ script }) => typeof script === 'string');
const quick = all.filter((area) => area.quick !== undefined);
const others = all.filter((area) => area.quick === undefined);

describe('the quick areas', () => {
  it('are known by the variables that they set', () => {
    expect(quick.flatMap(set)).toEqual(expect.arrayContaining(['U', 'C']));
    expect(all.flatMap(({ sets = '' }) => setIn(sets))).toEqual(
      expect.arrayContaining(['Q', 'F', 'V', 'O', 'D', 'QS']),
    );
  });

  it.each(quick.map((area) => [area.name, area] as const))(
    'no script outside of them reads a variable of %s',
    (_, area) => {
      // What its functions and constants set is there before any script, and what `sets` does.
      const before = set({ ...area, script: '' });
      const own = set(area)
        .filter((name) => !before.includes(name))
        .filter((name) => !others.some((other) => set(other).includes(name) && reads(other, name)));
      const readers = own.flatMap((name) =>
        others.filter((other) => reads(other, name)).map((other) => `${other.name}: $${name}`),
      );
      expect(readers).toEqual([]);
    },
  );

  it('no script of any area sets what the frame around all of them keeps', () => {
    const frame = ['MK', 'OP', 'T', 'T2', 'A', 'K', 'P', 'S', 'R'];
    const every = [...areas.values()].flatMap(set);
    // Those with arguments, too.
    expect(every).toContain('E');
    expect(every.filter((name) => frame.includes(name))).toEqual([]);
  });

  it('what they read of others, and of themselves, comes from what runs before them', () => {
    const first = all.flatMap(({ sets = '', functions = '' }) => setIn(`${sets}\n${functions}`));
    const missing = quick.flatMap((area) =>
      others.flatMap((other) =>
        set(other)
          .filter((name) => !first.includes(name) && reads(area, name))
          .filter((name) => !quick.some((one) => set(one).includes(name)))
          .map((name) => `${area.name}: $${name} of ${other.name}`),
      ),
    );
    expect(missing).toEqual([]);
  });

  it('what sets variables prints nothing', () => {
    const host = emptyHost();
    file(host, 'etc/os-release', 'ID=debian\n');
    file(host, 'var/lib/dpkg/status', 'Package: runc\nStatus: install ok installed\nVersion: 1\n');
    program(host, 'dpkg-query', 'exit 0');
    const out = runProbe(host);
    host.remove();
    expect(out.indexOf('\n@@kmend begin')).toBe(0);
    expect(out).toMatch(/^@@kmend area \d+\npkg runc 1 @ ii$/m);
  });
});
