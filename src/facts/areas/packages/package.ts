// Area package (with a name): installed, held, and which versions the enabled repositories have.
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { compareRpm } from '../../../model/text/versions.ts';
import { isList, type Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { nameOf } from '../programs/service.ts';
import aptSources from './apt-sources.sh';
import { isSideBySide } from './damage.ts';
import packageLook from './package.sh';
import { isHeld } from './package-pins.ts';
import { lookFact, repositoryFlags, wantedRepositories } from './repositories.ts';
import { unusableFact, unusableOf } from './unusable.ts';
import yumLook from './yum-look.sh';

/**
 * `available` costs a look at the repositories (seconds on el7). A versionlock or an exclude would hide versions that are there (it looks like
 * "no such package"): both are switched off for the look.
 */
export const packageArea: Area = {
  name: 'package',
  facts: [
    {
      name: 'package.*.installed',
      lifetime: 'disk',
      summary: '[epoch:]version-release; empty when not installed',
      example: '3:18.09.9-3.el7',
    },
    {
      name: 'package.*.state',
      lifetime: 'disk',
      summary: '`installed`, a state of an installation that is not complete (as in `packages.damaged`), or empty when not installed',
      example: 'installed',
    },
    {
      name: 'package.*.available',
      lifetime: 'outside',
      summary:
        'versions that the enabled repositories have, holds and excludes left aside, and those that an apt pin forbids unless it forbids all; `package.NAME@CHOICE` with `enablerepo`, `disablerepo`',
      example: ['3:18.09.1-3.el7', '3:18.09.9-3.el7'],
    },
    {
      name: 'package.*.beside',
      lifetime: 'outside',
      summary:
        'the newest version of packages that were looked for in the same call, with the repository: what a module may name as another way',
      example: [{ name: 'kernel-lt', version: '5.4.278-1.el7.elrepo', repository: 'elrepo-kernel' }],
    },
    {
      name: 'package.*.unusable',
      lifetime: 'outside',
      summary: 'repositories that could not be used for that look: cause, id, the words of the package manager, skipped or not',
      example: [{ cause: 'gone', repository: 'base', said: 'Status code: 404 for http://mirror/7/repodata/repomd.xml', skipped: false }],
    },
    {
      name: 'package.*.held',
      lifetime: 'disk',
      summary: 'a versionlock, an exclude, a hold or a negative apt pin of all its versions keeps it from being changed',
      example: false,
    },
  ],
  needs: 'package_locks',
  functions: scriptText(yumLook) + scriptText(aptSources),
  script: (args) => {
    const name = quote(nameOf(args));
    return scriptText(packageLook, { name, beside: quote(besideOf(args).join(' ')), flags: repositoryFlags(wantedRepositories(args)) });
  },
  maxBytes: 131_072,
  parse: (text, { args }) => {
    const name = nameOf(args);
    const fields = readFields(text);
    const rows = fields.all('installed').map((line) => line.split(/\s+/));
    const [evr = '', abbreviation = ''] = rows[0] ?? [];
    const state = abbreviation === 'rpm' ? rpmState(name, rows) : debState(abbreviation);
    const choice = wantedRepositories(args);
    const pinned = fields.all('pinned');
    const known = [...fields.all('available'), ...listed(fields.text('list'), name).map(({ version }) => version)].filter(
      (one) => one !== '',
    );
    const allowed = known.filter((version) => !pinned.includes(version));
    const available = allowed.length === 0 ? known : allowed;
    return {
      [`package.${name}.installed`]: state === '' ? '' : evr,
      [`package.${name}.state`]: state,
      [lookFact(name, choice, 'available')]: [...new Set(available)],
      [lookFact(name, choice, 'beside')]: besideOf(args).flatMap((other) => newestOf(other, fields.text('list'))),
      [lookFact(name, choice, 'unusable')]: unusableFact(unusableOf(fields, available.length > 0, choice)),
      [`package.${name}.held`]:
        /^h/.test(abbreviation) || (pinned.length > 0 && allowed.length === 0) || isHeld(name, fields.all('lock'), fields.all('exclude')),
    };
  },
};

/** By the letters of `dpkg-query`: wanted, state, and `R` where it must be installed again. A removed package may have left its configuration. */
function debState(abbreviation: string): string {
  const [wanted = '', letter = '', mark = ''] = abbreviation;
  if (mark === 'R') return 'reinst-required';
  return letter === 'H' && /[rp]/.test(wanted) ? 'half-removed' : (debStates[letter] ?? '');
}

const debStates: Readonly<Record<string, string>> = {
  i: 'installed',
  H: 'half-installed',
  U: 'unpacked',
  F: 'half-configured',
  W: 'triggers-awaited',
  t: 'triggers-pending',
};

/** A second architecture of the same version is none too many. */
const rpmState = (name: string, rows: readonly (readonly string[])[]): string =>
  isSideBySide(name) || new Set(rows.map(([evr]) => evr)).size === 1 ? 'installed' : 'duplicate';

interface Row {
  readonly version: string;
  readonly repository: string;
}

/** Other packages for the same look: a second one would cost seconds. */
const besideOf = ({ beside }: Mapping): readonly string[] => (isList(beside) ? beside.map(String) : []);

function newestOf(name: string, text: string): readonly Mapping[] {
  const newest = [...listed(text, name)].sort((a, b) => compareRpm(a.version, b.version)).at(-1);
  return newest === undefined ? [] : [{ name, ...newest }];
}

/** yum breaks long rows over lines, so the whole output is read as words: `NAME.ARCH VERSION REPOSITORY`. */
function listed(text: string, name: string): readonly Row[] {
  const words = text.split(/\s+/);
  return words.flatMap((word, index) => {
    const [version, repository = ''] = [words[index + 1], words[index + 2]];
    const isName = word.startsWith(`${name}.`) && /^[a-z0-9_]+$/.test(word.slice(name.length + 1));
    return isName && version !== undefined && /^[0-9]/.test(version) ? [{ version, repository }] : [];
  });
}
