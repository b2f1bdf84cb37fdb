// Boot entries: what the next boot will start, by grub.cfg, grubenv and BLS snippets. These files
// are read as the boot loader reads them. grubby is not used: it can print nothing with status 0,
// and on el8 it is slow.
import { present } from '../../../model/present.ts';
import { compareRpm } from '../../../model/text/versions.ts';
import { expander } from '../../assignments.ts';

interface BootEntry {
  /** Kernel release, from the file name of its image. */
  readonly release: string;
  /** Arguments, without the kernel's path. */
  readonly cmdline: string;
  readonly title: string;
  readonly id: string;
  /**
   * Position among the entries and submenus of its menu, from the top. `[1, 2]` is the third entry
   * of the second menu.
   */
  readonly position: readonly number[];
}

export interface BootMenu {
  /** The file ends inside an entry. */
  readonly half?: boolean;
  readonly entries: readonly BootEntry[];
  /** The entry that boots without input at the console; absent when it is not known. */
  readonly next?: BootEntry;
  /** It is chosen for one boot only (`grub2-reboot`). */
  readonly once: boolean;
  /** The entry that boots when no entry is chosen for one boot. */
  readonly saved?: BootEntry;
  /** The menu reads the choice for one boot first, then the saved one. */
  readonly readsOnce: boolean;
}

type Variables = ReadonlyMap<string, string>;

/** Depth of nested menus whose positions are recorded. GRUB's own files have two. */
const deepestMenu = 16;

/** `NAME=value` lines of a grubenv. The file is filled up with `#`. */
export function readGrubEnv(lines: readonly string[]): Variables {
  const env = new Map<string, string>();
  for (const line of lines) {
    const parts = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (parts?.[1] !== undefined)
      env.set(parts[1], (parts[2] ?? '').replace(/(?<!#)#+$/, '').replace(/\\(.)/g, '$1'));
  }
  return env;
}

// ---- grub.cfg ----

interface OpenMenu {
  readonly kind: 'menuentry' | 'submenu';
  readonly title: string;
  readonly id: string;
  readonly position: readonly number[];
  children: number;
}

/**
 * Reads the lines of a grub.cfg that the probe sends: menus, kernel lines, `set` and closing
 * braces.
 */
export function readGrubCfg(lines: readonly string[], env: Variables): BootMenu {
  const variables = new Map<string, string>();
  const defaults: string[] = [];
  const entries: BootEntry[] = [];
  const open: OpenMenu[] = [];
  const expand = expander((name) => variables.get(name) ?? env.get(name));
  let top = 0;
  for (const line of lines) {
    const set = /^set ([a-z_]+)=(.*)$/.exec(line);
    const menu = /^(menuentry|submenu)\s(.*)$/s.exec(line);
    const linux = /^linux(?:16|efi)?\s+(\S+)(.*)$/s.exec(line);
    if (set?.[1] !== undefined) {
      const value = plain(set[2] ?? '');
      if (set[1] === 'default') defaults.push(value);
      else if (open.length === 0) variables.set(set[1], value);
    } else if (menu?.[1] !== undefined) {
      const parent = open.at(-1);
      const index = parent === undefined ? top++ : parent.children++;
      open.push({
        kind: menu[1] === 'submenu' ? 'submenu' : 'menuentry',
        ...nameOfMenu((menu[2] ?? '').trimStart()),
        position: [...(parent?.position.slice(0, deepestMenu) ?? []), index],
        children: 0,
      });
      // `menuentry 'Setup' { fwsetup }` ends on its first line.
      if (/\}\s*$/.test(line)) open.pop();
    } else if (linux?.[1] !== undefined) {
      const entry = open.at(-1);
      if (entry?.kind === 'menuentry' && entries.at(-1)?.position !== entry.position)
        entries.push({
          release: releaseOf(linux[1]),
          cmdline: argumentsIn(linux[2] ?? '', expand),
          title: entry.title,
          id: entry.id,
          position: entry.position,
        });
    } else if (line.startsWith('}')) open.pop();
  }
  return {
    entries,
    ...(open.length === 0 ? {} : { half: true }),
    ...chosen(entries, defaults, env),
  };
}

/** The first quoted or bare word is the title. `$menuentry_id_option` or `--id` sets the id. */
function nameOfMenu(rest: string): { readonly title: string; readonly id: string } {
  const named = /(?:\$\{?menuentry_id_option\}?|--id)[\s=]/.exec(rest);
  return {
    title: wordAt(rest),
    id:
      named === null
        ? ''
        : wordAt(rest.slice(named.index + named[0].length).replace(/^[\s=]+/, '')),
  };
}

/** The quoted or bare word at the beginning. */
const wordAt = (text: string): string =>
  /^(?:'([^']*)'|"([^"]*)"|(\S+))/
    .exec(text)
    ?.slice(1)
    .find((part) => part !== undefined) ?? '';

/**
 * The choice for one boot comes first, then the last `set default`. Earlier ones are in branches
 * for the choice for one boot.
 */
function chosen(
  entries: readonly BootEntry[],
  defaults: readonly string[],
  env: Variables,
): Omit<BootMenu, 'entries'> {
  const choice = env.get('next_entry') ?? '';
  const looks = defaults.some((value) => value.includes('next_entry'));
  const last = defaults.at(-1) ?? '0';
  const isSaved = /saved_entry/.test(last);
  const wanted = isSaved ? (env.get('saved_entry') ?? '') : last;
  // GRUB boots the first entry when the saved one does not exist, or none was saved.
  const saved = wanted === '' ? entries[0] : (entryNamed(entries, wanted) ?? entries[0]);
  const once = choice !== '' && looks;
  const next = once ? entryNamed(entries, choice) : saved;
  return { once, readsOnce: looks && isSaved, ...present({ next, saved }) };
}

/**
 * Finds an entry by number (`0`, `1>2`), id or title (`Advanced>Debian, with Linux 4.9`). A number
 * of a submenu means its first entry.
 */
function entryNamed(entries: readonly BootEntry[], name: string): BootEntry | undefined {
  const last =
    name
      .split(/(?<!>)>(?!>)/)
      .at(-1)
      ?.replaceAll('>>', '>') ?? '';
  if (/^\d+(>\d+)*$/.test(name)) {
    const wanted = name.split('>').map(Number);
    return entries.find((entry) => wanted.every((index, depth) => entry.position[depth] === index));
  }
  return (
    entries.find((entry) => entry.id === last) ??
    entries.find((entry) => entry.title === last || entry.title === name)
  );
}

// ---- Boot Loader Specification snippets ----

/** `FILE:key value` lines of /boot/loader/entries. */
export function readBls(
  lines: readonly string[],
  grub: readonly string[],
  env: Variables,
  ostree: boolean,
): BootMenu {
  const files = new Map<string, Map<string, string>>();
  for (const line of lines) {
    const [, word = '', value = ''] = /^(\S+)\s(.*)$/s.exec(line) ?? [];
    const end = word.lastIndexOf('.conf:');
    const [id, key] = [
      word.slice(word.lastIndexOf('/', end) + 1, end),
      word.slice(end + '.conf:'.length),
    ];
    if (end < 1 || key === '') continue;
    const values = files.get(id) ?? new Map<string, string>();
    if (!values.has(key)) values.set(key, value.trimStart());
    files.set(id, values);
  }
  // grub.cfg sets kernelopts only where grubenv does not.
  const variables = new Map([...grubVariables(grub), ...env]);
  const expand = expander((name) => variables.get(name));
  const order = [...files].sort(([a, left], [b, right]) =>
    ostree
      ? Number(right.get('version') ?? 0) - Number(left.get('version') ?? 0) || compareRpm(b, a)
      : compareRpm(b, a),
  );
  const entries = order.map(
    ([id, values], index): BootEntry => ({
      release:
        values.get('linux') === undefined
          ? (values.get('version') ?? '')
          : releaseOf(values.get('linux') ?? ''),
      cmdline: argumentsIn(values.get('options') ?? '', expand),
      title: values.get('title') ?? '',
      id,
      position: [index],
    }),
  );
  if (ostree)
    return {
      entries,
      once: false,
      readsOnce: false,
      ...(entries[0] === undefined ? {} : { next: entries[0], saved: entries[0] }),
    };
  const defaults = grub.flatMap((line) =>
    line.startsWith('set default=') ? [plain(line.slice('set default='.length))] : [],
  );
  return { entries, ...chosen(entries, defaults.length > 0 ? defaults : ['saved_entry'], env) };
}

const grubVariables = (lines: readonly string[]): readonly (readonly [string, string])[] =>
  lines.flatMap((line) => {
    const set = /^set (kernelopts|tuned_params|tuned_initrd)=(.*)$/.exec(line);
    return set?.[1] === undefined ? [] : [[set[1], plain(set[2] ?? '')] as const];
  });

// ---- words ----

/**
 * Release of `/vmlinuz-3.10.0-1160.el7.x86_64` and similar paths. ostree has the kernel in a
 * directory of its deployment.
 */
function releaseOf(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return file.replace(/^(?:vmlinuz|vmlinux|linux|bzImage|image|kernel)-/i, '');
}

/** A value without its outer quotes. */
const plain = (text: string): string =>
  /^(?:"(.*)"|'(.*)')\s*$/
    .exec(text)
    ?.slice(1)
    .find((part) => part !== undefined) ?? text.trim();

const argumentsIn = (text: string, expand: (text: string) => string): string =>
  expand(text).replace(/\\(.)/g, '$1').trim().replace(/\s+/g, ' ');
