// Area marks: files of kmend on the host. Those in /run are about this boot: answers of the active
// probe and of sample containers. The other is the fence.

import type { Facts, FactValue } from '../../../model/fact.ts';
import type { StartedSample } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber, wordsOf } from '../../fields.ts';
import { fenceOf } from './fence.ts';
import marks from './marks.sh';

/** Number of runtimes whose answers are kept. */
const mostRuntimes = 16;

export const marksArea: Area = {
  name: 'marks',
  script: scriptText(marks),
  differs: true,
  quick: true,
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    const boot = fields.text('boot').trim();
    return {
      'kmem.active_probe': activeProbe(fields.text('probe'), boot),
      'kmem.started':
        boot === ''
          ? []
          : fields
              .all('started')
              .slice(-mostRuntimes)
              .flatMap((line) => startedOf(wordsOf(line), boot)),
      ...fenceOf(fields),
    };
  },
};

const answers = ['off', 'on', 'failed'] as const;
const answerIn = (word: string | undefined): StartedSample['answer'] | undefined =>
  answers.find((one) => one === word);

/** The mark is `BOOTID WORD`, in either order. A mark of another boot is ignored. */
function activeProbe(mark: string, bootId: string): FactValue<'kmem.active_probe'> {
  if (bootId === '' || !mark.includes(bootId)) return '';
  return answerIn(/\b(off|on|failed)\b/.exec(mark.replace(bootId, ' '))?.[1]) ?? '';
}

/** `BOOTID EPOCH RUNTIME ANSWER`. */
function startedOf(
  [boot, epoch = '', runtime = '', word]: readonly string[],
  bootId: string,
): readonly StartedSample[] {
  const answer = answerIn(word);
  return boot === bootId && runtime !== '' && answer !== undefined
    ? [{ runtime, answer, at: wholeNumber(epoch) ?? 0 }]
    : [];
}
