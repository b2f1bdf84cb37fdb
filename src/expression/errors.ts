// Errors that end an evaluation without a value. They are thrown and caught inside this room only.
import { Signal } from '../model/signal.ts';

/** An error in the user's expression or data; becomes a result of kind `error`. */
export class ExpressionError extends Signal {
  /** True for Ansible's `omit`: the caller leaves the key out. */
  readonly omitted: boolean;
  constructor(message: string, omitted = false) {
    super(message);
    this.omitted = omitted;
  }
}

/**
 * An undefined value was used. A filter on an undefined value is undefined too, and `default` may
 * replace it.
 */
export class UndefinedError extends ExpressionError {}

/** The result depends on a value that is not known yet; becomes a result of kind `unknown`. */
export class UnknownSignal extends Signal {
  readonly why: string;
  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

/** An error in the text of an expression; becomes a `SyntaxProblem`. */
export class SourceError extends Error {
  readonly offset: number;
  readonly hint: string | undefined;
  constructor(message: string, offset: number, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

export function fail(message: string): never {
  throw new ExpressionError(message);
}
