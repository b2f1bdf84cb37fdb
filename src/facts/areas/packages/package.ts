// Area package (with a name): installed version, pins, and versions in the enabled repositories.
import { type Facts, type FactWant, fact, known } from '../../../model/fact.ts';
import type { BesideRow } from '../../../model/facts/values.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { compareRpm } from '../../../model/text/versions.ts';
import { isList, type Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields } from '../../fields.ts';
import { nameOf } from '../programs/service.ts';
import { isSideBySide } from './damage.ts';
import { holdsOf } from './package-pins.ts';
import { lookFact, repositoryFlags, wantedRepositories } from './repositories.ts';
import aptSources from './scripts/apt-sources.sh';
import lockLists from './scripts/lock-lists.sh';
import packageLook from './scripts/package.sh';
import yumLook from './scripts/yum-look.sh';
import { unusableOf } from './unusable.ts';

/**
 * `available` needs a query of the repositories (seconds on el7). A versionlock or an exclude hides
 * versions ("no such package"), so the query disables both.
 */
export const packageArea: Area = {
  name: 'package',
  needs: 'package_locks',
  functions: scriptText(yumLook) + scriptText(aptSources) + scriptText(lockLists),
  script: (args) => {
    const name = quote(nameOf(args));
    return scriptText(packageLook, {
      name,
      beside: quote(besideOf(args).join(' ')),
      looked: args.looked === true ? 1 : '',
      flags: repositoryFlags(wantedRepositories(args)),
    });
  },
  maxBytes: 131_072,
  parse: (text, { args }) => {
    const name = nameOf(args);
    const fields = readFields(text);
    const rows = fields.all('installed').map((line) => line.split(/\s+/));
    const [evr = '', abbreviation = ''] = rows[0] ?? [];
    const state = abbreviation === 'rpm' ? rpmState(name, rows) : debState(abbreviation);
    const pinned = fields.all('pinned');
    const versions = [
      ...fields.all('available'),
      ...listed(fields.text('list'), name).map(({ version }) => version),
    ].filter((one) => one !== '');
    const allowed = versions.filter((version) => !pinned.includes(version));
    const available = allowed.length === 0 ? versions : allowed;
    const holds = [
      ...(/^h/.test(abbreviation) ? ['hold'] : []),
      ...holdsOf(name, fields.all('lock'), fields.all('exclude')),
      ...(pinned.length > 0 && allowed.length === 0 ? ['pin'] : []),
    ];
    return {
      ...fact(`package.${name}.installed`, state === '' ? '' : evr),
      ...fact(`package.${name}.state`, state),
      ...(fields.has('looked') ? {} : looks(args, fields, [...new Set(available)])),
      ...fact(`package.${name}.held`, holds.length > 0),
      ...fact(`package.${name}.holds`, holds),
      ...fact(
        `package.${name}.lock_lists`,
        Object.fromEntries(fields.all('lock_list').map((line) => line.split(' ', 2))),
      ),
    };
  },
};

/** What the repositories have. */
function looks(args: Mapping, fields: Fields, available: readonly string[]): Facts {
  const name = nameOf(args);
  const choice = wantedRepositories(args);
  return {
    ...fact(lookFact(name, choice, 'available'), available),
    ...fact(
      lookFact(name, choice, 'beside'),
      besideOf(args).flatMap((other) => newestOf(other, fields.text('list'))),
    ),
    ...fact(lookFact(name, choice, 'unusable'), unusableOf(fields, available.length > 0, choice)),
  };
}

/** The facts that `looks` gives, of all packages and choices. */
export function looksIn(facts: Facts): Facts {
  const isLook = (name: string): boolean =>
    name.startsWith('package.') &&
    ['.available', '.beside', '.unusable'].some((end) => name.endsWith(end));
  const found: Facts = {};
  for (const [name, value] of Object.entries(facts))
    if (isLook(name)) Object.assign(found, { [name]: value });
  return found;
}

/**
 * The want without its query of the repositories, which takes a second, where `before` has a good
 * answer of them. The caller adds that (`looksIn`). Only yum's query can be left out.
 */
export function withoutLook(want: FactWant, before: Facts): FactWant {
  if (want.area !== packageArea.name || want.args === undefined) return want;
  const [name, choice] = [nameOf(want.args), wantedRepositories(want.args)];
  const isGood =
    known(before, lookFact(name, choice, 'available'), []).length > 0 &&
    known(before, lookFact(name, choice, 'unusable'))?.length === 0;
  return isGood ? { ...want, args: { ...want.args, looked: true } } : want;
}

/**
 * By the letters of `dpkg-query`: wanted, state, and `R` for "must be installed again". A removed
 * package may have left its configuration.
 */
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

/** A second architecture of the same version is no duplicate. */
const rpmState = (name: string, rows: readonly (readonly string[])[]): string =>
  isSideBySide(name) || new Set(rows.map(([evr]) => evr)).size === 1 ? 'installed' : 'duplicate';

interface Row {
  readonly version: string;
  readonly repository: string;
}

/** Other packages for the same query. A second query would cost seconds. */
const besideOf = ({ beside }: Mapping): readonly string[] =>
  isList(beside) ? beside.map(String) : [];

function newestOf(name: string, text: string): readonly BesideRow[] {
  const newest = [...listed(text, name)].sort((a, b) => compareRpm(a.version, b.version)).at(-1);
  return newest === undefined ? [] : [{ name, ...newest }];
}

/**
 * yum breaks long rows over lines. So the output is read word by word: `NAME.ARCH VERSION
 * REPOSITORY`.
 */
function listed(text: string, name: string): readonly Row[] {
  const words = text.split(/\s+/);
  return words.flatMap((word, index) => {
    const [version, repository = ''] = [words[index + 1], words[index + 2]];
    const isName = word.startsWith(`${name}.`) && /^[a-z0-9_]+$/.test(word.slice(name.length + 1));
    return isName && version !== undefined && /^[0-9]/.test(version)
      ? [{ version, repository }]
      : [];
  });
}
