// Calls to the fake API server without a wire between: what waits, waits by timers alone, so a test
// may skip its waits.
import { gzipSync } from 'node:zlib';
import { noAnswer } from '../../src/adapters/kube/client/errors.ts';
import type { Http, HttpReply, HttpRequest } from '../../src/adapters/kube/client/http.ts';
import { failed, type Outcome, ok } from '../../src/model/run/failure.ts';
import type { FakeKube, Reply, Seen } from './kube-api.ts';

/** As the client on a real wire says it of a server that it has reached before. */
const lost = (fake: FakeKube, code: string, message: string): Outcome<never> => ({
  ok: false,
  failure: {
    ...noAnswer(Object.assign(new Error(message), { code }), new URL(fake.url).host),
    transport: true,
  },
});

function seenOf({ method, path, body, accept, contentType }: HttpRequest): Seen {
  const url = new URL(path, 'https://x');
  const headers = {
    accept: accept ?? 'application/json',
    ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
  };
  const sent = body === undefined ? undefined : JSON.parse(JSON.stringify(body));
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: sent,
    user: 'ann',
    at: Date.now(),
    httpVersion: '2.0',
  };
}

/** Text stays text, as what is no JSON does. */
const replyOf = ({ status, body = {}, headers = {} }: Reply): HttpReply => {
  const text = JSON.stringify(body);
  const after = headers['retry-after'];
  return {
    status,
    body: JSON.parse(text),
    size: text.length,
    ...(after === undefined ? {} : { retryAfter: Number(after) }),
  };
};

/** Bytes that travel: the server compresses long answers. */
const weight = ({ body = {} }: Reply): number => {
  const text = JSON.stringify(body);
  return text.length > 2_000 ? gzipSync(text).length : text.length;
};

/** Ends with what it waits for, the caller's signal or the time limit of the call. */
async function within(
  fake: FakeKube,
  { signal, timeout = 30 }: HttpRequest,
  answer: Promise<Outcome<HttpReply>>,
): Promise<Outcome<HttpReply>> {
  let cancel = (): void => undefined;
  const ended = new Promise<Outcome<never>>((resolve) => {
    const stop = (): void => resolve(failed('interrupted', 'the call was interrupted'));
    const late = failed(
      'timeout',
      `the API server ${new URL(fake.url).host} did not answer within ${timeout} s`,
      { transport: true },
    );
    const timer = setTimeout(() => resolve(late), timeout * 1000);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    cancel = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
  });
  const first = await Promise.race([ended, answer]);
  cancel();
  return first;
}

export function fakeHttp(fake: FakeKube): Http {
  const { slow, skew = 0 } = fake.options;
  let calls = 0;
  let sent = 0;
  let received = 0;

  async function carry(
    request: HttpRequest,
    onLine?: (line: string) => void,
  ): Promise<Outcome<HttpReply>> {
    // A turn of the event loop, as on a wire: nothing is answered within the call.
    await new Promise((resolve) =>
      slow === undefined ? setImmediate(resolve) : setTimeout(resolve, slow),
    );
    if (request.signal?.aborted) return failed('interrupted', 'the call was interrupted');
    if (fake.isDown()) return lost(fake, 'ECONNREFUSED', 'connect ECONNREFUSED');
    const asked = seenOf(request);
    const reaction = fake.react(asked, request.path);
    if (reaction === 'hang') return new Promise(() => undefined);
    if (reaction === 'cut') return lost(fake, 'ECONNRESET', 'socket hang up');
    if (reaction === 'watch') return follow(asked, request, onLine);
    if (reaction.cut) return lost(fake, 'ECONNRESET', 'the answer was cut');
    const reply = replyOf(reaction.reply);
    received += weight(reaction.reply);
    return ok(reply);
  }

  function follow(
    asked: Seen,
    { signal }: HttpRequest,
    onLine: ((line: string) => void) | undefined,
  ): Promise<Outcome<HttpReply>> {
    return new Promise((resolve) => {
      let end = (): void => undefined;
      const destroy = (): void => {
        end();
        resolve(ok({ status: 200, body: undefined }));
      };
      const write = (text: string): void => {
        received += text.length;
        setImmediate(() => signal?.aborted || onLine?.(text.trim()));
      };
      end = fake.watch(asked, { write, destroy });
      signal?.addEventListener('abort', destroy, { once: true });
    });
  }

  const call = (
    request: HttpRequest,
    onLine?: (line: string) => void,
  ): Promise<Outcome<HttpReply>> => {
    calls += 1;
    sent += JSON.stringify(request.body ?? '').length;
    return within(fake, request, carry(request, onLine)).finally(fake.begin());
  };

  return {
    call: (request) => call(request),
    stream: call,
    serverNow: () => Date.now() + (Math.abs(skew) < 2 ? 0 : skew * 1000),
    stats: () => ({ calls, sent, received, connections: 1 }),
    close: () => undefined,
  };
}
