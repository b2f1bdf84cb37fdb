// Area boot: the command line of this boot, of the next boot, and of kernels that are installed
// later.
import type { Facts } from '../../../model/fact.ts';
import type { Loader } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';
import boot from './boot.sh';
import { bootArgs, valuesOf } from './boot-args.ts';
import { type BootMenu, readBls, readGrubCfg, readGrubEnv } from './boot-entries.ts';

export const bootArea: Area = {
  name: 'boot',
  script: scriptText(boot),
  quick: true,
  maxBytes: 262_144,
  parse: (text, { cut }) => {
    const fields = readFields(text);
    const menu = readMenu(fields);
    const denied = cut ? 'the boot configuration is too long' : deniedBy(fields);
    return {
      'boot.cmdline': fields.has('cmdline')
        ? fields.text('cmdline').trim()
        : unknown('/proc/cmdline could not be read'),
      'boot.firmware': fields.has('efi') ? 'uefi' : 'bios',
      'boot.loader': menu.loader === 'unknown' && denied !== '' ? unknown(denied) : menu.loader,
      'boot.grub_cfg': fields.text('cfg'),
      ...nextFacts(menu, menu.next === undefined ? denied : ''),
      'boot.menu_broken':
        menu.half === true && !cut
          ? `${fields.text('cfg')} ends inside an entry: it was written by half`
          : '',
      'boot.once': onceOf(menu, fields),
      'kernel.trial': readGrubEnv(fields.all('env')).get('kmend_trial') ?? '',
      ...defaultFacts(fields, menu.loader),
    };
  },
};

type Fields = ReturnType<typeof readFields>;

const deniedBy = (fields: Fields): string =>
  fields.has('grub_denied') || fields.has('bls_denied')
    ? 'the boot loader configuration may be read by root only'
    : '';

interface Menu extends BootMenu {
  readonly loader: Loader;
}

function readMenu(fields: Fields): Menu {
  const os = readAssignments(fields.all('os'));
  const ids = `${os.get('ID') ?? ''} ${os.get('ID_LIKE') ?? ''}`;
  const env = readGrubEnv(fields.all('env'));
  const [grub, bls] = [fields.all('grub'), fields.all('bls')];
  if (fields.has('ostree')) return { loader: 'rpm-ostree', ...readBls(bls, grub, env, true) };
  if (/\b(flatcar|coreos)\b/.test(ids)) return { loader: 'flatcar', ...flatcarMenu(fields) };
  if (fields.text('arch') === 's390x' && bls.length > 0)
    return { loader: 'zipl', ...readBls(bls, grub, env, false) };
  if (bls.length > 0 && grub.includes('blscfg'))
    return { loader: 'bls', ...readBls(bls, grub, env, false) };
  const menu = readGrubCfg(grub, env);
  if (menu.entries.length === 0) return { loader: 'unknown', ...menu };
  if (/\b(debian|ubuntu)\b/.test(ids)) return { loader: 'grub-debian', ...menu };
  return { loader: /suse|sles/.test(ids) ? 'grub-suse' : 'grub2', ...menu };
}

/**
 * Flatcar's menu is inside its GRUB, and kmend only reads what the OEM file appends. So the next
 * boot has the arguments of this one, and those of the OEM file.
 */
function flatcarMenu(fields: Fields): BootMenu {
  const appended = [
    ...readAssignments(fields.all('oem').map((line) => line.replace(/^\s*set\s+/, ''))).entries(),
  ].find(([name]) => name === 'linux_append');
  const now = bootArgs(fields.text('cmdline')).filter((token) => !token.startsWith('BOOT_IMAGE='));
  const known = new Set(now);
  const more = bootArgs(appended?.[1] ?? '').filter((token) => !known.has(token));
  const entry = {
    release: '',
    cmdline: [...now, ...more].join(' '),
    title: 'Flatcar',
    id: 'flatcar',
    position: [0],
  };
  return { entries: [entry], next: entry, saved: entry, once: false, readsOnce: false };
}

function nextFacts(menu: Menu, denied: string): Facts {
  const value = (text: string | undefined): string | Unknown =>
    denied === '' ? (text ?? '') : unknown(denied);
  return {
    'boot.next_cmdline': value(menu.next?.cmdline),
    'boot.next_title': value(menu.next?.title),
    'boot.next_once': menu.once,
    'kernel.next': value(menu.next?.release),
    'kernel.saved': value(menu.saved?.release),
    'boot.entries': menu.entries
      .slice(0, 50)
      .map(({ release, cmdline, title, id }) => ({ release, cmdline, title, id })),
  };
}

/**
 * GRUB deletes a choice for one boot by writing grubenv. It cannot write to LVM, RAID, btrfs and
 * ZFS (GRUB manual, environment block). There the choice would stay, and a kernel that panics would
 * boot again and again.
 */
function onceOf(menu: Menu, fields: Fields): string {
  if (menu.loader !== 'grub2' && menu.loader !== 'bls') return `the boot loader is ${menu.loader}`;
  if (!menu.readsOnce) return 'its grub.cfg does not look for a saved choice (GRUB_DEFAULT=saved)';
  const [device = '', type = ''] = fields.text('envdev').split(' ');
  if (device === '') return 'there is no grubenv, or it is not known what it lies on';
  if (/^(btrfs|zfs)$/.test(type) || /^\/dev\/(mapper\/|dm-|md)/.test(device))
    return `GRUB cannot write to ${device} (${type}), so the choice would stay`;
  return 'yes';
}

function defaultFacts(fields: Fields, loader: Loader): Facts {
  const lines = fields.all('default');
  // grub-mkconfig reads the drop-ins after all of /etc/default/grub.
  const dropins = readDropins(fields);
  const values = readAssignments([...lines, ...dropins.flatMap((dropin) => dropin.lines)]);
  const linux = values.get('GRUB_CMDLINE_LINUX') ?? '';
  const linuxDefault = values.get('GRUB_CMDLINE_LINUX_DEFAULT') ?? '';
  const kernelCmdline = fields.text('kernelcmdline').trim();
  return {
    'boot.default_grub': linux,
    'boot.default_grub_default': linuxDefault,
    'boot.default_grub_text': lines.map((line) => `${line}\n`).join(''),
    'boot.dropins': dropins.map((dropin) => ({
      path: dropin.path,
      text: dropin.lines.map((line) => `${line}\n`).join(''),
    })),
    'boot.kernel_cmdline': kernelCmdline,
    'boot.cmdline_future':
      loader === 'bls' && kernelCmdline !== ''
        ? kernelCmdline
        : [linux, linuxDefault].filter((part) => part !== '').join(' '),
  };
}

interface Dropin {
  readonly path: string;
  readonly lines: readonly string[];
}

const readDropins = (fields: Fields): readonly Dropin[] =>
  fields.all('dropin').map((path, index) => ({ path, lines: fields.all(`drop${index}`) }));

/** Arguments whose change is shown before a reboot. */
const watchedArgs = [
  'cgroup.memory',
  'cgroup_disable',
  'cgroup_enable',
  'systemd.unified_cgroup_hierarchy',
] as const;

/** The watched arguments in which two command lines differ, as `KEY: before -> after`. */
export const differingArgs = (before: string, after: string): readonly string[] =>
  watchedArgs.flatMap((key) => {
    const [left, right] = [valuesOf(before, key).join(','), valuesOf(after, key).join(',')];
    return left === right ? [] : [`${key}: ${left || 'not set'} -> ${right || 'not set'}`];
  });
