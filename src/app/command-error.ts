// The error of a use case.

/** An error that the operator can act on. The command reports it and ends with its exit code. */
export class CommandError extends Error {
  readonly exit: number;
  readonly hint: string | undefined;
  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}
