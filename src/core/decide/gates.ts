// Rules for gates: read them, wait for them, and keep reading those that must stay open.
import type { Decision, View, Why } from '../rollout/decision.ts';
import { gatesHold, gatesToWatch } from '../rollout/gate.ts';
import { finish, isActive, wait } from './answer.ts';

/** `gates` */
export function waitForGates(view: View): Decision | undefined {
  const answer = gatesHold(view);
  switch (answer.kind) {
    case 'open':
      return undefined;
    case 'read':
      return readGates(view, answer.gates, 'before a start');
    case 'shut': {
      const text = answer.why.map((why) => why.text).join('; ');
      if (answer.closed && !isActive(view) && view.context.wait !== true)
        return finish(view, 'gate', text);
      return wait(
        view,
        answer.why,
        Math.min(...answer.why.map((why) => why.until ?? Number.POSITIVE_INFINITY)),
      );
    }
  }
}

function readGates(view: View, gates: readonly string[], why: string): Decision {
  if (view.context.readingGates === true)
    return wait(view, [{ rule: 'gate', text: `reading ${gates.join(', ')}` }]);
  return { kind: 'read_gates', gates, why };
}

/** Waits, and meanwhile keeps reading gates with `for`. */
export function watchGates(view: View, why: Why): Decision {
  const { due, next } = gatesToWatch(view);
  return due.length > 0 && view.context.readingGates !== true
    ? readGates(view, due, 'they must hold without a break')
    : wait(view, [why], next);
}
