// The table of facts: who reads which, and what the compiler refuses (`npm run typecheck` fails
// where a line below is no error any more).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { areas, derive, factDefs, lifetimeOf, parseProbe } from '../../src/facts/index.ts';
import { type Facts, fact, known, need, UnknownFact, viewOf } from '../../src/model/fact.ts';
import { isUnknown, type Mapping, unknown, type Value } from '../../src/model/value.ts';

const facts: Facts = {
  'kmem.verdict': 'on',
  'kernel.next': unknown('needs root'),
  'package.containerd.io.held': false,
};

describe('the name and the value of a fact', () => {
  it('are checked where it is read', () => {
    // @ts-expect-error there is no such fact
    expect(facts['kmem.verdit']).toBeUndefined();
    // @ts-expect-error there is no such fact
    expect(known(facts, 'kernel.nxt')).toBeUndefined();
    // @ts-expect-error there is no such fact of a package
    expect(viewOf(facts).get('package.containerd.io.hold')).toBeUndefined();
    // @ts-expect-error there is no such fact
    expect(() => need(viewOf(facts), 'os.famly')).toThrow('fact os.famly was not read');
    // @ts-expect-error no verdict is called so
    expect(known(facts, 'kmem.verdict') === 'broken').toBe(false);
  });

  it('are checked where it is made', () => {
    // @ts-expect-error there is no such fact
    const misspelt: Facts = { ...facts, 'boot.pendin': true };
    // @ts-expect-error it is a list
    const wrong: Facts = { 'kernel.installed': '3.10.0' };
    // @ts-expect-error there is no such fact of a file
    const file: Facts = fact('path./etc/fstab.exist', true);
    expect([misspelt, wrong, file]).toHaveLength(3);
  });

  it('is known, or not, by one rule', () => {
    expect(known(facts, 'kmem.verdict')).toBe('on');
    expect(known(facts, 'kernel.next')).toBeUndefined();
    expect(known(facts, 'kernel.next', 'none')).toBe('none');
    expect(known(facts, 'kernel.release', '')).toBe('');
    expect(known(facts, 'package.containerd.io.held')).toBe(false);
    expect(() => viewOf(facts).get('kernel.next')).toThrow(UnknownFact);
  });
});

/** A name with the word of an argument in place of `*`. */
const matches = (name: string, found: string): boolean => {
  const [before = '', after = ''] = name.split('*');
  return (
    name === found || (name.includes('*') && found.startsWith(before) && found.endsWith(after))
  );
};

const shapeOf = (value: Value | undefined): string =>
  Array.isArray(value) ? 'list' : typeof value;

const folder = join(import.meta.dirname, '../fixtures/recorded');
const recordings = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('the table', () => {
  it.each([...areas.values()].map((area) => [area.name, area] as const))(
    'has what area %s reads, and nothing else',
    (name, area) => {
      const named = factDefs.filter(({ source }) => source === name).map((def) => def.name);
      const args = { name: 'x', file: 'x', path: '/x' };
      const found = Object.keys(area.parse('', { cut: false, args }));
      // What a file is, is internal: it has a row that is not of `factDefs`.
      const isInternal = (one: string): boolean =>
        lifetimeOf(one) !== undefined && !factDefs.some((def) => matches(def.name, one));
      const others = found.filter((one) => !named.some((def) => matches(def, one)));
      expect(others.filter((one) => !isInternal(one))).toEqual([]);
      expect(named.filter((def) => !found.some((one) => matches(def, one)))).toEqual([]);
    },
  );

  it.each(recordings)('has examples of the shape that %s gives', (name) => {
    const read = parseProbe(readFileSync(join(folder, name), 'utf8'));
    const values: Mapping = read.ok ? derive(read.value) : {};
    expect(Object.keys(values).length).toBeGreaterThan(100);
    const known = factDefs.filter(
      (def) => values[def.name] !== undefined && !isUnknown(values[def.name]),
    );
    expect(
      known
        .filter((def) => shapeOf(values[def.name]) !== shapeOf(def.example))
        .map((def) => def.name),
    ).toEqual([]);
  });
});
