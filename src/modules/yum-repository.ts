// Module yum_repository: makes, changes or removes one repository in a file in /etc/yum.repos.d.
// Other sections stay as they are.
import { hiddenPart, repositoryFact } from '../facts/areas/packages/repository.ts';
import { withPrelude } from '../facts/probe/prelude.ts';
import { type FactView, fact, need } from '../model/fact.ts';
import { present } from '../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../model/run/change.ts';
import type { RunEffect } from '../model/run/effect.ts';
import {
  absolutePath,
  asArgs,
  either,
  flag,
  type Infer,
  listOf,
  mappingOf,
  object,
  oneOf,
  text,
  whole,
} from '../model/shape/schema.ts';
import { quote } from '../model/text/quote.ts';
import { scriptText } from '../model/text/script-text.ts';
import { defineModule } from './define.ts';
import { spaceRefusal } from './package-manager/state.ts';
import editSection from './yum-repository.awk';
import writeSection from './yum-repository.sh';

const noCredentials =
  'should have no user or password in it: everybody may read the file, and the plan shows it';
const hasCredentials = (value: string): boolean => /:\/\/[^/\s]*@/.test(value);

const url = text
  .regex(
    /^(?:https?|ftp|file):\/\/[^\s,]+$/,
    'should be a URL: https://, http://, ftp:// or file://',
  )
  .refine((value) => !hasCredentials(value), noCredentials);
const line = text
  .regex(/^\S(?:[^\r\n\0]*\S)?$/, 'should be one line, without blanks at its ends')
  .refine((value) => !hasCredentials(value), noCredentials);
const pattern = text.regex(
  /^[^\s,#]+$/,
  'should be the name of a package or a glob such as docker-ce*',
);

const args = object({
  name: text
    .regex(
      /^(?!main$)[A-Za-z0-9][A-Za-z0-9_.:-]*$/,
      'should be the id of a repository: letters, digits and _ . : -',
    )
    .describe('Id of the repository: the section of the file.'),
  description: line
    .optional()
    .describe('A title (`name=` of the section). Required where it is present.'),
  baseurl: listOf(url)
    .optional()
    .describe(
      'Where its `repodata` lies; of several the next is tried where one fails. `$basearch` and `$releasever` stay as they are.',
    ),
  mirrorlist: url.optional().describe('A list of such places.'),
  metalink: url.optional().describe('The same as a metalink.'),
  enabled: flag
    .optional()
    .describe(
      '`false`: it is used only where `enablerepo` names it. Default: what yum takes, which is yes.',
    ),
  gpgcheck: flag.optional().describe('Packages must be signed. Default: what yum.conf says.'),
  gpgkey: listOf(url).optional().describe('URL of its key.'),
  sslverify: flag.optional().describe('`false` trusts every certificate.'),
  sslcacert: absolutePath
    .optional()
    .describe("File on the host with the authorities that sign the server's certificate."),
  proxy: either([url, oneOf('_none_')], 'should be a URL without user and password, or _none_')
    .optional()
    .describe('Of this repository; `_none_` = none, whatever yum.conf says.'),
  skip_if_unavailable: flag.optional().describe('Go on without it where it cannot be read.'),
  exclude: listOf(pattern).optional().describe('Packages that are not taken from it.'),
  priority: whole(1, 99)
    .optional()
    .describe('The lowest wins: dnf, or yum with its plugin `priorities`.'),
  options: mappingOf(
    either(
      [line, oneOf(''), whole(), flag.transform((on) => (on ? '1' : '0'))],
      'should be one line of text, a number, or true or false',
    ),
  )
    .refine(
      (all) => Object.keys(all).every((key) => /^[a-z][a-z0-9_.]*$/.test(key)),
      'should have options of yum as its keys',
    )
    .refine(
      (all) =>
        !Object.keys(all).some((key) => key.endsWith('password')) &&
        !String(all.proxy).includes('@'),
      noCredentials,
    )
    .default({})
    .describe('Further options of yum, as the file has them: `{throttle: 5M}`.'),
  file: text
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.:-]*(?<!\.repo)$/,
      'should be the name of a file below /etc/yum.repos.d, without .repo',
    )
    .optional()
    .describe('The file, without `.repo`; default: the id. Several repositories may share one.'),
  state: oneOf('present', 'absent')
    .default('present')
    .describe('`absent` removes the section, and the file with its last one.'),
}).refine(
  (given) => given.state === 'absent' || isWhole(given),
  'needs `description` and one of `baseurl`, `mirrorlist`, `metalink`',
);
type Args = Infer<typeof args>;

type Given = Partial<Record<'description' | 'baseurl' | 'mirrorlist' | 'metalink', unknown>> & {
  readonly options?: object;
};

function isWhole({ description, baseurl, mirrorlist, metalink, options = {} }: Given): boolean {
  const [named, placed] = [
    description !== undefined || 'name' in options,
    [baseurl, mirrorlist, metalink].some((one) => one !== undefined),
  ];
  return named && (placed || ['baseurl', 'mirrorlist', 'metalink'].some((key) => key in options));
}

const fileOf = (given: Args): string => given.file ?? given.name;

/**
 * The text of the section: one option a line, lists with blanks between, in the order of the
 * documentation.
 */
function sectionOf(given: Args): string {
  if (given.state === 'absent') return '';
  const { name, description, file: _file, state: _state, options, ...rest } = given;
  const settings = { ...present({ name: description }), ...rest, ...options };
  return [
    `[${name}]`,
    ...Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${textOf(value)}`],
    ),
  ].join('\n');
}

const textOf = (value: string | number | boolean | readonly string[]): string =>
  typeof value === 'boolean'
    ? value
      ? '1'
      : '0'
    : typeof value === 'object'
      ? value.join(' ')
      : String(value);

const flags: ReadonlySet<string> = new Set([
  'enabled',
  'gpgcheck',
  'repo_gpgcheck',
  'sslverify',
  'skip_if_unavailable',
]);
const lists: ReadonlySet<string> = new Set(['baseurl', 'gpgkey', 'exclude', 'includepkgs']);

/**
 * The meaning of a line for yum, also where it is written differently: `enabled = True`,
 * `excludepkgs = a, b`.
 */
function meaningOf(setting: string): string {
  const [key = '', value = ''] = splitAt(setting);
  const name = key === 'excludepkgs' ? 'exclude' : key;
  if (flags.has(name))
    return `${name}=${/^(?:1|yes|true|on)$/i.test(value) ? '1' : /^(?:0|no|false|off)$/i.test(value) ? '0' : value}`;
  return lists.has(name) ? `${name}=${value.split(/[\s,]+/).join(' ')}` : `${name}=${value}`;
}

const splitAt = (setting: string): readonly [string, string] => {
  const at = setting.indexOf('=');
  return at < 0 ? [setting, ''] : [setting.slice(0, at), setting.slice(at + 1)];
};

const isSame = (one: string, other: string): boolean => {
  const meanings = (section: string): string =>
    section.split('\n').map(meaningOf).toSorted().join('\n');
  return (one === '') === (other === '') && meanings(one) === meanings(other);
};

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const manager = need(facts, 'packages.manager');
  if (manager !== 'yum' && manager !== 'dnf')
    return {
      changes: [],
      refuse: {
        why: `repository files of yum are not read here (package manager: ${manager})`,
        hint: 'this module is for hosts with yum or dnf: leave others out with `when`',
      },
    };
  const section = repositoryFact(fileOf(given), given.name, 'section');
  const [before, after] = [need(facts, section), sectionOf(given)];
  const elsewhere = need(facts, repositoryFact(fileOf(given), given.name, 'elsewhere'));
  if (isSame(before, after)) return { changes: [], ...noteOf(given, elsewhere) };
  const refuse =
    twice(given, elsewhere) ??
    rollbackImpossible(before, context) ??
    spaceRefusal(facts, [{ fact: 'space.root_kb', path: '/', mb: 1 }]);
  if (refuse !== undefined) return { changes: [], refuse };
  return { changes: [changeOf(given, before, after, manager)], promises: fact(section, after) };
}

const noteOf = (given: Args, elsewhere: readonly string[]): Pick<ModulePlan, 'note'> =>
  given.state === 'absent' && elsewhere.length > 0
    ? { note: `${given.name} is in ${elsewhere.join(', ')}: name that as \`file\` to remove it` }
    : {};

/** yum takes the last of two sections with one id, and prints "listed more than once". */
const twice = (given: Args, elsewhere: readonly string[]): Refusal | undefined =>
  given.state === 'absent' || elsewhere.length === 0
    ? undefined
    : {
        why: `the repository ${given.name} is in ${elsewhere.map((file) => `/etc/yum.repos.d/${file}.repo`).join(', ')} already`,
        hint: 'take another id, or name that file (`file`)',
      };

/**
 * A rollback writes the old lines again. It cannot restore lines that kmend has not read
 * completely, and repeated options.
 */
function rollbackImpossible(
  before: string,
  { acceptNoRollback }: PlanContext,
): Refusal | undefined {
  const settings = before.split('\n').slice(1);
  const keys = settings.map((setting) => splitAt(setting)[0]);
  const isLost = (setting: string, index: number): boolean =>
    !/^[a-z][a-z0-9_.]*=/.test(setting) ||
    setting.includes(hiddenPart) ||
    keys.indexOf(keys[index] ?? '') !== index;
  const lost = new Set(settings.filter(isLost).map((setting) => splitAt(setting)[0]));
  if (acceptNoRollback || lost.size === 0) return undefined;
  return {
    why: `a rollback could not write the section of before again (${[...lost].join(', ')})`,
    hint: 'take another id; or go on without a rollback: `rollback: none` under `rollout` of the play, or `--rollback none`',
  };
}

function changeOf(given: Args, before: string, after: string, manager: 'yum' | 'dnf'): Change {
  return {
    sign: before === '' ? '+' : after === '' ? '-' : '~',
    what: `repository ${given.name} in /etc/yum.repos.d/${fileOf(given)}.repo`,
    ...(before === '' ? {} : { before }),
    ...(after === '' ? {} : { after }),
    risk: 'write',
    effects: [effectOf(given, after, manager)],
  };
}

const effectOf = (given: Args, section: string, manager: 'yum' | 'dnf'): RunEffect => ({
  kind: 'run',
  what: `${given.state === 'absent' ? 'remove' : 'write'} the repository ${given.name} ${given.state === 'absent' ? 'from' : 'to'} /etc/yum.repos.d/${fileOf(given)}.repo`,
  script: withPrelude(script(given, section, manager)),
  detached: false,
  timeout: 120,
  errors: {
    70: 'the repository file could not be written',
    71: 'the new repository file has lost other repositories: nothing was changed',
  },
  hints: { 70: 'the last lines say why: is the disk full or read-only?' },
});

const script = (given: Args, section: string, manager: 'yum' | 'dnf'): string =>
  scriptText(writeSection, {
    file: quote(`${fileOf(given)}.repo`),
    section: quote(section),
    header: quote(`[${given.name}]`),
    editSection: scriptText(editSection),
    manager,
    id: quote(given.name),
  });

export const yumRepository = defineModule<Args>({
  name: 'yum_repository',
  summary:
    'Makes, changes or removes one repository of yum or dnf, in a file below /etc/yum.repos.d.',
  example: `- name: The archive of CentOS 7, whose mirrors are gone
  yum_repository:
    name: vault-os
    description: CentOS 7.9.2009 os (vault)
    baseurl: https://vault.centos.org/7.9.2009/os/$basearch/
    gpgcheck: true
    gpgkey: file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7
    enabled: false
`,
  notes: `The names of Ansible's module. The section is written whole: options that are not given are removed from it, other sections of the file and comments
before them stay. The plan shows each line that would change. A new file has the mode 0644; one that is there keeps owner and mode.

There is no argument for passwords, and a URL with one in it is refused: such a file is for everybody to read. For a server that asks for them put
\`username\` and \`password\`, or \`sslclientcert\` and \`sslclientkey\`, into a file of your own, and name that repository by \`enablerepo\`. Passwords that are in
a section already are read as \`${hiddenPart}\`.

\`kmend rollback RUN\` removes a repository that the run made, and writes the old section again where there was one. A task after this one in the
same play does not know yet what the new repository holds: prepare repositories in a run of their own, as playbooks/repository.yaml does.`,
  args: asArgs(args),
  maxRisk: 'write',
  facts: (given) => [{ area: 'repository', args: { file: fileOf(given), name: given.name } }],
  plan,
});
