// One line for each host that has answered, while others have not: what was read, in short.
import { type Facts, known } from '../../model/fact.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import { type HostPlan, hasChanges } from '../../model/run/plan.ts';
import { cutTo, padRight, plural, widthOf } from '../layout.ts';

export interface AnsweredHost {
  readonly host: string;
  readonly facts?: Facts;
  readonly plan?: HostPlan;
  readonly failure?: Failure;
}

/** Columns of a host name. */
const widest = 30;

/** Each line has at most `width` columns. */
export function answerLines(answers: readonly AnsweredHost[], width: number): readonly string[] {
  const names = Math.min(widest, ...[Math.max(0, ...answers.map(({ host }) => widthOf(host)))]);
  return answers.map((answer) => {
    const [kind, text] = shortly(answer);
    const line = `${padRight(cutTo(answer.host, names), names)}  ${padRight(kind, 14)}  ${text}`;
    return cutTo(line.slice(0, 2000).trimEnd(), width);
  });
}

function shortly({ facts, plan, failure }: AnsweredHost): readonly [string, string] {
  if (failure !== undefined) return [failure.kind, causeText(failure)];
  if (plan !== undefined) return ofPlan(plan);
  if (facts === undefined) return ['answered', ''];
  const verdict = known(facts, 'kmem.verdict', 'unknown');
  const remedy = known(facts, 'kmem.remedy', 'unknown');
  return [
    verdict === 'not_applicable' ? 'n/a' : verdict,
    remedy === 'none' ? '' : `remedy: ${remedy}`,
  ];
}

function ofPlan(plan: HostPlan): readonly [string, string] {
  if (plan.refused !== undefined) return ['refused', plan.refused.why];
  if (!hasChanges(plan)) return ['nothing to do', ''];
  const tasks = plan.tasks.filter(({ status }) => status === 'change' || status === 'later');
  return ['to change', `${plural(tasks.length, 'task')}, ${plan.risk}`];
}
