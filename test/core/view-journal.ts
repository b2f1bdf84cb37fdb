// The walk of a host, for tests of what screens show.
import type { EventBody } from '../../src/model/run/event.ts';

/** The walk of a host through a package, an argument, a reboot and the proof. */
export const walk = (host: string): readonly EventBody[] => [
  { type: 'facts.read', host, verdict: 'leaking', evidence: '9 of 9' },
  ...['package', 'reboot', 'verify_kmem'].flatMap((module, at): readonly EventBody[] => {
    const task = `${at}`;
    const effect = `${host}/${task}/1`;
    return [
      { type: 'task.planned', host, task, name: module, module, status: 'change', changes: [] },
      {
        type: 'effect.started',
        host,
        task,
        effect,
        kind: module === 'reboot' ? 'reboot' : 'run',
        what: `${module} of it`,
        timeout: 900,
        detached: true,
      },
      { type: 'effect.done', host, task, effect, result: { ok: true } },
      { type: 'task.done', host, task, name: module, status: 'changed' },
    ];
  }),
  { type: 'proof', host, verdict: 'off', by: 'samples', evidence: '17 of 17' },
];
