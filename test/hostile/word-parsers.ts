// Parsers of words: versions and their ranges, times, expressions and what filters make of a
// registered output.
import { render } from '../../src/core/plan/task/condition.ts';
import { readCalendar } from '../../src/core/rollout/cron-line.ts';
import { compile, compileFile, compileTemplate } from '../../src/expression/index.ts';
import { nearest } from '../../src/model/diagnostic.ts';
import { splitWords } from '../../src/model/text/split-words.ts';
import {
  compareDeb,
  compareKubernetes,
  compareRpm,
  compareUpstream,
  isRange,
  versionInRange,
} from '../../src/model/text/versions.ts';
import { unifiedDiff } from '../../src/modules/file/diff.ts';
import { editLines } from '../../src/modules/file/edit-line.ts';
import { upstreamOf } from '../../src/modules/package-manager/version.ts';
import type { Parser } from './parser.ts';

const orders = {
  rpm: compareRpm,
  deb: compareDeb,
  upstream: compareUpstream,
  kubernetes: compareKubernetes,
} as const;

const versionSeeds = [
  '3:18.09.9-3.el7',
  '5:18.09.1~3-0~debian-stretch',
  'v1.21.2-eks-55daa9d',
  '1.0.0-rc93+dev',
  '18.06.1-ce',
  '3.10.0-1062.4.1.el7.x86_64',
  '1.0~rc1^git1',
];

/** What plays do with the output of a command. */
const filters = [
  'said | from_json',
  'said | from_yaml',
  'said | trim | upper',
  "said | split(',')",
  "said | regex_search('([a-z]+) +([0-9]+)')",
  "said | regex_replace('a+b', 'c')",
  "said | regex_findall('[a-z]+=')",
  'said | int',
  "said | replace('a', 'bb')",
  'said | b64decode',
  'said | to_json',
  'said | to_yaml',
  'said | quote',
  'said | urlencode',
  'said | title',
  'said | wordcount',
  'said | basename',
  "said is version('1.2', '>')",
  "said is match('a*b')",
  "'x' in said",
  'said.splitlines()',
  'said | length',
  'said | hash',
  'said | human_to_bytes',
  'said.strip()',
  'said.split()',
  'said | comment',
  'said | float',
];

export const wordParsers: readonly Parser[] = [
  ...Object.entries(orders).map(
    ([name, order]): Parser => ({
      name: `version, ${name}`,
      parse: (text) => [
        order(text, '1.2.3'),
        order('1.2.3', text),
        order(text, `${text}1`),
        versionInRange(text, '>=17.06 <19 || ==18.09.9', order),
      ],
      seeds: versionSeeds,
    }),
  ),
  { name: 'upstream part of a version', parse: upstreamOf, seeds: versionSeeds },
  {
    name: 'version range',
    parse: (text) =>
      isRange(text) && Object.values(orders).map((order) => versionInRange('18.09.9', text, order)),
    seeds: ['>=17.06 <19', '18.09.9', '<1.21 || >=1.21.2', '>= 1.2, < 2 || != 3'],
  },
  {
    name: 'calendar',
    parse: readCalendar,
    seeds: [
      'Mon..Fri 22:00',
      'daily',
      '*-*-* 02:30:00 Europe/Berlin',
      'Sat,Sun 0/2:00,30',
      'hourly UTC',
    ],
  },
  { name: 'words of a command', parse: splitWords, seeds: ['echo \'a b\' "c \\" d" e\\ f'] },
  {
    name: 'edit of a file, with its diff',
    parse: (text) => {
      const edit = {
        ...{ state: 'present' as const, line: '\\1=9', regexp: '^#?(\\w+) *=', insertafter: 'x$' },
        ...{ backrefs: true, firstmatch: false },
      };
      const edited = editLines(text, edit);
      return edited.ok && unifiedDiff(text, edited.value);
    },
    seeds: ['a = 1\n#b=2\nna\u00efve x\r\nend', '=\n'.repeat(9)],
  },
  {
    name: 'mistyped word',
    parse: (text) => nearest(text, ['kernel_arg', 'container_runtime', 'constructor']),
    seeds: ['kernle_arg'],
  },
  {
    name: 'expression',
    parse: (text) => [compile(text, 'condition'), compile(text, 'template')],
    seeds: [
      "a.b['c'][0] == 1 and not (x is defined or y | default('z') | length > 2) and 'a' in [1, 2.5, {'k': v}]",
      "kernel.release is version('3.10', '>=') if true else none ~ 'x' ** 2 // 3 % 4",
    ],
  },
  {
    name: 'template',
    parse: (text) => compileTemplate(text),
    seeds: ['a {{ x.y | default("z") }} b {# c #} {% if x %}d{% else %}e{% endif %}', '{{ "}}" }}'],
  },
  {
    name: 'template file',
    parse: (text) => {
      const compiled = compileFile(text, { lstripBlocks: true });
      return compiled.kind === 'problem'
        ? compiled
        : compiled.evaluate({ lookup: (name) => (name === 'x' ? ['a', 1] : undefined) });
    },
    seeds: [
      'a {{ x }}\n{%- for y in x if loop is undefined +%}\n{{ y }}{% else %}-{% endfor -%}\n\n',
      '{% if x %}{# c -#} {% set z = x | length %}{{ z }}{% elif y is defined %}{% endif %}\n',
      '{% raw %}{{ {% endraw -%}\r\n{% macro y() %}',
    ],
  },
  ...filters.map(
    (filter): Parser => ({
      name: `expression over an output: ${filter}`,
      parse: (text) =>
        render(`{{ ${filter} }}`, { lookup: (name) => (name === 'said' ? text : undefined) }),
      seeds: [
        '{"a": [1, 2.5, "x"], "b": null}',
        'a: 1\nb: [x, y]\n',
        'aaa 123, bbb=4\nccc',
        '1.2.3',
        'QUJD',
      ],
    }),
  ),
];
