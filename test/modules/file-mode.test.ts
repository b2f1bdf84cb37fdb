// Modes of files by symbols, as a table. The rights are those that chmod(1) would set.
import { expect, it } from 'vitest';
import { fileMode, modeOf } from '../../src/modules/file/mode.ts';

it.each([
  ['644', '0600', false, '0644'],
  ['01777', '0600', true, '1777'],
  ['u=rw,go=r', '0777', false, '0644'],
  ['a+x', '0640', false, '0751'],
  ['go-rwx', '0755', false, '0700'],
  ['g=u', '0740', false, '0770'],
  ['o=g-w', '0660', false, '0664'],
  ['a+X', '0600', false, '0600'],
  ['a+X', '0600', true, '0711'],
  ['a+X', '0700', false, '0711'],
  ['u+s,g+s', '0755', false, '6755'],
  ['u=rwx', '4755', false, '0755'],
  ['o+t', '0777', true, '1777'],
  ['g+t', '0755', true, '0755'],
  ['o=', '0644', false, '0640'],
])('%s of %s (directory: %s) is %s', (wanted, now, isDirectory, mode) => {
  expect(modeOf(wanted, now, isDirectory)).toBe(mode);
});

it.each(['8', '99', '07777777', 'rw', 'u~r', 'x=r', '', 'u=r,'])('%j is no mode', (mode) => {
  expect(fileMode.safeParse(mode).success).toBe(false);
});
