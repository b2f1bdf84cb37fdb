// A run that this process leaves to another one.

/** The run stops here without an end: no step is under way, and another process carries it on. */
export class HandedOver extends Error {
  constructor(why: string) {
    super(`handed over: ${why}`);
  }
}
