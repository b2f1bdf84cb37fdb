// The scripts that set a boot argument, one for each boot loader: for all entries, and for kernels
// that are installed later. Each script works on a copy beside the file, checks it, and renames it
// into place. The old file is kept as FILE.kmend-before. No byte changes when nothing is missing,
// and a failed step restores the old files.
import { withPrelude } from '../../facts/probe/prelude.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { ArgumentEdit } from './edit.ts';
import bls from './scripts/bls.sh';
import byGrubby from './scripts/by-grubby.sh';
import defaults from './scripts/defaults.sh';
import editAwk from './scripts/edit.awk';
import findCfg2 from './scripts/find-cfg2.sh';
import flatcar from './scripts/flatcar.sh';
import frame from './scripts/frame.sh';
import futureGrub2 from './scripts/future-grub2.sh';
import grubCfg from './scripts/grub-cfg.sh';
import grubDebian from './scripts/grub-debian.sh';
import grubSuse from './scripts/grub-suse.sh';
import grub2 from './scripts/grub2.sh';
import rpmOstree from './scripts/rpm-ostree.sh';

/** What the exit codes of these scripts mean. */
export const scriptErrors: Readonly<Record<number, string>> = {
  20: 'the boot loader configuration was not found: nothing was changed',
  21: 'a program that sets boot arguments here is missing (grubby, grub2-mkconfig, update-grub, rpm-ostree or zipl): nothing was changed',
  22: 'a file of the boot loader could not be written: no space or read-only? what was before is back in place',
  23: 'the tool that makes boot entries failed: what was before is back in place',
  24: 'the new boot loader configuration does not pass the script check: what was before is back in place',
  26: 'grubby changed other arguments too: what was before is back in place',
  25: 'the argument is not in the new configuration: what was before is back in place; look for a file under /etc/default that overrides it',
};

const script = (
  edit: ArgumentEdit,
  files: readonly string[],
  values: Readonly<Record<string, string>> = {},
): string =>
  withPrelude(
    scriptText(frame, {
      key: quote(edit.key),
      items: quote(edit.items.join(',')),
      list: edit.list ? 1 : 0,
      state: edit.state,
      editFunctions: scriptText(editAwk),
      parts: files.map((file) => scriptText(file, values)).join(''),
    }),
  );

const future = { futureGrub2: scriptText(futureGrub2) };

export const grub2Script = (edit: ArgumentEdit): string =>
  script(edit, [defaults, grubCfg, findCfg2, futureGrub2, grub2]);

export const blsScript = (edit: ArgumentEdit, zipl: boolean): string =>
  script(edit, [defaults, byGrubby, bls], {
    ...future,
    needZipl: zipl ? 'command -v zipl >/dev/null 2>&1 || fail 21 "zipl is not there"' : '',
    runZipl: zipl ? '[ -z "$undo" ] || zipl >/dev/null || fail 23 "zipl failed"' : '',
  });

export const grubDebianScript = (edit: ArgumentEdit): string =>
  script(edit, [defaults, grubCfg, grubDebian]);

export const grubSuseScript = (edit: ArgumentEdit): string =>
  script(edit, [defaults, grubCfg, findCfg2, grubSuse], future);

export const rpmOstreeScript = (edit: ArgumentEdit): string => script(edit, [rpmOstree]);

export const flatcarScript = (edit: ArgumentEdit): string => script(edit, [flatcar]);
