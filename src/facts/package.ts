// Area package (with a name): installed, held, and which versions the enabled repositories have.
import { quote } from '../model/quote.ts';
import type { Area } from './area.ts';
import { readFields } from './fields.ts';
import { heldScript, isHeld } from './holds.ts';
import { lookFact, repositoryFlags, wantedRepositories } from './repositories.ts';
import { nameOf } from './service.ts';

/**
 * `available` costs a look at the repositories (seconds on el7). yum would wait for ever for its lock, and a versionlock or an exclude would
 * hide versions that are there (it looks like "no such package"): both are switched off for the look.
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
      name: 'package.*.available',
      lifetime: 'outside',
      summary:
        'versions that the enabled repositories have, holds and excludes left aside; `package.NAME@CHOICE` with `enablerepo`, `disablerepo`',
      example: ['3:18.09.1-3.el7', '3:18.09.9-3.el7'],
    },
    {
      name: 'package.*.held',
      lifetime: 'disk',
      summary: 'a versionlock, an exclude or a hold keeps it from being changed',
      example: false,
    },
  ],
  script: (args) => {
    const name = quote(nameOf(args));
    return `n=${name}
if [ $F = deb ]; then
  dpkg-query -W -f 'installed \${Version} \${db:Status-Abbrev}\\n' -- "$n"
  $T2 apt-cache madison -- "$n" | awk '{print "available " $3}'
elif [ $F = rpm ]; then
  l=$(rpm -q --qf 'installed %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} rpm\\n' -- "$n") && printf '%s\\n' "$l"
  ${heldScript}
  if has zypper; then zypper -nq search -s --match-exact -- "$n" | awk -F'|' 'NR > 2 {gsub(/ /, "", $4); print "available " $4}'
  elif has yum; then
    t=''; command -v timeout >/dev/null && t='timeout 120'
    $t yum -q --setopt=exit_on_lock=1 --disableplugin=versionlock --disableexcludes=all${repositoryFlags(wantedRepositories(args))} --showduplicates list available "$n" | awk '{printf "%s ", $0} END {if (NR) print ""}' | sed 's/^/list /'
  fi
fi`;
  },
  maxBytes: 65_536,
  parse: (text, { args }) => {
    const name = nameOf(args);
    const fields = readFields(text);
    const [evr = '', state = ''] = fields.text('installed').split(/\s+/);
    const present = state === 'rpm' || /^.[^ncr]/.test(state);
    return {
      [`package.${name}.installed`]: present ? evr : '',
      [lookFact(name, wantedRepositories(args), 'available')]: [
        ...new Set([...fields.all('available'), ...listed(fields.text('list'), name)]),
      ].filter((v) => v !== ''),
      [`package.${name}.held`]: /^h/.test(state) || isHeld(name, fields.all('lock'), fields.all('exclude')),
    };
  },
};

/** yum breaks long rows over lines, so the whole output is read as words: `NAME.ARCH VERSION REPOSITORY`. */
function listed(text: string, name: string): readonly string[] {
  const words = text.split(/\s+/);
  return words.flatMap((word, index) => {
    const version = words[index + 1];
    const isName = word.startsWith(`${name}.`) && /^[a-z0-9_]+$/.test(word.slice(name.length + 1));
    return isName && version !== undefined && /^[0-9]/.test(version) ? [version] : [];
  });
}
