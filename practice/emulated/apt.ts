// apt and dpkg as on Debian 12.
import { readFileSync } from 'node:fs';
import type { Reply } from '../host/calls.ts';
import { evrOf, type Package, repository } from '../host/catalog.ts';
import { aptHeld, compareEvr, find, type Installed, installed, save } from '../host/installed.ts';
import { fault, type Machine, put, read } from '../host/machine.ts';
import { done, type EmulatedTool, failed, unsupported, type World } from './answer.ts';
import { mkconfig } from './boot-loader.ts';
import { carryOut, newest, resolve, same } from './transaction.ts';

const holds = '/var/lib/dpkg/holds';
const lockFile = '/var/lib/dpkg/lock-frontend.holder';

/** Words that are no options; `-o NAME=VALUE` and `-t RELEASE` take one more word. */
const plainWords = (args: readonly string[]): readonly string[] =>
  args.filter(
    (word, i) => !word.startsWith('-') && !['-o', '-t', '-c'].includes(args[i - 1] ?? ''),
  );

const versionsOf = (machine: Machine, name: string): readonly Package[] =>
  repository('debian')
    .filter((pkg) => pkg.name === name)
    .sort((a, b) => compareEvr(machine, b, a));

function pick(machine: Machine, words: string): Package | Reply {
  const [name = '', version] = words.split('=');
  const all = versionsOf(machine, name);
  if (all.length === 0) return failed(100, `E: Unable to locate package ${name}\n`);
  const found =
    version === undefined ? newest(machine, all) : all.find((pkg) => evrOf(pkg) === version);
  return found ?? failed(100, `E: Version '${version}' for '${name}' was not found\n`);
}

/** Waits for dpkg's lock as long as apt's options allow; a failure, or `undefined` with the lock. */
async function lockFailure(
  machine: Machine,
  args: readonly string[],
  world: World,
): Promise<Reply | undefined> {
  let waited = 0;
  const lockTimeout = Number(/DPkg::Lock::Timeout=(-?\d+)/.exec(args.join(' '))?.[1] ?? 0);
  while (fault(machine, 'lock') || read(machine, lockFile) !== '') {
    if (lockTimeout >= 0 && waited >= lockTimeout) {
      return failed(
        100,
        'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (apt-get)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n',
      );
    }
    if (!(await world.pause(machine, 0.2))) return failed(100, '');
    waited += 0.2;
  }
  return undefined;
}

/** What apt refuses with -y: changes of held packages, and downgrades, without their options. */
function confirmationFailure(
  machine: Machine,
  args: readonly string[],
  changed: readonly Package[],
): Reply | undefined {
  if (
    changed.some((pkg) => aptHeld(machine).includes(pkg.name)) &&
    !args.includes('--allow-change-held-packages')
  ) {
    return failed(
      100,
      'E: Held packages were changed and -y was used without --allow-change-held-packages.\n',
    );
  }
  const isLower = changed.some((pkg) => {
    const present = find(machine, pkg.name);
    return present !== undefined && compareEvr(machine, pkg, present) < 0;
  });
  return isLower && !args.includes('--allow-downgrades')
    ? failed(100, 'E: Packages were downgraded and -y was used without --allow-downgrades.\n')
    : undefined;
}

async function install(
  machine: Machine,
  args: readonly string[],
  specs: readonly string[],
  world: World,
): Promise<Reply> {
  const locked = await lockFailure(machine, args, world);
  if (locked) return locked;
  const picked = specs.map((words) => pick(machine, words));
  const problem = picked.find((one): one is Reply => 'code' in one);
  if (problem) return problem;
  const wanted = picked.filter((one): one is Package => 'name' in one);
  const changed = wanted.filter((pkg) => !installed(machine).some((one) => same(one, pkg)));
  const refused = confirmationFailure(machine, args, changed);
  if (refused) return refused;
  if (changed.length === 0)
    return done('0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n');
  if (args.some((word) => word === '-s' || word === '--simulate' || word === '--dry-run'))
    return done(
      changed
        .map((pkg) => {
          const old = find(machine, pkg.name);
          return `Inst ${pkg.name} ${old === undefined ? '' : `[${evrOf(old)}] `}(${evrOf(pkg)} lab [${pkg.arch}])\n`;
        })
        .join(''),
    );
  if (fault(machine, 'full'))
    return failed(100, "E: You don't have enough free space in /var/cache/apt/archives/.\n");
  const draft = resolve(machine, wanted, repository('debian'));
  if (draft.problem !== undefined)
    return failed(
      100,
      'E: Unable to correct problems, you have held broken packages.\n',
      draft.problem,
    );
  if (fault(machine, 'nodownload'))
    return failed(100, 'E: Failed to fetch http://lab/docker-ce.deb  404  Not Found\n');
  if (args.includes('-d')) return done('Download complete and in download only mode\n');
  put(machine, lockFile, '4711\n');
  const alive = await world.pause(machine, fault(machine, 'slowyum') ?? 0);
  put(machine, lockFile, '');
  if (!alive) return failed(100, '');
  const result = carryOut(machine, draft);
  if (result.added.some((pkg) => pkg.name.startsWith('linux-image-')))
    await mkconfig(machine, ['-o', '/boot/grub/grub.cfg'], world);
  const text = result.added.map((pkg) => `Setting up ${pkg.name} (${evrOf(pkg)}) ...\n`).join('');
  const broken = result.failedPost[0];
  return broken
    ? failed(
        100,
        `dpkg: error processing package ${broken.name} (--configure):\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n`,
        text,
      )
    : done(text);
}

function removeNames(machine: Machine, names: readonly string[]): Reply {
  const gone = installed(machine).filter((pkg) => names.includes(pkg.name));
  const dependents = installed(machine).filter((pkg) =>
    pkg.requires.some((words) => gone.some((one) => one.name === words.split(' ')[0])),
  );
  carryOut(machine, resolve(machine, [], repository('debian'), [...gone, ...dependents]));
  return done(gone.map((pkg) => `Removing ${pkg.name} (${evrOf(pkg)}) ...\n`).join(''));
}

/** What \`apt-get -s dist-upgrade\` prints; on hold is what the given status file says. */
function simulateUpgrade(machine: Machine, args: readonly string[]): Reply {
  const given = /Dir::State::status=(\S+)/.exec(args.join(' '))?.[1];
  const status = given === undefined ? '' : readFileSync(given, 'utf8');
  const newer = installed(machine).flatMap((pkg) => {
    const to = newest(machine, versionsOf(machine, pkg.name));
    return to !== undefined && compareEvr(machine, to, pkg) > 0 ? [{ pkg, to }] : [];
  });
  const isKept = ({ name }: Package): boolean =>
    aptHeld(machine).includes(name) || status.includes(`Package: ${name}\nStatus: hold `);
  const kept = newer.filter(({ pkg }) => isKept(pkg)).map(({ pkg }) => pkg.name);
  return done(
    [
      ...(kept.length === 0
        ? []
        : ['The following packages have been kept back:\n', `  ${kept.join(' ')}\n`]),
      ...newer
        .filter(({ pkg }) => !isKept(pkg))
        .map(({ pkg, to }) => `Inst ${pkg.name} [${evrOf(pkg)}] (${evrOf(to)} lab [${to.arch}])\n`),
    ].join(''),
  );
}

export const aptGet: EmulatedTool = async (machine, args, world) => {
  const [verb = '', ...specs] = plainWords(args);
  if (['dist-upgrade', 'upgrade', 'autoremove'].includes(verb) && args.includes('-s'))
    return verb === 'autoremove' ? done() : simulateUpgrade(machine, args);
  if (verb === 'update' || verb === 'clean' || verb === 'check') return done();
  if (verb === 'install') return install(machine, args, specs, world);
  if (verb === 'remove' || verb === 'purge') return removeNames(machine, specs);
  return unsupported('apt-get', args);
};

export const aptCache: EmulatedTool = (machine, args) => {
  const [verb, ...names] = plainWords(args);
  if (verb === 'madison') {
    return done(
      names
        .flatMap((name) => versionsOf(machine, name))
        .map((pkg) => `${pkg.name.padStart(10)} | ${evrOf(pkg)} | file:/srv/repo ./ Packages\n`)
        .join(''),
    );
  }
  if (verb !== 'policy') return unsupported('apt-cache', args);
  return done(
    names
      .map((name) => {
        const all = versionsOf(machine, name);
        const own = find(machine, name);
        const table = all
          .map(
            (pkg) =>
              ` ${own && same(own, pkg) ? '***' : '   '} ${evrOf(pkg)} 500\n        500 file:/srv/repo ./ Packages\n`,
          )
          .join('');
        return `${name}:\n  Installed: ${own ? evrOf(own) : '(none)'}\n  Candidate: ${all[0] ? evrOf(all[0]) : '(none)'}\n  Version table:\n${table}`;
      })
      .join(''),
  );
};

export const aptMark: EmulatedTool = (machine, args) => {
  const [verb, ...names] = plainWords(args);
  const held = aptHeld(machine);
  if (verb === 'showauto' || verb === 'auto') return done();
  if (verb === 'showhold') return done(held.map((name) => `${name}\n`).join(''));
  if (verb !== 'hold' && verb !== 'unhold') return unsupported('apt-mark', args);
  const now =
    verb === 'hold'
      ? [...new Set([...held, ...names])]
      : held.filter((name) => !names.includes(name));
  put(machine, holds, now.map((name) => `${name}\n`).join(''));
  save(machine, installed(machine));
  return done(
    names
      .map((name) => `${name} ${verb === 'hold' ? 'set on hold' : 'was already not on hold'}.\n`)
      .join(''),
  );
};

const field = (machine: Machine, pkg: Installed, name: string): string => {
  const abbrev = aptHeld(machine).includes(pkg.name) ? 'hi ' : 'ii ';
  switch (name) {
    case 'Package':
    case 'binary:Package':
      return pkg.name;
    case 'Version':
      return evrOf(pkg);
    case 'Architecture':
      return pkg.arch;
    case 'Status':
      return `${abbrev.startsWith('h') ? 'hold' : 'install'} ok installed`;
    case 'db:Status-Abbrev':
      return abbrev;
    case 'db:Status-Status':
      return 'installed';
    default:
      return '';
  }
};

function query(machine: Machine, args: readonly string[]): Reply {
  const at = args.findIndex((word) => word === '-f' || word === '--showformat');
  const joined = args.find((word) => /^(-f.|--showformat=)/.test(word));
  const format =
    at >= 0
      ? (args[at + 1] ?? '')
      : joined
        ? joined.replace(/^(-f=?|--showformat=)/, '')
        : `\${binary:Package}\t\${Version}\n`;
  const names = args.filter((word, i) => !word.startsWith('-') && !(at >= 0 && i === at + 1));
  const packages = installed(machine);
  const found =
    names.length === 0
      ? packages
      : names.flatMap((name) => packages.filter((pkg) => pkg.name === name));
  const missing = names.filter((name) => !packages.some((pkg) => pkg.name === name));
  const text = found
    .map((pkg) =>
      format
        .replace(/\$\{([\w:-]+)(?:;-?\d+)?\}/g, (_whole, name: string) => field(machine, pkg, name))
        .replace(/\\n/g, '\n')
        .replace(/\\t/g, '\t'),
    )
    .join('');
  return missing.length > 0
    ? failed(
        1,
        missing.map((name) => `dpkg-query: no packages found matching ${name}\n`).join(''),
        text,
      )
    : done(text);
}

export const dpkgQuery: EmulatedTool = (machine, args) => {
  if (args.some((word) => word === '-W' || word === '--show'))
    return query(
      machine,
      args.filter((word) => word !== '-W' && word !== '--show'),
    );
  if (args[0] === '-l' || args[0] === '--list')
    return done(
      installed(machine)
        .map((pkg) => `ii  ${pkg.name} ${evrOf(pkg)} ${pkg.arch}\n`)
        .join(''),
    );
  return unsupported('dpkg-query', args);
};

export const dpkg: EmulatedTool = (machine, args, world) => {
  if (args[0] === '--print-architecture') return done('amd64\n');
  if (args[0] === '--audit' || args[0] === '-C') return done();
  if (args[0] === '--configure') return done();
  return dpkgQuery(machine, args, world);
};
