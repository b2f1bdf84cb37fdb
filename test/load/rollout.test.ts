// The rollout of a play: every key, the defaults, Ansible's keywords in it, and policies that
// cannot work.
import { describe, expect, it } from 'vitest';
import { loadInventory, loadPlaybook } from '../../src/load/index.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const { value: inventory } = loadInventory(['h.ini'], {
  reader: tableReader({ 'h.ini': '[web]\nn[1:4] zone=a\n[db]\nd1\n' }),
});
const load = (keys: string, extraVars = {}) => {
  const text = `- hosts: web\n${keys.replace(/^/gm, '  ')}\n  tasks: [{nothing: }]\n`;
  return loadPlaybook('p.yml', text, {
    modules: smallModules,
    facts: ['machine.arch'],
    extraVars,
    ...(inventory && { inventory }),
  });
};
const rolloutOf = (keys: string, extraVars = {}) => {
  const { value, diagnostics } = load(keys, extraVars);
  return value?.plays[0]?.rollout ?? diagnostics;
};
const reported = (keys: string) =>
  load(keys).diagnostics.map(
    (one) => `${one.place?.line}:${one.place?.column} ${one.code}: ${one.summary}`,
  );

const defaults = {
  waves: [],
  maxUnavailable: { count: 1 },
  order: 'inventory',
  soak: { host: 0, wave: 0 },
  brake: { failures: { count: 0 }, unreachable: 'count' },
  onBrake: 'finish',
  windows: [],
  freeze: [],
  onWindowEnd: 'finish',
  gates: [],
  deadline: {},
  retries: { transport: 3 },
  approve: 'evict',
  unplannable: 'ask',
  adopt: 'return_proven',
  cordoned: 'last',
  rollback: 'by_command',
};

it('a play without keys gets the careful defaults', () => {
  expect(rolloutOf('name: x')).toEqual(defaults);
});

describe('keys', () => {
  it.each<[string, object]>([
    ['canary: 2', { canary: { hosts: { count: 2 }, soak: 0, promote: 'auto' } }],
    [
      'canary: {hosts: 10%, soak: 10m, promote: manual}',
      { canary: { hosts: { percent: 10 }, soak: 600, promote: 'manual' } },
    ],
    [
      'canary: {hosts: "web[0]"}',
      { canary: { hosts: { pattern: 'web[0]' }, soak: 0, promote: 'auto' } },
    ],
    [
      'waves: [1, 5%, 25%, 100%]',
      { waves: [{ count: 1 }, { percent: 5 }, { percent: 25 }, { percent: 100 }] },
    ],
    ['max_unavailable: 10%', { maxUnavailable: { percent: 10 } }],
    [
      '{zone: "{{ zone }}", max_zones: 1, max_per_zone: 2}',
      { zone: 'zone', maxZones: 1, maxPerZone: { count: 2 } },
    ],
    ['zone: zone ~ "-" ~ machine.arch', { zone: 'zone ~ "-" ~ machine.arch' }],
    ['order: worst_first', { order: 'worst_first' }],
    ['order: longest_first', { order: 'longest_first' }],
    ['wave_overlap: 20%', { waveOverlap: { percent: 20 } }],
    ['soak: {host: 2m, wave: 10m}', { soak: { host: 120, wave: 600 } }],
    ['soak: 2m', { soak: { host: 120, wave: 0 } }],
    ['brake: 5%', { brake: { failures: { percent: 5 }, unreachable: 'count' } }],
    [
      'brake: {failures: 1, per_wave: 2, per_zone: 3, unreachable: ignore}',
      {
        brake: {
          failures: { count: 1 },
          perWave: { count: 2 },
          perZone: { count: 3 },
          unreachable: 'ignore',
        },
      },
    ],
    ['{on_brake: hold, on_window_end: hold}', { onBrake: 'hold', onWindowEnd: 'hold' }],
    [
      'windows: [{days: mon-fri, from: 22:30, to: 05:00, tz: Europe/Berlin}]',
      { windows: [{ days: [1, 2, 3, 4, 5], from: 1350, to: 300, tz: 'Europe/Berlin' }] },
    ],
    [
      'windows: {days: [Sat, sunday], from: 0:00, to: 24:00, tz: UTC}',
      { windows: [{ days: [0, 6], from: 0, to: 1440, tz: 'UTC' }] },
    ],
    [
      'windows: {days: fri-mon, from: 12:00, to: 13:00, tz: UTC}',
      { windows: [{ days: [0, 1, 5, 6], from: 720, to: 780, tz: 'UTC' }] },
    ],
    [
      'freeze: [{from: 2026-12-20, to: 2027-01-03T08:00, tz: UTC, why: holidays}]',
      {
        freeze: [{ from: '2026-12-20T00:00', to: '2027-01-03T08:00', tz: 'UTC', why: 'holidays' }],
      },
    ],
    [
      'gates: [{prometheus: {url: "http://p", query: up, is: "> 0"}, for: 2m}, {name: ok, http: {url: "http://x"}}, {command: "true"}]',
      {
        gates: [
          {
            name: 'prometheus 1',
            kind: 'prometheus',
            args: { url: 'http://p', query: 'up', is: '> 0' },
            for: 120,
          },
          { name: 'ok', kind: 'http', args: { url: 'http://x', status: 200 }, for: 0 },
          { name: 'command 3', kind: 'command', args: { command: 'true' }, for: 0 },
        ],
      },
    ],
    [
      '{deadline: {host: 2h, run: 8h, cluster: 10m}, retries: {transport: 5}, approve: never, unplannable: stop}',
      {
        deadline: { host: 7200, run: 28800, cluster: 600 },
        retries: { transport: 5 },
        approve: 'never',
        unplannable: 'stop',
      },
    ],
    ['rollback: none', { rollback: 'none' }],
    ['rollback: failed_host', { rollback: 'failed_host' }],
    ['adopt: none', { adopt: 'none' }],
    ['cordoned: skip', { cordoned: 'skip' }],
    ['max_unavailable: "{{ slots }}"', { maxUnavailable: { count: 7 } }],
  ])('%s', (keys, expected) => {
    const text = keys.startsWith('{') ? `rollout: ${keys}` : `rollout:\n  ${keys}`;
    expect(rolloutOf(text, { slots: 7 })).toEqual({ ...defaults, ...expected });
  });
});

describe("Ansible's keywords", () => {
  const all = { percent: 100 };
  it.each<[string, object]>([
    ['serial: 3', { waves: [{ count: 3 }], maxUnavailable: all }],
    ['serial: 30%', { waves: [{ percent: 30 }], maxUnavailable: all }],
    [
      'serial: [1, 5, 20%]',
      { waves: [{ count: 1 }, { count: 5 }, { percent: 20 }], maxUnavailable: all },
    ],
    ['serial: 100%', { waves: [all], maxUnavailable: all }],
    ['serial: "05"', { waves: [{ count: 5 }], maxUnavailable: all }],
    ['serial: "{{ batch | default(2) }}"', { waves: [{ count: 2 }], maxUnavailable: all }],
    [
      'max_fail_percentage: 25',
      { brake: { failures: all, perWave: { percent: 25 }, unreachable: 'count' } },
    ],
    ['any_errors_fatal: true', { onBrake: 'hold' }],
    ['any_errors_fatal: "{{ aef | default(true) }}"', { onBrake: 'hold' }],
    ['any_errors_fatal: "{{ false }}"', {}],
    ['throttle: 2', { maxUnavailable: { count: 2 } }],
    ['throttle: 0', {}],
    ['{serial: 4, throttle: 2}', { waves: [{ count: 4 }], maxUnavailable: { count: 2 } }],
    ['order: reverse_sorted', { order: 'reverse_sorted' }],
  ])('%s', (keys, expected) => {
    const lines = keys.startsWith('{') ? keys.slice(1, -1).split(', ').join('\n') : keys;
    expect(rolloutOf(lines)).toEqual({ ...defaults, ...expected });
  });

  it('-e can turn off a templated any_errors_fatal', () => {
    expect(rolloutOf('any_errors_fatal: "{{ aef | default(true) }}"', { aef: false })).toEqual(
      defaults,
    );
  });
});

describe('a wrong key is reported at its place', () => {
  const noBatch =
    'should be 1 host or more, or a whole percentage such as 20% (100% is all at once)';
  it.each([
    [
      'rollout: {max_unavailable: 0}',
      '2:30 bad-argument: rollout: `max_unavailable` should be 1 host or more: with 0 no host ever starts',
    ],
    [
      'rollout: {max_per_zone: 0}',
      '2:27 bad-argument: rollout: `max_per_zone` should be 1 host or more: with 0 no host ever starts',
    ],
    ['rollout: {max_zones: 0}', '2:24 bad-argument: rollout: `max_zones` should be 1 or more'],
    [
      'rollout: {waves: [1, 0]}',
      '2:24 bad-argument: rollout: `waves[1]` should be 1 host or more: with 0 no host ever starts',
    ],
    [
      'rollout: {waves: [1, 200%]}',
      '2:24 bad-argument: rollout: `waves[1]` should be 100% at most',
    ],
    ['rollout: {zone: zoen}', '2:19 unknown-name: `zoen` is not defined'],
    ['rollout: {zone: "zone ="}', '2:25 expression-syntax: '],
    [
      'rollout: {windows: {days: someday, from: 1:00, to: 2:00, tz: UTC}}',
      '2:29 bad-argument: rollout: `windows.days` should be days such as mon, mon-fri, daily or [sat, sun]',
    ],
    [
      'rollout: {windows: {days: [], from: 1:00, to: 2:00, tz: UTC}}',
      '2:29 bad-argument: rollout: `windows.days` should be days such as mon, mon-fri, daily or [sat, sun]',
    ],
    [
      'rollout: {windows: {from: 25:00, to: 2:00, tz: UTC}}',
      '2:29 bad-argument: rollout: `windows.from` should be a time of day such as 22:30',
    ],
    [
      'rollout: {windows: {from: 1:00, to: 2:00, tz: Mars}}',
      '2:49 bad-argument: rollout: `windows.tz` should be a time zone such as Europe/Berlin or UTC',
    ],
    [
      'rollout: {windows: {from: 1:00, to: 2:00}}',
      '2:13 missing-argument: rollout: `windows.tz` is required',
    ],
    [
      'rollout: {freeze: {from: 2026-12-20, to: 2026-12-01, tz: UTC}}',
      '2:21 bad-argument: rollout: `freeze` ends before it begins',
    ],
    [
      'rollout: {freeze: {from: 2026-02-30, to: 2026-12-01, tz: UTC}}',
      '2:28 bad-argument: rollout: `freeze.from` is not a date of the calendar',
    ],
    [
      'rollout: {gates: [{for: 2m}]}',
      '2:21 bad-argument: rollout: `gates[0]` should have exactly one of prometheus, http, command, kubernetes',
    ],
    [
      'rollout: {gates: [{http: {status: 200}}]}',
      '2:22 missing-argument: rollout: `gates[0].http.url` is required',
    ],
    [
      'rollout: {gates: [{prometheus: {url: "http://p"}}]}',
      '2:22 missing-argument: rollout: `gates[0].prometheus.query` is required',
    ],
    [
      'rollout: {gates: {http: {url: "not an address"}}}',
      '2:33 bad-argument: rollout: `gates.http.url` should be an address such as http://prometheus:9090',
    ],
    [
      'rollout: {gates: {prometheus: {url: "ftp://p", query: up}}}',
      '2:39 bad-argument: rollout: `gates.prometheus.url` should be an address such as http://prometheus:9090',
    ],
    [
      'rollout: {gates: {prometheus: {url: "http://p", query: up, is: "one"}}}',
      '2:66 bad-argument: rollout: `gates.prometheus.is` should be a comparison with a number such as ">= 0.99"',
    ],
    [
      'rollout: {brake: {failures: some}}',
      '2:31 bad-argument: rollout: `brake.failures` should be a number of hosts or a whole percentage such as 10%',
    ],
    [
      'rollout: {brake: {per_wave: 101%}}',
      '2:31 bad-argument: rollout: `brake.per_wave` should be 100% at most',
    ],
    [
      'rollout: {order: random}',
      '2:20 bad-argument: rollout: `order` should be one of inventory, sorted, reverse_inventory, reverse_sorted, shuffle, worst_first, longest_first',
    ],
    ['rollout: {max_unavailable: "{{ zone }}"}', '2:30 early-template: '],
    ...[
      '33.5%',
      'abc',
      '"-10%"',
      '-10%',
      '"0%"',
      '00%',
      '0',
      '"0"',
      '-1',
      '"-1"',
      '"+1"',
      '1.5',
      'true',
      '"{{ 0 }}"',
      '"{{ 1 - 2 }}"',
    ].map((serial): [string, string] => [
      `serial: ${serial}`,
      `2:11 bad-argument: \`serial\` ${noBatch}`,
    ]),
    ['serial: [1, 0]', `2:15 bad-argument: \`serial\`: \`[1]\` ${noBatch}`],
    ['serial: [1, "-10%"]', `2:15 bad-argument: \`serial\`: \`[1]\` ${noBatch}`],
    ['serial: []', '2:11 bad-argument: `serial` should name at least one batch'],
    ['max_fail_percentage: 101', '2:24 bad-argument: `max_fail_percentage` should be 100 or less'],
    [
      'any_errors_fatal: "{{ 1 + 1 }}"',
      '2:21 bad-argument: `any_errors_fatal` should be true or false',
    ],
  ])('%s', (keys, expected) => {
    const [first, ...more] = reported(keys);
    expect(first?.startsWith(expected), first).toBe(true);
    expect(more).toEqual([]);
  });
});

describe('a policy that cannot work is reported with a hint', () => {
  const window = (times: string) => `rollout: {windows: {${times}, tz: UTC}}`;
  it.each([
    [
      'rollout: {max_unavailabel: 1}',
      '2:13 unknown-argument: rollout has no key `max_unavailabel`',
      'did you mean `max_unavailable`?',
    ],
    [
      'rollout: {brake: {failure: 1}}',
      '2:21 unknown-argument: rollout `brake` has no key `failure`',
      'did you mean `failures`?',
    ],
    ['rollout: {zone: zonee}', '2:19 unknown-name: `zonee` is not defined', 'did you mean `zone`?'],
    [
      'rollout: {canary: 5}',
      '2:21 canary-too-large: the canary has 5 hosts, the play only 4',
      'a canary needs fewer hosts than the play has',
    ],
    [
      'rollout: {canary: {hosts: db}}',
      "2:29 canary-elsewhere: the canary `db` has none of the play's hosts",
      'name hosts of this play',
    ],
    ['rollout: {waves: []}', '2:20 no-waves: `waves` is an empty list', 'leave the key out'],
    [
      window('from: 2:00, to: 2:00'),
      '2:39 window-never-opens: this window closes at 2:00, when it opens',
      'from: 0:00, to: 24:00',
    ],
    [
      window('from: 24:00, to: 0:00'),
      '2:40 window-never-opens: this window closes at 0:00, when it opens',
      'from: 0:00, to: 24:00',
    ],
    [
      'rollout: {freeze: {from: 2026-12-20, to: 2028-01-03, tz: UTC}}',
      '2:44 freeze-too-long: this freeze lasts 379 days',
      'is 2028 the right year?',
    ],
    [
      'rollout: {gates: [{name: ok, command: "true"}, {name: ok, http: {url: "http://x"}}]}',
      '2:57 gate-named-twice: two gates are called ok',
      'its own name',
    ],
    [
      'rollout: {deadline: {host: 8h, run: 2h}}',
      '2:30 deadline-too-long: a host may take longer than the whole run',
      'the longer one',
    ],
    ['rollout: {deadline: {run: 0}}', '2:29 no-time: `deadline.run` is 0', 'leave the key out'],
    [
      'rollout: {canary: {hosts: 1, soak: 8h}, deadline: {run: 8h}}',
      '2:38 soak-too-long: the canary soaks longer than the run may take',
      'longer than the soak',
    ],
    [
      'serial: 1\nrollout: {waves: [1]}',
      '2:3 said-twice: `serial` and `rollout.waves` say the same thing',
      'keep one of them',
    ],
  ])('%s', (keys, expected, hint) => {
    const [first, ...more] = load(keys).diagnostics;
    const { line, column } = first?.place ?? {};
    expect(`${line}:${column} ${first?.code}: ${first?.summary}`.slice(0, expected.length)).toBe(
      expected,
    );
    expect(first?.hint).toContain(hint);
    expect(more).toEqual([]);
  });

  it.each([
    'rollout: {waves: [1, 25%]}',
    'rollout: {windows: {from: 0:00, to: 24:00, tz: UTC}}',
    'rollout: {windows: {from: 24:00, to: 5:00, tz: UTC}}',
    'rollout: {deadline: {host: 2h, run: 2h}}',
    'rollout: {canary: {hosts: "db:n1"}}',
    'rollout: {gates: [{command: "true"}, {command: "true"}]}',
  ])('%s works', (keys) => {
    expect(reported(keys)).toEqual([]);
  });

  it('hosts that are not known yet are not counted', () => {
    const text = '- hosts: web\n  rollout: {canary: 5}\n  tasks: [{nothing: }]\n';
    expect(loadPlaybook('p.yml', text, { modules: smallModules, facts: [] }).diagnostics).toEqual(
      [],
    );
  });
});
