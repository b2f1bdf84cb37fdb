// What `check` keeps of a host once it has its row: nothing that is said of the host afterwards may need
// another fact.
import { describe, expect, it } from 'vitest';
import { checkReasons, withShownFacts } from '../../src/app/hosts/check.ts';
import { lastHost } from '../../src/app/hosts/last-results.ts';
import { seenOf } from '../../src/core/history/orphans.ts';
import { derive } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { ok } from '../../src/model/run/failure.ts';
import { unknown } from '../../src/model/value.ts';
import { answerLines } from '../../src/screens/hosts/answer-lines.ts';
import { idLines } from '../../src/screens/hosts/check-details.ts';
import {
  beforeAndAfter,
  type CheckRow,
  checkSummary,
  checkTable,
} from '../../src/screens/hosts/check-table.ts';
import { uncoloured } from '../../src/screens/layout.ts';
import { states } from '../facts/states.ts';

/** What the states leave out: a run that holds the host, its ids, an earlier death. */
const more: readonly Facts[] = [
  {},
  {
    'boot.id': 'f3a1',
    'machine.id': 'e08d2021',
    'ssh.host_key': 'SHA256:abc',
    'fence.run': '20261129-022841-9f3a',
    'fence.open': true,
    'node.owner': '20261129-022841-9f3a',
    'crash.verdict': 'died',
    'crash.on': '2018-11-05',
    'runc.version': '1.0.0-rc5',
    'containerd.evr': '1.2.10-3.2.el7',
    'docker.client': '18.06.1-ce',
    'docker.version': '18.06.1-ce',
    'kubelet.version': 'v1.12.3',
    'memory.sunreclaim_kb': 361_000,
    'kmem.ids.before': { at: 1, uptime: 2, live: 3, dead: 4, over: 86_400 } as never,
  },
  { 'docker.version': unknown('docker hangs'), 'kernel.release': unknown('not read') },
];

const growing: Facts = {
  'kmem.ids.used': 31_612,
  'kmem.ids.dead': 31_400,
  'kmem.ids.growth_per_day': 1850,
  'kmem.ids.over': 21_600,
  'kmem.ids.days_left': 18,
  'kmem.ids.full_on': '2026-12-14',
  'memory.sunreclaim_per_day': 12_288,
};

/** All that is said of a host after its row. */
function saidOf(row: CheckRow): unknown {
  return {
    tables: [80, 140].map((width) => checkTable([row], width, uncoloured)),
    below: idLines([row], 80, uncoloured),
    summary: checkSummary([row]),
    reasons: checkReasons([row]),
    kept: lastHost(row),
    seen: seenOf(row.host, row.facts ?? {}),
    progress: answerLines([row], 80),
    compared: beforeAndAfter([row], [row], 80, uncoloured),
  };
}

describe('the facts that stay of a host are enough', () => {
  it.each(states)('$name', ({ facts }) => {
    for (const extra of more)
      for (const ids of [{}, growing]) {
        const all = { ...derive({ ...facts, ...extra }), ...ids };
        const { outcome } = withShownFacts({ host: 'node-a', outcome: ok(all) });
        if (!outcome.ok) throw new Error('it failed');
        expect(Object.keys(outcome.value).length).toBeLessThan(Object.keys(all).length);
        expect(saidOf({ host: 'node-a', facts: outcome.value })).toEqual(
          saidOf({ host: 'node-a', facts: all }),
        );
      }
  });

  it('a host that could not be read keeps its reason', () => {
    const survey = {
      host: 'node-a',
      outcome: { ok: false, failure: { kind: 'unreachable', message: 'no route' } },
    } as const;
    expect(withShownFacts(survey)).toBe(survey);
  });
});
