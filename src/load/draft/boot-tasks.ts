// Tasks about the boot: its arguments, its menu, and the reboot itself.
import { quote } from '../../model/text/quote.ts';
import { isMapping, type Value } from '../../model/value.ts';
import { type Edit, type Outcome, undecided } from './account.ts';
import { commandLine, programOf } from './command-line.ts';
import { type Around, isReadElsewhere, type OldTask, resolved } from './old-task.ts';

/** Keys that only a command needs. */
const ofCommand = [
  ...['changed_when', 'failed_when', 'args', 'environment', 'async', 'poll', 'check_mode'],
  ...['until', 'retries', 'delay', 'creates', 'diff', 'ignore_errors'],
];
const without = ({ keys }: OldTask): readonly string[] => ofCommand.filter((key) => key in keys);

// ---- Arguments ----

const grubFile = /\/etc\/default\/grub\b/;

/** `lineinfile` or `replace` that adds words to GRUB_CMDLINE_LINUX. */
export function grubEditOf(task: OldTask, around: Around): Outcome | undefined {
  const written = task.args.line ?? task.args.replace;
  const isAdding =
    typeof written === 'string' &&
    /^(?:lineinfile|replace)$/.test(task.module) &&
    /GRUB_CMDLINE/.test(task.text) &&
    /\\(?:\d|g<)/.test(written);
  if (!isAdding || !grubFile.test(task.text)) return undefined;
  const line = resolved(written, around);
  const words = line
    .slice(Math.max(line.indexOf('GRUB_CMDLINE'), 0))
    .replace(/^GRUB_CMDLINE\w*=/, '')
    .replaceAll(/\\(?:\d|g<\w+>)|["']/g, ' ')
    .split(' ')
    .filter((word) => word !== '');
  return asArguments(task, words, 'present', around);
}

/** `grubby --update-kernel=ALL --args="a=b" --remove-args="c"`. */
export function grubbyOf(task: OldTask, around: Around): Outcome | undefined {
  const line = commandLine(task.text, around.vars);
  if (line === undefined || programOf(line) !== 'grubby') return undefined;
  const options = new Map<string, string>();
  for (const [at, word] of line.words.entries()) {
    const [name = '', ...value] = word.split('=');
    options.set(name, value.length > 0 ? value.join('=') : (line.words[at + 1] ?? ''));
  }
  const [args, removed] = [options.get('--args'), options.get('--remove-args')];
  if (options.get('--update-kernel') !== 'ALL' || (args === undefined) === (removed === undefined))
    return undefined;
  const words = resolved(args ?? removed ?? '', around)
    .split(' ')
    .filter((word) => word !== '');
  return asArguments(task, words, args === undefined ? 'absent' : 'present', around);
}

function asArguments(
  task: OldTask,
  words: readonly string[],
  state: 'present' | 'absent',
  around: Around,
): Outcome {
  const ask = 'which boot arguments are they? `kernel_arg: {key: NAME, value: VALUE}` sets one';
  const [first, second] = words;
  if (first === undefined || words.some((word) => word.includes('{{'))) return undecided(ask);
  if ('loop' in task.keys || isReadElsewhere(task, around)) return undecided(ask);
  const gone = state === 'absent' ? { state } : {};
  const items = words.map(argumentOf);
  const isWhole = items.every(({ value }) => value !== undefined);
  const each = {
    key: '{{ item.key }}',
    value: isWhole ? '{{ item.value }}' : '{{ item.value | default(omit) }}',
  };
  return {
    fate: 'replaced',
    by: 'kernel_arg',
    why: 'it changes all boot entries and those of later kernels, and can be rolled back',
    edit: {
      module: ['kernel_arg', { ...(second === undefined ? argumentOf(first) : each), ...gone }],
      without: without(task),
      // One task for all of them, so that its result and its notices are about each.
      ...(second !== undefined && { set: { loop: items } }),
    },
  };
}

function argumentOf(word: string): { readonly key: string; readonly value?: string } {
  const at = word.indexOf('=');
  return at < 0 ? { key: word } : { key: word.slice(0, at), value: word.slice(at + 1) };
}

const menus = /^(?:grub2?-mkconfig|update-grub2?)$/;

/** The command that writes the menu of the boot loader, where `kernel_arg` does all edits. */
export function bootMenuOf(task: OldTask, around: Around): Outcome | undefined {
  const line = commandLine(task.text, around.vars);
  if (line === undefined || !menus.test(programOf(line))) return undefined;
  const edits = around.tasks.filter((one) => grubFile.test(one.text) && !isOfMenu(one, around));
  const isDone =
    edits.length > 0 &&
    edits.every((one) => !around.stays(one) && grubEditOf(one, around)?.fate === 'replaced');
  return isDone
    ? { fate: 'replaced', by: 'kernel_arg', why: 'it writes the boot entries' }
    : undefined;
}

const isOfMenu = (task: OldTask, { vars }: Around): boolean => {
  const line = commandLine(task.text, vars);
  return line !== undefined && menus.test(programOf(line));
};

// ---- The command line of the running kernel ----

/** `grep -q ARGUMENT /proc/cmdline`. */
export function cmdlineOf(task: OldTask, around: Around): Outcome | undefined {
  const line = commandLine(task.text, around.vars);
  if (line === undefined || !line.words.includes('/proc/cmdline')) return undefined;
  const program = programOf(line);
  if (program === 'cat') return asRead(task, 'a plan runs it too');
  if (program !== 'grep') return undefined;
  const isJudged =
    'failed_when' in task.keys || 'ignore_errors' in task.keys || line.left.length > 0;
  if (isJudged || isReadElsewhere(task, around))
    return asRead(task, 'a plan runs it too; `boot.cmdline` is a fact');
  const argument = resolved(
    line.words.slice(1).find((word) => !word.startsWith('-') && word !== '/proc/cmdline') ?? '',
    around,
  );
  if (argument.includes('{{') || /[*?[\]^$|\\']/.test(argument)) return undefined;
  const gone = [...without(task), 'register'].filter((key) => key in task.keys);
  if (/^cgroup\.memory=(?:\w+,)*nokmem\b/.test(argument))
    return {
      fate: 'replaced',
      by: 'verify_kmem',
      why: 'it proves that accounting is off, which an argument alone does not',
      edit: { module: ['verify_kmem', { state: 'disabled' }], without: gone },
    };
  const isWord = line.words.some((word) => /^-\w*w/.test(word));
  return {
    fate: 'replaced',
    by: 'assert',
    why: 'the command line of the kernel is a fact',
    edit: {
      module: ['assert', { that: [`'${argument}' in boot.cmdline${isWord ? '.split()' : ''}`] }],
      without: gone,
    },
  };
}

// ---- What only reads ----

const readers =
  /^(?:needs-restarting|uname|uptime|who|hostname|date|id|lsmod|findmnt|mountpoint|nproc|getenforce|rpm|dpkg-query|lsblk|df|free|getent|ls|cat|head|tail|wc|test|\[|stat|grep)$/;

/** A command that is known to change nothing, whatever its options. */
export function readOf(task: OldTask, around: Around): Outcome | undefined {
  if (!/^(?:command|shell)$/.test(task.module) || task.keys.delegate_to !== undefined)
    return undefined;
  const line = commandLine(task.text, around.vars);
  const [, first = '', second = ''] = line?.words ?? [];
  const program = line === undefined ? '' : programOf(line);
  if (!readers.test(program) || /[>`]|\$\(/.test(task.text)) return undefined;
  if (program === 'rpm' && !/^-q/.test(first)) return undefined;
  if (program === 'hostname' && first !== '' && !first.startsWith('-')) return undefined;
  if (program === 'date' && /^(?:-s|--set|\d)/.test(first + second)) return undefined;
  if (task.keys.register === undefined || task.keys.changed_when !== false) return undefined;
  return asRead(task, 'it only reads, so a plan runs it too');
}

/** The same command, which a plan runs, too. */
function asRead(task: OldTask, why: string): Outcome | undefined {
  if (!/^(?:command|shell)$/.test(task.module) || task.keys.become_user !== undefined)
    return undefined;
  const { args } = task.keys;
  const before = isMapping(args) ? args : {};
  const set: Record<string, Value> = { check_mode: false, args: { ...before, read_only: true } };
  return { fate: 'kept', why, edit: { set } satisfies Edit };
}

// ---- Reboot ----

/** A shell that restarts the host. */
function isReboot(task: OldTask, { vars }: Around): boolean {
  if (!/^(?:command|shell|raw)$/.test(task.module)) return false;
  const line = commandLine(task.text, vars);
  if (line === undefined) return false;
  const words = line.words.filter((word) => word !== 'nohup');
  const [program = '', first = ''] = [programOf({ ...line, words }), ...words.slice(1)];
  return (
    program === 'reboot' ||
    (program === 'shutdown' && words.some((word) => /^-(?:\w*r|-reboot)/.test(word))) ||
    (program === 'systemctl' && words.includes('reboot')) ||
    (program === 'init' && first === '6')
  );
}

/** A `reboot` of kmend is in the draft. */
export const reboots = (around: Around): boolean =>
  around.tasks.some(
    (one) => one.module === 'reboot' || (!around.stays(one) && isReboot(one, around)),
  );

export function rebootOf(task: OldTask, around: Around): Outcome | undefined {
  if (!isReboot(task, around)) return undefined;
  if (task.keys.delegate_to !== undefined || 'loop' in task.keys || isReadElsewhere(task, around))
    return undecided('which host is restarted here? `reboot` restarts the host of the task');
  return {
    fate: 'replaced',
    by: 'reboot',
    why: 'it waits for the new boot, and knows it by its id',
    edit: {
      module: ['reboot', {}],
      without: [...without(task), 'become'].filter((key) => key in task.keys),
    },
  };
}

/** The wait for the port of ssh behind a reboot. */
export function waitOf(task: OldTask, around: Around): Outcome | undefined {
  const isLocal = /^(?:localhost|127\.0\.0\.1)$/.test(String(task.keys.delegate_to));
  const port = String(task.args.port ?? '22');
  const isLogin = port === '22' || (port.startsWith('{{') && /ssh|ansible_port/.test(port));
  if (task.module !== 'wait_for' || !isLocal || !isLogin) return undefined;
  return reboots(around)
    ? { fate: 'replaced', by: 'reboot', why: 'it waits until the host can be logged in to' }
    : undefined;
}

/** Texts for a shell: templates are quoted when they are rendered. */
export const inShell = (text: string): string =>
  text.includes('{{') ? text.replace(/^\{\{(.*)\}\}$/, '{{$1| quote }}') : quote(text);
