// What a run asks its operator, and what it says while it waits.
import type { Decision } from '../core/rollout/decision.ts';
import { present } from '../model/present.ts';
import type { RunContext } from './host/walk-context.ts';
import type { Asker } from './ports/local.ts';

export interface QuestionsInput {
  readonly record: RunContext['record'];
  readonly asker: Asker;
  readonly operator: string;
  readonly now: () => number;
  /** Fires when the run stops, or is over: questions are withdrawn. */
  readonly unread: AbortSignal;
  /** Runs beside the loop. */
  readonly beside: (work: Promise<void>, ended: () => void) => void;
}

/** Milliseconds after which an open question is journalled. */
const unansweredAfter = 60_000;

/** Decisions that may come while a question is open, and do not make it obsolete. */
const besideQuestions: ReadonlySet<Decision['kind']> = new Set(['ask', 'expire', 'repeat_proof']);

export class Questions {
  readonly #input: QuestionsInput;
  /** Withdraws the question that waits for the operator's answer. */
  #question: AbortController | undefined;
  #askedAt = 0;
  #lastWait = '';

  constructor(input: QuestionsInput) {
    this.#input = input;
  }

  /** Withdraws the open question, unless this decision may come beside it. */
  withdraw(decision?: Decision): void {
    if (decision === undefined || !besideQuestions.has(decision.kind)) this.#question?.abort();
  }

  /** Asks the operator beside the loop: the abort of another process must not wait for an answer. */
  async ask(decision: Extract<Decision, { kind: 'ask' }>): Promise<void> {
    if (this.#question === undefined) this.#begin(decision);
    await this.#recordOpen(decision.question);
  }

  /** Journals why the run waits, once for each reason. */
  async recordWait(decision: Extract<Decision, { kind: 'wait' }>): Promise<void> {
    const why = decision.why.map((one) => one.text).join('; ');
    if (why === this.#lastWait || why === '') return;
    this.#lastWait = why;
    const needs = decision.why.find((one) => one.needs !== undefined)?.needs;
    const { until } = decision;
    await this.#input.record({ type: 'waiting', why, ...present({ until, needs }) }, false);
  }

  #begin(decision: Extract<Decision, { kind: 'ask' }>): void {
    const { unread, now, beside } = this.#input;
    const question = new AbortController();
    this.#question = question;
    this.#askedAt = now();
    const signal = AbortSignal.any([question.signal, unread]);
    beside(this.#recordAnswer(decision, signal), () => {
      this.#question = undefined;
    });
  }

  async #recordAnswer(
    decision: Extract<Decision, { kind: 'ask' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { operator: who, asker, record } = this.#input;
    const yes = await asker.confirm(decision.question, signal);
    if (signal.aborted) return;
    if (yes)
      await record(
        { type: 'approved', risk: decision.risk, who, how: 'asked', about: decision.about },
        true,
      );
    else await record({ type: 'run.aborted', who, why: `answered no: ${decision.question}` }, true);
  }

  /** Nobody may be at the terminal: a question that stays open becomes a notice. */
  async #recordOpen(why: string): Promise<void> {
    const { now, record } = this.#input;
    if (now() - this.#askedAt < unansweredAfter || why === this.#lastWait) return;
    this.#lastWait = why;
    await record({ type: 'waiting', why, needs: 'answer' }, false);
  }
}
