// Scripts of the engine itself on a host: fence, spool, write, reboot, cleanup. POSIX sh; `$R` comes from the prelude.
import { packageLocks } from '../../facts/areas/packages/package-locks.ts';
import { withPrelude } from '../../facts/probe/prelude.ts';
import { sha256Shell } from '../../model/host-file.ts';
import type { CopyEffect, Escalation } from '../../model/run/effect.ts';
import { quote } from '../../model/text/quote.ts';
import type { FenceToken } from '../ports/fence.ts';

/** Exit codes that these scripts share; chosen where shells and tools do not tread. */
export const exitCodes = { noState: 96, fenced: 97, busy: 98, cut: 95, noRoom: 94, noDigest: 93, otherFile: 92, locked: 91 } as const;

/** `D` is what outlives a reboot, `L` what a reboot clears. */
const places = `D=$R/var/lib/kmend L=$R/run/kmend
umask 077
mkdir -p "$D" "$L" || exit ${exitCodes.noState}
`;

/**
 * The lock is a symbolic link that names the shell's pid: made in one step, and a dead owner is seen.
 * The fence file holds `RUN NUMBER open|closed`; checked and raised while the lock is held.
 */
const fence = (token: FenceToken): string => `${places}i=0
until ln -s "$$" "$L/fence.lock" 2>/dev/null; do
  p=$(readlink "$L/fence.lock" 2>/dev/null)
  if [ -n "$p" ] && ! kill -0 "$p" 2>/dev/null; then rm -f "$L/fence.lock"; fi
  i=$((i+1)); [ "$i" -lt 50 ] || { echo "process $p holds the fence lock" >&2; exit ${exitCodes.busy}; }
  sleep 0.1
done
trap 'rm -f "$L/fence.lock"' EXIT
run=${quote(token.run)} number=${token.number} takeover=${quote(token.takeover ?? '')}
if [ -s "$D/revoked" ] && [ -z "$takeover" ] && grep -qx "$run" "$D/revoked"; then echo "$(sed -n 's/ .*//p' "$D/fence") (it took this host over)" >&2; exit ${exitCodes.fenced}; fi
if [ -n "$takeover" ] && [ "$takeover" != "$run" ]; then
  { grep -vx -e "$run" -e "$takeover" "$D/revoked" 2>/dev/null; echo "$takeover"; } > "$D/revoked.new" && mv "$D/revoked.new" "$D/revoked" || exit ${exitCodes.noState}
fi
if [ -s "$D/fence" ]; then
  read -r r n s < "$D/fence"
  if [ "$r" = "$run" ]; then [ "$n" -le "$number" ] || { echo "$r (a newer controller, number $n)" >&2; exit ${exitCodes.fenced}; }
  elif [ "$s" = open ] && [ "$r" != "$takeover" ]; then echo "$r" >&2; exit ${exitCodes.fenced}; fi
fi
echo "$run $number open" > "$D/fence.new" && mv "$D/fence.new" "$D/fence" || exit ${exitCodes.noState}
rm -f "$L/fence.lock"; trap - EXIT
`;

/** Takes a host away from another run before this one has anything to do there: what it holds, and what it would start later. */
export const takeoverScript = (token: FenceToken): string =>
  withPrelude(`${fence(token)}echo "$run $number closed" > "$D/fence"
`);

export const closeFenceScript = (token: FenceToken): string =>
  withPrelude(`${fence(token)}echo "$run $number closed" > "$D/fence.new" && mv "$D/fence.new" "$D/fence" || exit ${exitCodes.noState}
rm -rf "$D/spool/${token.run}"
`);

/** An effect id (`HOST/TASK/N`) as a folder name below the run's spool. */
const spool = (token: FenceToken, effect: string): string => `S=$D/spool/${token.run}/${effect.replace(/[^A-Za-z0-9.-]/g, '_')}\n`;

const bootId = '$(cat "$R/proc/sys/kernel/random/boot_id")';

/**
 * Starts a script, which comes on stdin, detached from the session: output and exit status stay in the spool.
 * A second start of the same effect does nothing, so asking twice never acts twice.
 */
export const startScript = (token: FenceToken, effect: string): string =>
  withPrelude(`${fence(token)}${spool(token, effect)}if [ -e "$S/boot" ]; then cat > /dev/null; exit 0; fi
mkdir -p "$S" && cat > "$S/script" || { rm -rf "$S"; echo "cannot write to $D" >&2; exit ${exitCodes.noState}; }
tail -n 1 "$S/script" | grep -qx '# kmend: end of script' || { rm -rf "$S"; echo "the script arrived cut" >&2; exit ${exitCodes.cut}; }
echo "${bootId}" > "$S/boot" || { rm -rf "$S"; exit ${exitCodes.noState}; }
cd / || :
S=$S setsid sh -c 'sh "$S/script" < /dev/null > "$S/out" 2> "$S/err"; echo $? > "$S/rc.new"; sync; mv "$S/rc.new" "$S/rc"' < /dev/null > /dev/null 2>&1 &
`);

/** Marks the end, so that a script that arrived cut in half is not run. */
export const sealScript = (script: string): string => `${script.endsWith('\n') ? script : `${script}\n`}# kmend: end of script\n`;

/** Answers `done RC`, `running LAST-LINE`, `interrupted` (another boot, no status) or `absent`; after `done` the output follows. */
export const pollScript = (token: FenceToken, effect: string, seconds: number, maxBytes: number): string =>
  withPrelude(`${places}${spool(token, effect)}[ -e "$S/boot" ] || { echo absent; exit 0; }
i=0
while [ ! -e "$S/rc" ] && [ "$i" -lt ${Math.max(1, Math.round(seconds * 5))} ]; do
  [ "$(cat "$S/boot")" = "${bootId}" ] || { echo interrupted; exit 0; }
  sleep 0.2; i=$((i+1))
done
if [ -e "$S/rc" ]; then echo "done $(cat "$S/rc")"; tail -c ${maxBytes} "$S/out"; tail -c ${maxBytes} "$S/err" >&2
else echo "running $(tail -n 1 "$S/out" 2>/dev/null | cut -c 1-200)"; fi
`);

/**
 * Replaces a file with stdin: through a symlink to its target, beside it and then renamed, owner, mode and SELinux label kept,
 * the old one kept in backup/. The content's length is checked, so that a cut stream replaces nothing.
 */
export const writeScript = (token: FenceToken, effect: string, path: string, mode: string, bytes: number): string =>
  withPrelude(`${fence(token)}t=$R${quote(path)}
if [ -L "$t" ]; then t=$(readlink -f "$t") || exit 1; fi
d=$(dirname "$t"); mkdir -p "$d" "$D/backup" || exit 1
n=$(mktemp "$d/.kmend.XXXXXX") || exit 1
trap 'rm -f "$n"' EXIT
if [ -e "$t" ]; then cp -a "$t" "$D/backup/${effect.replace(/[^A-Za-z0-9.-]/g, '_')}" && cp -a "$t" "$n" || exit 1; else chmod ${quote(mode)} "$n"; fi
cat > "$n" || exit 1
[ "$(wc -c < "$n")" -eq ${bytes} ] || { echo "the content arrived cut" >&2; exit ${exitCodes.cut}; }
sync; mv -f "$n" "$t" || exit 1
trap - EXIT
if command -v restorecon > /dev/null 2>&1; then restorecon "$t" > /dev/null 2>&1; fi
:
`);

/** Kilobytes that must stay free beside a file that is copied. */
const spareKb = 20 * 1024;

/**
 * Puts stdin in place of what is missing of a file. Prints `from BYTES` when it waits for input from there on, and at last `over`: whoever
 * sends knows then that nothing more is read. The part of a copy that was interrupted stays, and is continued; what has not the right checksum
 * at the end is removed.
 */
export const copyScript = (token: FenceToken, { name, sha256, size }: CopyEffect): string =>
  withPrelude(`(
${fence(token)}P=$D/packages
mkdir -p "$P" || exit ${exitCodes.noState}
t=$P/${quote(name)}
${sha256Shell(exitCodes.noDigest)}if [ -f "$t" ] && [ "$(sha256 "$t")" = ${sha256} ]; then exit 0; fi
n=0; if [ -f "$t.part" ]; then n=$(wc -c < "$t.part"); fi
if [ "$n" -gt ${size} ]; then rm -f "$t.part"; n=0; fi
free=$(df -Pk "$P" | awk 'NR == 2 {print $4}') need=$(((${size} - n) / 1024 + ${spareKb}))
if [ "\${free:-$need}" -lt "$need" ]; then echo "\${free} kB are free in $P, $need kB are needed" >&2; exit ${exitCodes.noRoom}; fi
echo "from $((n))"
cat >> "$t.part" || exit ${exitCodes.noRoom}
[ "$(wc -c < "$t.part")" -eq ${size} ] || { echo "$(wc -c < "$t.part") of ${size} bytes" >&2; exit ${exitCodes.cut}; }
[ "$(sha256 "$t.part")" = ${sha256} ] || { rm -f "$t.part"; exit ${exitCodes.otherFile}; }
mv -f "$t.part" "$t" || exit ${exitCodes.noState}
)
c=$?; echo over; exit $c
`);

/** Ends with who holds a lock of the package manager. \`$F\` has the functions, so that they can be asked again where nothing else is there. */
const unlocked = `F=${quote(packageLocks)}
eval "$F"
w=$(locks 2>/dev/null | head -n 1)
[ -z "$w" ] || { echo "$w" >&2; exit ${exitCodes.locked}; }
`;

/**
 * Leaves the mark first: with it and the same boot id a reboot was sent and has not happened; without it none was ever sent. Where packages began to
 * be changed in the moment that the answer takes, nothing is rebooted, and the mark says so.
 */
export const rebootScript = (token: FenceToken, effect: string): string =>
  withPrelude(`${fence(token)}b=${bootId}
if [ -e "$L/reboot" ]; then read -r r e o < "$L/reboot"; [ "$e $o" != ${quote(effect)}" $b" ] || exit 0; fi
${unlocked}m=${quote(`${token.run} ${effect}`)}
echo "$m $b" > "$L/reboot" || exit ${exitCodes.noState}
sync
cd / || :
F=$F L=$L M=$m setsid sh -c 'sleep 0.3; eval "$F"; if [ -n "$(locks)" ]; then echo "$M withheld" > "$L/reboot"; else systemctl reboot || shutdown -r now || reboot; fi' < /dev/null > /dev/null 2>&1 &
`);

/** Detached: a shutdown that hangs must not hold it. A disk that hangs would hold `sync` for ever, so the kernel is asked to do it. */
const escalations: Readonly<Record<Escalation, string>> = {
  force: `systemctl reboot -f || reboot -f`,
  sysrq: `for c in s u b; do echo $c > "$R/proc/sysrq-trigger"; sleep 2; done`,
};

const stillOurs = (token: FenceToken): string => `D=$R/var/lib/kmend L=$R/run/kmend
read -r r n s < "$D/fence" || exit ${exitCodes.noState}
[ "$r" = ${quote(token.run)} ] && [ "$n" -le ${token.number} ] && [ "$s" = open ] || { echo "$r" >&2; exit ${exitCodes.fenced}; }
`;

/** Does this run still hold the host, and does nobody change its packages? Asked before something is done to it from outside. */
export const heldScript = (token: FenceToken): string => withPrelude(stillOurs(token) + unlocked);

/**
 * A harder way, for a host that still runs the boot that our reboot was sent to; each is sent once a boot. The fence is only read here:
 * a host that has come to this may not be able to write to its disk any more.
 */
export const escalateScript = (token: FenceToken, effect: string, boot: string, step: Escalation): string =>
  withPrelude(`${stillOurs(token)}[ "${bootId}" = ${quote(boot)} ] || exit 0
m=${quote(`${effect} ${boot} ${step}`)}
if [ -e "$L/escalated" ] && grep -Fxq -e "$m" "$L/escalated"; then exit 0; fi
${unlocked}echo "$m" >> "$L/escalated" || exit ${exitCodes.noState}
cd / || :
setsid sh -c 'sleep 0.3; ${escalations[step]}' < /dev/null > /dev/null 2>&1 &
`);

/** Two lines: the boot id, and the reboot mark of this boot (empty when none was sent). */
export const bootScript = withPrelude(`cat "$R/proc/sys/kernel/random/boot_id" && { cat "$R/run/kmend/reboot" 2>/dev/null || echo; }
`);

/** Takes everything of ours off the host, unless a run holds it. */
export const cleanupScript = withPrelude(`${places}if [ -s "$D/fence" ]; then
  read -r r n s < "$D/fence"
  [ "$s" = closed ] || { echo "$r" >&2; exit ${exitCodes.fenced}; }
fi
rm -rf "$D" "$L"
`);
