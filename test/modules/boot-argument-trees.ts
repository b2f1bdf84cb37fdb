// Generated hosts for kernel_arg: shell files of GRUB as people, installers and cloud images write
// them, and command lines with all that is odd in them.
import fc from 'fast-check';
import type { ArgumentEdit } from '../../src/modules/kernel-arg/edit.ts';

/** Words of other arguments, as the kernel should see them. */
const others = [
  'quiet',
  'splash',
  'console=tty0',
  'console=ttyS0,115200n8',
  'crashkernel=auto',
  'crashkernel=1G-4G:192M,4G-64G:256M',
  'root=UUID=0a-b1',
  'a=b=c',
  'x=#1',
  'vga=0x317',
  'cgroup_enable=memory',
  'cgroup_memory=nokmem',
  'not.cgroup.memory=1',
  'panic_on_oops=1',
  'rd.lvm.lv=vg/root',
  'dyndbg="file a.c +p; cgroup.memory=nokmem"',
  "q='a b'",
  'pct=50%',
  'tilde=~/x',
  'n=1,2;3',
  '$tuned_params',
  'star=*',
] as const;

/** Words that are about the arguments that are edited. */
const ours = [
  'cgroup.memory=nosocket',
  'cgroup.memory=nokmem',
  'cgroup.memory=nosocket,nokmem',
  'cgroup.memory=nosocket,nobpf',
  'panic=10',
  'panic=30',
  'nosmt',
] as const;

/**
 * With words that are quoted twice, or empty, no edit restores every byte: they are for the other
 * laws.
 */
const odd = ['cgroup.memory="nokmem"', 'cgroup.memory=', 'cgroup.memory', 'panic'] as const;

/** How they begin in a shell file. */
export const oddWords: readonly RegExp[] = [
  /cgroup\.memory=(?:\\?"|['\s]|$)/m,
  /(?<!not\.)cgroup\.memory(?!=)/,
  /panic(?![=_])/,
];

const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...others) },
  { weight: 3, arbitrary: fc.constantFrom(...ours) },
  { weight: 1, arbitrary: fc.constantFrom(...odd) },
);
const gap = fc.constantFrom(' ', ' ', ' ', '  ', '\t');

export interface CommandLine {
  readonly words: readonly string[];
  readonly text: string;
}

/** Words with gaps between and round them; sometimes words for init at the end. */
export const commandLine = (words: fc.Arbitrary<string> = word): fc.Arbitrary<CommandLine> =>
  fc
    .record({
      body: fc.array(fc.tuple(gap, words), { maxLength: 5 }),
      lead: fc.constantFrom('', '', '', ' '),
      tail: fc.constantFrom('', '', '', ' '),
      init: fc.constantFrom('', '', '', '', '', '', '', '', '', '-- single'),
    })
    .map(({ body, lead, tail, init }) => {
      const text = body.map(([before, one], index) => (index === 0 ? one : before + one)).join('');
      const both = init === '' ? text : `${text === '' ? '' : `${text} `}${init}`;
      return { words: body.map(([, one]) => one), text: `${lead}${both}${tail}` };
    });

const inDouble = (text: string): string => text.replaceAll(/[\\"$`]/g, '\\$&');
const isBare = (text: string): boolean => /^[A-Za-z0-9_=.,:/+-]*$/.test(text);

/** Ways to write `VARIABLE=text` in a shell file. */
const styles: readonly ((variable: string, text: string) => string | undefined)[] = [
  (variable, text) => `${variable}="${inDouble(text)}"`,
  (variable, text) => `${variable}="${inDouble(text)}"`,
  (variable, text) => `${variable}="${inDouble(text)}"  # set by "hand", see the wiki`,
  (variable, text) => `export ${variable}="${inDouble(text)}"`,
  (variable, text) => (text.includes("'") ? undefined : `${variable}='${text}'`),
  (variable, text) =>
    text.includes("'") ? undefined : `  ${variable}='${text}' # old: ${variable}="x"`,
  (variable, text) => (isBare(text) ? `${variable}=${text}` : undefined),
  (variable, text) => (isBare(text) ? `${variable}=${text} # bare` : undefined),
  // A backslash at the end of the line, inside the quotes
  (variable, text) =>
    text.includes(' ') ? `${variable}="${inDouble(text).replace(' ', ' \\\n')}"` : undefined,
  (variable, text) => `${variable}="${inDouble(text)}" ; true`,
  (variable, text) => `${variable}="${inDouble(text)}"''`,
  (variable, text) => `${variable}=""\n${variable}="\${${variable}:-}${inDouble(text)}"`,
  (variable, text) => `${variable}="lost"\n${variable}="${inDouble(text)}"`,
  (variable, text) => `${variable}="${inDouble(text)}"\n${variable}="$${variable} more=1"`,
  (variable, text) => `EXTRA="${inDouble(text)}"\n${variable}="ro $EXTRA"`,
  (variable) => `${variable}="$(echo quiet) ro"`,
  // Never reached: what is added there is lost
  (variable, text) =>
    `${variable}="${inDouble(text)}"\nif [ ! -d / ]; then\n\t${variable}="never"\nfi`,
  (variable, text) =>
    `if [ -d / ]; then\n\t${variable}="${inDouble(text)}"\nelse\n\t${variable}="never"\nfi`,
];

const assignment = (variable: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...styles), commandLine())
    .map(([style, line]) => style(variable, line.text) ?? `${variable}="${inDouble(line.text)}"`);

const noise = fc.constantFrom(
  '',
  '# If you change this file, run update-grub',
  '#GRUB_CMDLINE_LINUX="old cgroup.memory=nokmem"',
  'GRUB_TIMEOUT=5',
  'GRUB_TERMINAL=console',
  `GRUB_DISTRIBUTOR=\`( . /etc/os-release; echo Debian ) 2>/dev/null\``,
  'GRUB_CMDLINE_XEN="dom0_mem=1G"',
  'GRUB_GFXMODE=640x480',
);

/**
 * A shell file: some of the two variables, in some order, with noise between; sometimes without an
 * end of its last line.
 */
const shellFile: fc.Arbitrary<string> = fc
  .record({
    linux: fc.option(assignment('GRUB_CMDLINE_LINUX'), { freq: 4 }),
    normal: fc.option(assignment('GRUB_CMDLINE_LINUX_DEFAULT'), { freq: 3 }),
    turned: fc.boolean(),
    before: noise,
    between: noise,
    after: noise,
    end: fc.constantFrom('\n', '\n', '\n', ''),
  })
  .map(({ linux, normal, turned, before, between, after, end }) => {
    const pair = turned ? [normal, between, linux] : [linux, between, normal];
    return [before, ...pair, after].filter((line) => line !== null).join('\n') + end;
  });

/**
 * Drop-ins of cloud images and of people: before ours, after ours, with new values and with
 * additions.
 */
const dropIn: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 console=ttyS0"\n',
    `GRUB_CMDLINE_LINUX_DEFAULT="\${GRUB_CMDLINE_LINUX_DEFAULT} nvme_core.io_timeout=4294967295"\n`,
    'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX net.ifnames=0"\n',
    'GRUB_CMDLINE_LINUX="net.ifnames=0 biosdevname=0"\n',
    "GRUB_CMDLINE_LINUX='apparmor=1 security=apparmor'",
    '# nothing\n',
  ),
  shellFile,
);

const dropIns = fc.dictionary(
  fc.constantFrom(
    '50-cloudimg-settings.cfg',
    '10-kdump.cfg',
    '15_timeout.cfg',
    '99-zz-local.cfg',
    'zz-last.cfg',
    'README.txt',
  ),
  dropIn,
  { maxKeys: 2 },
);

export const debianFiles: fc.Arbitrary<Readonly<Record<string, string>>> = fc
  .record({ main: fc.option(shellFile, { freq: 12 }), drops: dropIns })
  .map(({ main, drops }) => ({
    ...(main === null ? {} : { '/etc/default/grub': main }),
    ...Object.fromEntries(
      Object.entries(drops).map(([name, text]) => [`/etc/default/grub.d/${name}`, text]),
    ),
  }));

export const suseFiles: fc.Arbitrary<Readonly<Record<string, string>>> = shellFile.map((text) => ({
  '/etc/default/grub': text,
}));

const list = (...items: readonly string[]): ArgumentEdit => ({
  key: 'cgroup.memory',
  items,
  list: true,
  state: 'present',
});
const single = (key: string, ...items: readonly string[]): ArgumentEdit => ({
  key,
  items,
  list: false,
  state: 'present',
});

export const edits: fc.Arbitrary<ArgumentEdit> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(list('nokmem')) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<ArgumentEdit>(
      list('nosocket', 'nokmem'),
      single('panic', '30'),
      single('nosmt'),
      { ...list('nokmem'), state: 'absent' },
      { ...single('panic'), state: 'absent' },
      { ...single('panic', '30'), state: 'absent' },
    ),
  },
);
