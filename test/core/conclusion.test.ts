// What check concludes of a host, by verdict and remedy: unknown is never fine.
import { describe, expect, it } from 'vitest';
import { conclusionOf, noSoftware } from '../../src/core/conclusion.ts';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';

const nothing: Facts = {
  'docker.installed': false,
  'docker.running': false,
  'containerd.installed': false,
  'runc.installed': false,
  'kubelet.installed': false,
  'kubelet.running': false,
  'crio.evr': '',
  'kmem.samples': { total: 3, containers: 0 },
};
const judged = (verdict: string, remedy: string, more: Facts = {}): string => {
  const conclusion = conclusionOf({ ...more, 'kmem.verdict': verdict, 'kmem.remedy': remedy });
  return conclusion.kind === 'unknown' ? conclusion.why : conclusion.kind;
};

describe('the conclusion from verdict and remedy', () => {
  it.each([
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

  it('a host without container software is unknown for that reason, and only where all of it was looked for', () => {
    expect(judged('unknown', 'none', nothing)).toBe(noSoftware);
    expect(judged('not_applicable', 'none', nothing)).toBe('not_applicable');
    expect(judged('unknown', 'none', { ...nothing, 'kmem.samples': { total: 3, containers: 1 } })).toBe('no proof');
    expect(judged('unknown', 'none', { ...nothing, 'crio.evr': '1.20' })).toBe('no proof');
    for (const name of Object.keys(nothing).filter((one) => nothing[one] === false)) {
      expect(judged('unknown', 'none', { ...nothing, [name]: true }), name).toBe('no proof');
      expect(judged('unknown', 'none', { ...nothing, [name]: unknown('not read') }), name).toBe('no proof');
    }
  });
});
