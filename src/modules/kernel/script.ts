// The shell that makes a kernel the default, or chooses it for one boot. No tool's exit status is
// trusted: the result is read back.
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { packageErrors, packageHints } from '../package-manager/errors.ts';
import checksFile from './scripts/checks.sh';
import makeDefault from './scripts/default.sh';
import endTrial from './scripts/end-of-trial.sh';
import menuEntryFile from './scripts/menu-entry.sh';
import trial from './scripts/trial.sh';

export const kernelErrors: Readonly<Record<number, string>> = {
  ...packageErrors,
  60: 'the kernel is installed, but its file is not under /boot (or its initramfs is missing): it would not boot, so it was not made the default',
  61: 'grubby is not there: the default kernel cannot be set',
  66: 'grubby does not say which kernel is the default: nothing was changed',
  62: 'the kernel is installed, but grubby does not make it the default, or does not keep the old one as the default',
  63: 'grub2-editenv is not there, or grubenv cannot be written: the kernel cannot be chosen for one boot',
  64: 'the boot loader has no entry for the kernel that was installed',
  65: 'the kernel is the default, but /etc/sysconfig/kernel could not be changed: an update of the other kernel line would become the default',
};

export const kernelHints: Readonly<Record<number, string>> = {
  ...packageHints,
  60: 'read the output of its scripts (`rpm -q --scripts PACKAGE`): no room on /boot, or a failed dracut, are the usual causes; then `yum reinstall PACKAGE-VERSION`',
  61: 'install grubby, or set the default kernel by hand and run kmend again: it will see it',
  66: 'compare root= of the boot entries with the device of / in /etc/mtab: grubby passes over entries of another device',
  62: 'try it on the host: `grubby --set-default=/boot/vmlinuz-VERSION`, then `grubby --default-kernel`; is grub.cfg where grubby looks for it (/etc/grub2.cfg)?',
  63: 'say `trial: false`, or repair grubenv: `grub2-editenv create` beside grub.cfg',
  65: 'set DEFAULTKERNEL= in /etc/sysconfig/kernel by hand to the name of the package that this kernel belongs to',
  64: 'make the menu anew (`grub2-mkconfig -o /boot/grub2/grub.cfg`), and see whether the kernel is in it',
};

const checks = (release: string): string => scriptText(checksFile, { release: quote(release) });

/**
 * grubenv is beside the grub.cfg that the firmware starts. Debian calls the program grub-editenv.
 */
const editEnv = (
  menu: string,
): string => `E="$R"${quote(`${menu.slice(0, menu.lastIndexOf('/'))}/grubenv`)}
env_edit() { if command -v grub2-editenv >/dev/null 2>&1; then grub2-editenv "$E" "$@"; else grub-editenv "$E" "$@"; fi; }
`;

/**
 * `menu` is the path of grub.cfg; empty where grubenv cannot hold a choice. `updates` is the
 * package that /etc/sysconfig/kernel must name.
 */
export const defaultScript = (release: string, menu: string, updates?: string): string =>
  `${checks(release)}${scriptText(makeDefault, { endOfTrial: menu === '' ? '' : endOfTrial(menu), followUpdates: updates === undefined ? '' : followUpdates(updates) })}`;

/**
 * new-kernel-pkg and kernel-install make a new kernel of the package that is named here the
 * default.
 */
const followUpdates = (name: string): string => `S="$R/etc/sysconfig/kernel"
cp -p "$S" "$S.kmend" && sed 's/^DEFAULTKERNEL=.*/DEFAULTKERNEL=${name}/' "$S" > "$S.kmend" && mv -f "$S.kmend" "$S" || { rm -f "$S.kmend"; exit 65; }
grep -Fxq 'DEFAULTKERNEL=${name}' "$S" || exit 65
`;

const endOfTrial = (menu: string): string => `${editEnv(menu)}${scriptText(endTrial)}`;

/**
 * A kernel package may make itself the default (UPDATEDEFAULT=yes), and that must be undone. So the
 * old default is read before packages move.
 */
export const beforeTrial = `old_default=$(grubby --default-kernel 2>/dev/null)
[ -n "$old_default" ] || { echo 'grubby does not say which kernel is the default' >&2; exit 66; }
`;

export const trialScript = (release: string, menu: string, loader: string): string =>
  `${checks(release)}${editEnv(menu)}${scriptText(trial, { findEntry: loader === 'bls' ? blsEntry : menuEntry(menu) })}`;

const blsEntry = `entry=''
for f in "$R"/boot/loader/entries/*"-$want.conf"; do if [ -z "$entry" ] && [ -s "$f" ]; then entry=\${f##*/}; entry=\${entry%.conf}; fi; done
`;

const menuEntry = (menu: string): string => scriptText(menuEntryFile, { menu: quote(menu) });
