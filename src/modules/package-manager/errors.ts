// Failures of package managers and their meaning: a table, and the shell function that finds the
// failure in the output of the tool.
import { hostCauses, repositoryCauses } from '../../facts/areas/packages/repository-causes.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import judge from './scripts/judge.sh';

interface KnownFailure {
  readonly code: number;
  readonly message: string;
  readonly hint: string;
  /** Extended regular expressions. One match in the output of the tool shows this failure. */
  readonly patterns: readonly string[];
}

const patternsOf = (cause: (typeof hostCauses)[number]['name']): readonly string[] =>
  hostCauses.find(({ name }) => name === cause)?.patterns ?? [];

/**
 * The first match wins: a full disk also fails downloads, and a missing key also leaves nothing to
 * install.
 */
const failures: readonly KnownFailure[] = [
  {
    code: 48,
    message:
      'an earlier transaction was cut off, or the package database is damaged: nothing was changed',
    hint: 'repair it by hand, whichever fits: `dpkg --configure -a`, `yum-complete-transaction --cleanup-only`, `rpm --rebuilddb`',
    patterns: [
      'dpkg was interrupted',
      'unfinished transactions remaining',
      'rpmdb open failed',
      'DB_RUNRECOVERY',
      'Thread died in Berkeley DB',
      'cannot open Packages (index|database)',
      'database disk image is malformed',
    ],
  },
  {
    code: 58,
    message:
      'a package has a file that another package has too: not all of the packages are installed',
    hint: 'the last lines name the file and its owner: remove that package or its file; then, with apt, `apt-get -f install`',
    patterns: [
      'trying to overwrite',
      'conflicts with file from package',
      'conflicts between attempted installs',
    ],
  },
  {
    code: 45,
    message: 'no space left for the packages',
    hint: 'make room on /boot, /var or /, as the last lines say; old kernels and the package cache are the usual places',
    patterns: patternsOf('full'),
  },
  {
    code: 36,
    message: 'a file system of the host is read-only: the packages are not installed',
    hint: 'the kernel makes it so after an error of the disk: read `dmesg`, and repair or replace it',
    patterns: patternsOf('read_only'),
  },
  ...repositoryCauses.map(({ code, message, hint, patterns }) => ({
    code,
    message: `a repository ${message}: nothing was changed`,
    hint,
    patterns,
  })),
  {
    code: 56,
    message:
      'a package requires another one that neither the repositories nor the package files have: nothing was changed',
    hint: 'the last lines say which: enable a repository that has it, or give its file too (`files`)',
    patterns: ['nothing provides', 'Requires: ', 'unmet dependencies', 'Depends: .* but it'],
  },
];

const others: readonly Omit<KnownFailure, 'patterns'>[] = [
  {
    code: 57,
    message:
      'a package file is another package on the host than kmend read from it: nothing was changed',
    hint: 'the last lines say which; inspect it on the host with `rpm -qpi FILE` or `dpkg-deb -I FILE`',
  },
  {
    code: 37,
    message:
      'a package file is not on the host any more, or was changed there: nothing was changed',
    hint: 'run the plan again: what is missing is copied again',
  },
  {
    code: 38,
    message: 'a package file cannot be checked: neither sha256sum nor openssl is on this host',
    hint: 'install coreutils or openssl there',
  },
  {
    code: 39,
    message:
      'the packages are as they should be, and a hold that was lifted for this could not be put back',
    hint: 'put it back by hand: the last lines say which',
  },
  {
    code: 40,
    message: 'another process held the package manager all the time: nothing was changed',
    hint: 'the last lines say who; wait for it to end, or raise `lock_timeout`',
  },
  {
    code: 41,
    message: 'the package manager failed',
    hint: 'its last lines are below',
  },
  {
    code: 42,
    message:
      'the package manager said yes, and the packages are not at the versions that were asked for',
    hint: 'a versionlock, an exclude= or a plugin may keep them back',
  },
  {
    code: 43,
    message:
      'the packages are installed, but a script of theirs failed: what it should have set up is missing',
    hint: 'see what the script wanted (`rpm -q --scripts NAME`, /var/lib/dpkg/info/NAME.postinst), repair that, then `dpkg --configure -a` or reinstall',
  },
  {
    code: 59,
    message:
      'the plan is stale: the package manager would do something else by now: nothing was changed',
    hint: 'make a new plan: the last lines say what differs',
  },
  {
    code: 44,
    message: 'the package manager would take away other packages too: nothing was changed',
    hint: 'name them in the task as well if they shall go',
  },
];

const columnOf = (column: 'message' | 'hint'): Readonly<Record<number, string>> =>
  Object.fromEntries([...others, ...failures].map((row) => [row.code, row[column]]));

/** What the exit codes of `packageSteps` mean, and what to do about each. */
export const packageErrors = columnOf('message');
export const packageHints = columnOf('hint');

export const judgeScript = scriptText(judge, {
  cases: failures
    .map(
      ({ code, patterns }) =>
        `  if grep -E ${quote(patterns.join('|'))} "$log" > "$log.shown"; then last 3 "$log.shown"; exit ${code}; fi\n`,
    )
    .join(''),
});
