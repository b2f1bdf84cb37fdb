// What a parser costs: twice the text takes about twice the time, in bounded memory, and nothing
// that a text can be is thrown at its caller.
import { afterAll, describe, expect, it } from 'vitest';
import { limit } from './limit.ts';
import { parsers } from './parsers.ts';
import { startWorkers } from './workers.ts';

const workers = startWorkers();
afterAll(() => workers.stop());

describe('1 MiB of hostile text', () => {
  it.each(parsers)('$name', { timeout: 600_000 }, async (row) => {
    const costs = await workers.costsOf(row);
    expect(costs.length).toBeGreaterThan(0);
    expect(costs.filter(({ ratio }) => ratio >= limit)).toEqual([]);
  });
});
