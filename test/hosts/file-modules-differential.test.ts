// copy, file, lineinfile, blockinfile and replace against the modules of the ansible-core that is installed
// here, and sysctl against that of ansible.posix, on files made from a seed: the same bytes, modes and ends. Skipped where it is missing.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bothOf, type Case, noAnsible, noPosix } from './file-modules.ts';

const files = 200;
const sample = (cases: fc.Arbitrary<Case>): readonly Case[] =>
  fc.sample(cases, { seed: 20_261, numRuns: files });

/** Refused although Ansible would do it: known before anything is touched, and said. */
const refusals =
  /would be done again by each run|which kmend refuses|cannot find word boundaries|prefers an empty match|a link to itself|is not a text that kmend edits/;

function compare(cases: readonly Case[]): { readonly refused: number; readonly changed: number } {
  let [refused, changed] = [0, 0];
  const different: string[] = [];
  for (const [index, { ours, theirs }] of bothOf(cases).entries()) {
    if (ours.end === 'failed' && refusals.test(ours.why)) {
      refused += 1;
      continue;
    }
    if (theirs.end === 'changed') changed += 1;
    const [one, other] = [ours, theirs].map(({ end, after }) => JSON.stringify({ end, after }));
    if (one !== other)
      different.push(
        `${JSON.stringify(cases[index])}\nkmend ${ours.why}: ${one}\nAnsible ${theirs.why}: ${other}\n`,
      );
  }
  expect(different).toEqual([]);
  return { refused, changed };
}

const word = fc.constantFrom(
  'alpha',
  'beta=1',
  '#beta=2',
  ' gamma',
  'naïve',
  'x y',
  'GRUB="a b"',
  '',
  'end\\n',
  '[a]',
);
const end = fc.constantFrom('\n', '\n', '\n', '\r\n');
const text = fc
  .tuple(fc.array(fc.tuple(word, end), { maxLength: 8 }), fc.constantFrom('', '', 'tail', 'naïve'))
  .map(([lines, tail]) => lines.map((line) => line.join('')).join('') + tail);
const mode = fc.constantFrom(
  undefined,
  undefined,
  '0600',
  '0644',
  'u=rw,go=r',
  'go-rwx',
  'a+x',
  'u+s,g=u',
);
const given = (args: Readonly<Record<string, unknown>>): Case['args'] =>
  JSON.parse(JSON.stringify(args)) as Case['args'];
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const pattern = fc.constantFrom(
  '^alpha',
  'beta',
  '^#?beta=(.*)$',
  '\\w+$',
  'na.ve',
  'na..ve',
  '^$',
  '\\s',
  '(?i)GRUB',
  '[',
  'nowhere',
  '^(\\S+) (\\S+)$',
  '\\bx\\b',
);

const lineinfile = fc
  .record({
    text: optional(text),
    state: fc.constantFrom('present', 'present', 'present', 'absent'),
    line: fc.constantFrom('alpha', 'beta=1', 'beta=9', '\\1!', 'new line', 'naïve', ''),
    finder: fc.constantFrom('none', 'regexp', 'regexp', 'search_string'),
    pattern,
    part: fc.constantFrom('beta', 'ï', 'x y', 'nowhere'),
    place: fc.constantFrom('none', 'insertafter', 'insertbefore'),
    where: fc.oneof(pattern, fc.constantFrom('EOF', 'BOF')),
    backrefs: fc.boolean(),
    firstmatch: fc.boolean(),
    create: fc.boolean(),
    mode,
  })
  .map(({ text: content, ...all }): Case => {
    const isRegexp = all.finder === 'regexp';
    return {
      module: 'lineinfile',
      args: given({
        path: '/f',
        state: all.state,
        line: all.line,
        ...(isRegexp ? { regexp: all.pattern } : {}),
        ...(all.finder === 'search_string' ? { search_string: all.part } : {}),
        ...(all.place === 'none' ? {} : { [all.place]: all.where }),
        ...(isRegexp ? { backrefs: all.backrefs } : {}),
        firstmatch: all.firstmatch,
        create: all.create,
        mode: all.mode,
      }),
      before: content === undefined ? {} : { '/f': { content, mode: 0o640 } },
    };
  })
  .filter(({ args }) => ![args.regexp, args.insertafter, args.insertbefore].includes('['))
  // Ansible ends with an exception: it sets the mode of a file that it did not make.
  .filter(({ args, before }) => '/f' in before || args.backrefs !== true || args.create !== true);

const markerLine = fc.constantFrom(
  '# BEGIN ANSIBLE MANAGED BLOCK',
  '# END ANSIBLE MANAGED BLOCK',
  '// ONE naïve',
  '// TWO naïve',
);
const blockText = fc
  .array(fc.oneof(fc.tuple(word, end), fc.tuple(markerLine, end), fc.constantFrom(['x', '\r'])), {
    maxLength: 10,
  })
  .map((lines) => lines.map((line) => line.join('')).join(''));

const blockinfile = fc
  .record({
    text: optional(fc.tuple(blockText, fc.constantFrom('', '', 'tail')).map((all) => all.join(''))),
    state: fc.constantFrom('present', 'present', 'present', 'absent'),
    block: fc.constantFrom('a\nb', 'a\n', 'naïve\r\n\n', '', '# END ANSIBLE MANAGED BLOCK', 'c\rd'),
    own: fc.boolean(),
    place: fc.constantFrom('none', 'insertafter', 'insertbefore'),
    where: fc.oneof(
      pattern.filter((one) => one !== '['),
      fc.constantFrom('EOF', 'BOF', '(?m)^beta', '(?m)a$', '(?ms)alpha.*tail', ''),
    ),
    append_newline: fc.boolean(),
    prepend_newline: fc.boolean(),
    create: fc.boolean(),
    mode,
  })
  .map(
    ({ text: content, own, place, where, ...args }): Case => ({
      module: 'blockinfile',
      args: given({
        path: '/f',
        ...args,
        ...(own ? { marker: '// {mark} naïve', marker_begin: 'ONE', marker_end: 'TWO' } : {}),
        ...(place === 'none' ? {} : { [place]: where }),
      }),
      before: content === undefined ? {} : { '/f': { content, mode: 0o640 } },
    }),
  )
  // Ansible searches the text of no file, and counts lines up to a byte in a text of characters.
  .filter(
    ({ args, before }) =>
      !JSON.stringify(args).includes('(?m') ||
      /^[\0-\x7f]+$/.test(String(before['/f']?.content ?? '')),
  );

const replace = fc
  .record({
    text,
    regexp: pattern.filter((one) => one !== '['),
    replace: optional(fc.constantFrom('X', '\\1', 'beta', '', 'a\\nb', '\\g<0>!')),
    after: optional(fc.constantFrom('alpha', 'beta=.', '^', 'nowhere')),
    before: optional(fc.constantFrom('gamma', 'tail', '$', 'beta')),
    mode,
  })
  .map(
    ({ text: content, ...args }): Case => ({
      module: 'replace',
      args: given({ path: '/f', ...args }),
      before: { '/f': { content, mode: 0o604 } },
    }),
  );

const bytes = fc.oneof(
  text,
  fc.constantFrom(new Uint8Array([0, 255, 10, 128]), new Uint8Array(61_000).fill(65)),
);
const there = fc.constantFrom('none', 'file', 'file', 'link', 'dangling', 'directory');

const copy = fc
  .record({
    there,
    text,
    old: text,
    bytes,
    isSent: fc.boolean(),
    force: fc.boolean(),
    follow: fc.boolean(),
    mode,
  })
  .map(({ there: kind, text: content, old, bytes: data, isSent, ...args }): Case => {
    const dest: Record<string, Case['before']> = {
      none: {},
      file: { '/etc/f': { content: old, mode: 0o640 } },
      link: { '/etc/t': { content: old, mode: 0o604 }, '/etc/f': { link: 't' } },
      dangling: { '/etc/f': { link: 'nowhere' } },
      directory: { '/etc/f': { directory: true } },
    };
    return {
      module: 'copy',
      args: given({
        dest: '/etc/f',
        ...(isSent ? { content } : { src: '/etc/src', remote_src: true }),
        ...args,
      }),
      before: {
        '/etc': { directory: true },
        '/etc/src': { content: data, mode: 0o644 },
        ...dest[kind],
      },
    };
  })
  // The controller refuses `content` for a directory, before the module is asked.
  .filter(({ args, before }) => args.content === undefined || before['/etc/f']?.directory !== true);

const file = fc
  .record({
    path: fc.constantFrom(
      '/s/f',
      '/s/f',
      '/s/d',
      '/s/d',
      '/s/full',
      '/s/l',
      '/s/dl',
      '/s/dangling',
      '/s/new',
      '/s/new/a/b',
      '/s/d/',
    ),
    state: fc.constantFrom(
      undefined,
      'file',
      'directory',
      'directory',
      'absent',
      'absent',
      'link',
      'link',
      'touch',
      'touch',
    ),
    times: fc.constantFrom({}, { modification_time: 'preserve', access_time: 'preserve' }),
    src: fc.constantFrom('f', 'd', 'nowhere', 'full/x'),
    force: fc.boolean(),
    mode,
  })
  .map(({ path, state, times, src, force, mode: wanted }): Case => {
    const isLink = state === 'link';
    return {
      module: 'file',
      args: given({
        path,
        state,
        ...(isLink ? { src, force } : { mode: wanted }),
        ...(state === 'touch' ? times : {}),
      }),
      before: {
        '/s': { directory: true },
        '/s/f': { content: 'f\n', mode: 0o640 },
        '/s/d': { directory: true, mode: 0o750 },
        '/s/full/x': { content: 'x' },
        '/s/l': { link: 'f' },
        '/s/dl': { link: 'd' },
        '/s/dangling': { link: 'nowhere' },
      },
    };
  })
  // Ansible removes the directory, and cannot make its link in it then.
  .filter(({ args }) => args.path !== '/s/d/' || args.state !== 'link');

const settingKey = (line: string): string => line.split('=')[0]?.trim() ?? '';
const setting = fc.constantFrom(
  'vm.a=1',
  'vm.a = 2',
  ' vm.b\t=\t3 4',
  'vm.b=3  4',
  '# vm.a=1',
  '; x',
  '',
  'nothing',
  '-vm.a=1',
  'vm/a=1',
  'vm.c=a=b # c',
  'vm.a=',
);

const sysctl = fc
  .record({
    // Of two lines of another setting Ansible keeps the first, and kmend the last, which is in effect.
    lines: optional(
      fc.uniqueArray(fc.tuple(setting, end), {
        selector: ([line]) => settingKey(line),
        maxLength: 8,
      }),
    ),
    tail: fc.constantFrom('', 'vm.z=9'),
    name: fc.constantFrom('vm.a', 'vm.a', 'vm.b', 'vm.new', 'vm/a'),
    value: fc.constantFrom('1', '2', '3 4', '3\t4', 'yes', 'False', ' 5 ', 'a=b'),
    state: fc.constantFrom('present', 'present', 'present', 'absent'),
  })
  .map(
    ({ lines, tail, name, value, state }): Case => ({
      module: 'sysctl',
      args: given({ name, value, state, sysctl_file: '/f', reload: false }),
      before:
        lines === undefined
          ? {}
          : { '/f': { content: lines.map((line) => line.join('')).join('') + tail, mode: 0o640 } },
    }),
  );

const compareAll = (cases: fc.Arbitrary<Case>): void => {
  const { refused, changed } = compare(sample(cases));
  expect(refused).toBeLessThan(files / 4);
  expect(changed).toBeGreaterThan(files / 4);
};

it.skipIf(noPosix)(
  'sysctl, as that of ansible.posix (skipped without it)',
  { timeout: 300_000 },
  () => compareAll(sysctl),
);

describe.skipIf(noAnsible)('as the modules of Ansible (skipped without ansible-core)', () => {
  it.each<[string, fc.Arbitrary<Case>]>([
    ['lineinfile', lineinfile],
    ['blockinfile', blockinfile],
    ['replace', replace],
    ['copy', copy],
    ['file', file],
  ])('%s', { timeout: 300_000 }, (_, cases) => {
    compareAll(cases);
  });
});
