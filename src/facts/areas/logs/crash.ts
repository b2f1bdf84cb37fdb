// Area crash: what is left of earlier boots (crash dumps, kernel logs), and whether one of them ended by the leak. Asked for by `check` only.
import type { Facts } from '../../../model/fact.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { judgePast } from '../../kmem/past.ts';
import { kernelGreps } from '../../kmem/symptoms.ts';
import { readBoots, sourcesOf } from './earlier-boots.ts';

/** Seconds after which nothing more is begun; what hangs is ended by its own limit of 5 s. */
const budget = 12;

/** The newest files of a kind, and the bytes of each that are read: its end, where a crash is. A file that must be unpacked is read from its beginning. */
const dumps = { files: 4, bytes: 300_000 };
const records = { files: 16, bytes: 70_000 };
const messages = { files: 4, bytes: 8_000_000, unpacked: 24_000_000, boots: 12 };
/** Boots before this one in a persistent journal, and lines of each. */
const journal = { boots: 4, lines: 20_000, tail: 100 };

/** Lines before the end of a boot in which a shutdown announces itself, and what it says: systemd of el7 and later, SysV, rsyslog, the kernel. */
const shutdownLines = 400;
/** Who may say it: of systemd the first process alone, because the manager of a user's session reaches the same target at each logout. */
const shutdownTags = '(systemd(\\[1\\])?|(systemd-[a-z]+|shutdown|r?syslogd|journal)(\\[[0-9]+\\])?|kernel):';
const shutdown =
  'Reached target (Shutdown|Reboot|Power-Off|System Reboot)|Starting (Reboot|Power-Off)|System is (rebooting|powering down)|systemd-shutdow|shutting down for system|reboot: (Restarting|Power down)|exiting on signal 15|Journal stopped';

const escaped = (pattern: string): string => pattern.replaceAll('/', '\\/');

/**
 * All logs are one stream. It comes out in boots: `log SOURCE NAME`, then the last lines of each kind of symptom with how many there were, the last
 * line of all, and how it ended; `ran` is its kernel, by its first line or by the head of an oops. `@@ log SOURCE TIME NAME` begins a log; TIME is
 * when its file was last written. Logs of `messages` follow each other, oldest first, and a kernel's first line begins a boot; `@@ cut` says that
 * something is missing there. Behind `@@ tail` only the end counts.
 * A line begins `Nov  5 10:24:33 HOST TAG` or `2018-11-05T10:24:33 HOST TAG`. A host that collects the logs of others (`H` is its own name) counts
 * its own lines; until a boot knows its name it is `localhost`.
 */
const program = `BEGIN { H = tolower(ENVIRON["H"]); sub(/\\..*/, "", H) }
function flush(how,  i, j, o) {
  if (s != "" && some) {
    o = "log " s " " name "\\nran " ran "\\n"
    for (i = 1; i <= ${kernelGreps.length}; i++)
      for (j = m[i] > 2 ? m[i] - 2 : 0; j < m[i]; j++) o = o "sign " j + 1 " " l[i, j % 2] "\\n"
    o = o "last " t " " last "\\nend " (p && NR - p < ${shutdownLines} ? "planned" : how) "\\n"
    if (s == "messages") B[b++ % ${messages.boots}] = o; else printf "%s", o
  }
  split("", m); p = some = 0; ran = ""
}
/^@@ log / {
  if (s != $3 || s != "messages") flush("gone")
  s = $3; t = $4; name = $0; sub(/^@@ log [^ ]+ [^ ]+ /, "", name); tail = 0
  print "read " s; next
}
/^@@ / { if ($2 == "tail") tail = 1; else { if ($2 == "cut") flush("lost"); print $2 " " $3 } next }
{ tag = s == "journal" || $1 ~ /^[0-9]+-[0-9]+-[0-9]+T/ ? 3 : 5; who = tolower($(tag - 1)); tag = $tag }
s == "messages" && H != "" && tag ~ /:$/ {
  sub(/\\..*/, "", who)
  if (who != H && who != "localhost") { if (!foreign++) print "cut messages"; next }
}
{ kernel = !tail && (s != "messages" || tag == "kernel:") }
s == "messages" && kernel && /Linux version [0-9]/ { flush("gone") }
kernel && match($0, /(Linux version |ainted.* )[0-9]+\\.[0-9]+\\.[^ ]+/) {
  ran = substr($0, RSTART, RLENGTH); sub(/.* /, "", ran)
}
s == "pstore" && /^(Oops|Restart|Halt|Poweroff|Shutdown)#/ { p = NR }
(s == "pstore" || tag ~ /^${shutdownTags}$/) && /${escaped(shutdown)}/ { p = NR }
kernel && /${kernelGreps.map(escaped).join('|')}/ {
  k = ${kernelGreps.map((grep, index) => `/${escaped(grep)}/ ? ${index + 1} : `).join('')}0
  l[k, m[k]++ % 2] = t " " substr($0, 1, 240)
}
$0 != "" { last = substr($0, 1, 80); some++ }
END { flush("open"); for (i = b > ${messages.boots} ? b - ${messages.boots} : 0; i < b; i++) printf "%s", B[i % ${messages.boots}] }`;

export const crashArea: Area = {
  name: 'crash',
  facts: [
    {
      name: 'crash.verdict',
      lifetime: 'disk',
      summary:
        'died (an earlier boot ended by the leak), died_unshown (one crashed or broke off, and nothing shows why), seen (only symptoms in an earlier boot), none, or unknown where nothing could be read',
      example: 'died',
    },
    {
      name: 'crash.on',
      lifetime: 'disk',
      summary: 'day (UTC) of that death or of the last symptom; empty for none',
      example: '2018-11-05',
    },
    {
      name: 'crash.evidence',
      lifetime: 'disk',
      summary: 'where that is written, and which symptoms are there; empty for none',
      example: 'crash dump of 2018-11-05 10:24: SLUB node -1, NULL pointer dereference in ip6mr_sk_done',
    },
    {
      name: 'crash.boots',
      lifetime: 'disk',
      summary:
        'earlier boots by what is left of them (source: dump, pstore, journal or messages), the newest first: boot id where known, its kernel, when and how the log ended (crash, abrupt, planned, unknown), symptoms with count, time and last line',
      example: [
        {
          source: 'dump',
          place: '/var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
          boot: '',
          kernel: '3.10.0-862.el7.x86_64',
          at: 1_541_413_473,
          ended: 'crash',
          symptoms: [
            { kind: 'slub_memcg', count: 3, at: 1_541_413_401, line: 'cache: sock_inode_cache(158:8aff71103b35), object size: 632' },
          ],
        },
      ],
    },
    {
      name: 'crash.sources',
      lifetime: 'disk',
      summary: 'what there is to read of earlier boots: read, absent, denied or cut (not all of it was read)',
      example: { dump: 'read', pstore: 'absent', journal: 'absent', messages: 'read' },
    },
  ],
  // A host without any of these starts no program. Kdump sends dumps to servers, too: a folder with another address is of another host.
  script: `some() { for f in "$@"; do [ ! -e "$f" ] || return 0; done; return 1; }
more() { [ $(($(date +%s) - t0)) -lt ${budget} ] || { echo "@@ cut $1"; return 1; }; }
logs() {
  k=$1 m=$2 b=$3; shift 3
  some "$@" || return 0
  $T ls -1td -- "$@" | head -n 200 | {
    n=0 r=''
    while IFS= read -r f; do
      [ -f "$f" ] || continue
      case $f in
        *.xz|*.bz2|*.zst|*.z) echo "@@ cut $k"; continue;;
        "$d"/127.0.0.1-*) ;;
        "$d"/[0-9]*.[0-9]*.[0-9]*.[0-9]*-*) echo "@@ cut $k"; continue;;
      esac
      [ $n -lt $m ] || { echo "@@ cut $k"; break; }
      if [ -r "$f" ]; then
        n=$((n + 1)) r="$f
$r"
      else echo "@@ denied $k"; fi
    done
    printf %s "$r"
  } | while IFS= read -r f; do
    case $f in '@@ '*) echo "$f"; continue;; esac
    more $k || break
    [ -z "$(find -L "$f" -size +\${b}c)" ] || echo "@@ cut $k"
    echo "@@ log $k $(date -r "$f" +%s) \${f#"$R"}"
    case $f in
      *.gz) $T gzip -dc "$f" | { head -c ${messages.unpacked}; [ -z "$(head -c 1)" ] || { echo; echo "@@ cut $k"; }; };;
      *) $T tail -c $b "$f";;
    esac
    echo
  done
}
boots() {
  some "$R"/var/log/journal/*/*.journal && has journalctl || return 0
  for f in "$R"/var/log/journal/*/system.journal; do [ ! -e "$f" ] || [ -r "$f" ] || echo '@@ denied journal'; done
  i=0
  while [ $i -lt ${journal.boots} ] && more journal; do
    i=$((i + 1)); j=$($T journalctl -b -$i -n 1 -o export --no-pager -q | sed -n 's/^_BOOT_ID=//p')
    [ -n "$j" ] || break
    echo "@@ log journal 0 $j"
    $T journalctl -k -b "$j" -n ${journal.lines} -o short-iso --no-pager -q
    echo '@@ tail'
    $T journalctl -b "$j" -n ${journal.tail} -o short-iso --no-pager -q || echo '@@ cut journal'
  done
}
d=$R/var/crash p=$R/sys/fs/pstore q=$R/var/lib/systemd/pstore v=$R/var/log
if some "$d"/*/*dmesg* "$p"/dmesg-* "$q"/dmesg-* "$q"/*/dmesg.txt "$v"/journal/*/*.journal "$v"/messages "$v"/messages[-.][0-9]*; then
  set -- $(date '+%s %z'); t0=$1; echo "now $*
kernel $K"
  l=0; IFS= read -r l <"$R/proc/uptime"; echo "up $l"
  h=''; IFS= read -r h <"$R/proc/sys/kernel/hostname"
  {
    logs dump ${dumps.files} ${dumps.bytes} "$d"/*/vmcore-dmesg*.txt "$d"/*/dmesg.[0-9]*
    logs pstore ${records.files} ${records.bytes} "$p"/dmesg-* "$q"/dmesg-* "$q"/*/dmesg.txt
    boots
    logs messages ${messages.files} ${messages.bytes} "$v"/messages "$v"/messages[-.][0-9]*
  } | H=$h awk '${program}'
fi`,
  maxBytes: 262_144,
  parse: (text): Facts => {
    const fields = readFields(text);
    const boots = readBoots(text, fields);
    const sources = sourcesOf(fields);
    return {
      ...judgePast(boots, sources),
      'crash.boots': boots.map((boot) => ({ ...boot, symptoms: boot.symptoms.map((symptom) => ({ ...symptom })) })),
      'crash.sources': sources,
    };
  },
};
