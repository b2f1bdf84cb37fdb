// How an evaluation ends without a value: by a mistake, or by a value that is not known yet. Thrown
// inside this room only.

/** A user's mistake found while an expression ran; becomes a result of kind `error`. */
export class ExpressionError extends Error {
  /** The value was Ansible's `omit`: the caller leaves the key out. */
  readonly omitted: boolean;
  constructor(message: string, omitted = false) {
    super(message);
    this.omitted = omitted;
  }
}

/**
 * An undefined value was used. A filter that meets one gives an undefined value in turn, which
 * `default` may still mend.
 */
export class UndefinedError extends ExpressionError {}

/** A value that is not known was needed; becomes a result of kind `unknown`. */
export class UnknownSignal extends Error {
  readonly why: string;
  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

/** A mistake in the text of an expression; becomes a `SyntaxProblem`. */
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
