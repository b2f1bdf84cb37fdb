// Area package (with a name): installed, held, and which versions the enabled repositories have.
import { quote } from '../../../model/text/quote.ts';
import { compareRpm } from '../../../model/text/versions.ts';
import { isList, type Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { nameOf } from '../programs/service.ts';
import { isSideBySide } from './damage.ts';
import { isHeld } from './package-pins.ts';
import { lookFact, repositoryFlags, wantedRepositories } from './repositories.ts';
import { unusableFact, unusableOf } from './unusable.ts';

/** For all looks of a probe together, which itself has 90 s: a mirror that stalls must not cost the host its other facts. */
const lookSeconds = 60;

/**
 * `yum_repos` prints `repo ID ENABLED KIND ADDRESS` lines. `yum_look NAME FLAGS...` makes rows of the package, and of those in `$B`, one `list` line, and what is said
 * about repositories `said` lines, each once. A look that failed is not made again for the next package (`$Y` has its flags, `$X` what it printed):
 * a repository that cannot be reached fails for all of them. dnf 5 takes `available` for one more package, and lists what is installed too.
 * Short waits: four tries of a mirror that stalls fit into the time. Another look holds yum's lock for seconds and is waited for; who changes packages
 * (`$LK`) is not. `watched` prints an empty line each second (`3`): when nobody reads it any more, since the connection is lost, it ends the look.
 */
const yumFunctions = `yum_repos() {
  set --
  for f in "$R/etc/yum.conf" "$R/etc/dnf/dnf.conf" "$R"/etc/yum.repos.d/*.repo "$R"/etc/yum/repos.d/*.repo "$R"/etc/distro.repos.d/*.repo; do [ ! -r "$f" ] || set -- "$@" "$f"; done
  [ -z "\${http_proxy-}\${https_proxy-}\${HTTPS_PROXY-}" ] || echo proxy
  [ $# = 0 ] || awk 'function out() {if (id != "" && id != "main" && rows++ < 100) printf "repo %.80s %s %s %.300s\\n", id, on, kind, url; id = ""}
    {sub(/\\r$/, "")}
    /^[ \\t]*[#;]/ {next}
    /^\\[/ {out(); id = substr($0, 2); sub(/\\].*/, "", id); gsub(/[ \\t]/, "_", id); on = 1; kind = url = "-"; next}
    /^[ \\t]/ {if (kind == "baseurl" && url == "-") url = $1; next}
    {k = $0; sub(/[ \\t]*=.*/, "", k); v = $0; sub(/^[^=]*=[ \\t]*/, "", v); w = v; sub(/[ \\t,].*/, "", w)}
    k == "enabled" {on = tolower(v) ~ /^(0|no|false|off)/ ? 0 : 1}
    k == "proxy" && v !~ /^(_none_)?$/ && !seen++ {print "proxy"}
    k == "reposdir" {print "elsewhere"}
    (k == "baseurl" && kind == "-") || k == "mirrorlist" || k == "metalink" {kind = k; url = w == "" ? "-" : w}
    END {out()}' "$@"
}
watched() {
  "$@" 3>&- & p=$!
  (trap '' PIPE; while sleep 1 3>&- && kill -0 $p; do echo >&3 || kill $p; done) >/dev/null 2>&1 & i=$!
  wait $p; r=$?; kill $i; return $r
}
yum_look() {
  n=$1; shift
  if [ "\${Y-}" = "look $*" ]; then printf '%s\\n' "$X"; return; fi
  y=yum; has yum || y=dnf
  s=$(date +%s); : "\${E:=$((s + ${lookSeconds}))}"; s=$((E - s)); [ $s -ge 5 ] || s=5
  t=\${T:+timeout -k 5 $s}
  { o=$({ watched $t $y \${LK:+--setopt=exit_on_lock=1} --setopt=timeout=12 --setopt=retries=1 --disableplugin=versionlock --disableexcludes=all "$@" list --showduplicates available "$n" $B 2>&1; r=$?
    case $r in 124|137) echo "$y did not answer within $s s";; esac; echo "status $r"; } | awk -v n="$n $B" '
    BEGIN {c = split(n, names, " ")}
    function ours(i) {for (i = 1; i <= c; i++) if (index($0, names[i] ".") == 1) return 1; return 0}
    /^(Installed|Available) [Pp]ackages/ {skip = /^I/; row = 0; next}
    ours() || row && /^ / {row = 1; if (!skip && length(l) < 40000) l = l $0 " "; next}
    {row = 0}
    /^status / {bad = $2; next}
    /^(Existing lock|Waiting for process) |lock; waiting/ {next}
    /No matching/ && /ackages/ {none = 1; next}
    NF && !had[$0]++ && said++ < 80 {printf "said %.400s\\n", $0}
    END {if (l != "") print "list " l; if (bad && !none) print "look_failed"}'); } 3>&1
  case $o in *look_failed*) Y="look $*" X=$o;; esac
  printf '%s\\n' "$o"
}
`;

/** What has less than 100 kB left, by root's own measure. */
const fullFunction = `full_places() {
  for d in "$R/var" "$R/tmp" "$R/"; do k=$($T stat -f -c '%f * %S / 1024' "$d") || continue; [ $(($k)) -ge 100 ] || echo "full \${d#"$R"}"; done
}
`;

/** One line an entry of sources.list and of the newer `.sources`; `unread` where no index was ever fetched. */
const aptFunctions = `apt_sources() {
  set --
  for f in "$R/etc/apt/sources.list" "$R"/etc/apt/sources.list.d/*.list "$R"/etc/apt/sources.list.d/*.sources; do [ ! -r "$f" ] || set -- "$@" "$f"; done
  [ $# = 0 ] || awk 'function out() {if (id != "" && rows++ < 100) printf "repo %.200s %s baseurl -\\n", id, on; id = ""; on = 1}
    FNR == 1 {out(); new = FILENAME ~ /sources$/}
    !new && /^#? *deb / {on = /^#/ ? 0 : 1; sub(/^#? *deb +(\\[[^]]*\\] *)?/, ""); id = $1; out(); next}
    new && /^[ \\t]*$/ {out()}
    new && /^Enabled:[ \\t]*no/ {on = 0}
    new && /^URIs:/ {id = $2}
    END {out()}' "$@"
  for f in "$R"/var/lib/apt/lists/*Packages* "$R"/var/lib/apt/lists/*Release; do [ ! -e "$f" ] || return 0; done
  echo unread
}
`;

/** What does not differ between packages is in the probe once: an SSH server may limit the length of a command. */
const pinnedFunction = `apt_pinned() { $T2 apt-cache policy -- "$1" | awk '{sub(/^ \\*\\*\\*/, "")} NF == 2 && $2 ~ /^-[0-9]/ {print "pinned " $1}'; }
`;

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
  functions: yumFunctions + fullFunction + aptFunctions + pinnedFunction,
  script: (args) => {
    const name = quote(nameOf(args));
    return `n=${name}
if [ $F = deb ]; then
  dpkg-query -W -f 'installed \${Version} \${db:Status-Abbrev}\\n' -- "$n"
  $T2 apt-cache madison -- "$n" | awk '{print "available " $3}'
  apt_pinned "$n"
  apt_sources
elif [ $F = rpm ]; then
  l=$(rpm -q --qf 'installed %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} rpm\\n' -- "$n") && printf '%s\\n' "$l"
  held
  if has zypper; then $T2 zypper -nq search -s --match-exact -- "$n" | awk -F'|' 'NR > 2 {gsub(/ /, "", $4); print "available " $4}'
  elif has yum || has dnf; then
    yum_repos
    B=${quote(besideOf(args).join(' '))}
    yum_look "$n"${repositoryFlags(wantedRepositories(args))}
    case \${X-} in *'No space left'*) full_places;; esac
  fi
fi`;
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
