// Inputs that the fuzzer found worth keeping: each goes through its parser again.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsers } from './parsers.ts';

const folder = join(import.meta.dirname, 'corpus');
const kept = (name: string): readonly string[] => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

describe('the corpus of the fuzzer', () => {
  it('has a file for every parser of the table, and none for another', () => {
    const named = existsSync(folder) ? readdirSync(folder) : [];
    expect(named.sort()).toEqual(parsers.map(({ name }) => `${name}.json`).sort());
  });

  it.each(parsers)('$name reads each of its inputs', ({ name, parse }) => {
    const texts = kept(name);
    for (const text of texts) expect(() => parse(text), JSON.stringify(text)).not.toThrow();
    expect(texts.length).toBeGreaterThan(0);
  });
});
