// What check concludes of a host, by verdict and remedy: unknown is never fine.

import { describe, expect, it } from 'vitest';
import { conclusionOf } from '../../src/core/history/conclusion.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Remedy, Verdict } from '../../src/model/facts/values.ts';
import { unknown } from '../../src/model/value.ts';

const judged = (verdict: Verdict | '', remedy: Remedy | '', more: Facts = {}): string => {
  const known: Facts =
    verdict === '' || remedy === '' ? {} : { 'kmem.verdict': verdict, 'kmem.remedy': remedy };
  const conclusion = conclusionOf({ ...more, ...known });
  return conclusion.kind === 'unknown' ? conclusion.why : conclusion.kind;
};

const docker = {
  part: 'docker',
  key: 'docker',
  name: 'docker',
  asks: 'yes',
  containers: 0,
  containers_off: 0,
  sample: '',
} as const;

describe('the conclusion from verdict and remedy', () => {
  it.each<[Verdict | '', Remedy | '', string]>([
    ['off', 'none', 'fine'],
    ['not_applicable', 'none', 'not_applicable'],
    ['on', 'unknown', 'needs_remedy'],
    ['on', 'none', 'needs_remedy'],
    ['leaking', 'none', 'needs_remedy'],
    ['off', 'kernel_arg', 'needs_remedy'],
    ['unknown', 'kernel_arg', 'needs_remedy'],
    ['not_applicable', 'kernel_arg', 'needs_remedy'],
    ['at_risk', 'unsupported', 'needs_remedy'],
    ['unknown', 'none', 'no proof'],
    ['unknown', 'unknown', 'no proof'],
    ['at_risk', 'unknown', 'at risk'],
    ['off', 'unknown', 'remedy not known'],
    ['not_applicable', 'unknown', 'remedy not known'],
    ['', '', 'no proof'],
  ])('%s and %s: %s', (verdict, remedy, conclusion) => {
    expect(judged(verdict, remedy)).toBe(conclusion);
  });

  it('a host without container software is unknown for that reason, and only where that was looked for', () => {
    const bare = 'no container runtime and no kubelet found';
    expect(judged('unknown', 'none', { 'kmem.parts': [] })).toBe(bare);
    expect(judged('not_applicable', 'none', { 'kmem.parts': [] })).toBe('not_applicable');
    expect(judged('unknown', 'none', { 'kmem.parts': [docker] })).toBe('no proof');
    expect(judged('unknown', 'none', { 'kmem.parts': unknown('not read') })).toBe('no proof');
  });
});
