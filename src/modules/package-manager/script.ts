// The shell that moves packages: several together, exact versions, a bounded wait for the lock, and a query at the end - an exit status of a
// package manager proves nothing (rpm: a failed %post is rc 0; yum: a package that cannot be had is skipped with rc 0).
import { isSideBySide } from '../../facts/areas/packages/damage.ts';
import { repositoryFlags } from '../../facts/areas/packages/repositories.ts';
import { quote } from '../../model/text/quote.ts';
import type { Step } from './choose.ts';
import { judgeScript } from './errors.ts';
import { checkFiles, filesAlone, fileWord } from './files.ts';
import { lift, liftFlags, relock } from './holds.ts';
import { noRepositories, type Repositories } from './repositories.ts';
import type { Manager } from './version.ts';
import { zypperRun } from './zypper.ts';

const common = (lockWait: number): string => `LOCK_WAIT=${lockWait}
log=$(mktemp) || exit 45
put_back() { :; }
ended() { put_back || { [ $1 -ne 0 ] || set -- 39; }; rm -f "$log" "$log".*; exit $1; }
trap 'ended $?' EXIT
trap 'exit 143' HUP INT TERM
# last N [FILE]: the last lines of the package manager; logins and tokens in addresses stay here
last() { tail -n "$1" "\${2:-$log}" | sed 's#://[^/ ]*@#://***@#g; s#\\(://[^ ?]*?\\)[^] )]*#\\1...#g' >&2; }
# bounded COMMAND...: runs it, again while somebody else holds the lock, LOCK_WAIT seconds at most; its output is in $log
bounded() {
  waited=0
  while :; do
    "$@" > "$log" 2>&1 < /dev/null; rc=$?
    if [ $rc -ne 0 ] && grep -Eq 'Could not get lock|Unable to (acquire|lock)|is held by process|already locked by|holding the yum lock|RPMDB already locked|Failed to obtain the transaction lock|is locked by the application' "$log"; then
      [ $waited -lt "$LOCK_WAIT" ] || { last 3; exit 40; }
      sleep 3; waited=$((waited + 3)); continue
    fi
    return $rc
  done
}
${judgeScript}`;

/** rpm takes NAME-VERSION-RELEASE without the epoch everywhere; yum 3 takes an epoch only together with the architecture. */
const rpmSpec = (step: Step): string =>
  step.file === undefined ? quote(`${step.name}-${step.to.replace(/^\d*:/, '')}`) : fileWord(step.file);

/** All versions that are there, once each: one too many is a package that is not whole, but for kernels. */
const rpmVerify = (steps: readonly Step[]): string =>
  steps
    .map(({ name, to }) => {
      const word = quote(name);
      if (to === '') return `if rpm -q ${word} >/dev/null 2>&1; then echo ${quote(`${name} is still installed`)} >&2; bad=1; fi\n`;
      const wanted = quote(to.replace(/^\d*:/, ''));
      const found = isSideBySide(name) ? `printf '%s\\n' "$have" | grep -Fxq ${wanted}` : `[ "$have" = ${wanted} ]`;
      return `have=$(rpm -q --qf '%{VERSION}-%{RELEASE}\\n' ${word} 2>/dev/null | sort -u)
${found} || { echo ${quote(`${name} is not at ${to}:`)} "$(rpm -q ${word} 2>&1)" >&2; bad=1; }
`;
    })
    .join('');

/**
 * rpm calls a package whose script failed installed, and forgets it: the next plan would find nothing to do. So the host keeps which, with the time
 * of that installation: the one that the output names, or all. Of a kernel what it set up is looked at itself.
 */
function rememberFailed(steps: readonly Step[]): string {
  const names = steps.flatMap(({ name, to }) => (to === '' || isSideBySide(name) ? [] : [name]));
  if (names.length === 0) return '';
  const patterns = names.map(
    (name) => `  ! grep scriptlet "$log" | grep -Eq ${quote(`[( ]${name.replace(/[.+]/g, '\\$&')}(-[0-9]|$)`)} || f="$f ${name}"\n`,
  );
  return `  f=''
${patterns.join('')}  mkdir -p "$R/var/lib/kmend" && rpm -q --qf '%{NAME} %{INSTALLTIME}\\n' \${f:-${names.join(' ')}} >> "$R/var/lib/kmend/failed-scripts"
`;
}

/** yum 3 and dnf: only flags that both know. */
function yumRun(tool: 'yum' | 'dnf', steps: readonly Step[], repositories: Repositories): string {
  if (steps.every((step) => step.kind === 'remove'))
    return `bounded rpm -e ${steps.map(({ name }) => quote(name)).join(' ')}; rc=$?\nscript=0\n`;
  const kinds = new Set(steps.map((step) => step.kind));
  const together = kinds.has('remove') || (kinds.has('downgrade') && kinds.size > 1);
  const word = together ? 'shell "$log.in"' : `${kinds.has('downgrade') ? 'downgrade' : 'install'} ${steps.map(rpmSpec).join(' ')}`;
  return `${together ? yumShell(steps) : ''}${yumTry(tool, steps, '-y --setopt=exit_on_lock=1', repositories, word)}script=0\n`;
}

/** Together in one transaction: a removal that makes room for a downgrade must not leave the host with neither. */
const yumShell = (steps: readonly Step[]): string => `{
${steps.map((step) => (step.kind === 'remove' ? `  echo remove ${quote(step.name)}\n` : `  echo ${step.kind === 'downgrade' ? 'downgrade' : 'install'} ${rpmSpec(step)}\n`)).join('')}  echo run
} > "$log.in"
`;

/** Package files are tried without any repository: one that is gone must not stop them. What they lack comes from the repositories. */
function yumTry(tool: 'yum' | 'dnf', steps: readonly Step[], more: string, repositories: Repositories, word: string): string {
  const command = (choice: string): string => `bounded ${tool} ${more}${choice}${liftFlags(steps)} ${word}; rc=$?\n`;
  const plain = command(repositoryFlags(repositories));
  if (!filesAlone(steps)) return plain;
  return `${command(" '--disablerepo=*'")}if [ $rc -ne 0 ] && grep -Eq 'Requires:|nothing provides|conflicting requests|[Dd]epend' "$log"; then
  lacks=$(grep -E 'Requires:|nothing provides' "$log" | head -n 5)
  ${plain}  [ $rc -eq 0 ] || printf 'without repositories:\\n%s\\n' "$lacks" >&2
fi
`;
}

const rpmSteps = (manager: 'yum' | 'dnf' | 'zypper', steps: readonly Step[], repositories: Repositories): string =>
  `${manager === 'zypper' ? zypperRun(steps) : yumRun(manager, steps, repositories)}judge $rc
bad=0
${rpmVerify(steps)}if [ $bad -ne 0 ]; then last 15; if [ $rc -ne 0 ]; then exit 41; fi; exit 42; fi
if grep -Eq 'Error in (PRE|POST)[A-Z]* scriptlet|%(pre|post)[a-z]*\\(.*\\) scriptlet failed|Non-fatal (PRE|POST)' "$log"; then script=1; fi
if [ $script -ne 0 ]; then
${rememberFailed(steps)}  last 15; exit 43
fi
${relock(manager, steps)}`;

const debVerify = (steps: readonly Step[]): string =>
  steps
    .map((step) =>
      step.to === ''
        ? `case $(dpkg-query -W -f '\${Status}' ${quote(step.name)} 2>/dev/null) in *' installed') echo ${quote(`${step.name} is still installed`)} >&2; bad=1;; esac\n`
        : `have=$(dpkg-query -W -f '\${Status} \${Version}' ${quote(step.name)} 2>/dev/null)
case $have in
  *'ok installed '${quote(step.to)}) ;;
  *'half-'*|*unpacked*|*triggers*) echo ${quote(step.name)} "$have" >&2; half=1;;
  *) echo ${quote(`${step.name} is not at ${step.to}:`)} "$have" >&2; bad=1;;
esac
`,
    )
    .join('');

const debSpec = ({ kind, name, to, file }: Step): string =>
  file === undefined ? quote(kind === 'remove' ? `${name}-` : `${name}=${to}`) : fileWord(file);

function debSteps(steps: readonly Step[]): string {
  const specs = steps.map(debSpec).join(' ');
  const mine = steps.map((step) => step.name).join(' ');
  const downgrade = steps.some((step) => step.kind === 'downgrade') ? ' -o APT::Get::allow-downgrades=true' : '';
  return `export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
# The simulation says what else would go. Old apt knows no lock timeout and ignores the setting: then the loop waits.
bounded apt-get -s -q${downgrade} install ${specs} || { judge 1; exit 41; }
for gone in $(awk '/^Remv /{print $2}' "$log"); do
  case ' ${mine} ' in *" $gone "*) ;; *) echo "would remove $gone" >&2; exit 44;; esac
done
bounded apt-get -y -q -o DPkg::Lock::Timeout="$LOCK_WAIT" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0${downgrade} install ${specs}; rc=$?
judge $rc
bad=0 half=0
${debVerify(steps)}if [ $bad -ne 0 ]; then last 15; if [ $rc -ne 0 ]; then exit 41; fi; exit 42; fi
if [ $half -ne 0 ]; then last 15; exit 43; fi
`;
}

/** The specs of the packages that come, with the word that brings them; a package that is taken away needs no download. */
function yumDownload(tool: 'yum' | 'dnf', steps: readonly Step[], repositories: Repositories): string {
  const word = `--downloadonly ${steps.some((step) => step.kind === 'downgrade') ? 'downgrade' : 'install'} ${steps.map(rpmSpec).join(' ')}`;
  // yum 3 says so, and does not call it a success in every version.
  return `${yumTry(tool, steps, '-y --setopt=exit_on_lock=1', repositories, word)}if grep -q '"Download Only"' "$log"; then rc=0; fi
`;
}

function aptDownload(steps: readonly Step[]): string {
  const specs = steps.map(debSpec).join(' ');
  const back = steps.some((step) => step.kind === 'downgrade') ? ' -o APT::Get::allow-downgrades=true' : '';
  const held = steps.some((step) => step.held === true) ? ' -o APT::Get::allow-change-held-packages=true' : '';
  return `export DEBIAN_FRONTEND=noninteractive
bounded apt-get -y -q -d -o DPkg::Lock::Timeout="$LOCK_WAIT"${back}${held} install ${specs}; rc=$?
`;
}

/** Can all that comes be downloaded in one go? yum's `shell`, which mixes removals and downgrades, has no mode that only downloads. */
export const canDownload = (manager: Manager, steps: readonly Step[]): boolean =>
  steps.some((step) => step.kind !== 'remove') &&
  (manager === 'apt' ||
    manager === 'zypper' ||
    steps.every((step) => step.kind === 'downgrade') ||
    steps.every((step) => step.kind === 'install' || step.kind === 'upgrade'));

/** Shell (without prelude) that downloads what the steps need into the package manager's cache. */
export function downloadSteps(manager: Manager, steps: readonly Step[], lockWait: number, repositories = noRepositories): string {
  const run =
    manager === 'apt'
      ? aptDownload(steps)
      : manager === 'zypper'
        ? zypperRun(steps, ' --download-only')
        : yumDownload(manager, steps, repositories);
  return `${common(lockWait)}${checkFiles(steps)}${run}judge $rc
[ $rc -eq 0 ] || exit 41
`;
}

/** Shell (without prelude) that carries the steps out and verifies them; exits only when something is wrong. */
export const packageSteps = (manager: Manager, steps: readonly Step[], lockWait: number, repositories = noRepositories): string =>
  `${common(lockWait)}${checkFiles(steps)}${lift(manager, steps)}${manager === 'apt' ? debSteps(steps) : rpmSteps(manager, steps, repositories)}put_back || exit 39
`;
