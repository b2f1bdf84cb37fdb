// What people see, pinned at 80 and 140 columns: check, plan, live rows, lines, recap, report,
// diagnostics.

import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostStates } from '../../src/core/run-state/state.ts';
import { viewOf } from '../../src/core/view/read-view.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Remedy, Verdict } from '../../src/model/facts/values.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import type { PlayPlan } from '../../src/model/run/plan.ts';
import { diagnosticsText } from '../../src/screens/diagnostics.ts';
import {
  beforeAndAfter,
  type CheckRow,
  checkSummary,
  checkTable,
} from '../../src/screens/hosts/check-table.ts';
import {
  coloured,
  duration,
  fold,
  printable,
  uncoloured,
  widthOf,
} from '../../src/screens/layout.ts';
import { liveLines } from '../../src/screens/live/live-lines.ts';
import { type PlanView, planText } from '../../src/screens/plan-text.ts';
import { eventLines, lineOf } from '../../src/screens/run/lines.ts';
import { underWay } from '../../src/screens/run/next-steps.ts';
import { recapLines } from '../../src/screens/run/recap.ts';
import { reportMarkdown, reportText } from '../../src/screens/run/run-report.ts';
import {
  begin,
  done,
  eventsOf,
  failed,
  fleet,
  noon,
  plain,
  planFor,
  started,
  type TimedEvent,
  wave,
} from '../core/fleet.ts';

const untimed = (line: string): string => line.replace(/^\d\d:\d\d:\d\d \S+ /, '');

/** Also words that no version of kmend says: they must not break a table. */
const facts = (
  kernel: string,
  verdict: string,
  evidence: string,
  remedy: string,
  why = '',
): Facts => ({
  'kernel.release': kernel,
  'docker.version': '18.09.9',
  'containerd.evr': '1.2.10-3.2.el7',
  'kubelet.version': 'v1.12.3',
  'kmem.verdict': verdict as Verdict,
  'kmem.evidence': evidence,
  'kmem.remedy': remedy as Remedy,
  'kmem.remedy_why': why,
});

const rows: readonly CheckRow[] = [
  {
    host: 'node-a1',
    facts: {
      ...facts(
        '3.10.0-862.el7.x86_64',
        'leaking',
        '14 cgroups read on; SLUB node -1 (3 lines)',
        'kernel_and_arg',
        '862 is not known to parse nokmem',
      ),
      'docker.version': '18.06.1-ce',
      'containerd.evr': '',
    },
  },
  {
    host: 'node-a2',
    facts: facts(
      '3.10.0-1160.el7.x86_64',
      'on',
      '9 of 9 non-root cgroups readable',
      'kernel_arg',
      'kubelet 1.12.3 accounts',
    ),
  },
  {
    host: 'node-b1',
    facts: facts('3.10.0-1160.el7.x86_64', 'off', 'EIO on 11 of 11, 6 memory-limited', 'none'),
  },
  {
    host: 'node-c1',
    facts: facts('6.1.0-28-amd64', 'not_applicable', 'kernel 6.1: accounting is healthy', 'none'),
  },
  {
    host: 'node-d1',
    failure: {
      kind: 'unreachable',
      message: 'the connection was refused (ECONNREFUSED)',
      transport: true,
    },
  },
];

const linesOf = (view: PlanView) => [...planText(view)];
const text = (lines: readonly string[]) => `\n${lines.join('\n')}\n`;

describe('check', () => {
  it('says why a host has no verdict', () => {
    const why = { $unknown: 'the probe ended after 90 s' };
    const sick = {
      ...facts('3.10.0-862.el7', '', '', ''),
      'kmem.verdict': why,
      'kmem.evidence': why,
    };
    expect(checkTable([{ host: 'n1', facts: sick }], 140, uncoloured).join('\n')).toMatch(
      /n1 .* unknown +the probe ended after 90 s/,
    );
  });
  it.each([80, 140])('at %i columns', (width) => {
    const lines = checkTable(rows, width, uncoloured);
    expect(text([...lines, checkSummary(rows)])).toMatchSnapshot();
  });

  it('shows every host, with its verdict, at any width', () => {
    for (const width of [20, 40, 79, 100, 200]) {
      const all = checkTable(rows, width, uncoloured).join('\n');
      for (const row of rows) expect(all).toContain(row.host);
      for (const word of ['leaking', 'kernel_and_arg: 862 is not', 'unreachable'])
        expect(all.replace(/\s+/g, ' ')).toContain(word.slice(0, 18));
    }
  });

  it('is not widened by what one host says: 200 other rows stay as they are', () => {
    const others = Array.from({ length: 200 }, (_, index) => ({
      ...(rows[1] as CheckRow),
      host: `n${index}`,
    }));
    const long = 'x'.repeat(1_000_000);
    const liar = {
      'kernel.release': long,
      'docker.version': long,
      'kubelet.version': long,
      'runc.version': long,
    };
    const bad = { host: 'n200', facts: { ...facts(long, long, long, long, long), ...liar } };
    const lost = { host: 'n201', failure: { kind: 'exit', message: long, hint: long } } as const;
    for (const width of [80, 140]) {
      const length = (some: readonly CheckRow[]): number =>
        checkTable(some, width, uncoloured).join('\n').length;
      expect(length([...others, bad, lost])).toBeLessThan(length(others) + 202 * 4 * 60 + 10_000);
    }
  });

  it('shows what an active probe answered, or why it did not', () => {
    const [first] = rows;
    const shown = (active: CheckRow['active']) =>
      checkTable(
        [{ ...(first as CheckRow), ...(active === undefined ? {} : { active }) }],
        200,
        uncoloured,
      ).join(' ');
    expect(shown(undefined)).not.toContain('active probe');
    expect(shown({ kind: 'answered', answer: 'on' })).toContain(
      '(3 lines); active probe: on (nokmem is not in force: the kernel would account a cgroup that asks)',
    );
    expect(shown({ kind: 'failed', why: 'mkdir: Cannot allocate memory' })).toContain(
      'active probe: failed (mkdir: Cannot allocate memory)',
    );
    expect(shown({ kind: 'not_asked', why: 'it needs root' })).toContain(
      'active probe: not made (it needs root)',
    );
  });

  it('counts unknown hosts by reason', () => {
    const unknown = (verdict: string, remedy = 'none'): CheckRow => ({
      host: 'h',
      facts: facts('3.10.0-1160.el7', verdict, '', remedy),
    });
    expect(checkSummary([unknown('unknown')])).toBe('1 host: 1 unknown (no proof)');
    expect(
      checkSummary([
        unknown('unknown'),
        unknown('unknown'),
        unknown('off', 'unknown'),
        unknown('off'),
      ]),
    ).toBe('4 hosts: 1 fine, 3 unknown (2 no proof, 1 remedy not known)');
  });

  it('before and after', () => {
    const after = rows.map(
      (row): CheckRow =>
        row.facts === undefined ? row : { ...row, facts: { ...row.facts, 'kmem.verdict': 'off' } },
    );
    expect(text(beforeAndAfter(rows, after, 80, uncoloured))).toMatchSnapshot();
  });

  it('takes no more columns for colours', () => {
    const [plainLines, colouredLines] = [
      checkTable(rows, 140, uncoloured),
      checkTable(rows, 140, coloured),
    ];
    expect(colouredLines.map(widthOf)).toEqual(plainLines.map(widthOf));
  });
});

const play: PlayPlan = {
  play: 'Take hosts out of kernel-memory accounting',
  rollout: plain,
  pool: 5,
  hosts: [
    {
      ...planFor('node-a1', {
        verdict: 'leaking',
        remedy: 'kernel_and_arg',
        zone: 'eu-1a',
        estimate: 490,
      }),
      remedyWhy: '862 is not known to parse nokmem',
      tasks: [
        {
          id: '1',
          name: 'A kernel that knows the argument',
          module: 'kernel',
          status: 'change',
          risk: 'write',
          why: 'the newest that can be had',
          changes: [
            { sign: '+', what: 'package kernel', after: '3.10.0-1160.el7', risk: 'write' },
            {
              sign: '~',
              what: 'kernel that boots next',
              before: '3.10.0-862.el7.x86_64',
              after: '3.10.0-1160.el7.x86_64',
              risk: 'write',
            },
          ],
        },
        {
          id: '2',
          name: 'Reboot',
          module: 'reboot',
          status: 'change',
          risk: 'reboot',
          changes: [{ sign: '!', what: 'reboot', risk: 'reboot' }],
        },
        {
          id: '3',
          name: 'Proof',
          module: 'verify_kmem',
          status: 'later',
          risk: 'write',
          why: 'kmem.verdict: known only after the reboot',
          changes: [],
        },
      ],
      warnings: ['the loader cannot boot it once first'],
    },
    planFor('node-b3'),
    { ...planFor('node-b1', { nothing: true, verdict: 'off', remedy: 'none' }) },
    {
      ...planFor('node-b2'),
      refused: {
        task: 'The runtime',
        why: 'docker-ce is held',
        hint: 'yum versionlock delete docker-ce',
      },
    },
  ],
  leftOut: [
    { host: 'node-c2', failure: { kind: 'unreachable', message: 'no answer within 10 s' } },
  ],
};

describe('plan', () => {
  it('shows a text of several lines by the lines that differ', () => {
    const change = { what: 'repository base in /etc/yum.repos.d/a.repo', risk: 'write' } as const;
    const changes = [
      {
        ...change,
        sign: '~',
        before: '[base]\nname=x\nenabled=0',
        after: '[base]\nname=x\nenabled=1',
      },
      { ...change, sign: '-', before: '[base]\nname=x' },
    ] as const;
    const task = {
      id: '1',
      name: 'The repository',
      module: 'yum_repository',
      status: 'change',
      risk: 'write',
      changes,
    } as const;
    const hosts = [{ ...planFor('node-a1'), tasks: [task] }];
    const waves = [{ title: 'Wave 1: 1', hosts: [{ host: 'node-a1' }] }];
    const lines = linesOf({
      play: { ...play, hosts, leftOut: [] },
      waves,
      unstarted: [],
      why: '',
      width: 100,
      paint: uncoloured,
    });
    expect(text(lines.filter((line) => line.startsWith('      ')))).toMatchInlineSnapshot(`
      "
            ~ repository base in /etc/yum.repos.d/a.repo [write]
              - enabled=0
              + enabled=1
            - repository base in /etc/yum.repos.d/a.repo [write]
              - [base]
              - name=x
      "
    `);
  });

  it('folds no command, so that it can be pasted', () => {
    const [resume, repair] = ['kmend resume 20261127-072230-9o19', '`dnf -y remove --duplicates`'];
    for (let room = 40; room < 90; room++) {
      const lines = fold(
        `run 20261127-072230-9o19 was interrupted (${resume}); repair it by ${repair} and more words`,
        room,
      );
      expect(
        lines.some((line) => line.includes(resume)) && lines.some((line) => line.includes(repair)),
      ).toBe(true);
      expect(lines.join(' ')).toBe(
        `run 20261127-072230-9o19 was interrupted (${resume}); repair it by ${repair} and more words`,
      );
      expect(lines.every((line) => widthOf(line) <= room)).toBe(true);
    }
    expect(fold('`a b c d` e', 4)).toEqual(['`a b c d`', 'e']);
  });

  it('folds to the width of the terminal', () => {
    const refused = { task: 'The kernel', why: 'ab '.repeat(50), hint: 'cd '.repeat(50) };
    const one = { ...play, hosts: [{ ...planFor('node-b2'), refused }], leftOut: [] };
    const lines = linesOf({
      play: one,
      waves: [],
      unstarted: [],
      why: '',
      width: 80,
      paint: uncoloured,
    });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it.each([80, 140])('at %i columns', (width) => {
    const waves = [
      {
        title: 'Wave 1: 1',
        hosts: [{ host: 'node-a1', startsIn: 30, waitsFor: '1 of 1 slot is taken (node-x)' }],
      },
    ];
    const notes = [
      '1 host with cgroup.memory=nokmem: Docker, containerd and kubelet need no upgrade for this',
    ];
    const left = {
      unstarted: ['node-b3'],
      why: 'capacity is missing: 1 out of service, allowed: 1 (node-c2)',
    };
    expect(
      text(
        linesOf({
          play: { ...play, notes },
          waves,
          ...left,
          expected: 520,
          width,
          paint: uncoloured,
        }),
      ),
    ).toMatchSnapshot();
  });
});

const story: readonly TimedEvent[] = [
  [0, begin(fleet(6), { maxUnavailable: { count: 2 } })],
  [0, wave(1, ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'])],
  [1, started('h1')],
  [1, started('h2')],
  [2, { type: 'remedy.chosen', host: 'h1', remedy: 'kernel_arg', why: 'kubelet 1.12.3 accounts' }],
  [
    3,
    {
      type: 'effect.started',
      host: 'h1',
      task: '2',
      effect: 'h1/2/1',
      kind: 'reboot',
      what: 'reboot and wait',
      timeout: 600,
      detached: false,
      bootId: 'abcdef0123',
    },
  ],
  [
    60,
    {
      type: 'effect.done',
      host: 'h1',
      task: '2',
      effect: 'h1/2/1',
      result: {
        ok: true,
        data: { previousBootId: 'abcdef0123', bootId: '0123456789', seconds: 57 },
      },
    },
  ],
  [61, { type: 'task.done', host: 'h1', task: '2', name: 'Reboot', status: 'changed' }],
  [
    61,
    {
      type: 'proof',
      host: 'h1',
      verdict: 'off',
      by: 'samples',
      evidence: 'EIO on 9 of 9, 4 memory-limited',
    },
  ],
  [62, done('h1')],
  [62, started('h3')],
  [70, failed('h2')],
  [70, { type: 'brake.tripped', why: '1 failure, allowed: 0 (h2: not_verified)', host: 'h2' }],
];

const reported = () => {
  const events = eventsOf(story);
  const state = foldAll(events);
  return {
    state,
    entries: events.length,
    head: 'f00d',
    standing: underWay(state, noon + 90_000, 'process 42 on ops1'),
  };
};

describe('a run', () => {
  it.each([80, 140])('live at %i columns', (columns) => {
    const view = viewOf(eventsOf(story), lineOf, { holder: 'ada' });
    const screen = { rows: 30, columns, now: noon + 90_000, paint: uncoloured, timeZone: 'UTC' };
    expect(text(liveLines(view, screen))).toMatchSnapshot();
  });

  it.each([
    [{ evicted: ['a/b'], left: [], arrived: [] }, 'h3 drained: 1 pod evicted'],
    [
      { evicted: ['a/b'], left: ['a/c'], arrived: ['a/d'] },
      'h3 emptied but for a/c, a/d: 1 pod evicted',
    ],
    [
      { evicted: [], left: Array.from({ length: 10 }, (_, index) => `a/${index}`), arrived: [] },
      'h3 emptied but for a/0, a/1, a/2, a/3, a/4, a/5, a/6, a/7, and 2 more: 0 pods evicted',
    ],
  ])('says what a drain left: %j', (data, line) => {
    const [event] = eventsOf([
      [0, { type: 'effect.done', host: 'h3', task: 't', effect: 'e', result: { ok: true, data } }],
    ]);
    if (event === undefined) throw new Error('no event');
    expect(eventLines(event, uncoloured).join('\n')).toContain(line);
  });

  it.each<[EventBody, string]>([
    [{ type: 'run.continued', who: 'ada' }, 'continued by ada'],
    [
      { type: 'run.continued', who: 'ada', why: 'lunch is over', via: 'page' },
      'continued by ada via the page: lunch is over',
    ],
    [
      { type: 'run.paused', who: 'ada', why: 'x', via: 'terminal' },
      'paused by ada via the terminal: x',
    ],
    [
      { type: 'approved', risk: 'reboot', who: 'ada', how: 'asked', why: 'read it', via: 'page' },
      'approved up to reboot by ada via the page (asked): read it',
    ],
    [
      { type: 'host.resolved', host: 'h3', who: 'ada', note: 'y', as: 'skip', via: 'page' },
      'h3 resolved by ada via the page: y',
    ],
  ])('says who gave a command, and by which way: %j', (body, line) => {
    expect(eventsOf([[0, body]]).flatMap((event) => eventLines(event, uncoloured))[0]).toContain(
      line,
    );
  });

  it('as lines', () => {
    const lines = eventsOf(story)
      .flatMap((event) => eventLines(event, uncoloured))
      .map(untimed);
    expect(text(lines)).toMatchSnapshot();
  });

  it('says something of every kind of event, or nothing on purpose', () => {
    const quiet = new Set([
      'block.entered',
      'effect.started',
      'task.planned',
      'effect.done',
      'task.done',
      'capacity.read',
      'remedy.chosen',
    ]);
    for (const event of eventsOf(story))
      if (!quiet.has(event.type)) expect(eventLines(event, uncoloured), event.type).not.toEqual([]);
  });

  it('recap as Ansible prints it', () => {
    const state = foldAll(eventsOf(story));
    expect(text(recapLines(hostStates(state), [{ host: 'h9' }], uncoloured))).toMatchSnapshot();
  });

  it.each([80, 140])('report at %i columns', (width) => {
    expect(text(reportText(reported(), width, uncoloured))).toMatchSnapshot();
  });

  it('report as Markdown', () => {
    expect(text(reportMarkdown(reported()))).toMatchSnapshot();
  });
});

describe('the way out', () => {
  it('keeps our colours, and shows those of a host, its line ends and its marks', () => {
    const failure = { kind: 'exit', message: '\u001b[31mred\nFORGED\u202e' } as const;
    const body: EventBody = { type: 'effect.failed', host: 'h1', task: '1', effect: 'e', failure };
    const event: Event = { ...body, v: 1, seq: 0, at: 0, run: 'r', prev: '' };
    expect(
      eventLines(event, coloured).map((line) => printable(line).replaceAll('\u001b', 'ESC')),
    ).toEqual([
      expect.stringMatching(
        /^ESC\[2m\d\d:\d\d:00 [\w+:-]+ESC\[22m ESC\[31mh1 exit: \?\[31mred⏎FORGED\?ESC\[39m$/,
      ),
    ]);
  });

  it('takes a colour that was printed once for the text that it is then', () => {
    expect(printable(printable(coloured.red('x')))).toBe('?[31mx?[39m');
  });
});

describe('diagnostics', () => {
  it('show of a file of one long line what is around the place', () => {
    const source = `${'a'.repeat(5000)}!${'b'.repeat(5000)}`;
    const place = { file: 'hosts.json', line: 1, column: 5001 };
    const [, shown = '', mark = ''] = diagnosticsText(
      [{ code: 'x', severity: 'error', place, summary: 'no' }],
      uncoloured,
      () => source,
    );
    expect([shown.length, shown[mark.indexOf('^')]]).toEqual([300, '!']);
    const [, narrow = '', below = ''] = diagnosticsText(
      [{ code: 'x', severity: 'error', place, summary: 'no' }],
      uncoloured,
      () => source,
      80,
    );
    expect([narrow.length, narrow[below.indexOf('^')]]).toEqual([80, '!']);
  });

  it('show a hundred of a file, count the others, and cut what is quoted without end', () => {
    const all = ['a.yaml', 'b.yaml'].flatMap((file) =>
      Array.from({ length: file === 'a.yaml' ? 20_000 : 1 }, (_, index) => ({
        code: 'x',
        severity: 'error' as const,
        place: { file, line: index + 1, column: 1 },
        summary: 'q'.repeat(index === 0 ? 1_000_000 : 1),
        hint: 'h'.repeat(5000),
      })),
    );
    const lines = diagnosticsText(all, uncoloured);
    expect([lines.length, lines.at(-1)]).toEqual([
      203,
      'a.yaml: and 19900 more, which are not shown',
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1100);
  });

  it('list errors first, notes last, by file and place, with the line and a hint', () => {
    const place = { file: 'site.yaml', line: 3, column: 5 };
    const lines = diagnosticsText(
      [
        {
          code: 'gather-facts',
          severity: 'note',
          place: { ...place, line: 1 },
          summary: '`gather_facts` changes nothing',
        },
        {
          code: 'lost-digits',
          severity: 'warning',
          place: { ...place, line: 1 },
          summary: '20.10 is the number 20.1',
        },
        {
          code: 'unknown-module',
          severity: 'error',
          place,
          summary: 'there is no module kernel_args',
          hint: 'did you mean `kernel_arg`?',
        },
        {
          code: 'no-hosts',
          severity: 'error',
          place: { ...place, line: 2 },
          summary: 'a play needs `hosts`',
          detail: 'none is ever implied',
        },
      ],
      uncoloured,
      (_file, line) => `    line ${line}`,
    );
    expect(text(lines)).toMatchSnapshot();
  });
});

it('a cluster that is away is said by the lines, the live view, the status and the report, and by none of them when it is back', () => {
  const away: TimedEvent = [20, { type: 'cluster.away', since: noon + 20_000, why: 'no answer' }];
  const said = /^cluster away since \d\d:\d\d:20 [\w+:-]+: no answer/;
  const shows = (more: readonly TimedEvent[]): readonly string[] => {
    const events = eventsOf([
      [0, begin(fleet(1))],
      [0, wave(1, ['h1'])],
      [10, started('h1')],
      ...more,
    ]);
    const state = foldAll(events);
    const screen = { rows: 30, columns: 100, now: noon + 90_000, paint: uncoloured };
    return [
      ...liveLines(viewOf(events), screen),
      ...underWay(state, noon + 90_000, 'process 7'),
      ...reportText({ state, entries: 1, head: '' }, 100, uncoloured).map((line) =>
        line.replace(/^ +cluster +/, ''),
      ),
    ].filter((line) => said.test(line));
  };
  expect(shows([away])).toHaveLength(3);
  expect(shows([away, [90, { type: 'cluster.back', seconds: 70 }]])).toEqual([]);
  const lines = eventsOf([away, [90, { type: 'cluster.back', seconds: 70 }]]).flatMap((event) =>
    eventLines(event, uncoloured),
  );
  expect(lines.map(untimed)).toEqual([expect.stringMatching(said), 'cluster back after 1m10s']);
});

it.each([
  [0.44, '0.4s'],
  [59.6, '1m'],
  [90, '1m30s'],
  [3600, '1h'],
  [5400, '1h30m'],
])('%f s is %s', (seconds, shown) => {
  expect(duration(seconds)).toBe(shown);
});
