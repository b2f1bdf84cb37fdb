// Adds the place of state to commands that kmend prints, so that they can be pasted.
import { pasteable } from '../../model/text/quote.ts';

const withState =
  /\bkmend (?:(?:resume|report|rollback|resolve|pause|continue|abort|promote|runs show|audit verify) \d{8}-\d{6}-\w{4}\b|audit verify\b(?! \d)|runs(?=`| lists\b)|schedule list\b)(?! --state)/g;

/** An option that names the place of state, with its value. */
export type TypedPlace = readonly ['--state' | '--state-dir', string];

/** A line with the place in each command about a run. JSON stays as it is. */
export const asTyped = (line: string, [option, value]: TypedPlace): string =>
  line.startsWith('{')
    ? line
    : line.replace(withState, (found) => `${found} ${option} ${pasteable(value)}`);
