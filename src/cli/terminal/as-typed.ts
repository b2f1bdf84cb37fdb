// Adds `--state-dir` to commands that kmend prints, so that they can be pasted.
import { pasteable } from '../../model/text/quote.ts';

const withState =
  /\bkmend (?:(?:resume|report|rollback|resolve|pause|continue|abort|promote|runs show|audit verify) \d{8}-\d{6}-\w{4}\b|audit verify\b(?! \d)|runs(?=`| lists\b)|schedule list\b)(?! --state-dir)/g;

/** A line with `--state-dir` in each command about a run. JSON stays as it is. */
export const asTyped = (line: string, stateDir: string): string =>
  line.startsWith('{')
    ? line
    : line.replace(withState, (found) => `${found} --state-dir ${pasteable(stateDir)}`);
