// How much of a journal one host may fill, and what becomes of it then.
import { describe, expect, it } from 'vitest';
import { createQuota } from '../../src/engine/quota.ts';
import type { EventBody } from '../../src/model/run/event.ts';

const warning = (host: string, characters: number): EventBody => ({
  type: 'warning',
  host,
  text: 'x'.repeat(characters),
});

describe('a host that fills the journal', () => {
  it('is not gone on with, and the others are', () => {
    const quota = createQuota({ host: 1000, all: 100_000, afterwards: 100 });
    quota.count(warning('bad', 900));
    expect(quota.exceeded('bad')).toBeUndefined();
    quota.count(warning('bad', 900));
    quota.count(warning('good', 500));
    expect(quota.exceeded('bad')).toMatchObject({
      kind: 'parse',
      message: expect.stringMatching(/has filled \d+ MiB of the journal/),
    });
    expect([quota.exceeded('good'), quota.exceeded('new')]).toEqual([undefined, undefined]);
  });

  it('has less when all together have filled theirs', () => {
    const quota = createQuota({ host: 1000, all: 2000, afterwards: 400 });
    for (const host of ['a', 'b', 'c']) quota.count(warning(host, 700));
    quota.count(warning('d', 100));
    expect(['a', 'b', 'c', 'd'].map((host) => quota.exceeded(host)?.kind)).toEqual([
      'parse',
      'parse',
      'parse',
      undefined,
    ]);
  });

  it('is not charged for what is about no host', () => {
    const quota = createQuota({ host: 10, all: 10, afterwards: 10 });
    quota.count({ type: 'warning', text: 'x'.repeat(100) });
    expect(quota.exceeded('a')).toBeUndefined();
  });
});
