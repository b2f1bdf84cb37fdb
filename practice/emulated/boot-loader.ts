// grubby, grub2-mkconfig and their relatives, on the files of the practice host's own boot loader.
import { envPath, menuPath } from '../host/boot.ts';
import type { Reply } from '../host/calls.ts';
import {
  type BootEntry,
  defaultEntry,
  editArgs,
  editEntries,
  makeConfig,
  readEntries,
  readEnv,
  scriptIsSound,
  writeEnv,
} from '../host/grub.ts';
import { kernelReleases, titleOf } from '../host/installed.ts';
import { fault, has, type Machine, put, read } from '../host/machine.ts';
import { done, type EmulatedTool, failed, unsupported, type World } from './answer.ts';

const noSpace = (path: string): Reply =>
  failed(1, `cannot write ${path}: No space left on device\n`);

/** Scripts give a path with the tree's root before it, or a path of the host. */
const inside = (machine: Machine, path: string): string =>
  path.startsWith(`${machine.root}/`) ? path.slice(machine.root.length) : path;

/**
 * grub.cfg names kernels from the root of the /boot file system; grubby shows and takes whole
 * paths.
 */
const fullKernel = (entry: BootEntry): string =>
  entry.kernel.startsWith('/boot/') ? entry.kernel : `/boot${entry.kernel}`;

interface Options {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** `--key=value`, or `--key value` for keys that take one. */
function readOptions(args: readonly string[], takesValue: readonly string[]): Options {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [key = '', ...rest] = (args[i] ?? '').split('=');
    if (rest.length > 0) values.set(key, rest.join('='));
    else if (takesValue.includes(key)) values.set(key, args[++i] ?? '');
    else flags.add(key);
  }
  return { flags, values };
}

const words = (text: string | undefined): readonly string[] =>
  (text ?? '').split(/\s+/).filter(Boolean);

function describe(entry: BootEntry, index: number): string {
  const root = entry.args.find((arg) => arg.startsWith('root='))?.slice(5) ?? '';
  const args = entry.args.filter((arg) => !arg.startsWith('root=')).join(' ');
  return `index=${index}\nkernel=${fullKernel(entry)}\nargs="${args}"\nroot=${root}\ninitrd=/boot${entry.initrd}\ntitle=${entry.title}\n`;
}

/** The answer of grubby's read-only options; `undefined` where the call changes something. */
function query(
  { flags, values }: Options,
  entries: readonly BootEntry[],
  standard: BootEntry | undefined,
  isChosen: (which: string) => (entry: BootEntry, index: number) => boolean,
): Reply | undefined {
  if (flags.has('--default-kernel')) return done(standard ? `${fullKernel(standard)}\n` : '');
  if (flags.has('--default-index'))
    return done(
      `${Math.max(
        0,
        entries.findIndex((entry) => entry.linuxLine === standard?.linuxLine),
      )}\n`,
    );
  if (flags.has('--default-title')) return done(standard ? `${standard.title}\n` : '');
  const info = values.get('--info');
  if (info !== undefined) {
    const shown = entries
      .map((entry, index) => (isChosen(info)(entry, index) ? describe(entry, index) : ''))
      .join('');
    return shown === '' ? failed(1, 'grubby: kernel not found\n') : done(shown);
  }
  return undefined;
}

export const grubby: EmulatedTool = (machine, args) => {
  const { flags, values } = readOptions(args, [
    '--info',
    '--args',
    '--remove-args',
    '--update-kernel',
    '--set-default',
    '--set-default-index',
    '--config-file',
  ]);
  const path = inside(machine, values.get('--config-file') ?? menuPath(machine));
  const config = read(machine, path);
  if (config === '')
    return failed(1, `error opening ${path} for read: No such file or directory\n`);
  const entries = readEntries(config);
  const standard = defaultEntry(config, read(machine, envPath(machine)));
  const isChosen = (which: string) => (entry: BootEntry, index: number) =>
    which === 'ALL' ||
    (which === 'DEFAULT'
      ? entry.linuxLine === standard?.linuxLine
      : fullKernel(entry) === inside(machine, which) || String(index) === which);

  const answer = query({ flags, values }, entries, standard, isChosen);
  if (answer) return answer;
  if (fault(machine, 'full')) return noSpace(path);
  const update = values.get('--update-kernel');
  if (update !== undefined) {
    // As in the real grubby, a missing kernel changes nothing and is no error.
    put(
      machine,
      path,
      editEntries(config, isChosen(update), (old) =>
        editArgs(old, words(values.get('--args')), words(values.get('--remove-args'))),
      ),
    );
    return done();
  }
  const wanted = values.get('--set-default') ?? values.get('--set-default-index');
  const target = entries.find(
    (entry, index) => wanted !== undefined && isChosen(wanted)(entry, index),
  );
  if (wanted === undefined) return unsupported('grubby', args);
  if (!target) return failed(1, `The param ${wanted} is incorrect\n`);
  put(
    machine,
    envPath(machine),
    writeEnv(new Map([...readEnv(read(machine, envPath(machine))), ['saved_entry', target.title]])),
  );
  return done();
};

/** The arguments of a menu made now. A real shell reads the defaults files. */
async function menu(machine: Machine, world: World): Promise<string> {
  const dropIns = machine.spec.flavour === 'debian' ? ['/etc/default/grub.d/*.cfg'] : [];
  const names = ['GRUB_CMDLINE_LINUX', 'GRUB_CMDLINE_LINUX_DEFAULT'];
  const [every = '', normal = ''] = await world.source(
    machine,
    ['/etc/default/grub', ...dropIns],
    names,
  );
  const root =
    machine.spec.flavour === 'el7'
      ? 'root=/dev/mapper/centos-root'
      : 'root=UUID=11111111-2222-3333-4444-555555555555';
  const args = [root, 'ro', every, normal].filter(Boolean).join(' ');
  return makeConfig(
    machine.spec.flavour,
    kernelReleases(machine).map((release) => ({ release, title: titleOf(machine, release), args })),
  );
}

/** `-o FILE` replaces the file only after success, as the real one does. */
export const mkconfig: EmulatedTool = async (machine, args, world) => {
  const at = args.findIndex((word) => word === '-o' || word === '--output');
  const output =
    at >= 0
      ? args[at + 1]
      : args.find((word) => word.startsWith('--output='))?.slice('--output='.length);
  const text = await menu(machine, world);
  const found = kernelReleases(machine)
    .map((release) => `Found linux image: /boot/vmlinuz-${release}\n`)
    .join('');
  if (output === undefined)
    return done(text, `Generating grub configuration file ...\n${found}done\n`);
  if (fault(machine, 'full')) return noSpace(output);
  put(machine, inside(machine, output), text, 0o600);
  return done('', `Generating grub configuration file ...\n${found}done\n`);
};

export const updateGrub: EmulatedTool = (machine, _args, world) =>
  mkconfig(machine, ['-o', menuPath(machine)], world);

export const scriptCheck: EmulatedTool = (machine, args) => {
  const file = args.find((word) => !word.startsWith('-')) ?? '';
  const path = inside(machine, file);
  if (!has(machine, path))
    return failed(1, `cannot open file \`${file}': No such file or directory\n`);
  return scriptIsSound(read(machine, path))
    ? done()
    : failed(1, `error: line 0: syntax error\nSyntax error at line 1\n`);
};

export const editenv: EmulatedTool = (machine, args) => {
  const rest = args[0]?.startsWith('/') || args[0] === '-' ? args.slice(1) : args;
  const values = new Map(readEnv(read(machine, envPath(machine))));
  const [verb, ...sets] = rest;
  if (verb === 'list') return done([...values].map(([key, value]) => `${key}=${value}\n`).join(''));
  if (verb !== 'set' && verb !== 'unset') return unsupported('grub2-editenv', args);
  for (const word of sets) {
    const at = word.indexOf('=');
    if (verb === 'unset') values.delete(word);
    else values.set(word.slice(0, at), word.slice(at + 1));
  }
  put(machine, envPath(machine), writeEnv(values));
  return done();
};

export const setDefault: EmulatedTool = (machine, args) => {
  put(
    machine,
    envPath(machine),
    writeEnv(
      new Map([...readEnv(read(machine, envPath(machine))), ['saved_entry', args.at(-1) ?? '0']]),
    ),
  );
  return done();
};
