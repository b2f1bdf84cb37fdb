// rpm and needs-restarting: questions to the package database.
import { evrOf, type Package } from '../host/catalog.ts';
import { type Installed, installed } from '../host/installed.ts';
import { has } from '../host/machine.ts';
import { done, type EmulatedTool, failed, unsupported } from './answer.ts';

export const nevra = (pkg: Package): string => `${pkg.name}-${evrOf(pkg)}.${pkg.arch}`;
/** Without the epoch, as rpm -q prints. */
const nvra = (pkg: Package): string => `${pkg.name}-${pkg.version}-${pkg.release}.${pkg.arch}`;

/** Names of a package: name, name-version, name-version-release, with arch, with epoch. */
export function goesBy(pkg: Package, words: string): boolean {
  const versions = ['', `-${pkg.version}`, `-${pkg.version}-${pkg.release}`];
  const plain = versions.flatMap((version) => [
    `${pkg.name}${version}`,
    `${pkg.name}${version}.${pkg.arch}`,
  ]);
  const withEpoch = versions.slice(1).flatMap((version) => {
    const rest = version.slice(1);
    return [`${pkg.epoch}:${pkg.name}-${rest}`, `${pkg.name}-${pkg.epoch}:${rest}`].flatMap(
      (name) => [name, `${name}.${pkg.arch}`],
    );
  });
  const names = [...plain, ...withEpoch];
  if (!/[*?[]/.test(words)) return names.includes(words);
  const pattern = new RegExp(
    `^${words
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  return names.some((name) => pattern.test(name));
}

const tag = (pkg: Installed, name: string): string => {
  switch (name.toUpperCase()) {
    case 'NAME':
      return pkg.name;
    case 'EPOCH':
      return pkg.epoch > 0 ? String(pkg.epoch) : '(none)';
    case 'EPOCHNUM':
      return String(pkg.epoch);
    case 'VERSION':
      return pkg.version;
    case 'RELEASE':
      return pkg.release;
    case 'ARCH':
      return pkg.arch;
    case 'EVR':
      return evrOf(pkg);
    case 'NEVRA':
      return nevra(pkg);
    case 'NVRA':
      return nvra(pkg);
    case 'INSTALLTIME':
      return String(pkg.installedAt);
    case 'VENDOR':
    case 'PACKAGER':
      return 'practice fleet';
    default:
      return '(none)';
  }
};

const format = (pkg: Installed, text: string): string =>
  text
    // `%|EPOCH?{%{EPOCH}:}|`: the first braces when the tag is set, the second ones when it is not.
    .replace(
      /%\|(\w+)\?\{((?:[^{}]|\{[^}]*\})*)\}(?::\{((?:[^{}]|\{[^}]*\})*)\})?\|/g,
      (_whole, name: string, yes: string, no?: string) =>
        tag(pkg, name) === '(none)' ? (no ?? '') : yes,
    )
    .replace(/%-?\d*\{(\w+)(?::\w+)?\}/g, (_whole, name: string) => tag(pkg, name))
    .replace(/\\n/g, '\n')
    .replace(/\\t/g, '\t');

interface Question {
  readonly verb: string;
  readonly all: boolean;
  readonly file: boolean;
  readonly text?: string;
  readonly names: readonly string[];
}

function readArgs(args: readonly string[]): Question {
  let question: Question = { verb: '', all: false, file: false, names: [] };
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    if (word === '--qf' || word === '--queryformat')
      question = { ...question, text: args[++i] ?? '' };
    else if (/^--(qf|queryformat)=/.test(word))
      question = { ...question, text: word.slice(word.indexOf('=') + 1) };
    else if (word === '--query') question = { ...question, verb: 'q' };
    else if (word === '--all') question = { ...question, all: true };
    else if (/^-[a-zA-Z]+$/.test(word)) {
      question = {
        ...question,
        verb: /[qeVKi]/.exec(word)?.[0] ?? question.verb,
        all: question.all || word.includes('a'),
        file: question.file || word.includes('f'),
      };
    } else if (!word.startsWith('-')) question = { ...question, names: [...question.names, word] };
  }
  return question;
}

export const rpm: EmulatedTool = (machine, args) => {
  const { verb, all, file, text, names } = readArgs(args);
  if (args[0] === '--version') return done('RPM version 4.11.3\n');
  if (args[0] === '--eval' || args[0] === '-E')
    return done(
      `${(args[1] ?? '').replaceAll('%{_arch}', 'x86_64').replaceAll('%{?dist}', '.el7')}\n`,
    );
  if (verb !== 'q') return unsupported('rpm', args);
  const packages = installed(machine);
  const show = (pkg: Installed): string =>
    text === undefined ? `${nvra(pkg)}\n` : format(pkg, text);
  if (all)
    return done(
      packages
        .filter((pkg) => names.length === 0 || names.some((name) => goesBy(pkg, name)))
        .map(show)
        .join(''),
    );
  let [out, missing] = ['', 0];
  for (const name of names) {
    const path = name.startsWith(machine.root) ? name.slice(machine.root.length) : name;
    const found = packages.filter((pkg) => (file ? pkg.owns.includes(path) : goesBy(pkg, name)));
    if (found.length === 0) missing += 1;
    const absent =
      file && !has(machine, path)
        ? `error: file ${name}: No such file or directory\n`
        : file
          ? `file ${name} is not owned by any package\n`
          : `package ${name} is not installed\n`;
    out += found.length === 0 ? absent : found.map(show).join('');
  }
  return missing > 0 ? failed(missing, '', out) : done(out);
};

/** Like the real one it compares the times of a few packages, never boot arguments or docker. */
export const needsRestarting: EmulatedTool = (machine, args) => {
  if (!args.includes('-r')) return done();
  const newer = installed(machine).some(
    (pkg) => pkg.name === 'kernel' && pkg.installedAt > machine.running.bootTime,
  );
  return newer
    ? failed(
        1,
        '',
        'Core libraries or services have been updated:\n  kernel\nReboot is required to ensure that your system benefits from these updates.\n',
      )
    : done('No core libraries or services have been updated.\nReboot is probably not necessary.\n');
};
