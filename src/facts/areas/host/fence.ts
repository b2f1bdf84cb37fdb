// The fence of a host: the run of kmend that uses the host, or used it last. A run opens the fence
// when it starts with the host, and closes it when it is done.
import type { Facts } from '../../../model/fact.ts';
import { isRunId } from '../../../model/run/run-id.ts';
import { unknown } from '../../../model/value.ts';
import { type Fields, wholeNumber, wordsOf } from '../../fields.ts';

/** The file holds `RUN NUMBER open|closed`. */
export function fenceOf(fields: Fields): Facts {
  const text = fields.text('fence');
  const [run = '', number = '', state = ''] = wordsOf(text);
  const isWhole = isRunId(run) && (state === 'open' || state === 'closed');
  const why = fields.has('fence_denied')
    ? 'only root may read it'
    : isWhole || text === ''
      ? ''
      : 'the fence file is damaged';
  if (why !== '')
    return { 'fence.run': unknown(why), 'fence.number': unknown(why), 'fence.open': unknown(why) };
  return {
    'fence.run': run,
    'fence.number': wholeNumber(number) ?? 0,
    'fence.open': state === 'open',
  };
}
