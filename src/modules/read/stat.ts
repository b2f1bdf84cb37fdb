// Module stat: what is known of one path of the host, in the form that Ansible registers.

import { readFields, wordsOf } from '../../facts/fields.ts';
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import { asArgs, flag, type Infer, object, oneOf } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Mapping } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import { answerOf, lastWords, plainPath, readingWant, readPlan, unreadPlan } from './reading.ts';
import statFile from './stat.sh';

const args = object({
  path: plainPath.describe('The path.'),
  follow: flag.default(false).describe('Of a symbolic link, read its target.'),
  get_checksum: flag.default(true).describe('Read the file for its `checksum`.'),
  checksum_algorithm: oneOf('md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512')
    .default('sha1')
    .describe('How `checksum` is made.'),
  get_mime: flag
    .default(true)
    .describe('`mimetype` and `charset`, by the program file; `unknown` without it.'),
  get_attributes: flag
    .default(true)
    .describe('`attributes`, `attr_flags` and `version`, by lsattr, where it answers.'),
});
type Args = Infer<typeof args>;

const scriptOf = (given: Args): string =>
  scriptText(statFile, {
    path: quote(given.path),
    follow: given.follow ? '-L' : '',
    sum: given.get_checksum ? `${given.checksum_algorithm}sum` : '',
    mime: given.get_mime ? 'yes' : '',
    attributes: given.get_attributes ? 'yes' : '',
  });

function plan(given: Args, facts: FactView): ModulePlan {
  const answer = answerOf(scriptOf(given), facts);
  if (answer.rc !== 0) return unreadPlan(`${given.path}: ${lastWords(answer)}`);
  return readPlan({
    stat: answer.stdout.startsWith('absent') ? { exists: false } : statOf(given, answer.stdout),
  });
}

type Fields = ReturnType<typeof readFields>;

/** The fields of `stat` in Ansible's result. Times are seconds since 1970. */
function statOf(given: Args, said: string): Mapping {
  const fields = readFields(said);
  const [mode = '0', ...more] = wordsOf(fields.text('fields'));
  const [inode, dev, major = '0', minor = '0', nlink, uid, gid, size, blocks, block] = more;
  const [atime, mtime, ctime] = wordsOf(fields.text('times')).map(Number);
  const bits = Number.parseInt(mode, 16);
  const may = fields.all('may');
  const numbers = { inode, dev, nlink, uid, gid, size, blocks, block_size: block };
  return {
    exists: true,
    path: given.path,
    mode: (bits & 0o7777).toString(8).padStart(4, '0'),
    ...kindOf(bits),
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
    device_type: deviceNumber(Number.parseInt(major, 16), Number.parseInt(minor, 16)),
    atime: atime ?? 0,
    mtime: mtime ?? 0,
    ctime: ctime ?? 0,
    ...permissions(bits),
    readable: may.includes('r'),
    writeable: may.includes('w'),
    executable: may.includes('x'),
    ...named('pw_name', fields.text('user')),
    ...named('gr_name', fields.text('group')),
    ...(fields.has('to')
      ? { lnk_target: fields.text('to'), lnk_source: fields.text('source') }
      : {}),
    ...(fields.has('sum') ? { checksum: wordsOf(fields.text('sum'))[0] ?? '' } : {}),
    ...(given.get_mime ? mimeOf(fields) : {}),
    ...(fields.has('attributes') ? attributesOf(fields.text('attributes')) : {}),
  };
}

/** An owner that the host has no name for has none here either. */
const named = (key: string, name: string): Mapping =>
  name === '' || name === 'UNKNOWN' ? {} : { [key]: name };

const kinds = {
  isfifo: 0o010000,
  ischr: 0o020000,
  isdir: 0o040000,
  isblk: 0o060000,
  isreg: 0o100000,
  islnk: 0o120000,
  issock: 0o140000,
};

/** `isreg` and its kind, by the mode with the type of the file. */
export const kindOf = (bits: number): Mapping =>
  Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [name, (bits & 0o170000) === kind]),
  );

const modeBits = {
  isuid: 0o4000,
  isgid: 0o2000,
  rusr: 0o400,
  wusr: 0o200,
  xusr: 0o100,
  rgrp: 0o040,
  wgrp: 0o020,
  xgrp: 0o010,
  roth: 0o004,
  woth: 0o002,
  xoth: 0o001,
};

/** `rusr` and its kind. */
export const permissions = (bits: number): Mapping =>
  Object.fromEntries(Object.entries(modeBits).map(([name, bit]) => [name, (bits & bit) !== 0]));

/** The device number of glibc, without the bits above the twelfth of the major one. */
const deviceNumber = (major: number, minor: number): number =>
  (minor & 0xff) + major * 0x100 + (minor >>> 8) * 0x100000;

/** The program file says nothing of a link that leads nowhere. */
function mimeOf(fields: Fields): Mapping {
  const [mimetype, charset] = [fields.text('mime'), fields.text('charset')];
  return mimetype === '' || charset === '' || charset.startsWith('ERROR')
    ? { mimetype: 'unknown', charset: 'unknown' }
    : { mimetype, charset };
}

/** By chattr(1). */
const attributeNames: Readonly<Record<string, string>> = {
  A: 'noatime',
  a: 'append',
  c: 'compressed',
  C: 'nocow',
  d: 'nodump',
  D: 'dirsync',
  e: 'extents',
  E: 'encrypted',
  h: 'blocksize',
  i: 'immutable',
  I: 'indexed',
  j: 'journalled',
  N: 'inline',
  s: 'zero',
  S: 'synchronous',
  t: 'notail',
  T: 'blockroot',
  u: 'undelete',
  X: 'compressedraw',
  Z: 'compresseddirty',
};

/** A line of `lsattr -v`: a version, flags with dashes, a path. It has none for a link. */
function attributesOf(line: string): Mapping {
  const [version, flags = ''] = wordsOf(line);
  const letters = [...flags].filter((letter) => letter !== '-');
  return {
    version: version ?? null,
    attr_flags: letters.join(''),
    attributes: letters.flatMap((letter) => attributeNames[letter] ?? []),
  };
}

export const stat = defineModule<Args>({
  name: 'stat',
  summary: 'Reads what kind of file a path is, with its owner, mode, size, times and checksum.',
  example: `- name: Does the package manager ask for a reboot
  stat:
    path: /var/run/reboot-required
  register: wanted
`,
  notes:
    'The result is that of Ansible: `wanted.stat.exists`, `.isreg`, `.mode`, `.size`, `.mtime`, `.checksum` and the others. A plan reads it too, so `when: wanted.stat.exists` is decided there. Behind a task that changes the host the plan does not know it: what depends on it is planned as *later*.',
  args: asArgs(args),
  reads: true,
  delegable: 'reads',
  maxRisk: 'none',
  facts: (given) => [readingWant(scriptOf(given))],
  plan,
});
