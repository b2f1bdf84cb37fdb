// Module shell: runs a POSIX sh script of the play, once a run.
import {
  absolutePath,
  asArgs,
  filled,
  type Infer,
  object,
  shorthand,
} from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { defineModule } from '../define.ts';
import { freeFormNames, planRun, type RunArgs, runShape, runWants } from './run-once.ts';

const long = object({
  cmd: filled.describe('The script, for a POSIX sh.'),
  executable: absolutePath.optional().describe('Another shell, such as /bin/bash.'),
  ...runShape,
});
type Args = Infer<typeof long> & Pick<RunArgs, 'user' | 'environment'>;

const args = shorthand((short) => (short === null ? {} : { cmd: short }), long);

const shownOf = (script: string): string => {
  const [first = '', ...more] = script.trim().split('\n');
  return `run sh: ${first.slice(0, 100)}${more.length > 0 || first.length > 100 ? ' ...' : ''}`;
};

function bodyOf({ cmd, executable, stdin }: Args): string {
  const input = stdin === undefined ? 'exec < /dev/null\n' : '';
  return executable === undefined
    ? `${input}${cmd}`
    : `${input}exec ${quote(executable)} -c ${quote(cmd)}`;
}

export const shell = defineModule<Args>({
  name: 'shell',
  summary: 'Runs a shell script, once a run.',
  example: `- name: Keep what the kernel said before the reboot
  shell:
    cmd: dmesg > /var/log/kmend-dmesg.txt
    creates: /var/log/kmend-dmesg.txt
`,
  notes:
    'As `command`, through the POSIX sh of the host. Values that come out of templates are part of the script: quote them there.',
  args: asArgs(args),
  freeForm: freeFormNames,
  asUser: (given, user) => ({ ...given, user }),
  inEnvironment: (given, environment) => ({ ...given, environment }),
  convergent: (given) => given.read_only,
  reads: (given) => given.read_only,
  delegable: 'script',
  maxRisk: 'restart',
  facts: (given) => runWants(bodyOf(given), given),
  plan: (given, facts) => planRun(shownOf(given.cmd), bodyOf(given), given, facts),
});
