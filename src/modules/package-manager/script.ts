// The shell that moves packages: several together, at exact versions, with a time limit for the
// lock. A query verifies the result, because an exit status proves nothing: rpm exits with 0 after
// a failed %post, and yum after skipping a missing package.
import { isSideBySide } from '../../facts/areas/packages/damage.ts';
import { repositoryFlags } from '../../facts/areas/packages/repositories.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Step } from './choose.ts';
import { judgeScript } from './errors.ts';
import { checkFiles, filesAlone, fileWord } from './files.ts';
import { lift, liftFlags, relock } from './holds.ts';
import { noRepositories, type Repositories } from './repositories.ts';
import commonFile from './scripts/common.sh';
import debStepsFile from './scripts/deb-steps.sh';
import debVerifyFile from './scripts/deb-verify.sh';
import filesFirst from './scripts/files-first.sh';
import rpmStepsFile from './scripts/rpm-steps.sh';
import type { Manager } from './version.ts';
import { zypperRun } from './zypper.ts';

export const common = (lockWait: number): string =>
  scriptText(commonFile, { lockWait, judgeScript });

/**
 * rpm takes NAME-VERSION-RELEASE without the epoch. yum 3 takes an epoch only together with the
 * architecture.
 */
const rpmSpec = (step: Step): string =>
  step.file === undefined
    ? quote(`${step.name}-${step.to.replace(/^\d*:/, '')}`)
    : fileWord(step.file);

/**
 * All installed versions, once each. A second one means an incomplete package, except for kernels.
 */
const rpmVerify = (steps: readonly Step[]): string =>
  steps
    .map(({ name, to }) => {
      const word = quote(name);
      if (to === '')
        return `if rpm -q ${word} >/dev/null 2>&1; then echo ${quote(`${name} is still installed`)} >&2; bad=1; fi\n`;
      const wanted = quote(to.replace(/^\d*:/, ''));
      const found = isSideBySide(name)
        ? `printf '%s\\n' "$have" | grep -Fxq ${wanted}`
        : `[ "$have" = ${wanted} ]`;
      return `have=$(rpm -q --qf '%{VERSION}-%{RELEASE}\\n' ${word} 2>/dev/null | sort -u)
${found} || { echo ${quote(`${name} is not at ${to}:`)} "$(rpm -q ${word} 2>&1)" >&2; bad=1; }
`;
    })
    .join('');

/**
 * rpm reports a package with a failed script as installed and forgets the failure, so the next plan
 * would find nothing to do. The host records the package with its install time: the one in the
 * output, or all. For a kernel the result of its scripts is read instead.
 */
export function rememberFailed(steps: readonly Step[]): string {
  const names = steps.flatMap(({ name, to }) => (to === '' || isSideBySide(name) ? [] : [name]));
  if (names.length === 0) return '';
  const patterns = names.map(
    (name) =>
      `  ! grep scriptlet "$log" | grep -Eq ${quote(`[( ]${name.replace(/[.+]/g, '\\$&')}(-[0-9]|$)`)} || f="$f ${name}"\n`,
  );
  return `  f=''
${patterns.join('')}  mkdir -p "$R/var/lib/kmend" && rpm -q --qf '%{NAME} %{INSTALLTIME}\\n' \${f:-${names.join(' ')}} >> "$R/var/lib/kmend/failed-scripts"
`;
}

/** Only flags that both yum 3 and dnf know. */
function yumRun(tool: 'yum' | 'dnf', steps: readonly Step[], repositories: Repositories): string {
  if (steps.every((step) => step.kind === 'remove'))
    return `bounded rpm -e ${steps.map(({ name }) => quote(name)).join(' ')}; rc=$?\nscript=0\n`;
  const kinds = new Set(steps.map((step) => step.kind));
  const together = kinds.has('remove') || (kinds.has('downgrade') && kinds.size > 1);
  const word = together
    ? 'shell "$log.in"'
    : `${kinds.has('downgrade') ? 'downgrade' : 'install'} ${steps.map(rpmSpec).join(' ')}`;
  return `${together ? yumShell(steps) : ''}${yumTry(tool, steps, '-y --setopt=exit_on_lock=1', repositories, word)}script=0\n`;
}

/**
 * One transaction: a removal that makes room for a downgrade must not leave the host with neither.
 */
const yumShell = (steps: readonly Step[]): string => `{
${steps.map((step) => (step.kind === 'remove' ? `  echo remove ${quote(step.name)}\n` : `  echo ${step.kind === 'downgrade' ? 'downgrade' : 'install'} ${rpmSpec(step)}\n`)).join('')}  echo run
} > "$log.in"
`;

function yumTry(
  tool: 'yum' | 'dnf',
  steps: readonly Step[],
  more: string,
  repositories: Repositories,
  word: string,
): string {
  const command = (choice: string): string =>
    `bounded ${tool} ${more}${choice}${liftFlags(steps)} ${word}; rc=$?\n`;
  const plain = command(repositoryFlags(repositories));
  if (!filesAlone(steps)) return plain;
  return scriptText(filesFirst, { withoutRepositories: command(" '--disablerepo=*'"), plain });
}

const rpmSteps = (
  manager: 'yum' | 'dnf' | 'zypper',
  steps: readonly Step[],
  repositories: Repositories,
): string =>
  scriptText(rpmStepsFile, {
    run: manager === 'zypper' ? zypperRun(steps) : yumRun(manager, steps, repositories),
    verify: rpmVerify(steps),
    rememberFailed: rememberFailed(steps),
    relock: relock(manager, steps),
  });

const debVerify = (steps: readonly Step[]): string =>
  steps
    .map((step) =>
      step.to === ''
        ? `case $(dpkg-query -W -f '\${Status}' ${quote(step.name)} 2>/dev/null) in *' installed') echo ${quote(`${step.name} is still installed`)} >&2; bad=1;; esac\n`
        : scriptText(debVerifyFile, {
            name: quote(step.name),
            version: quote(step.to),
            message: quote(`${step.name} is not at ${step.to}:`),
          }),
    )
    .join('');

const debSpec = ({ kind, name, to, file }: Step): string =>
  file === undefined ? quote(kind === 'remove' ? `${name}-` : `${name}=${to}`) : fileWord(file);

function debSteps(steps: readonly Step[]): string {
  const specs = steps.map(debSpec).join(' ');
  const mine = steps.map((step) => step.name).join(' ');
  const downgrade = steps.some((step) => step.kind === 'downgrade')
    ? ' -o APT::Get::allow-downgrades=true'
    : '';
  return scriptText(debStepsFile, { downgrade, specs, mine, verify: debVerify(steps) });
}

/**
 * The specs of the new packages, with the command for them. A removed package needs no download.
 */
function yumDownload(
  tool: 'yum' | 'dnf',
  steps: readonly Step[],
  repositories: Repositories,
): string {
  const word = `--downloadonly ${steps.some((step) => step.kind === 'downgrade') ? 'downgrade' : 'install'} ${steps.map(rpmSpec).join(' ')}`;
  // yum 3 prints this, but does not exit with 0 in every version.
  return `${yumTry(tool, steps, '-y --setopt=exit_on_lock=1', repositories, word)}if grep -q '"Download Only"' "$log"; then rc=0; fi
`;
}

function aptDownload(steps: readonly Step[]): string {
  const specs = steps.map(debSpec).join(' ');
  const back = steps.some((step) => step.kind === 'downgrade')
    ? ' -o APT::Get::allow-downgrades=true'
    : '';
  const held = steps.some((step) => step.held === true)
    ? ' -o APT::Get::allow-change-held-packages=true'
    : '';
  return `export DEBIAN_FRONTEND=noninteractive
bounded apt-get -y -q -d -o DPkg::Lock::Timeout="$LOCK_WAIT"${back}${held} install ${specs}; rc=$?
`;
}

/**
 * Can all new packages be downloaded at once? yum's `shell`, for removals and downgrades together,
 * has no download-only mode.
 */
export const canDownload = (manager: Manager, steps: readonly Step[]): boolean =>
  steps.some((step) => step.kind !== 'remove') &&
  (manager === 'apt' ||
    manager === 'zypper' ||
    steps.every((step) => step.kind === 'downgrade') ||
    steps.every((step) => step.kind === 'install' || step.kind === 'upgrade'));

/**
 * Shell (without prelude) that downloads the packages of the steps into the package manager's
 * cache.
 */
export function downloadSteps(
  manager: Manager,
  steps: readonly Step[],
  lockWait: number,
  repositories = noRepositories,
): string {
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

/** Shell (without prelude) that performs the steps and verifies them. It exits only on an error. */
export const packageSteps = (
  manager: Manager,
  steps: readonly Step[],
  lockWait: number,
  repositories = noRepositories,
): string =>
  `${common(lockWait)}${checkFiles(steps)}${lift(manager, steps)}${manager === 'apt' ? debSteps(steps) : rpmSteps(manager, steps, repositories)}put_back || exit 39
`;
