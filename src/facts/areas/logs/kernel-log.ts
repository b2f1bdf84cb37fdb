// Area log: symptoms of the leak in the kernel log and in the journal of the programs that make
// cgroups.
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { readSymptoms, symptomPatterns } from '../../kmem/symptoms.ts';
import keepLines from './keep-lines.awk';
import kernelLog from './kernel-log.sh';

const runtime = scriptText(keepLines, { pattern: symptomPatterns.runtime.replaceAll('/', '\\/') });

export const kernelLogArea: Area = {
  name: 'log',
  script: scriptText(kernelLog, { runtime }),
  opens: true,
  printedBy: { area: 'cgroup', lines: /^(?:log .*|logged)$/gm },
  maxBytes: 131_072,
  parse: (text) => {
    const fields = readFields(text);
    const kernel = fields.all('log');
    const unread = fields.has('logged') ? undefined : unknown('the kernel log could not be read');
    return {
      'kmem.symptoms': unread ?? readSymptoms({ kernel, runtime: fields.all('runtime') }),
      'kmem.log_read': unread ?? !kernel.includes('@denied'),
    };
  },
};
