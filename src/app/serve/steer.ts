// Commands of the page: the same control commands as those of the command line.
import { whyNotResolvable } from '../../core/run-state/resolve.ts';
import type { RunState } from '../../core/run-state/state.ts';
import { decisionOf } from '../../core/view/head.ts';
import type { CommandRequest, PageCommand } from '../../core/view/protocol.ts';
import type { EventBody } from '../../model/run/event.ts';
import { object, oneOf, text } from '../../model/shape/shape.ts';
import { harmless } from '../../model/text/printable.ts';
import { stateOf } from '../history/history.ts';
import { command, type Left } from '../run/control.ts';
import { resolution } from '../run/resolutions.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';

const commands: readonly PageCommand[] = [
  ...(['pause', 'continue', 'promote', 'abort', 'retry', 'skip', 'done'] as const),
  'approve',
];

const shape = object({ command: oneOf(...commands), reason: text }, { host: text, question: text });

/** Characters of a reason. */
const longestReason = 500;

/** Leaves a command for a run, with who gave it, why, and that it came by the page. */
export async function steer(
  run: string,
  body: unknown,
  who: string,
  session: Session,
): Promise<Left> {
  const wrong = shape(body, '');
  if (wrong !== undefined) throw new CommandError(3, wrong);
  const request = body as CommandRequest;
  const reason = harmless(request.reason.trim());
  if (reason === '' || reason.length > longestReason)
    throw new CommandError(3, `a command needs a reason, of ${longestReason} characters at most`);
  const state = await stateOf(await session.ports.store(), run);
  const given = session.world.secrets.mask(bodyOf({ ...request, reason }, who, state));
  return command(run, [{ ...given, via: 'page' }], session);
}

function bodyOf(
  { command, host = '', question, reason: why }: CommandRequest,
  who: string,
  state: RunState,
): EventBody {
  switch (command) {
    case 'pause':
      return { type: 'run.paused', who, why };
    case 'continue':
      return { type: 'run.continued', who, why };
    case 'abort':
      return { type: 'run.aborted', who, why };
    case 'promote':
      return { type: 'canary.promoted', by: who, why };
    case 'approve':
      return approval({ who, why }, question, state);
    case 'retry':
    case 'skip':
    case 'done': {
      const wrong = whyNotResolvable(state, host, command);
      if (wrong !== undefined) throw new CommandError(3, wrong);
      return resolution(host, command, who, why);
    }
  }
}

/** The answer to the question that the page showed, where it is still open. */
function approval(
  given: { readonly who: string; readonly why: string },
  question: string | undefined,
  state: RunState,
): EventBody {
  const decision = decisionOf(state);
  if (decision?.kind !== 'ask') throw new CommandError(3, 'no question is open');
  const { risk, about } = decision;
  if (decision.question !== question)
    throw new CommandError(3, `another question is open now: ${decision.question}`);
  return { type: 'approved', risk, how: 'asked', about, ...given };
}
