// Module shell: runs a POSIX sh script of the play, once a run.
import { asArgs, filled, type Infer, object, shorthand } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { planRun, runShape, runWants } from './run-once.ts';

const long = object({ cmd: filled.describe('The script, for a POSIX sh.'), ...runShape });
type Args = Infer<typeof long>;

const args = shorthand((short) => (short === null ? {} : { cmd: String(short) }), long);

const shownOf = (script: string): string => {
  const [first = '', ...more] = script.trim().split('\n');
  return `run sh: ${first.slice(0, 100)}${more.length > 0 || first.length > 100 ? ' ...' : ''}`;
};

const bodyOf = (given: Args): string =>
  given.stdin === undefined ? `exec < /dev/null\n${given.cmd}` : given.cmd;

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
  convergent: (given) => given.read_only,
  maxRisk: 'restart',
  facts: (given) => runWants(bodyOf(given), given),
  plan: (given, facts) => planRun(shownOf(given.cmd), bodyOf(given), given, facts),
});
