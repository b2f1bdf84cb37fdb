// The plan of a module, for arguments that are checked, or which facts it needs first.
import {
  type FactName,
  type Facts,
  type FactView,
  type FactWant,
  UnknownFact,
  viewOf,
  wantKey,
} from '../../../model/fact.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import type { AnyModule } from '../../../model/run/change.ts';
import type { Evaluation, Frame } from './frame.ts';

/** Area of facts that are the output of a play's own read-only command. */
export const outputArea = 'output';

/** Area of facts that a module reads by a script of its own. */
export const readingArea = 'reading';

const unmarked: Evaluation = {
  kind: 'later',
  why: 'a read-only command: a plan runs it only with `check_mode: false` on the task, or --run-read-only',
  risk: 'none',
};

/** Its facts by the names that a module knows: scripts in them have marks in place of values. */
const localView = (facts: Facts, script: (text: string) => string): FactView => {
  const view = viewOf(facts);
  const get = (name: FactName) => view.get(script(name) as FactName);
  return { get } as FactView;
};

const localWant = ({ area, args }: FactWant, script: (text: string) => string): FactWant => ({
  area,
  ...(args && {
    args: typeof args.script === 'string' ? { ...args, script: script(args.script) } : args,
  }),
  local: true,
});

/** `script`: the facts are those of the machine that runs kmend, and this completes its scripts. */
interface Asking {
  readonly onRead?: (name: string) => void;
  readonly script?: (text: string) => string;
}

export function askModule(
  task: ModuleTask,
  module: AnyModule,
  args: unknown,
  frame: Frame,
  { onRead, script }: Asking,
): Evaluation {
  const view =
    script === undefined
      ? viewOf(frame.facts, onRead, frame.recording?.judging(frame.facts))
      : localView(frame.facts, script);
  const convergent =
    typeof module.convergent === 'function' ? module.convergent(args) : (module.convergent ?? true);
  const reads = typeof module.reads === 'function' ? module.reads(args) : module.reads === true;
  if (reads && frame.altered !== undefined)
    return { kind: 'later', why: `known only after the task "${frame.altered}"`, risk: 'none' };
  try {
    const missing = module
      .facts(args, view, frame.context.files)
      .map((want) => (script === undefined ? want : localWant(want, script)))
      .filter((want) => !frame.asked.has(wantKey(want)));
    if (
      frame.readOnlyCommands === 'marked' &&
      task.inPlans !== true &&
      missing.some(({ area }) => area === outputArea)
    )
      return unmarked;
    if (missing.length > 0) return { kind: 'needs', wants: missing };
    return {
      kind: 'plan',
      plan: module.plan(args, view, { ...frame.context, sets: frame.learned }),
      convergent,
    };
  } catch (error) {
    if (error instanceof UnknownFact) return { kind: 'later', why: `${error.fact}: ${error.why}` };
    throw error;
  }
}
