// Version orders: a table per order; test/hosts/versions-differential.test.ts asks the real rpm and
// dpkg about the same and more.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Compare,
  compareDeb,
  compareKubernetes,
  compareRpm,
  compareUpstream,
  isRange,
  versionInRange,
} from '../../src/model/text/versions.ts';
import { debPairs, rpmPairs } from './version-pairs.ts';

const sign = (order: number): number => Math.sign(order);

describe('rpm', () => {
  it.each(rpmPairs)('%s against %s is %i', (a, b, order) => {
    expect(sign(compareRpm(a, b))).toBe(order);
    expect(sign(compareRpm(b, a))).toBe(order === 0 ? 0 : -order);
  });
});

describe('dpkg', () => {
  it.each(debPairs)('%s against %s is %i', (a, b, order) => {
    expect(sign(compareDeb(a, b))).toBe(order);
    expect(sign(compareDeb(b, a))).toBe(order === 0 ? 0 : -order);
  });
});

describe('upstream', () => {
  it.each([
    ['18.06.1-ce', '18.06.1', 0],
    ['18.06.1-ce', '18.09.0', -1],
    ['17.06', '17.06.0', 0],
    ['17.06.2-ee-18', '17.06.2-ee-5', 1],
    ['17.06.2-ee-18', '17.06.2', 1],
    ['1.0.0-rc10', '1.0.0-rc9', 1],
    ['1.0.0-rc93', '1.0.0-rc94', -1],
    ['1.0.0', '1.0.0-rc95', 1],
    ['1.0.0-rc6+dev', '1.0.0-rc6', 1],
    ['1.0.0-rc6+dev', '1.0.0-rc7', -1],
    ['1.0.0-rc5+dev.docker-18.06', '1.0.0-rc5', 1],
    ['1.0.0~rc6+dfsg1', '1.0.0-rc6', 0],
    ['1.1.15+ds1', '1.1.15', 0],
    ['3.10.0-1062.4.1.el7.x86_64', '3.10.0-1062.el7.x86_64', 1],
    ['3.10.0-957.38.1.el7', '3.10.0-957.5.1.el7', 1],
    ['4.4.0-165-generic', '4.0.0', 1],
    ['4.4.0-165-generic', '4.4.0-21-generic', 1],
    ['v1.2.3', '1.2.3', 0],
    ['1.13.1-102.git7f2769b', '1.13.1-94.git07f3374', 1],
    ['1.21.0-beta.1', '1.21.0-alpha.3', 1],
    ['', '1', -1],
  ] as const)('%s against %s is %i', (a, b, order) => {
    expect(sign(compareUpstream(a, b))).toBe(order);
    expect(sign(compareUpstream(b, a))).toBe(order === 0 ? 0 : -order);
  });
});

describe('Kubernetes', () => {
  it.each([
    ['v1.12.3', '1.12.3', 0],
    ['1.21.1', '1.21.2', -1],
    ['1.21.10', '1.21.2', 1],
    ['v1.12.3+rke2r1', 'v1.12.3', 0],
    ['v1.21.2-eks-55daa9d', 'v1.21.2', 0],
    ['1.22.0-rc.0', '1.22.0', -1],
    ['nonsense', '1.0.0', -1],
  ] as const)('%s against %s is %i', (a, b, order) =>
    expect(sign(compareKubernetes(a, b))).toBe(order),
  );
});

describe('ranges', () => {
  it.each([
    ['18.06.1-ce', '>=17.06 <19', compareUpstream, true],
    ['18.06.1-ce', '>=17.06, <19', compareUpstream, true],
    ['19.03.5', '>=17.06 <19', compareUpstream, false],
    ['18.06.1-ce', '18.06.1', compareUpstream, true],
    ['18.09.1', '>= 18.09.1', compareUpstream, true],
    ['1.0.0-rc93', '>=1.0.0', compareUpstream, false],
    ['4.4.0-165-generic', '<=4.4', compareUpstream, true],
    ['3.10.0-862.el7.x86_64', '>=3.10.0-1062', compareUpstream, false],
    ['3:18.09.1-3.el7', '18.09.1', compareRpm, true],
    ['3:18.09.1-3.el7', '=18.09.1-3.el7', compareRpm, true],
    ['3:18.09.1-3.el7', '18.09.1-2.el7', compareRpm, false],
    ['3:18.09.1-3.el7', '>=3:18.09.1', compareRpm, true],
    ['18.06.1.ce-3.el7', '>=3:17', compareRpm, false],
    ['1.2.13-3.2.el7', '>=1.2.9 <1.3.7', compareRpm, true],
    ['5:18.09.1~3-0~ubuntu-xenial', '>=18.09', compareDeb, true],
    ['1.21.2', '<1.21 || >=1.21.2', compareKubernetes, true],
    ['1.21.1', '<1.21 || >=1.21.2', compareKubernetes, false],
    ['1.21.1', '!=1.21.1', compareKubernetes, false],
    ['', '>=0', compareUpstream, false],
  ] as const)('%s in "%s"', (version, range, compare: Compare, inside) =>
    expect(versionInRange(version, range, compare)).toBe(inside),
  );

  it.each(['', '>=', 'latest!', '>= <', '1 ||', '~>1.2', '=>1.2'])(
    '"%s" is no range, and says so',
    (range) => {
      expect(isRange(range)).toBe(false);
      expect(() => versionInRange('1', range, compareUpstream)).toThrow('is not a version range');
    },
  );
});

describe('every order', () => {
  const version = fc.stringMatching(/^[0-9a-z~^.+:-]{0,12}$/);
  it.each([
    ['rpm', compareRpm],
    ['dpkg', compareDeb],
    ['upstream', compareUpstream],
    ['Kubernetes', compareKubernetes],
  ] as const)(
    '%s: a version equals itself, and the other way round is the opposite',
    (_, compare) => {
      fc.assert(
        fc.property(version, version, (a, b) => {
          expect(compare(a, a)).toBe(0);
          expect(sign(compare(a, b)) + sign(compare(b, a))).toBe(0);
        }),
      );
    },
  );
});
