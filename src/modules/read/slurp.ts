// Module slurp: the content of a file of the host, in base64 as Ansible registers it.

import type { FactView } from '../../model/fact.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import { asArgs, type Infer, object } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { defineModule } from '../define.ts';
import { answerOf, lastWords, plainPath, readingWant, readPlan, unreadPlan } from './reading.ts';
import slurpFile from './slurp.sh';

const args = object({ src: plainPath.describe('The file.') });
type Args = Infer<typeof args>;

/** Bytes of a file: twice as much is read of one without the program base64. */
const longest = 256 * 1024;

const scriptOf = ({ src }: Args): string =>
  scriptText(slurpFile, { path: quote(src), most: longest + 1 });

const failures: Readonly<Record<number, (src: string) => string>> = {
  3: (src) => `File not found: ${src}`,
  4: (src) => `Source is a directory and must be a file: ${src}`,
  5: (src) => `${src} has more than ${longest} bytes, which kmend does not read`,
  6: (src) => `File is not readable: ${src}`,
};

function plan(given: Args, facts: FactView): ModulePlan {
  const answer = answerOf(scriptOf(given), facts);
  const why = failures[answer.rc]?.(given.src);
  if (why !== undefined) return unreadPlan(why);
  if (answer.rc !== 0) return unreadPlan(`${given.src}: ${lastWords(answer)}`);
  const said = answer.stdout.replace(/\s/g, '');
  const content = said.startsWith('hex') ? base64Of(said.slice(3)) : said;
  return readPlan({ content, encoding: 'base64', source: given.src });
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 of bytes in hex. */
function base64Of(hex: string): string {
  let text = '';
  for (let at = 0; at < hex.length; at += 6) {
    const part = hex.slice(at, at + 6);
    const bits = Number.parseInt(part.padEnd(6, '0'), 16);
    const signs = [18, 12, 6, 0].map((shift) => letters[(bits >> shift) & 63] ?? '');
    text += signs
      .slice(0, 1 + part.length / 2)
      .join('')
      .padEnd(4, '=');
  }
  return text;
}

export const slurp = defineModule<Args>({
  name: 'slurp',
  summary: 'Reads a file of the host.',
  example: `- name: Which release is it
  slurp:
    src: /etc/redhat-release
  register: release
`,
  notes: `The result is that of Ansible: \`release.content | b64decode\`. A plan reads it too, as with \`stat\`. A file may have ${longest / 1024} KiB. A registered
content is in the journal, without the secrets that kmend knows: give a task that reads others \`no_log\`.`,
  args: asArgs(args),
  reads: true,
  delegable: 'reads',
  maxRisk: 'none',
  facts: (given) => [readingWant(scriptOf(given))],
  plan,
});
