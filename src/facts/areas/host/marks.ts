// Area marks: what kmend left on the host: in /run about this boot (the answer of an active probe, and of sample containers), and its fence.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber, wordsOf } from '../../fields.ts';
import { fenceFacts, fenceOf } from './fence.ts';
import marks from './marks.sh';

/** Runtimes whose answers are kept. */
const mostRuntimes = 16;

export const marksArea: Area = {
  name: 'marks',
  facts: [
    {
      name: 'kmem.active_probe',
      lifetime: 'boot',
      summary: 'off, on or failed: the answer of an active probe of this boot; empty when none was made',
      example: 'off',
    },
    {
      name: 'kmem.started',
      lifetime: 'boot',
      summary: 'sample containers that were started in this boot: through which runtime, what their group answered, and when',
      example: [{ runtime: 'docker', answer: 'off', at: 1_795_000_000 }],
    },
    ...fenceFacts,
  ],
  script: scriptText(marks),
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

/** The mark is `BOOTID WORD`, in either order; one of another boot says nothing. */
function activeProbe(mark: string, bootId: string): string {
  if (bootId === '' || !mark.includes(bootId)) return '';
  return /\b(off|on|failed)\b/.exec(mark.replace(bootId, ' '))?.[1] ?? '';
}

/** `BOOTID EPOCH RUNTIME ANSWER`. */
function startedOf(
  words: readonly string[],
  bootId: string,
): readonly { readonly runtime: string; readonly answer: string; readonly at: number }[] {
  const [boot, epoch = '', runtime = '', answer = ''] = words;
  return boot === bootId && runtime !== '' && ['off', 'on', 'failed'].includes(answer)
    ? [{ runtime, answer, at: wholeNumber(epoch) ?? 0 }]
    : [];
}
