// The shell of os_update: what a plan reads, and the transaction, which begins by reading it again.
import { withPrelude } from '../../facts/probe/prelude.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { common, rememberFailed } from '../package-manager/script.ts';
import { lineOf, mostRows, type Row } from './listing.ts';
import { type Choice, expressionOf, ownTasks } from './patterns.ts';
import ageFile from './scripts/age.sh';
import aptLook from './scripts/apt-look.sh';
import aptOwnLists from './scripts/apt-own-lists.sh';
import aptPutBack from './scripts/apt-put-back.sh';
import aptRun from './scripts/apt-run.sh';
import aptSecurity from './scripts/apt-security.sh';
import aptVerify from './scripts/apt-verify.sh';
import askFile from './scripts/ask.sh';
import judged from './scripts/judged.sh';
import planFile from './scripts/plan.sh';
import refreshFile from './scripts/refresh.sh';
import rpmLook from './scripts/rpm-look.sh';
import rpmRun from './scripts/rpm-run.sh';
import rpmVerify from './scripts/rpm-verify.sh';
import updateFile from './scripts/update.sh';

export type Tool = 'apt' | 'dnf' | 'yum';

export interface Asked extends Choice {
  readonly upgrade: 'full' | 'safe' | 'none';
  readonly security: boolean;
  readonly autoremove: boolean;
  /** Lists that are older, in minutes, are read again; absent = the lists stay as they are. */
  readonly refresh?: number;
}

const verbs = {
  full: 'dist-upgrade',
  safe: 'upgrade --with-new-pkgs',
  none: 'autoremove',
};

const choiceOf = ({
  exclude,
  include,
}: Asked): Readonly<Record<'out' | 'left' | 'named', string>> => ({
  out: quote(expressionOf(exclude)),
  left: quote(expressionOf(ownTasks)),
  named: quote(expressionOf(include)),
});

function aptFunctions(asked: Asked): string {
  const verb = verbs[asked.upgrade];
  const look = asked.security
    ? scriptText(aptSecurity, { verb })
    : `  simulated ${verb} || return\n`;
  const auto = asked.autoremove && asked.upgrade !== 'none' ? '--auto-remove' : '';
  return scriptText(aptLook, { ...choiceOf(asked), auto, look });
}

const rpmFlags = (asked: Asked): string =>
  asked.upgrade === 'none'
    ? '--setopt=clean_requirements_on_remove=0'
    : [
        ...(asked.security ? ['--security'] : []),
        ...asked.exclude.map((glob) => quote(`--exclude=${glob}`)),
      ].join(' ');

const rpmFunctions = (tool: Tool, asked: Asked): string =>
  scriptText(rpmLook, {
    ...choiceOf(asked),
    tool,
    flags: rpmFlags(asked),
    verb: asked.upgrade === 'none' ? 'autoremove' : 'upgrade',
  });

const functionsOf = (tool: Tool, asked: Asked): string =>
  tool === 'apt' ? aptFunctions(asked) : rpmFunctions(tool, asked);

const ownLists: Readonly<Record<Tool, string>> = {
  apt: scriptText(aptOwnLists),
  dnf: '[ -z "$stale" ] || lists=--refresh\n',
  yum: '[ -z "$stale" ] || yum -q clean expire-cache > /dev/null 2>&1 < /dev/null\n',
};

const owners: Readonly<Record<Tool, string>> = {
  apt: `dpkg-query -S "$f" "/usr\${f#/usr}" "/\${f#/usr/}" 2> /dev/null | sed -n "s/: .*//p"`,
  dnf: 'rpm -qf --qf "%{NAME}\\n" "$f" 2> /dev/null',
  yum: 'rpm -qf --qf "%{NAME}\\n" "$f" 2> /dev/null',
};

/** What a plan runs (without the prelude): it prints rows as `readListing` reads them. */
export function planScript(tool: Tool, asked: Asked): string {
  const looks = asked.upgrade !== 'none' || asked.autoremove;
  return scriptText(planFile, {
    age: asked.refresh === undefined ? '' : scriptText(ageFile, { minutes: asked.refresh }),
    ownLists: asked.refresh === undefined || !looks ? '' : ownLists[tool],
    simulate: looks
      ? scriptText(askFile, {
          functions: functionsOf(tool, asked),
          most: mostRows + 1,
          owner: owners[tool],
        })
      : '',
  });
}

const refreshes: Readonly<Record<Tool, string>> = {
  apt: 'bounded apt-get -q -o APT::Update::Error-Mode=any update; rc=$?\n',
  dnf: 'bounded dnf -q makecache --refresh; rc=$?\n',
  yum: 'yum -q clean expire-cache > /dev/null 2>&1 < /dev/null\nbounded yum -q makecache; rc=$?\n',
};

/** Reads the package lists again. */
export const refreshScript = (tool: Tool, lockWait: number): string =>
  withPrelude(common(lockWait) + scriptText(refreshFile, { run: refreshes[tool] }));

/**
 * Does exactly these rows, by name and version, or nothing. `spared` are rows that stay out: a kernel
 * that must not be removed.
 */
export function updateScript(
  tool: Tool,
  asked: Asked,
  rows: readonly Row[],
  spared: readonly Row[],
  lockWait: number,
): string {
  const isApt = tool === 'apt';
  const word = asked.upgrade === 'none' ? 'remove' : 'upgrade';
  const moved = rows.flatMap(({ kind, name, old, version }) =>
    kind === 'rm' ? [] : [{ name, from: old, to: version, kind: 'upgrade' as const }],
  );
  return withPrelude(
    common(lockWait) +
      scriptText(updateFile, {
        kept: spared.map(({ name, old }) => `${name}=${old}`).join(' '),
        putBack: isApt ? scriptText(aptPutBack) : 'put_back() { rm -rf "$t"; }\n',
        planned: rows.map(lineOf).sort(byBytes).join('\n'),
        functions: functionsOf(tool, asked),
        run: isApt
          ? scriptText(aptRun)
          : scriptText(rpmRun, { word, tool, flags: rpmFlags(asked) }),
        verify: isApt
          ? scriptText(aptVerify, { judged: scriptText(judged) })
          : scriptText(rpmVerify, {
              judged: scriptText(judged),
              rememberFailed: rememberFailed(moved),
            }),
      }),
  );
}

/** As `sort` in the locale C. */
const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
