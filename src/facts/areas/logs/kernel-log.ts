// Area log: symptoms of the leak in the kernel log and in the journal of the programs that make
// cgroups.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { readSymptoms, symptomPatterns } from '../../kmem/symptoms.ts';
import keepLines from './keep-lines.awk';
import kernelLog from './kernel-log.sh';

const keeping = (key: string, pattern: string): string =>
  scriptText(keepLines, { pattern: pattern.replaceAll('/', '\\/'), key });

export const kernelLogArea: Area = {
  name: 'log',
  script: scriptText(kernelLog, {
    log: keeping('log', `^@denied$|${symptomPatterns.kernel}`),
    runtime: keeping('runtime', symptomPatterns.runtime),
  }),
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const [kernel, runtime] = [fields.all('log'), fields.all('runtime')];
    return {
      'kmem.symptoms': readSymptoms({ kernel, runtime }),
      'kmem.log_read': !kernel.includes('@denied'),
    };
  },
};
