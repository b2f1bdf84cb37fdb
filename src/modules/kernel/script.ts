// The shell that makes a kernel the default, or chooses it for one boot. Nothing that a tool says is believed: the answer is read back.
import { quote } from '../../model/text/quote.ts';
import { packageErrors, packageHints } from '../package-manager/errors.ts';

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
  60: 'look at the output of its scripts (`rpm -q --scripts PACKAGE`): no room on /boot, or a failed dracut, are the usual causes; then `yum reinstall PACKAGE-VERSION`',
  61: 'install grubby, or set the default kernel by hand and run kmend again: it will see it',
  66: 'compare root= of the boot entries with the device of / in /etc/mtab: grubby passes over entries of another device',
  62: 'try it on the host: `grubby --set-default=/boot/vmlinuz-VERSION`, then `grubby --default-kernel`; is grub.cfg where grubby looks for it (/etc/grub2.cfg)?',
  63: 'say `trial: false`, or mend grubenv: `grub2-editenv create` beside grub.cfg',
  65: 'set DEFAULTKERNEL= in /etc/sysconfig/kernel by hand to the name of the package that this kernel belongs to',
  64: 'make the menu anew (`grub2-mkconfig -o /boot/grub2/grub.cfg`), and see whether the kernel is in it',
};

/** `$want` is bootable, and grubby is there. */
const checks = (release: string): string => `want=${quote(release)}
[ -s "$R/boot/vmlinuz-$want" ] || { echo "no $R/boot/vmlinuz-$want" >&2; exit 60; }
if [ -e "$R/boot/initramfs-$(uname -r).img" ] && [ ! -s "$R/boot/initramfs-$want.img" ]; then echo "no $R/boot/initramfs-$want.img" >&2; exit 60; fi
command -v grubby >/dev/null 2>&1 || exit 61
is_default() { case $(grubby --default-kernel 2>/dev/null) in */"vmlinuz-$want") ;; *) return 1;; esac; }
`;

/** grubenv lies beside the grub.cfg that the firmware starts; Debian calls the program grub-editenv. */
const editEnv = (menu: string): string => `E="$R"${quote(`${menu.slice(0, menu.lastIndexOf('/'))}/grubenv`)}
env_edit() { if command -v grub2-editenv >/dev/null 2>&1; then grub2-editenv "$E" "$@"; else grub-editenv "$E" "$@"; fi; }
`;

/** `menu` is the path of grub.cfg; empty where no choice can stand in a grubenv. `updates`: the package that /etc/sysconfig/kernel shall name. */
export const defaultScript = (release: string, menu: string, updates?: string): string => `${checks(release)}if ! is_default; then
  grubby --set-default="/boot/vmlinuz-$want" >/dev/null </dev/null || exit 62
  is_default || { echo "default: $(grubby --default-kernel 2>&1)" >&2; exit 62; }
fi
${menu === '' ? '' : endOfTrial(menu)}${updates === undefined ? '' : followUpdates(updates)}sync
`;

/** new-kernel-pkg and kernel-install make a new kernel the default where its package is the one that is named here. */
const followUpdates = (name: string): string => `S="$R/etc/sysconfig/kernel"
cp -p "$S" "$S.kmend" && sed 's/^DEFAULTKERNEL=.*/DEFAULTKERNEL=${name}/' "$S" > "$S.kmend" && mv -f "$S.kmend" "$S" || { rm -f "$S.kmend"; exit 65; }
grep -Fxq 'DEFAULTKERNEL=${name}' "$S" || exit 65
`;

/** What a trial left: the choice, its mark, and the argument that reboots after a panic, where the trial set it. */
const endOfTrial = (menu: string): string => `${editEnv(menu)}if [ -s "$E" ] && grep -Eq '^(kmend_trial|next_entry)=.' "$E"; then
  tried=$(sed -n 's/^kmend_trial=//p' "$E" | head -n 1)
  if [ -n "$tried" ] && grep -q '^kmend_panic=1' "$E"; then grubby --update-kernel="/boot/vmlinuz-$tried" --remove-args=panic >/dev/null </dev/null || exit 62; fi
  env_edit unset kmend_trial && env_edit unset kmend_panic && env_edit unset next_entry || exit 63
fi
`;

/** Before packages move: a kernel package may make itself the default (UPDATEDEFAULT=yes), and that must be undone. */
export const beforeTrial = `old_default=$(grubby --default-kernel 2>/dev/null)
[ -n "$old_default" ] || { echo 'grubby does not say which kernel is the default' >&2; exit 66; }
`;

/**
 * Chosen for one boot, by title (grub2) or id (boot loader entries); `panic=30` lets a kernel that panics boot again, and then GRUB takes the
 * default, which stays the old kernel.
 */
export const trialScript = (
  release: string,
  menu: string,
  loader: string,
): string => `${checks(release)}${editEnv(menu)}[ -s "$E" ] || exit 63
if [ "$(grubby --default-kernel 2>/dev/null)" != "$old_default" ]; then
  grubby --set-default="$old_default" >/dev/null </dev/null || exit 62
  [ "$(grubby --default-kernel 2>/dev/null)" = "$old_default" ] || { echo "default: $(grubby --default-kernel 2>&1)" >&2; exit 62; }
fi
${loader === 'bls' ? blsEntry : menuEntry(menu)}[ -n "$entry" ] || exit 64
set -- kmend_trial="$want" next_entry="$entry"
args=$(grubby --info=ALL 2>/dev/null </dev/null | awk -v k="vmlinuz-$want" '/^kernel=/ { n = split($0, p, "/"); sub(/"$/, "", p[n]); mine = p[n] == k } /^args=/ && mine { sub(/^args="?/, ""); sub(/"$/, ""); print; exit }')
case " $args " in *' panic='*) ;; *)
  grubby --update-kernel="/boot/vmlinuz-$want" --args=panic=30 >/dev/null </dev/null || exit 62
  set -- "$@" kmend_panic=1;;
esac
env_edit set "$@" || exit 63
env_edit list | grep -Fxq "next_entry=$entry" || { echo "next_entry: $(env_edit list 2>&1 | sed -n 's/^next_entry=//p')" >&2; exit 63; }
sync
`;

const blsEntry = `entry=''
for f in "$R"/boot/loader/entries/*"-$want.conf"; do if [ -z "$entry" ] && [ -s "$f" ]; then entry=\${f##*/}; entry=\${entry%.conf}; fi; done
`;

/** The first entry that loads it; one in a submenu is named with it, as GRUB wants. */
const menuEntry = (menu: string): string => `entry=$(awk -v k="vmlinuz-$want" '
  function title(l,  q) { sub(/^[^\\047"]*/, "", l); q = substr(l, 1, 1); l = substr(l, 2); return substr(l, 1, index(l, q) - 1) }
  /^submenu / { s = title($0) ">" }
  /^menuentry / { s = ""; t = title($0) }
  /^[ \\t]+menuentry / { t = s title($0) }
  /^[ \\t]*linux(16|efi)?[ \\t]/ { n = split($2, p, "/"); if (p[n] == k) { print t; exit } }' "$R"${quote(menu)})
`;
