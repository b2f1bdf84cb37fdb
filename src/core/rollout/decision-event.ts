// The event that announces a decision before it is carried out: the same in a run and in the simulator. Pure.

import type { EventBody } from '../../model/run/event.ts';
import type { Decision } from './decision.ts';

/** Undefined for decisions that only ask for a reading, a question or time. */
export function eventOf(decision: Decision): EventBody | undefined {
  switch (decision.kind) {
    case 'start':
      return { type: 'host.started', host: decision.host, why: decision.why };
    case 'begin_wave':
      return { type: 'wave.started', wave: decision.wave, hosts: decision.hosts, canary: decision.canary };
    case 'end_wave':
      return { type: 'wave.done', wave: decision.wave };
    case 'promote':
      return { type: 'canary.promoted', by: decision.by, why: decision.why };
    case 'trip':
      return { type: 'brake.tripped', why: decision.why, host: decision.host };
    case 'release':
      return { type: 'brake.released', by: decision.by, hosts: decision.hosts, why: decision.why };
    case 'pause':
      return { type: 'run.paused', who: 'kmend', why: decision.why, hosts: decision.hosts };
    case 'finish':
      return { type: 'run.finished', exit: decision.exit, why: decision.why };
    case 'read_gates':
    case 'read_capacity':
    case 'repeat_proof':
    case 'expire':
    case 'ask':
    case 'wait':
      return undefined;
  }
}
