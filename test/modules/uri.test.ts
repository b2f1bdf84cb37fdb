// uri: the options that it gives curl, and what it makes of the answer, in every shell.
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs } from './laws.ts';
import { everyShell, planIn, wantsOf } from './readings.ts';

const url = 'http://127.0.0.1:5000/v2/';

/** A curl that answers with this, and prints its options to a file. */
function answering(answer: string, code = 0) {
  const tree = hostTree();
  tree.write('/answer', answer);
  tree.program('curl', `cat > "$KMEND_ROOT/options"; cat "$KMEND_ROOT/answer"; exit ${code}`);
  return tree;
}

const head = (status: string, more = ''): string => `HTTP/1.1 ${status}\r\n${more}\r\n`;
const end = (status: number, redirects = 0): string => `\n@kmend-uri ${status} ${redirects} ${url}`;

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))(
  'uri in %s',
  (_, shell) => {
    const asked = (answer: string, args: object = {}) =>
      planIn(answering(answer), 'uri', { url, ...args }, { shell });

    it('registers status, headers, JSON and content', () => {
      const json = head('200 OK', 'Content-Type: application/json\r\n');
      const answer = `${head('302 Found', 'Location: /x\r\n')}${json}{"a": [1]}${end(200, 1)}`;
      expect(asked(answer, { return_content: true }).result).toEqual({
        ...{ status: 200, url, redirected: true, elapsed: 0, msg: 'OK' },
        ...{ content_type: 'application/json', json: { a: [1] }, content: '{"a": [1]}' },
      });
      expect(asked(answer).result).not.toHaveProperty('content');
    });

    it('fails at another status, and registers it', () => {
      expect(asked(head('503 Busy') + end(503))).toMatchObject({
        unmet: { kind: 'exit', evidence: 'Status code was 503 and not [200]: Busy' },
        result: { status: 503, failed: true },
      });
      expect(asked(head('503 Busy') + end(503), { status_code: [200, 503] }).unmet).toBeUndefined();
    });

    it('gives curl all of it by its input, with quotes that hold', () => {
      const tree = answering(head('200 OK') + end(200));
      const headers = { 'X-It': 'a"b\\c' };
      planIn(tree, 'uri', { url, headers, url_username: 'u', url_password: "p'$x" }, { shell });
      const options = tree.read('/options').split('\n');
      expect(options).toContain('header = "X-It: a\\"b\\\\c"');
      expect(options).toContain(`user = "u:p'$x"`);
    });
  },
);

describe('uri', () => {
  it('fails where no server answers', () => {
    const tree = hostTree();
    tree.program('curl', 'echo "curl: (7) refused" >&2; exit 7');
    expect(planIn(tree, 'uri', { url })).toMatchObject({
      unmet: { evidence: 'Status code was -1 and not [200]: curl: (7) refused' },
      result: { status: -1 },
    });
  });

  it('gives the real curl options that it takes', () => {
    const plan = planIn(hostTree(), 'uri', { url: 'http://127.0.0.1:9/', headers: { A: '1' } });
    expect(plan.unmet?.evidence).toMatch(/and not \[200\]: curl: \(7\)|the host has no curl/);
  });

  it('asks longer than the server may take', () => {
    expect(wantsOf('uri', { url, timeout: 5 })).toMatchObject([{ args: { timeout: 35 } }]);
  });

  it.each([
    { url: 'file:///etc/shadow' },
    { url, method: 'POST' },
    { url: `${url}\nfoo` },
    { url, headers: { a: 'b\nc' } },
    {},
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('uri'), args)).toThrow();
  });
});
