// What proves that the holder of a lock is dead: rules in a table, and a law over random worlds of
// machines, containers and pods.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  doubtOf,
  type Holder,
  ownHolder,
  startOf,
  type Witnesses,
} from '../../src/adapters/store/locks/holder.ts';

const host: Holder = {
  machine: 'ops1',
  boot: 'boot-1',
  pid: 7,
  started: '100',
  namespaces: 'pid:[1]',
  machineId: 'id-1',
};
const { namespaces: _, machineId: __, ...old } = host;
const pod: Holder = {
  ...old,
  machine: 'nightly-x',
  boot: 'node-boot-1',
  namespaces: 'pid:[2]',
  pod: { namespace: 'kmend', name: 'nightly-x', uid: 'u1', node: { name: 'n1' } },
};

interface Witnessed {
  readonly started?: string;
  readonly listens?: boolean;
  readonly podDoubt?: string;
}
const witnessesOf = ({ started, listens, podDoubt }: Witnessed): Witnesses => ({
  startOf: () => started,
  listens: async () => listens,
  podDoubt: async () => podDoubt,
});
const dead = undefined;

describe('a holder is dead', () => {
  it.each<[string, Holder, Partial<Holder>, Witnessed, string | undefined]>([
    ['when its process, which we see, is gone', host, {}, {}, dead],
    ['when its pid is another process by now', host, {}, { started: '200' }, dead],
    ['not while its process is there', host, {}, { started: '100' }, 'it runs'],
    [
      'not in another PID namespace, whatever has its pid there',
      host,
      { namespaces: 'pid:[9]' },
      {},
      'in another container',
    ],
    ['not where its PID namespace is not known', old, {}, {}, 'of an older version'],
    [
      'not where our own PID namespace is not known',
      host,
      { namespaces: '' },
      {},
      'in another container',
    ],
    [
      'when nobody listens on its socket, in whichever namespace',
      { ...host, socket: 5 },
      { namespaces: 'pid:[9]' },
      { listens: false },
      dead,
    ],
    [
      'not while it listens, in whichever namespace',
      { ...host, socket: 5 },
      { namespaces: 'pid:[9]' },
      { listens: true },
      'it runs',
    ],
    [
      'not while it listens, though /proc hides its process',
      { ...host, socket: 5 },
      {},
      { listens: true },
      'it runs',
    ],
    ['when its machine has booted since', host, { boot: 'boot-2' }, {}, dead],
    [
      'not by the boot of another machine of its name',
      host,
      { boot: 'boot-2', machineId: 'id-2' },
      {},
      'is not known',
    ],
    [
      'not by the boot of a clone with another name',
      host,
      { boot: 'boot-2', machine: 'ops2' },
      {},
      'on another machine',
    ],
    [
      'not by a boot where it ran in a container',
      { ...old, namespaces: 'pid:[2]' },
      { boot: 'boot-2' },
      {},
      'is not known',
    ],
    [
      'not by a socket of another kernel, which looks closed',
      { ...host, socket: 5 },
      { boot: 'b9', machineId: 'x' },
      { listens: false },
      'is not known',
    ],
    ['when its cluster proves that its pod is dead', pod, { boot: 'node-boot-2' }, {}, dead],
    [
      'not when its cluster does not',
      pod,
      { boot: 'node-boot-2' },
      { podDoubt: 'it is no longer in the API' },
      'no longer in the API',
    ],
    [
      'by its pod too where its kernel is ours and its socket says nothing',
      { ...pod, socket: 5 },
      { boot: 'node-boot-1' },
      {},
      dead,
    ],
  ])('%s', async (_name, holder, me, asked, doubt) => {
    const says = await doubtOf(holder, { ...host, ...me }, witnessesOf(asked));
    if (doubt === undefined) expect(says).toBeUndefined();
    else expect(says).toContain(doubt);
  });
});

// ---- A law: whoever is found dead is dead, wherever it ran and wherever one looks from ----

interface Process {
  readonly machine: number;
  /** How often that machine had booted. */
  readonly boots: number;
  /** 0 = on the machine itself. */
  readonly container: number;
  readonly pid: number;
  readonly started: number;
}
/** Names, machine ids of images and pids are few, so that they meet. */
const process = fc.record({
  machine: fc.nat(1),
  boots: fc.nat(1),
  container: fc.nat(2),
  pid: fc.constantFrom(1, 7),
  started: fc.constantFrom(100, 200),
});

const identity = (one: Process, name: string, knowsNamespaces: boolean): Holder => ({
  machine: name,
  boot: `machine-${one.machine} boot-${one.boots}`,
  pid: one.pid,
  started: String(one.started),
  ...(knowsNamespaces ? { namespaces: `pid:[${one.container}]` } : {}),
  ...(one.container === 0 && knowsNamespaces ? { machineId: `machine-${one.machine}` } : {}),
});

it('law: a living holder is never found dead, wherever it runs and wherever one looks from', async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      process,
      process,
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom('ops', 'other'),
      fc.boolean(),
      async (holder, seer, alive, known, name, isSocketShared) => {
        // A machine that runs now has its newest boot only: whoever ran in an earlier one is dead.
        const sameKernel = holder.machine === seer.machine && holder.boots === seer.boots;
        const lives = alive && (holder.machine !== seer.machine || sameKernel);
        const claim = {
          ...identity(holder, 'ops', known),
          ...(isSocketShared ? { socket: 5 } : {}),
        };
        const doubt = await doubtOf(claim, identity(seer, name, true), {
          startOf: (pid) =>
            lives && sameKernel && holder.container === seer.container && pid === holder.pid
              ? String(holder.started)
              : undefined,
          // Across kernels a socket always looks closed.
          listens: async () => lives && sameKernel,
          podDoubt: async () => 'no pod',
        });
        if (doubt === undefined) found += 1;
        expect(lives && doubt === undefined).toBe(false);
      },
    ),
    { numRuns: 2000 },
  );
  expect(found).toBeGreaterThan(100);
});

it('this process is known by where it is, and is there', () => {
  const me = ownHolder();
  expect(me).toMatchObject({
    pid: globalThis.process.pid,
    started: startOf(globalThis.process.pid),
    namespaces: expect.stringMatching(/^pid:\[/),
  });
  expect(startOf(2 ** 30)).toBeUndefined();
});
