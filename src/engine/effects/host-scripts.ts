// The engine's own scripts on a host: fence, spool, write, reboot, cleanup. POSIX sh; the prelude
// sets `$R`.
import { packageLocks } from '../../facts/areas/packages/package-locks.ts';
import { withPrelude } from '../../facts/probe/prelude.ts';
import { sha256Shell } from '../../model/host-file.ts';
import type { CopyEffect, Escalation, WriteEffect } from '../../model/run/effect.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { FenceToken } from '../ports/fence.ts';
import claim from './scripts/claim.sh';
import cleanup from './scripts/cleanup.sh';
import copy from './scripts/copy.sh';
import escalate from './scripts/escalate.sh';
import fenceFile from './scripts/fence.sh';
import fromHost from './scripts/from-host.sh';
import poll from './scripts/poll.sh';
import reboot from './scripts/reboot.sh';
import spoolIdFile from './scripts/spool-id.sh';
import start from './scripts/start.sh';
import stillOursFile from './scripts/still-ours.sh';
import unlockedFile from './scripts/unlocked.sh';
import write from './scripts/write.sh';

/** Exit codes of these scripts: numbers that shells and common tools do not use. */
export const exitCodes = {
  noState: 96,
  fenced: 97,
  busy: 98,
  cut: 95,
  noRoom: 94,
  noDigest: 93,
  otherFile: 92,
  locked: 91,
  invalid: 90,
} as const;

/** `D` survives a reboot, `L` does not. */
const placesOf = ({ home }: Pick<FenceToken, 'home'>): string => `${
  home === undefined ? 'D=$R/var/lib/kmend L=$R/run/kmend' : `D=${quote(home)} L=$D`
}
umask 077
mkdir -p "$D" "$L" || exit ${exitCodes.noState}
T=
`;

/** @param held what is done before another controller may pass the fence */
const fence = (token: FenceToken, held = ''): string =>
  scriptText(fenceFile, {
    ...exitCodes,
    run: quote(token.run),
    number: token.number,
    takeover: quote(token.takeover ?? ''),
    held,
  });

/** Takes stdin into `$T`, whole or not at all. */
const arrive = (isWhole: string, what: string): string =>
  `T=$D/arriving.$$
cat > "$T" || { rm -f "$T"; echo "cannot write to $D" >&2; exit ${exitCodes.noState}; }
${isWhole} || { rm -f "$T"; echo "the ${what} arrived truncated" >&2; exit ${exitCodes.cut}; }
`;

/** Fences another run out of a host, before this run works there. */
export const takeoverScript = (token: FenceToken): string =>
  withPrelude(`${placesOf(token)}${fence(token)}echo "$run $number closed" > "$D/fence"
`);

export const closeFenceScript = (token: FenceToken): string =>
  withPrelude(`${placesOf(token)}${fence(token)}echo "$run $number closed" > "$D/fence.new" && mv "$D/fence.new" "$D/fence" || exit ${exitCodes.noState}
rm -rf "$D/spool/${token.run}"
`);

/** @param base the directory of spools on the machine that runs kmend; `fresh`: an id if it has none */
export const spoolIdScript = (base: string, fresh: string): string =>
  withPrelude(scriptText(spoolIdFile, { ...exitCodes, base: quote(base), fresh: quote(fresh) }));

/** Removes what local effects of a host left on the machine that runs kmend, with an empty parent. */
export const clearSpoolScript = (home: string): string =>
  withPrelude(
    `rm -rf ${quote(home)} && rmdir ${quote(home.slice(0, home.lastIndexOf('/')))} 2>/dev/null || :\n`,
  );

/** An effect id (`HOST/TASK/N`) as a folder name below the run's spool. */
const spool = (token: FenceToken, effect: string): string =>
  `S=$D/spool/${token.run}/${effect.replace(/[^A-Za-z0-9.-]/g, '_')}\n`;

/** Starts the sealed script that comes on stdin. */
export const startScript = (token: FenceToken, effect: string): string =>
  withPrelude(
    [
      placesOf(token),
      arrive(`tail -n 1 "$T" | grep -qx '# kmend: end of script'`, 'script'),
      spool(token, effect),
      fence(token, scriptText(claim, exitCodes)),
      scriptText(start, exitCodes),
    ].join(''),
  );

/** Marks the end of a script, so that a truncated one is not run. */
export const sealScript = (script: string): string =>
  `${script.endsWith('\n') ? script : `${script}\n`}# kmend: end of script\n`;

export const pollScript = (
  token: FenceToken,
  effect: string,
  seconds: number,
  maxBytes: number,
): string =>
  withPrelude(
    `${placesOf(token)}${spool(token, effect)}${scriptText(poll, { polls: Math.max(1, Math.round(seconds * 5)), maxBytes })}`,
  );

export function writeScript(token: FenceToken, effect: WriteEffect): string {
  const { content, path, mode, owner = '', replaces, validate = [] } = effect;
  const isOfHost = typeof content === 'object' && 'from' in content;
  const arrived = isOfHost
    ? scriptText(fromHost, { ...exitCodes, from: quote(content.from) })
    : arrive(`[ "$(wc -c < "$T")" -eq ${sizeOf(content)} ]`, 'content');
  return withPrelude(
    `${placesOf(token)}${arrived}${fence(token)}${scriptText(write, {
      ...exitCodes,
      path: quote(path),
      mode: quote(mode),
      owner: quote(owner),
      replaces: quote(replaces ?? 'any'),
      sha256Shell: sha256Shell(exitCodes.noDigest),
      validate: validate.map((word) => word.split('%s').map(quote).join('"$n"')).join(' '),
    })}`,
  );
}

const sizeOf = (content: string | { readonly bytes: string }): number =>
  typeof content === 'string' ? new TextEncoder().encode(content).length : content.bytes.length;

/** Kilobytes that must stay free beside a copied file. */
const spareKb = 20 * 1024;

export const copyScript = (token: FenceToken, { name, sha256, size }: CopyEffect): string =>
  withPrelude(
    scriptText(copy, {
      ...exitCodes,
      fence: `${placesOf(token)}${fence(token)}`,
      name: quote(name),
      sha256Shell: sha256Shell(exitCodes.noDigest),
      sha256,
      size,
      spareKb,
    }),
  );

const unlocked = scriptText(unlockedFile, { ...exitCodes, packageLocks: quote(packageLocks) });

export const rebootScript = (token: FenceToken, effect: string): string =>
  withPrelude(
    `${placesOf(token)}${fence(token)}${scriptText(reboot, { ...exitCodes, effect: quote(effect), unlocked, mark: quote(`${token.run} ${effect}`) })}`,
  );

/** The kernel syncs the disks: the command `sync` would hang with a disk. */
const escalations: Readonly<Record<Escalation, string>> = {
  force: `systemctl reboot -f || reboot -f`,
  sysrq: `for c in s u b; do echo $c > "$R/proc/sysrq-trigger"; sleep 2; done`,
};

const stillOurs = (token: FenceToken): string =>
  scriptText(stillOursFile, { ...exitCodes, run: quote(token.run), number: token.number });

/** Checks that this run still holds the host, and that its packages are not being changed. */
export const heldScript = (token: FenceToken): string => withPrelude(stillOurs(token) + unlocked);

export const escalateScript = (
  token: FenceToken,
  effect: string,
  boot: string,
  step: Escalation,
): string =>
  withPrelude(
    `${stillOurs(token)}${scriptText(escalate, { ...exitCodes, boot: quote(boot), mark: quote(`${effect} ${boot} ${step}`), unlocked, harder: escalations[step] })}`,
  );

/** Prints two lines: the boot id, and the reboot mark of this boot (empty if none was sent). */
export const bootScript =
  withPrelude(`cat "$R/proc/sys/kernel/random/boot_id" && { cat "$R/run/kmend/reboot" 2>/dev/null || echo; }
`);

export const cleanupScript = withPrelude(`${placesOf({})}${scriptText(cleanup, exitCodes)}`);
