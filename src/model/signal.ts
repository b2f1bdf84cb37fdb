// Errors that are thrown to leave many calls at once, and are always caught.

/** Without a stack trace, which nobody reads and which costs more than the evaluation that it ends. */
export class Signal extends Error {
  constructor(message: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
