// Module uri: asks a web server from the host, with requests that change nothing.

import type { FactView } from '../../model/fact.ts';
import type { Reading } from '../../model/facts/values.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import {
  asArgs,
  duration,
  flag,
  type Infer,
  listOf,
  mappingOf,
  object,
  oneOf,
  text,
  whole,
} from '../../model/shape/schema.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import { answerOf, lastWords, readingWant, readPlan, unreadPlan } from './reading.ts';
import uriFile from './uri.sh';

const line = text.regex(/^[^\r\n\0]*$/, 'should be one line');

const args = object({
  url: text
    .regex(/^https?:\/\/[^\r\n\0]*$/, 'should be one line that begins with http:// or https://')
    .describe('What to ask.'),
  method: oneOf('GET', 'HEAD').default('GET').describe('Others change something: use `command`.'),
  headers: mappingOf(line).default({}).describe('More headers of the request.'),
  url_username: line.optional().describe('Name for basic authentication.'),
  url_password: line.optional().describe('Its password; no list of processes shows it.'),
  status_code: listOf(whole(100, 599)).default([200]).describe('Which answers are no failure.'),
  return_content: flag.default(false).describe('Register the body as `content`.'),
  follow_redirects: oneOf('all', 'safe', 'urllib2', 'none', 'yes', 'no')
    .default('safe')
    .describe('All but `none` and `no` follow.'),
  validate_certs: flag.default(true).describe('Check the certificate of the server.'),
  timeout: duration.default(30).describe('How long it may take.'),
});
type Args = Infer<typeof args>;

/** A value in the configuration of curl, in one line: the name of a header may have more. */
const quoted = (value: string): string =>
  `"${value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\t', '\\t')
    .replace(/[\r\n]/g, ' ')}"`;

/** Begins the line that curl writes at the end. */
const mark = '@kmend-uri ';

function scriptOf(given: Args): string {
  const { url_username: user, url_password: password = '' } = given;
  const follows = given.follow_redirects !== 'none' && given.follow_redirects !== 'no';
  const options = [
    'silent',
    'show-error',
    'dump-header = "-"',
    `write-out = "\\n${mark}%{http_code} %{num_redirects} %{url_effective}"`,
    `max-time = ${Math.max(1, Math.ceil(given.timeout))}`,
    'proto = "=http,https"',
    `url = ${quoted(given.url)}`,
    'globoff',
    ...Object.entries(given.headers).map(
      ([name, value]) => `header = ${quoted(`${name}: ${value}`)}`,
    ),
    ...(user === undefined ? [] : [`user = ${quoted(`${user}:${password}`)}`]),
    ...(given.method === 'HEAD' ? ['head', 'output = "/dev/null"'] : []),
    ...(follows ? ['location'] : []),
    ...(given.validate_certs ? [] : ['insecure']),
  ];
  return scriptText(uriFile, { options: options.join('\n') });
}

interface Answer {
  readonly status: number;
  readonly url: string;
  readonly redirected: boolean;
  readonly reason: string;
  readonly headers: Mapping;
  readonly body: string;
}

/** What curl printed; undefined where no server has answered. */
function answerIn({ stdout }: Reading): Answer | undefined {
  const end = stdout.lastIndexOf(`\n${mark}`);
  const [status = '', redirects = '', url = ''] = stdout.slice(end + 1 + mark.length).split(' ');
  if (end < 0 || Number(status) === 0) return undefined;
  let rest = stdout.slice(0, end);
  let head = '';
  // A proxy and `100 Continue` answer too.
  for (let left = Number(redirects) + 3; left > 0 && rest.startsWith('HTTP/'); left--) {
    const at = rest.indexOf('\r\n\r\n');
    head = rest.slice(0, at < 0 ? undefined : at);
    rest = at < 0 ? '' : rest.slice(at + 4);
  }
  const [first = '', ...lines] = head.split('\r\n');
  return {
    status: Number(status),
    url: url.trim(),
    redirected: Number(redirects) > 0,
    reason: first.split(' ').slice(2).join(' '),
    headers: headersOf(lines),
    body: rest,
  };
}

/** Names as Ansible registers them: `content_type`. */
const headersOf = (lines: readonly string[]): Mapping =>
  Object.fromEntries(
    lines.flatMap((one) => {
      const at = one.indexOf(':');
      const name = one.slice(0, Math.max(at, 0)).toLowerCase().replaceAll('-', '_');
      return name === '' ? [] : [[name, one.slice(at + 1).trim()]];
    }),
  );

function jsonOf({ headers, body }: Answer): Mapping {
  const type = headers.content_type;
  if (typeof type !== 'string' || !/^[a-z]+\/(?:[a-z.]+\+)?json\b/i.test(type)) return {};
  try {
    const json: Value = JSON.parse(body);
    return { json };
  } catch {
    return {};
  }
}

function plan(given: Args, facts: FactView): ModulePlan {
  const reading = answerOf(scriptOf(given), facts);
  if (reading.rc === 3 && reading.stdout === '') return unreadPlan('the host has no curl');
  const wanted = `[${given.status_code.join(', ')}]`;
  const answer = answerIn(reading);
  if (answer === undefined || reading.rc !== 0)
    return unreadPlan(`Status code was -1 and not ${wanted}: ${lastWords(reading)}`, {
      status: -1,
      url: given.url,
      elapsed: 0,
      redirected: false,
    });
  const { status, url, redirected, reason, headers, body } = answer;
  const result: Mapping = {
    ...headers,
    ...jsonOf(answer),
    ...(given.return_content ? { content: body } : {}),
    ...{ status, url, redirected, elapsed: 0 },
  };
  if (given.status_code.includes(status)) return readPlan({ ...result, msg: reason || 'OK' });
  return unreadPlan(`Status code was ${status} and not ${wanted}: ${reason}`.trim(), result);
}

export const uri = defineModule<Args>({
  name: 'uri',
  summary: 'Asks a web server from the host.',
  example: `- name: The registry answers
  uri:
    url: http://127.0.0.1:5000/v2/
  register: registry
  until: registry.status == 200
  retries: 12
  delay: 5
`,
  notes: `The host asks by curl. The result is that of Ansible: \`status\`, \`url\`, \`json\`, \`content\` with \`return_content\`, the headers as \`content_type\`. Only
\`GET\` and \`HEAD\` are there, because a plan asks too, as with \`stat\`.`,
  args: asArgs(args),
  reads: true,
  delegable: 'reads',
  maxRisk: 'none',
  facts: (given) => [readingWant(scriptOf(given), given.timeout + 30)],
  plan,
});
