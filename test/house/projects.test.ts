// The inner loop stays quick: what `npm test` runs starts nothing and waits for nothing, every test
// file is in one project, none has a second try.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quickTests, reached } from '../projects.ts';

const all = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.test.ts'),
);
const code = (file: string): string => readFileSync(file, 'utf8').replace(/(^|\s)\/\/.*$/gm, '');

describe('test projects', () => {
  it('have every test file once', () => {
    const quick = Object.values(quickTests).flat();
    const apart = all
      .map((file) => `test/${file}`)
      .filter((file) => /^test\/(?:hosts|crash|chaos|cluster|vm)\//.test(file));
    expect([...quick, ...apart].toSorted()).toEqual(all.map((file) => `test/${file}`).toSorted());
    for (const tests of Object.values(quickTests)) expect(tests.length).toBeGreaterThan(20);
  });

  it('sort tests by what they start, also through the files that they share', () => {
    expect(reached('test/engine/happy-path.test.ts')).toContain('practice/fleet.ts');
    expect(quickTests.fleet).toContain('test/engine/happy-path.test.ts');
    expect(quickTests.unit).toContain('test/engine/host-world.property.test.ts');
    expect(quickTests.unit).toContain('test/core/decide.test.ts');
    expect(quickTests.fleet).toContain('test/store/run-index.test.ts');
  });

  it('of `npm test` wait for no time to pass', () => {
    const waiting = quickTests.unit
      .flatMap((file) => [file, ...reached(file)])
      .filter((file) => file.startsWith('test/') && !code(file).includes('vi.useFakeTimers('))
      .filter((file) => /\bset(?:Timeout|Interval)\(|Atomics\.wait\(/.test(code(file)));
    expect([...new Set(waiting)]).toEqual([]);
  });

  it('have no second try', () => {
    const retries = ['vitest.config.ts', ...all.map((file) => `test/${file}`)].filter((file) =>
      /\bretry:\s*(?:\d|process)/.test(code(file)),
    );
    expect(retries).toEqual([]);
    expect(readFileSync('.ci/run', 'utf8') + readFileSync('package.json', 'utf8')).not.toMatch(
      /--retry/,
    );
  });

  it('deny no short word that a digest may hold by chance', () => {
    const chances = all.filter((file) =>
      /\bnot\s*\.toContain\(\s*(['"`])[0-9a-f]{1,7}\1/.test(code(`test/${file}`)),
    );
    expect(chances).toEqual([]);
  });
});
