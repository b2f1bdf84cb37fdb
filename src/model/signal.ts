// Errors that are thrown to leave many calls at once, and are always caught.

/** V8's limit is a property of the constructor; browsers other than its own ignore it. */
const engine: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error;

/** Without a stack trace, which nobody reads and which costs more than the evaluation that it ends. */
export class Signal extends Error {
  constructor(message: string) {
    const { stackTraceLimit } = engine;
    engine.stackTraceLimit = 0;
    super(message);
    engine.stackTraceLimit = stackTraceLimit;
  }
}
