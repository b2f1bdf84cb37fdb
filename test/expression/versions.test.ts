// The test `version` with the orders of packages, which Ansible does not have.
import { describe, expect, it } from 'vitest';
import { shown } from './outcome.ts';

describe('version_type', () => {
  it.each([
    ["'3.10.0-957.el7' is version('3.10.0-1062.el7', '<', version_type='rpm')", true],
    ["'1_0' is version('1.0', '==', version_type='rpm')", true],
    ["'1_0' is version('1.0', '==', version_type='deb')", false],
    ["'1:1.0-1' is version('2.0-1', '>', version_type='rpm')", true],
    ["'1.0~rc1-1' is version('1.0-1', '<', version_type='rpm')", true],
    [
      "'5:20.10.7~3-0~debian-buster' is version('5:20.10.7~3-0~debian-bullseye', '>', version_type='deb')",
      true,
    ],
    ["'1.0~rc1' is version('1.0', '<', version_type='deb')", true],
    ["'1.0.0-rc93' is version('1.0.0', '<', version_type='upstream')", true],
    ["'19.03.15' is version('20.10', 'lt', version_type='upstream')", true],
    ["'1.0' is version('1.0', version_type='rpm')", true],
    ["'1.0.0-rc93' is version('1.0.0', '<')", false],
    ["'1.a' is version('1.1', '<')", 'error'],
    ["'1' is version('1', '<', version_type='debian')", 'error'],
    ["'1' is version('1', '<', strict=true, version_type='rpm')", 'error'],
  ])('%s is %s', (source, expected) => {
    expect(shown(source, 'condition', {})).toBe(expected);
  });
});
