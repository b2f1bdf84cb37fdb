// Inputs that the fuzzer found worth keeping, and the seeds that it begins with: each goes through
// its parsers again.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { targets } from './targets.ts';

const folder = join(import.meta.dirname, 'corpus');
const kept = (file: string): readonly string[] =>
  JSON.parse(readFileSync(join(folder, file), 'utf8'));

describe('the corpus of the fuzzer', () => {
  it('has a file for every target, and none for another', () => {
    expect(readdirSync(folder).sort()).toEqual(targets.map(({ file }) => file).sort());
  });

  it('is small', () => {
    const sizes = readdirSync(folder).map((file) => readFileSync(join(folder, file)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000);
  });

  it.each(targets)('$name reads each of its inputs', async ({ rows, seeds, file }) => {
    const texts = kept(file);
    expect(texts.length).toBeGreaterThan(0);
    for (const { name, parse } of rows) {
      for (const text of [...texts, ...seeds]) {
        await expect(
          (async () => parse(text))(),
          `${name}: ${JSON.stringify(text)}`,
        ).resolves.not.toThrow();
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
