// Taints pass the conditions of the effects, and are in the journal before they are on a node.
import { describe, expect, it } from 'vitest';
import { performTaints, type TaintEffect } from '../../src/engine/effects/perform-taint.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import { begin, fleet, stateAfter, wave } from '../core/fleet.ts';

/** h1 is started, h2 waits in its wave, h3 is planned. */
const state = stateAfter(
  begin(fleet(3, (number) => ({ node: `n${number}` }))),
  [0, wave(1, ['h1', 'h2'])],
  [0, { type: 'host.started', host: 'h1', why: '' }],
);

async function write(pending: boolean, taints: readonly TaintEffect[]): Promise<readonly string[]> {
  const did: string[] = [];
  await performTaints(taints, pending, {
    cluster: {
      taint: async (node, run, set) => {
        did.push(`${set ? 'set' : 'remove'} ${run} ${node}`);
        return node === 'n3' ? failed('unreachable', 'away', { transport: true }) : ok(true);
      },
    },
    state: () => state,
    record: async (body) => {
      if (body.type === 'nodes.tainted' || body.type === 'nodes.untainted')
        did.push(`${body.type} ${body.nodes}`);
    },
    signal: new AbortController().signal,
    ended: async ({ node }, outcome) => {
      did.push(`${node}: ${outcome.ok ? 'done' : outcome.failure.message}`);
    },
  });
  return did;
}
const own = (node: string): TaintEffect => ({ node, run: 'r1' });

describe('taints', () => {
  it('are announced, then set, on nodes of hosts that wait for their turn', async () => {
    expect(await write(true, [own('n2'), own('n3')])).toEqual([
      'nodes.tainted n2,n3',
      'set r1 n2',
      'set r1 n3',
      'n2: done',
      'n3: away',
    ]);
  });

  it.each([['n1'], ['n9']])(
    'are not set on %s, where nobody waits: neither announced nor written',
    async (node) => {
      expect(await write(true, [own(node)])).toEqual([
        `${node}: no host of this run waits on node ${node}`,
      ]);
    },
  );

  it('of others stay, but on nodes of our hosts', async () => {
    const taints = [own('n9'), { node: 'n1', run: 'r0' }, { node: 'n8', run: 'r0' }];
    expect(await write(false, taints)).toEqual([
      'nodes.untainted n9,n1',
      'remove r1 n9',
      'remove r0 n1',
      'n9: done',
      'n1: done',
      'n8: the taint of node n8 is of run r0',
    ]);
  });
});
