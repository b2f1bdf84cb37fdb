// yum 3 as on CentOS 7: exact versions, locked packages that look like missing ones, and an endless
// wait for its lock.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Reply } from '../host/calls.ts';
import { evrOf, type Package, repository } from '../host/catalog.ts';
import { compareEvr, installed, isParallel } from '../host/installed.ts';
import { at, fault, type Machine, put, putName, read, remove } from '../host/machine.ts';
import { done, type EmulatedTool, failed, unsupported, type World } from './answer.ts';
import { goesBy, nevra } from './rpm.ts';
import { carryOut, type Draft, newest, resolve, same } from './transaction.ts';

interface Command {
  readonly verb: string;
  readonly specs: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
  readonly excludes: readonly string[];
}

const takesValue = new Set([
  '-d',
  '-e',
  '-c',
  '-R',
  '--setopt',
  '--disablerepo',
  '--enablerepo',
  '--disableplugin',
  '--exclude',
  '-x',
  '--installroot',
  '--releasever',
]);

function readCommand(args: readonly string[]): Command {
  const words: string[] = [];
  const flags = new Set<string>();
  const settings = new Map<string, string>();
  const excludes: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const at = word.startsWith('--') ? word.indexOf('=') : -1;
    const key = at < 0 ? word : word.slice(0, at);
    const value =
      at >= 0 ? word.slice(at + 1) : takesValue.has(key) ? (args[++i] ?? '') : undefined;
    if (key === '--setopt')
      settings.set((value ?? '').split('=')[0] ?? '', (value ?? '').split('=').slice(1).join('='));
    else if (key === '--exclude' || key === '-x') excludes.push(value ?? '');
    else flags.add(value === undefined ? key : `${key}=${value}`);
  }
  const [verb = '', ...specs] = words;
  return { verb: aliases[verb] ?? verb, specs, settings, flags, excludes };
}

const aliases: Readonly<Record<string, string>> = {
  update: 'upgrade',
  erase: 'remove',
  localinstall: 'install',
};

const lockFile = '/var/run/yum.pid';
const pid = 4711;
const versionLock = '/etc/yum/pluginconf.d/versionlock.list';

const lockEntries = (machine: Machine): readonly string[] =>
  read(machine, versionLock)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** A locked package may only be the locked version: `0:docker-ce-18.06.1.ce-3.el7.*`. */
function lockedOut(machine: Machine, pkg: Package): boolean {
  const name = (entry: string): string =>
    entry.replace(/^\d+:/, '').split('-').slice(0, -2).join('-');
  const own = lockEntries(machine).filter((entry) => name(entry) === pkg.name);
  return (
    own.length > 0 &&
    !own.some((entry) => goesBy(pkg, entry.replace(/^0:/, '')) || goesBy(pkg, entry))
  );
}

function excludedBy(machine: Machine, command: Command): readonly string[] {
  const off = [...command.flags].some((flag) => flag.startsWith('--disableexcludes'));
  const lines = [...read(machine, '/etc/yum.conf').matchAll(/^exclude\s*=\s*(.*)$/gm)].flatMap(
    (match) => (match[1] ?? '').split(/[\s,]+/),
  );
  return [...(off ? [] : lines.filter(Boolean)), ...command.excludes];
}

const repositoryFiles = ['/etc/yum.repos.d/lab.repo', '/etc/yum.repos.d/elrepo.repo'];
const repositoryOf = (pkg: Package): string => pkg.from ?? 'lab';

/** Repositories that their files enable, then the flags in their order. */
function enabledRepositories(machine: Machine, command: Command): ReadonlySet<string> {
  const sections = repositoryFiles.flatMap((file) => [
    ...read(machine, file).matchAll(/^\[([^\]]+)\]([^[]*)/gm),
  ]);
  const enabled = new Set(
    sections.filter(([, , body = '']) => /^enabled\s*=\s*1/m.test(body)).map(([, id = '']) => id),
  );
  for (const flag of command.flags) {
    const [, word, words = ''] = /^--(enable|disable)repo=(.*)$/.exec(flag) ?? [];
    for (const [, id = ''] of sections) {
      if (word === undefined || !words.split(',').some((pattern) => matchesId(pattern, id)))
        continue;
      if (word === 'enable') enabled.add(id);
      else enabled.delete(id);
    }
  }
  return enabled;
}

const matchesId = (pattern: string, id: string): boolean =>
  pattern === id || (pattern.endsWith('*') && id.startsWith(pattern.slice(0, -1)));

/**
 * What the enabled repositories offer, after excludes and versionlock: both look like a package
 * that does not exist.
 */
function offered(machine: Machine, command: Command): readonly Package[] {
  const enabled = enabledRepositories(machine, command);
  const excludes = excludedBy(machine, command);
  const locks = ![...command.flags].some(
    (flag) =>
      flag === '--noplugins' ||
      flag === '--disableplugin=versionlock' ||
      flag === '--disableplugin=*',
  );
  return repository('el7').filter(
    (pkg) =>
      enabled.has(repositoryOf(pkg)) &&
      !excludes.some((words) => goesBy(pkg, words)) &&
      !(locks && lockedOut(machine, pkg)),
  );
}

const row = (pkg: Package, repo: string): string =>
  `${`${pkg.name}.${pkg.arch}`.padEnd(40)} ${evrOf(pkg).padEnd(30)} ${repo}\n`;

function list(machine: Machine, command: Command): Reply {
  const [what, ...rest] = ['available', 'installed', 'all', 'updates'].includes(
    command.specs[0] ?? '',
  )
    ? command.specs
    : ['all', ...command.specs];
  const named = (pkg: Package): boolean =>
    rest.length === 0 || rest.some((words) => goesBy(pkg, words));
  const own = installed(machine).filter(named);
  const everything = offered(machine, command).filter(named);
  const others = everything.filter((pkg) => !installed(machine).some((one) => same(one, pkg)));
  // Installed packages are listed too, where a repository has them: yum and dnf call that
  // "reinstall available".
  const shown = command.flags.has('--showduplicates')
    ? everything
    : others.filter((pkg) =>
        same(
          pkg,
          newest(
            machine,
            others.filter((other) => other.name === pkg.name),
          ) ?? pkg,
        ),
      );
  const sorted = [...shown].sort(
    (a, b) => a.name.localeCompare(b.name) || compareEvr(machine, a, b),
  );
  const out =
    (what !== 'available' && own.length > 0
      ? `Installed Packages\n${own.map((pkg) => row(pkg, '@lab')).join('')}`
      : '') +
    (what !== 'installed' && sorted.length > 0
      ? `Available Packages\n${sorted.map((pkg) => row(pkg, repositoryOf(pkg))).join('')}`
      : '');
  return out === '' ? failed(1, 'Error: No matching Packages to list\n') : done(out);
}

function versionlock(machine: Machine, specs: readonly string[]): Reply {
  const [verb = 'list', ...names] = specs;
  const entries = lockEntries(machine);
  if (verb === 'list')
    return done(`${entries.map((entry) => `${entry}\n`).join('')}versionlock list done\n`);
  if (verb === 'clear') return save([], '');
  if (verb === 'add') {
    const found = installed(machine).filter((pkg) => names.some((words) => goesBy(pkg, words)));
    return save(
      [
        ...entries,
        ...found.map((pkg) => `${pkg.epoch}:${pkg.name}-${pkg.version}-${pkg.release}.*`),
      ],
      `versionlock added: ${found.length}\n`,
    );
  }
  const left = entries.filter(
    (entry) =>
      !names.some(
        (words) =>
          entry === words || entry.replace(/^\d+:/, '').split('-').slice(0, -2).join('-') === words,
      ),
  );
  return verb === 'delete'
    ? save(left, `versionlock deleted: ${entries.length - left.length}\n`)
    : unsupported('yum', ['versionlock', ...specs]);

  function save(lines: readonly string[], text: string): Reply {
    put(machine, versionLock, lines.map((line) => `${line}\n`).join(''));
    return done(text);
  }
}

interface Choice {
  readonly wanted: readonly Package[];
  readonly gone: readonly Package[];
  readonly output: string;
}

/**
 * yum 3's `install` of an older version than the installed one does nothing and is no error;
 * `downgrade` is the command for that.
 */
function choose(machine: Machine, command: Command): Choice {
  const available = offered(machine, command);
  const own = installed(machine);
  let choice: Choice = { wanted: [], gone: [], output: '' };
  const say = (text: string): void => {
    choice = { ...choice, output: choice.output + text };
  };
  const take = (pkg: Package): void => {
    choice = { ...choice, wanted: [...choice.wanted, pkg] };
  };
  const isEverything = command.specs.length === 0 && command.verb === 'upgrade';
  const specs = isEverything ? [...new Set(own.map((pkg) => pkg.name))] : command.specs;
  for (const words of specs) {
    if (command.verb === 'remove') {
      const found = own.filter((pkg) => goesBy(pkg, words));
      if (found.length === 0) say(`No Match for argument: ${words}\n`);
      choice = { ...choice, gone: [...choice.gone, ...found] };
      continue;
    }
    const best = newest(
      machine,
      available.filter((pkg) => goesBy(pkg, words)),
    );
    const present = best
      ? own.filter((pkg) => pkg.name === best.name)
      : own.filter((pkg) => goesBy(pkg, words));
    const order = best && present[0] ? compareEvr(machine, best, present[0]) : 1;
    if (!best && isEverything) continue;
    if (!best)
      say(
        present.length > 0 && command.verb === 'install'
          ? `Package matching ${words} already installed. Checking for update.\n`
          : `No package ${words} available.\n`,
      );
    else if (present.some((pkg) => same(pkg, best)))
      say(`Package ${nevra(best)} already installed and latest version\n`);
    else if (command.verb === 'downgrade')
      present.length > 0 && order < 0
        ? take(best)
        : say(`Only Upgrade available on package: ${nevra(best)}\n`);
    else if (command.verb === 'upgrade' && present.length === 0)
      say(`No Packages marked for Update\n`);
    else if (order < 0 && !isParallel(best))
      say(`Package matching ${nevra(best)} already installed. Checking for update.\n`);
    else take(best);
  }
  return choice;
}

/** `yum shell FILE`: the lines of the file up to `run` are one transaction. */
function chooseAll(machine: Machine, command: Command): Choice {
  const lines = readFileSync(command.specs[0] ?? '', 'utf8').split('\n');
  const choices = lines.slice(0, lines.indexOf('run')).map((line) => {
    const { verb, specs } = readCommand(line.trim().split(/\s+/));
    return choose(machine, { ...command, verb, specs });
  });
  return {
    wanted: choices.flatMap((choice) => choice.wanted),
    gone: choices.flatMap((choice) => choice.gone),
    output: choices.map((choice) => choice.output).join(''),
  };
}

/** Packages that need a removed one are removed too. */
function withDependents(machine: Machine, gone: readonly Package[]): readonly Package[] {
  const more = installed(machine).filter(
    (pkg) =>
      !gone.some((one) => same(one, pkg)) &&
      pkg.requires.some((words) => gone.some((one) => one.name === words.split(' ')[0])),
  );
  return more.length === 0 ? gone : withDependents(machine, [...gone, ...more]);
}

/** The lock is polled for ever unless exit_on_lock is set. */
async function takeLock(
  machine: Machine,
  command: Command,
  world: World,
): Promise<Reply | undefined> {
  let output = `Existing lock ${lockFile}: another copy is running as pid ${pid}.\n`;
  while (fault(machine, 'lock') || read(machine, lockFile) !== '') {
    if (command.settings.get('exit_on_lock') === '1') return failed(200, output);
    output += 'Another app is currently holding the yum lock; waiting for it to exit...\n';
    if (!(await world.pause(machine, 0.2))) return failed(1, output);
  }
  put(machine, lockFile, `${pid}\n`);
  putName(machine, pid, 'yum');
  return undefined;
}

function freeLock(machine: Machine): void {
  remove(machine, lockFile);
  if (!fault(machine, 'lock')) remove(machine, `/proc/${pid}`);
}

async function transact(machine: Machine, command: Command, world: World): Promise<Reply> {
  const locked = await takeLock(machine, command, world);
  if (locked) return locked;
  const { wanted, gone, output } =
    command.verb === 'shell' ? chooseAll(machine, command) : choose(machine, command);
  const missing = /^No package .* available\.$/m.test(output);
  if (wanted.length === 0 && gone.length === 0) {
    freeLock(machine);
    return missing || /^Only Upgrade/m.test(output)
      ? failed(1, 'Error: Nothing to do\n', output)
      : done(`${output}Nothing to do\n`);
  }
  const removed = withDependents(machine, gone);
  const draft = resolve(machine, wanted, offered(machine, command), removed);
  if (!(await world.pause(machine, fault(machine, 'slowyum') ?? 0))) return failed(1, '');
  freeLock(machine);
  if (draft.problem !== undefined) return failed(1, draft.problem, output);
  if (command.flags.has('--assumeno'))
    return failed(1, 'Exiting on user command\n', output + table(machine, wanted, draft));
  if (fault(machine, 'full'))
    return failed(
      1,
      'Error Summary\n-------------\nDisk Requirements:\n  At least 1MB more space needed on the / filesystem.\n',
      output,
    );
  if (fault(machine, 'nodownload'))
    return failed(
      1,
      'Error downloading packages:\n  docker-ce: [Errno 256] No more mirrors to try.\n',
      output,
    );
  if (command.flags.has('--downloadonly'))
    return done(`${output}exiting because "Download Only" specified\n`);
  const result = carryOut(machine, draft);
  const section = (title: string, packages: readonly Package[]): string =>
    packages.length === 0
      ? ''
      : `\n${title}:\n${packages.map((pkg) => `  ${pkg.name}.${pkg.arch} ${evrOf(pkg)}\n`).join('')}`;
  // A failing post-install script only prints a line: the package is installed and the exit status
  // is 0.
  const scriptlets = result.failedPost
    .map(
      (pkg) =>
        `warning: %post(${pkg.name}-${evrOf(pkg)}.${pkg.arch}) scriptlet failed, exit status 1\nNon-fatal POSTIN scriptlet failure in rpm package ${nevra(pkg)}\n`,
    )
    .join('');
  return done(
    `${output}${section(
      'Removed',
      result.removed.filter((pkg) => !result.added.some((other) => other.name === pkg.name)),
    )}${section('Installed', result.added)}\nComplete!\n`,
    scriptlets,
  );
}

/** What a transaction would do, as yum asks about it; only wanted packages have no reason of their own. */
function table(machine: Machine, wanted: readonly Package[], { result }: Draft): string {
  const own = installed(machine);
  const added = result.filter((pkg) => !own.some((one) => same(one, pkg)));
  const isUpdate = (pkg: Package): boolean =>
    !isParallel(pkg) && own.some(({ name }) => name === pkg.name);
  const isWanted = (pkg: Package): boolean => wanted.some((one) => same(one, pkg));
  const gone = own.filter(
    (pkg) => !result.some((one) => same(one, pkg)) && !added.some((one) => one.name === pkg.name),
  );
  const section = (title: string, packages: readonly Package[]): string =>
    packages.length === 0
      ? ''
      : `${title}:\n${packages
          .map((pkg) => ` ${pkg.name}  ${pkg.arch}  ${evrOf(pkg)}  ${repositoryOf(pkg)}  1 M\n`)
          .join('')}`;
  const installs = added.filter((pkg) => !isUpdate(pkg));
  return [
    '\nDependencies Resolved\n\n Package  Arch  Version  Repository  Size\n',
    section('Installing', installs.filter(isWanted)),
    section('Updating', added.filter(isUpdate)),
    section('Removing', gone),
    section(
      'Installing for dependencies',
      installs.filter((pkg) => !isWanted(pkg)),
    ),
    '\nTransaction Summary\n',
  ].join('');
}

/** Installed packages that have a newer version, as rows; status 100 where there are any. */
function checkUpdate(machine: Machine, command: Command): Reply {
  const { wanted } = choose(machine, {
    ...command,
    verb: 'upgrade',
    specs: [...new Set(installed(machine).map(({ name }) => name))].filter(
      (name) => command.specs.length === 0 || command.specs.includes(name),
    ),
  });
  return wanted.length === 0
    ? done()
    : { ...done(wanted.map((pkg) => row(pkg, repositoryOf(pkg))).join('')), code: 100 };
}

/**
 * The first id in `--enablerepo` or `--disablerepo` that no file has. A pattern may match nothing.
 */
function unknownRepository(machine: Machine, { flags }: Command): string | undefined {
  const folder = at(machine, '/etc/yum.repos.d');
  const files = existsSync(folder)
    ? readdirSync(folder).map((name) => read(machine, `/etc/yum.repos.d/${name}`))
    : [];
  const known = new Set(
    files.flatMap((text) => [...text.matchAll(/^\[([^\]]+)\]/gm)].map(([, id = '']) => id)),
  );
  const named = [...flags].flatMap(
    (flag) => /^--(?:enable|disable)repo=([^*?[\],]+)$/.exec(flag)?.[1] ?? [],
  );
  return named.find((id) => !known.has(id));
}

export const yum: EmulatedTool = async (machine, args, world) => {
  if (args[0] === '--version') return done('3.4.3\n');
  const command = readCommand(args);
  const unknown = unknownRepository(machine, command);
  if (unknown !== undefined)
    return failed(1, `\n\nError getting repository data for ${unknown}, repository not found\n`);
  switch (command.verb) {
    case 'install':
    case 'upgrade':
    case 'downgrade':
    case 'remove':
    case 'shell':
      return transact(machine, command, world);
    case 'list':
      return list(machine, command);
    case 'check-update':
      return checkUpdate(machine, command);
    // Nothing on a practice host was installed for another package.
    case 'autoremove':
      return done('No Packages marked for removal\n');
    case 'versionlock':
      return versionlock(machine, command.specs);
    case 'repolist':
      return done(
        `repo id   repo name   status\nlab       lab         ${offered(machine, command).length}\nrepolist: ${offered(machine, command).length}\n`,
      );
    case 'makecache':
    case 'clean':
    case 'check':
      return done();
    default:
      return unsupported('yum', args);
  }
};
