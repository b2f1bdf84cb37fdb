// Area packages: the container software that is installed, and the state of the package manager.
import type { Facts } from '../../../model/fact.ts';
import { type Mapping, unknown, type Value } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber, wordsOf } from '../../fields.ts';
import { blockingStates, containerPackages, enginePackages } from './damage.ts';
import { heldList, heldScript } from './package-pins.ts';

/** States of dpkg in which an installation is not complete; a package that must be installed again has a mark beside its state. */
const unfinished =
  '^Status: [a-z]+ (reinstreq [a-z-]+|[a-z]+ (half-installed|half-configured|unpacked|triggers-awaited|triggers-pending))$';

/** The first twenty, and all that matter. */
const damagedDebs = `awk '/^Package: / {p = $2} /${unfinished}/ && (p ~ /^(${containerPackages.join('|').replaceAll('.', '\\.')}|linux-image-.*)$/ || n++ < 20) {
    print "damaged " p " " ($3 == "reinstreq" ? "reinst-required" : $4 == "half-installed" && $2 != "install" && $2 != "hold" ? "half-removed" : $4)
  }' "$R/var/lib/dpkg/status"`;

/** rpm forgets that a script failed: a run of kmend keeps it, with the time of that installation. Installed again, it counts no more. */
const failedScripts = `[ ! -r "$R/var/lib/kmend/failed-scripts" ] || while read -r n t; do
    $T2 rpm -q --qf '%{INSTALLTIME}\\n' "$n" 2>/dev/null </dev/null | grep -Fxq "$t" && echo "damaged $n script-failed"
  done <"$R/var/lib/kmend/failed-scripts"`;

/**
 * `$F` is the family of package tools by os-release (a host may have both), `$Q` one line a package: `NAME EVR INSTALLTIME STATE`. An rpm
 * database is asked under a time limit, because a damaged one makes rpm wait for ever. Of dpkg's status grep takes a few lines, which is
 * five times as fast as dpkg-query: `Version` stands within 14 lines of `Package`.
 */
const packageQuery = `F=rpm
for f in "$R/etc/os-release" "$R/usr/lib/os-release"; do [ -r "$f" ] && break; done
V=''
while IFS='=' read -r k v; do case $k:$v in ID*:*debian*|ID*:*ubuntu*) F=deb;; VERSION_ID:*) V=$v;; esac; done <"$f"
if [ $F = deb ]; then
  if has dpkg-query; then :; else F=none; fi
elif has rpm; then :; else F=none; fi
Q='' q=127
if [ $F = deb ]; then
  D=$(grep -A 14 -E '^Package: (${containerPackages.join('|').replaceAll('.', '\\.')})$|${unfinished}' "$R/var/lib/dpkg/status"); q=$?; [ $q = 1 ] && q=0
  set -f; IFS='
'
  n=''
  for l in $D; do
    case $l in
      'Package: '*) n=\${l#Package: }; case ' ${containerPackages.join(' ')} ' in *" $n "*) ;; *) n='';; esac;;
      'Status: hold '*) w=h;;
      'Status: install '*) w=i;;
      'Status: '*) w=r;;
    esac
    case $l in 'Status: '*' config-files') w=\${w}c;; 'Status: '*' not-installed') w=\${w}n;; 'Status: '*) w=\${w}i;; esac
    case $n:$l in [!:]*:'Version: '*) Q="$Q$n \${l#Version: } @ $w
"; n='';; esac
  done
  unset IFS; set +f
elif [ $F = rpm ]; then
  Q=$($T2 rpm -q --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME} rpm\\n' ${containerPackages.join(' ')} 2>&1); q=$?; [ $q != 137 ] || q=124; [ $q -lt 100 ] && q=0
fi
`;

export const packagesArea: Area = {
  name: 'packages',
  facts: [
    { name: 'packages.manager', lifetime: 'disk', summary: 'yum, dnf, apt, zypper, rpm-ostree or none', example: 'yum' },
    {
      name: 'packages.held',
      lifetime: 'disk',
      summary: 'versionlock entries, exclude patterns, held packages',
      example: ['exclude docker-ce*'],
    },
    {
      name: 'packages.broken',
      lifetime: 'disk',
      summary: 'why nothing can be installed: an interrupted transaction, a database that cannot be read; empty when all is well',
      example: 'docker-ce is half-configured',
    },
    {
      name: 'packages.damaged',
      lifetime: 'disk',
      summary:
        'packages that are not fully installed, with their state: one of dpkg, `reinst-required`, `duplicate` (rpm has several versions of one name), `script-failed` (rpm calls it installed)',
      example: { 'containerd.io': 'half-configured', 'docker-ce': 'unpacked' },
    },
    { name: 'docker.package', lifetime: 'disk', summary: 'the package that holds the engine; empty when none does', example: 'docker-ce' },
    { name: 'docker.evr', lifetime: 'disk', summary: 'its [epoch:]version-release; empty when absent', example: '3:18.09.9-3.el7' },
    {
      name: 'docker.installed_at',
      lifetime: 'disk',
      summary: "when it was installed by the host's clock; 0 when absent",
      example: 1_794_000_000,
    },
    { name: 'cli.evr', lifetime: 'disk', summary: 'of docker-ce-cli', example: '1:18.09.9-3.el7' },
    { name: 'containerd.package', lifetime: 'disk', summary: 'containerd.io, containerd, or empty', example: 'containerd.io' },
    { name: 'containerd.evr', lifetime: 'disk', summary: 'of that package; empty when absent', example: '1.2.10-3.2.el7' },
    { name: 'containerd.installed_at', lifetime: 'disk', summary: "when it was installed by the host's clock; 0 when absent", example: 0 },
    { name: 'runc.evr', lifetime: 'disk', summary: 'of a package runc of its own (containerd.io brings its own)', example: '' },
    { name: 'runc.installed_at', lifetime: 'disk', summary: 'when that package was installed; 0 when absent', example: 0 },
    { name: 'crio.evr', lifetime: 'disk', summary: 'of cri-o', example: '' },
    { name: 'kubelet.evr', lifetime: 'disk', summary: 'of the kubelet package', example: '1.12.3-0' },
    { name: 'kubelet.installed_at', lifetime: 'disk', summary: 'when that package was installed; 0 when absent', example: 1_794_000_000 },
  ],
  // Every process and every look into dpkg's folder of thousands counts here: lists are walked without a pipe, only packages that dpkg named
  // are looked for, and awk reads dpkg's status only when grep, which is ten times as fast, has seen something in it.
  functions: `held() {
${heldScript}
}
`,
  script: `${packageQuery}set -f; IFS='
'
set -- $Q
unset IFS; set +f
for l do printf 'pkg %.300s\\n' "$l"; done
printf 'queried %s %s %s\\n' $F $q "$V"
if [ $F = deb ]; then
  for l do
    shift; p=\${l%% *}
    for f in "$R/var/lib/dpkg/info/$p.list" "$R/var/lib/dpkg/info/$p":*.list; do [ ! -e "$f" ] || set -- "$@" "$f"; done
  done
  [ $# = 0 ] || stat -c 'time %Y %n' "$@"
  for f in "$R"/var/lib/dpkg/updates/[0-9]*; do [ ! -e "$f" ] || { echo 'broken dpkg was interrupted'; break; }; done
  case $D in *reinstreq*|*' half-'*|*' unpacked'*|*' triggers-'*)
    ${damagedDebs};;
  esac
else
  held
  for f in "$R"/var/lib/yum/transaction-all*; do [ ! -e "$f" ] || { echo 'broken an unfinished yum transaction'; break; }; done
  ${failedScripts}
fi
for p in dnf yum apt-get zypper rpm-ostree; do if has $p; then echo "tool $p"; fi; done
[ ! -e "$R/run/ostree-booted" ] || echo ostree`,
  maxBytes: 262_144,
  parse: (text) => {
    const fields = readFields(text);
    const [family = 'rpm', status = '0', version = ''] = fields.text('queried').split(' ');
    const damaged = damagedOf(fields);
    return {
      'packages.manager': managerOf(family, version.replaceAll('"', ''), fields.all('tool'), fields.has('ostree')),
      'packages.held': heldOf(fields),
      'packages.broken': brokenOf(fields, damaged, status),
      'packages.damaged': damaged,
      ...(status === '0' ? packageFacts(readRows(fields)) : unreadPackages(status)),
    };
  },
};

interface Row {
  readonly name: string;
  readonly evr: string;
  readonly time: number;
  readonly state: string;
}

type Fields = ReturnType<typeof readFields>;

/** Installed packages only: a deb that was removed may have left its configuration ("rc") and keeps its row. */
function readRows(fields: Fields): readonly Row[] {
  const times = new Map<string, number>();
  for (const line of fields.all('time')) {
    const parts = /^(\d+) .*\/info\/([^/:]+)(?::[a-z0-9]+)?\.list$/.exec(line);
    if (parts?.[2] !== undefined) times.set(parts[2], Number(parts[1]));
  }
  return fields.all('pkg').flatMap((line) => {
    const parts = /^(\S+) (\S+) (@|\d+) (rpm|[a-zA-Z]{1,3})\s*$/.exec(line);
    if (parts === null) return [];
    const [, name = '', evr = '', time = '', state = ''] = parts;
    if (state !== 'rpm' && !/^.[^ncr]/.test(state)) return [];
    return [{ name, evr, time: time === '@' ? (times.get(name) ?? 0) : (wholeNumber(time) ?? 0), state }];
  });
}

function packageFacts(rows: readonly Row[]): Facts {
  const find = (...names: readonly string[]): Row | undefined => {
    for (const name of names) {
      const row = rows.find((candidate) => candidate.name === name);
      if (row !== undefined) return row;
    }
    return undefined;
  };
  const engine = find(...enginePackages);
  const containerd = find('containerd.io', 'containerd');
  return {
    'docker.package': engine?.name ?? '',
    'docker.evr': engine?.evr ?? '',
    'docker.installed_at': engine?.time ?? 0,
    'cli.evr': find('docker-ce-cli')?.evr ?? '',
    'containerd.package': containerd?.name ?? '',
    'containerd.evr': containerd?.evr ?? '',
    'containerd.installed_at': containerd?.time ?? 0,
    'runc.evr': find('runc')?.evr ?? '',
    'runc.installed_at': find('runc')?.time ?? 0,
    'crio.evr': find('cri-o')?.evr ?? '',
    'kubelet.evr': find('kubelet')?.evr ?? '',
    'kubelet.installed_at': find('kubelet')?.time ?? 0,
  };
}

/** 127: no such program, so nothing was installed by it (Flatcar). Anything else: we do not know. */
function unreadPackages(status: string): Facts {
  if (status === '127') return packageFacts([]);
  const why: Value = unknown(status === '124' ? 'the package database did not answer in time' : 'the package database could not be read');
  return Object.fromEntries(Object.keys(packageFacts([])).map((name) => [name, why]));
}

function managerOf(family: string, version: string, tools: readonly string[], ostree: boolean): string {
  if (ostree && tools.includes('rpm-ostree')) return 'rpm-ostree';
  // On el7 dnf is an extra; from el8 on yum is only another name of dnf.
  const redHat = /^[1-7](\.|$)/.test(version) ? ['yum', 'dnf'] : ['dnf', 'yum'];
  const found = (family === 'deb' ? ['apt-get'] : ['zypper', ...redHat]).find((tool) => tools.includes(tool));
  return found === 'apt-get' ? 'apt' : (found ?? 'none');
}

function heldOf(fields: Fields): readonly string[] {
  const holds = fields.all('pkg').flatMap((line) => {
    const parts = /^(\S+) \S* ?@ h/.exec(line);
    return parts === null ? [] : [`hold ${parts[1]}`];
  });
  return [...new Set([...heldList(fields.all('lock'), fields.all('exclude')), ...holds])];
}

function damagedOf(fields: Fields): Mapping {
  const versions = new Map<string, string>();
  const duplicates = readRows(fields).flatMap(({ name, evr, state }): readonly (readonly [string, string])[] => {
    const other = versions.get(name) ?? evr;
    versions.set(name, evr);
    return state === 'rpm' && other !== evr ? [[name, 'duplicate']] : [];
  });
  const named = fields.all('damaged').flatMap((line): readonly (readonly [string, string])[] => {
    const [name = '', state = ''] = wordsOf(line);
    return state === '' ? [] : [[name, state]];
  });
  return Object.fromEntries([...named, ...duplicates]);
}

function brokenOf(fields: Fields, damaged: Mapping, status: string): string {
  const database = fields.all('pkg').filter((line) => /^(error|warning): (rpmdb|cannot open|db5|Thread died)/i.test(line));
  const blocking = Object.entries(damaged).filter(([, state]) => blockingStates.includes(String(state)));
  const reasons = [...fields.all('broken'), ...blocking.map(([name, state]) => `${name} is ${state}`), ...database];
  if (status === '124') reasons.push('the package database did not answer in time');
  return [...new Set(reasons)].join('; ').slice(0, 500);
}
