// Package files of the controller: versions beside those of the repositories. They are copied to
// the host and checked there before a package manager reads them.
import {
  allOf,
  type FactName,
  type Facts,
  type FactValue,
  type FactView,
  type FactWant,
  fact,
  judgedFact,
  need,
} from '../../model/fact.ts';
import { packageFolder, sha256Shell } from '../../model/host-file.ts';
import type { PackageFile, PackageFiles } from '../../model/package-file.ts';
import { present } from '../../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { CopyEffect } from '../../model/run/effect.ts';
import { filled, list, object, text } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { isList, type Value } from '../../model/value.ts';
import type { Step } from './choose.ts';
import { noRepositories } from './repositories.ts';
import checkFile from './scripts/check-files.sh';
import { heldRefusal, mbBelow, packageWant } from './state.ts';
import { type Manager, orderOf } from './version.ts';

const packageFile = object({
  path: filled
    .optional()
    .describe(
      'A file on the machine that runs kmend; a relative path is looked for in `files/` beside the playbook, then beside it.',
    ),
  url: text
    .regex(
      /^https?:\/\/[^\s/@]+\/[^\s@]+$/i,
      'should be an http or https URL without a user name in it',
    )
    .optional()
    .describe('Fetched once by the machine that runs kmend, never by the hosts; needs `sha256`.'),
  sha256: text
    .regex(/^[0-9a-f]{64}$/i, 'should be a sha256 checksum: 64 hexadecimal digits')
    .optional()
    .describe('Checksum that the file must have.'),
})
  .refine(
    (given) => (given.path === undefined) !== (given.url === undefined),
    'needs `path` or `url`, one of them',
  )
  .refine(
    (given) => given.url === undefined || given.sha256 !== undefined,
    'a `url` needs `sha256`',
  );

/** The argument of every module that installs. */
export const filesArg = list(packageFile)
  .optional()
  .describe(
    'Package files (rpm, deb): their versions can be had beside those of the repositories, and without any. yum, dnf and apt only.',
  );

export type GivenFiles =
  | readonly { readonly path?: string | undefined; readonly url?: string | undefined }[]
  | undefined;

/** For the notes of `package`. */
export const filesNotes = `\`files\` gives package files: \`files: [{path: kernel.rpm}, {url: "https://...", sha256: ...}]\`. A relative path is looked for in \`files/\` beside the playbook,
then beside the playbook. A URL is fetched once by the machine that runs kmend (http or https, five redirects, no proxy), and kept in \`packages/\` of the state
directory. kmend reads name, version and architecture from the file itself, and reports what is wrong with it before any host is contacted (exit 3); so the
list must not rest on facts, \`register\` or \`set_fact\`. A file that was changed makes a saved plan stale. Files of another package format, architecture or el release
than the host's are left out there, and of the others a file counts like a version in a repository. What a chosen package requires of the other
files is installed with it, in one transaction.

A file is copied to \`/var/lib/kmend/packages\` on the host over the SSH session, and checked there by its sha256 and by \`rpm -qp\` or \`dpkg-deb\`; \`kmend cleanup\`
removes it. This must happen before the drain: put a copy of the task with \`predownload: true\` there, or the host is refused. yum and dnf try the files without any
repository first, and use the repositories for what the files lack. They do not check the signature of a package file (\`localpkg_gpgcheck\`): give the sha256.`;

/** Wants for the files that are meant for this host. */
export function fileWants(
  given: GivenFiles,
  known: FactView,
  files: PackageFiles,
  repositories = noRepositories,
): readonly FactWant[] {
  const fitting = fittingFiles(given, known, files);
  return [
    ...[...new Set(fitting.map(({ name }) => name))].map((name) => packageWant(name, repositories)),
    ...fitting.map((file) => ({ area: 'path', args: { path: hostPath(file) } })),
  ];
}

/** Files of a task that fit one host. */
export interface FilesHere {
  readonly files: readonly PackageFile[];
  /** The facts with the versions of these files among those of the repositories. */
  readonly facts: FactView;
  readonly refuse?: Refusal;
}

export function filesHere(
  given: GivenFiles,
  facts: FactView,
  { files: known = {} }: PlanContext,
): FilesHere {
  const files = fittingFiles(given, facts, known);
  const refuse = unreadFiles(given, known);
  return { files, facts: withFiles(facts, files), ...present({ refuse }) };
}

const knownFiles = (given: GivenFiles, files: PackageFiles): readonly PackageFile[] =>
  keysOf(given).flatMap((key) => (Object.hasOwn(files, key) ? (files[key] ?? []) : []));

/** Files of this host's package format, architecture and el release. */
const fittingFiles = (
  given: GivenFiles,
  facts: FactView,
  files: PackageFiles,
): readonly PackageFile[] => knownFiles(given, files).filter((file) => fits(file, facts));

/** Adds to a refusal why none of the given files fits this host. */
export function withUnfitFiles(
  plan: ModulePlan,
  given: GivenFiles,
  facts: FactView,
  files: PackageFiles = {},
): ModulePlan {
  if (plan.refuse === undefined || fittingFiles(given, facts, files).length > 0) return plan;
  const unfit = knownFiles(given, files);
  if (unfit.length === 0) return plan;
  const named = unfit
    .slice(0, 3)
    .map(({ kind, name, version, arch }) => `${name} ${version} (${kind}, ${arch})`);
  const host = [
    facts.get('packages.manager'),
    facts.get('machine.arch'),
    `${facts.get('os.id')} ${facts.get('os.version')}`,
  ].join(', ');
  const text = `no package file that was given is for this host (${host}): ${named.join(', ')}${unfit.length > 3 ? ', ...' : ''}`;
  return {
    ...plan,
    refuse: {
      ...plan.refuse,
      hint: [text, plan.refuse.hint].filter((part) => part !== undefined).join('; '),
    },
  };
}

const keysOf = (given: GivenFiles): readonly string[] =>
  (given ?? []).map(({ path, url }) => path ?? url ?? '');

/** A list from `set_fact` or `register` was unknown when the files were read. */
function unreadFiles(given: GivenFiles, files: PackageFiles): Refusal | undefined {
  const unread = keysOf(given).find((key) => !Object.hasOwn(files, key));
  return unread === undefined
    ? undefined
    : {
        why: `package file ${unread} was not known before hosts were contacted`,
        hint: 'give it in the playbook, the inventory or by -e, not by `set_fact` or `register`',
      };
}

const debArchs: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  ppc64le: 'ppc64el',
};

function fits(file: PackageFile, facts: FactView): boolean {
  const [manager, arch] = [facts.get('packages.manager'), facts.get('machine.arch') ?? ''];
  if (file.kind === 'deb')
    return manager === 'apt' && (file.arch === 'all' || file.arch === (debArchs[arch] ?? arch));
  if (manager === 'apt' || (file.arch !== 'noarch' && file.arch !== arch)) return false;
  const release = /\.el(\d+)/.exec(file.version)?.[1];
  return (
    release === undefined ||
    facts.get('os.family') !== 'rhel' ||
    (facts.get('os.version') ?? '').split('.')[0] === release
  );
}

/** The facts with the versions of the files among those of the repositories. */
function withFiles(facts: FactView, files: readonly PackageFile[]): FactView {
  return files.length === 0 ? facts : { get: (name) => withVersions(facts, name, files) };
}

function withVersions<Name extends FactName>(
  facts: FactView,
  name: Name,
  files: readonly PackageFile[],
): FactValue<Name> | undefined;
function withVersions(
  facts: FactView,
  fact: FactName,
  files: readonly PackageFile[],
): Value | undefined {
  const value: Value | undefined = facts.get(fact);
  const name = /^package\.(.+)\.available$/.exec(fact)?.[1]?.split('@', 1)[0];
  const versions = files.filter((file) => file.name === name).map(({ version }): Value => version);
  return versions.length === 0 || !isList(value) ? value : [...new Set([...value, ...versions])];
}

/** The steps with their files, and with steps for other files that these files require. */
export function fromFiles(
  steps: readonly Step[],
  files: readonly PackageFile[],
  facts: FactView,
  manager: Manager,
): readonly Step[] {
  const order = orderOf(manager);
  const found: Step[] = steps.map((step) => {
    const file = files.find(
      ({ name, version }) => step.to !== '' && name === step.name && order(version, step.to) === 0,
    );
    return file === undefined ? step : { ...step, file };
  });
  // The list grows in the loop: a required package may require more.
  for (const { file, to } of found)
    for (const name of file?.needs ?? []) {
      if (found.some((step) => step.name === name)) continue;
      const step = requiredStep(name, to, files, facts, manager);
      if (step !== undefined) found.push(step);
    }
  return found;
}

/**
 * A required package that is missing or older: the file of the same version as the package that
 * requires it, else the newest.
 */
function requiredStep(
  name: string,
  version: string,
  files: readonly PackageFile[],
  facts: FactView,
  manager: Manager,
): Step | undefined {
  const order = orderOf(manager);
  const candidates = files
    .filter((file) => file.name === name)
    .toSorted((a, b) => order(a.version, b.version));
  const file = candidates.find((one) => order(one.version, version) === 0) ?? candidates.at(-1);
  // The file may be for another host, or of another task.
  if (file === undefined) return undefined;
  const installed = need(facts, `package.${name}.installed`);
  const held = need(facts, `package.${name}.held`);
  if (installed !== '' && order(installed, file.version) >= 0) return undefined;
  const kind = installed === '' || sideBySide(name) ? 'install' : 'upgrade';
  return {
    name,
    from: kind === 'install' ? '' : installed,
    to: file.version,
    kind,
    file,
    ...(held ? { held: true } : {}),
  };
}

const sideBySide = (name: string): boolean =>
  /^kernel(?:-lt|-ml)?(?:-core|-modules.*)?$/.test(name);

/** Why these steps must not be done on this host now. */
export function filesRefusal(
  steps: readonly Step[],
  facts: FactView,
  manager: Manager,
  context: PlanContext,
  allowed: { readonly holds: 'refuse' | 'lift' },
): Refusal | undefined {
  const fromFile = steps.filter((step) => step.file !== undefined);
  if (fromFile.length === 0) return undefined;
  if (manager === 'zypper')
    return {
      why: 'kmend installs package files with yum, dnf and apt only',
      hint: 'put the packages into a repository for hosts with zypper',
    };
  const held = allowed.holds === 'lift' ? undefined : fromFile.find((step) => step.held === true);
  if (held !== undefined) return heldRefusal(held.name, manager, true);
  const missing = missingFiles(steps, facts);
  const isDrained = context.done.drained || context.sets?.kmend_drain === 'command';
  if (missing.length > 0 && isDrained)
    return {
      why: `${missing.map(fileName).join(', ')} would be copied to this host only after its drain`,
      hint: 'put a copy of this task with `predownload: true` before the drain',
    };
  const needed = Math.ceil(missing.reduce((sum, { size }) => sum + size, 0) / 1_048_576) + 50;
  const left =
    missing.length === 0
      ? null
      : judgedFact(facts, 'space.var_kb', (free) => mbBelow(needed, free));
  return left === null
    ? undefined
    : {
        why: `/var has ${left} MB left, the package files need ${needed}`,
        hint: 'make room on /var first',
      };
}

const missingFiles = (steps: readonly Step[], facts: FactView): readonly PackageFile[] =>
  steps.flatMap(({ file }) => (file === undefined || need(facts, existsFact(file)) ? [] : [file]));

const existsFact = (file: PackageFile) => `path.${hostPath(file)}.exists` as const;

/** The change that copies files that the host does not have yet. */
export function copyChanges(steps: readonly Step[], facts: FactView): readonly Change[] {
  const missing = missingFiles(steps, facts);
  if (missing.length === 0) return [];
  const named = missing
    .map((file) => `${file.name} ${file.version} (${(file.size / 1_000_000).toFixed(1)} MB)`)
    .join(', ');
  return [
    {
      sign: '!',
      what: 'copy package files',
      after: named,
      risk: 'write',
      effects: missing.map(copyOf),
    },
  ];
}

/** Facts after the files are copied. */
export const copiedFacts = (steps: readonly Step[]): Facts =>
  allOf(steps.map(({ file }) => (file === undefined ? {} : fact(existsFact(file), true))));

const copyOf = (file: PackageFile): CopyEffect => ({
  kind: 'copy',
  what: `copy ${fileName(file)} to the host`,
  from: file.at,
  name: fileName(file),
  sha256: file.sha256,
  size: file.size,
  timeout: 1800,
});

/** The digest distinguishes two builds of one version. yum recognises a file by its suffix. */
const fileName = ({ kind, name, version, arch, sha256 }: PackageFile): string =>
  `${name}-${version.replace(/^\d+:/, '')}.${arch}-${sha256.slice(0, 12)}.${kind}`;

const hostPath = (file: PackageFile): string => `${packageFolder}/${fileName(file)}`;

/** The file as a shell word for a package manager. */
export const fileWord = (file: PackageFile): string =>
  `"$R${packageFolder}/"${quote(fileName(file))}`;

export function checkFiles(steps: readonly Step[]): string {
  const files = steps.flatMap(({ file }) => (file === undefined ? [] : [file]));
  if (files.length === 0) return '';
  return scriptText(checkFile, {
    sha256: sha256Shell(38),
    files: files
      .map(
        (file) =>
          `f=${fileWord(file)}\nis_file "$f" ${file.sha256}\nis_package "$f" "$(${ask[file.kind]})" ${quote(identity(file))}\n`,
      )
      .join(''),
  });
}

const ask: Readonly<Record<PackageFile['kind'], string>> = {
  rpm: `rpm -qp --qf '%{NAME} %|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE} %{ARCH}' "$f" 2>/dev/null`,
  deb: `echo $(dpkg-deb -f "$f" Package) $(dpkg-deb -f "$f" Version) $(dpkg-deb -f "$f" Architecture)`,
};

const identity = ({ kind, name, version, arch }: PackageFile): string =>
  `${name} ${kind === 'deb' || /^\d+:/.test(version) ? version : `0:${version}`} ${arch}`;

/** Do all new packages come from files? Then no repository may be needed. */
export const filesAlone = (steps: readonly Step[]): boolean =>
  steps.every((step) => step.kind === 'remove' || step.file !== undefined) &&
  steps.some((step) => step.file !== undefined);
