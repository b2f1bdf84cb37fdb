// Loads the practice fleet. It is a separate bundle, since few commands need it.
import { CommandError } from '../app/session/world.ts';

/** File of the practice bundle beside the program; not defined where the sources run. */
declare const __KMEND_PRACTICE__: string;

export async function loadPractice(): Promise<typeof import('../../practice/index.ts')> {
  try {
    return await (typeof __KMEND_PRACTICE__ === 'string'
      ? import(__KMEND_PRACTICE__)
      : import('../../practice/index.ts'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new CommandError(
      3,
      'the practice fleet is not here',
      'carry `practice.cjs` beside `kmend.cjs`',
    );
  }
}
