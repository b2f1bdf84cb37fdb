// Holds that the play says may be lifted: for one transaction, and back afterwards, also when it fails or is killed.
import { quote } from '../../model/text/quote.ts';
import type { Step } from './choose.ts';
import type { Manager } from './version.ts';

/**
 * yum and dnf are told to look past locks and excludes for this one transaction: nothing on disk is touched, so nothing can be left behind.
 * yum 3 knows both flags; a plugin that is not there is a word of warning.
 */
export const liftFlags = (steps: readonly Step[]): string =>
  steps.some((step) => step.held === true) ? ' --disableexcludes=all --disableplugin=versionlock' : '';

const lifted = (steps: readonly Step[]): readonly Step[] => steps.filter((step) => step.held === true);
const epochOf = (evr: string): string => /^(\d+):/.exec(evr)?.[1] ?? '0';
const withoutEpoch = (evr: string): string => evr.replace(/^\d+:/, '');

/** A lock that names the version of before would take the host back to it at the next `distro-sync`: it follows the package. */
const lockFollows = (step: Step): string => `for f in "$R/etc/yum/pluginconf.d/versionlock.list" "$R/etc/dnf/plugins/versionlock.list"; do
  [ -f "$f" ] || continue
  awk -v n=${quote(step.name)} -v oe=${epochOf(step.from)} -v ov=${quote(withoutEpoch(step.from))} -v ne=${epochOf(step.to)} -v nv=${quote(withoutEpoch(step.to))} '
    function after(key, at) { rest = substr($0, at + length(key)); return rest ~ /^([.*]|$)/ }
    { yum = n "-" ov; dnf = n "-" oe ":" ov; p = index($0, yum)
      if (p > 0 && substr($0, 1, p - 1) ~ /^([0-9]+:)?$/ && after(yum, p)) print (p > 1 ? ne ":" : "") n "-" nv rest
      else if (index($0, dnf) == 1 && after(dnf, 1)) print n "-" ne ":" nv rest
      else print }' "$f" > "$log.lock" || continue
  cmp -s "$log.lock" "$f" || cat "$log.lock" > "$f"
done
`;

/** After a transaction that went well; nothing for packages that were not held. */
export const relock = (manager: Manager, steps: readonly Step[]): string =>
  manager === 'yum' || manager === 'dnf'
    ? lifted(steps)
        .filter((step) => step.from !== '' && step.to !== '')
        .map(lockFollows)
        .join('')
    : '';

/**
 * What was lifted is written down on the host before it is lifted: a script that was killed leaves the note, and the next one puts all back.
 * A package that is taken away needs its hold no more.
 */
const aptLift = (steps: readonly Step[]): string => {
  const held = lifted(steps);
  const stay = held.filter((step) => step.to !== '').map((step) => `-e ${quote(step.name)}`);
  return `note=$R/var/lib/kmend/lifted-holds
put_back() {
  [ -s "$note" ] || return 0
  tries=0
  until apt-mark hold $(cat "$note") >/dev/null 2>"$log.hold"; do
    tries=$((tries + 1)); [ $tries -lt 5 ] || { cat "$log.hold" >&2; echo "not on hold any more: $(cat "$note")" >&2; return 1; }
    sleep 2
  done
  rm -f "$note"
}
put_back || exit 39
apt-mark showhold > "$log.was" 2>/dev/null < /dev/null
mkdir -p "$R/var/lib/kmend" || exit 45
${stay.length === 0 ? '' : `grep -Fx ${stay.join(' ')} "$log.was" > "$note"\n`}bounded apt-mark unhold ${held.map((step) => quote(step.name)).join(' ')} || { cat "$log" >&2; exit 41; }
`;
};

/** The whole list is kept aside and put back as it was; the locks that match these packages are taken out for the time between. */
const zypperLift = (steps: readonly Step[]): string => `locks=$R/etc/zypp/locks note=$R/var/lib/kmend/zypp-locks
put_back() {
  [ -e "$note" ] || return 0
  cp -p "$note" "$locks" && rm -f "$note" || { echo "the locks of zypper are in $note" >&2; return 1; }
}
put_back || exit 39
if [ -f "$locks" ]; then
  mkdir -p "$R/var/lib/kmend" && cp -p "$locks" "$note.new" && mv "$note.new" "$note" || exit 45
  part='' keep=1
  { cat "$note"; echo; } | while IFS= read -r l; do
    case $l in
      '') [ $keep = 0 ] || [ -z "$part" ] || printf '%s\\n' "$part"; part='' keep=1; continue;;
      solvable_name:*) p=\${l#*:}; p=\${p# }; for n in ${lifted(steps)
        .map((step) => quote(step.name))
        .join(' ')}; do case $n in $p) keep=0;; esac; done;;
    esac
    part="$part$l
"
  done > "$log.locks" && cat "$log.locks" > "$locks" || exit 45
fi
`;

/** Defines `put_back`, which is also called when the script ends, and lifts. */
export function lift(manager: Manager, steps: readonly Step[]): string {
  if (lifted(steps).length === 0 || manager === 'yum' || manager === 'dnf') return '';
  return manager === 'apt' ? aptLift(steps) : zypperLift(steps);
}
