// The line of `check -v` about limits on processes: what stands in for kernel-memory accounting,
// and nothing where accounting is healthy.
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';
import { hostDetails } from '../../src/screens/hosts/check-details.ts';
import { uncoloured } from '../../src/screens/layout.ts';

const node: Facts = {
  'kmem.verdict': 'off',
  'kubelet.installed': true,
  'kubelet.version': '1.12.3',
  'pids.controller': 'v1',
  'pids.kernel_max': 32_768,
  'pids.pods': 14,
  'pids.pods_unlimited': 12,
  'pids.containers': 1,
  'pids.containers_unlimited': 1,
  'pids.pod_limit': -1,
  'pids.pod_limit_gate': '',
  'pids.system_reserved': '',
  'pids.kube_reserved': '',
};
const line = (more: Facts = {}): string =>
  hostDetails({ host: 'a', facts: { ...node, ...more } }, 400, uncoloured)
    .filter((text) => text.includes('limits on processes'))
    .join('\n')
    .trim();

describe('limits on processes', () => {
  it('counts who has none', () =>
    expect(line()).toBe(
      'limits on processes: without any: 12 of 14 pods, 1 of 1 container; podPidsLimit is not set; nothing reserved for system or kubelet; kernel.pid_max 32768',
    ));

  it('shows the settings of the kubelet', () =>
    expect(
      line({
        'pids.pod_limit': 1024,
        'pids.pod_limit_gate': 'true',
        'pids.system_reserved': 'pid=1000',
        'pids.kube_reserved': 'memory=1Gi',
      }),
    ).toMatch(/; podPidsLimit 1024; system-reserved pid=1000; kube-reserved memory=1Gi; kernel/));

  it.each([
    ['1.12.3', '', true],
    ['1.9.11', '', true],
    ['1.13.12', '', true],
    ['1.14.0', '', false],
    ['1.20.5', '', false],
    ['1.18.3', 'false', true],
    ['1.12.3', 'true', false],
  ])('kubelet %s with the gate %j ignores its limit: %s', (version, gate, ignored) =>
    expect(
      line({
        'pids.pod_limit': 1024,
        'pids.pod_limit_gate': gate,
        'kubelet.version': version,
      }).includes('needs the feature gate'),
    ).toBe(ignored),
  );

  it('says what is not known, and that there is no controller', () => {
    expect(line({ 'pids.pod_limit': unknown('root only') })).toContain(
      'podPidsLimit not known: root only',
    );
    expect(line({ 'pids.containers': unknown('not in time') })).toMatch(
      /^limits on processes: not in time;/,
    );
    expect(line({ 'pids.controller': 'absent' })).toMatch(
      /^limits on processes: no pids controller is mounted;/,
    );
  });

  it('leaves out what is not there', () => {
    expect(line({ 'pids.pods': 0, 'pids.pods_unlimited': 0 })).toMatch(
      /^limits on processes: without any: 1 of 1 container;/,
    );
    expect(line({ 'pids.pods': 0, 'pids.containers': 0 })).toMatch(
      /^limits on processes: no pod or container is there;/,
    );
  });

  it('says nothing of a kubelet that is not there', () =>
    expect(line({ 'kubelet.installed': false })).not.toMatch(/podPidsLimit|reserved/));

  it('is no line where it was not read, or accounting is healthy', () => {
    expect(line({ 'pids.controller': unknown('not read') })).toBe('');
    expect(line({ 'kmem.verdict': 'not_applicable' })).toBe('');
  });
});
