// Every error of the library and the socket maps to one failure. The table is the contract with the
// engine's retries.
import { describe, expect, it } from 'vitest';
import { failureOf, type Phase, type RawError } from '../../src/adapters/ssh/connect/failures.ts';
import { notStarted } from '../../src/adapters/ssh/connect/refusals.ts';

const at = (phase: Phase, error: RawError, more = {}) =>
  failureOf(error, { where: 'ops@node-a', phase, ...more });

describe('errors of a connection', () => {
  it.each<[string, Phase, RawError, string, boolean, RegExp]>([
    [
      'refused',
      'connect',
      { message: 'x', level: 'client-socket', code: 'ECONNREFUSED' },
      'unreachable',
      true,
      /refused \(ECONNREFUSED\)/,
    ],
    [
      'no route',
      'connect',
      { message: 'x', level: 'client-socket', code: 'EHOSTUNREACH' },
      'unreachable',
      true,
      /no route/,
    ],
    [
      'no such name',
      'connect',
      { message: 'x', level: 'client-socket', code: 'ENOTFOUND' },
      'unreachable',
      false,
      /no such host name/,
    ],
    [
      'name server silent',
      'connect',
      { message: 'x', level: 'client-socket', code: 'EAI_AGAIN' },
      'unreachable',
      true,
      /name server/,
    ],
    [
      'reset in the key exchange',
      'key exchange',
      { message: 'x', level: 'client-socket', code: 'ECONNRESET' },
      'unreachable',
      true,
      /reset during key exchange/,
    ],
    [
      'an errno nobody knows',
      'connect',
      { message: 'odd', level: 'client-socket', code: 'EODD' },
      'unreachable',
      true,
      /odd \(EODD\)/,
    ],
    [
      'our clock',
      'banner',
      { message: 'connected, but no SSH banner within 5 s', level: 'timeout' },
      'unreachable',
      true,
      /no SSH banner/,
    ],
    [
      'keepalive',
      'session',
      { message: 'Keepalive timeout', level: 'client-timeout' },
      'unreachable',
      true,
      /keepalive/,
    ],
    [
      'shed before the banner',
      'banner',
      { message: 'Connection lost before handshake', level: 'protocol' },
      'unreachable',
      true,
      /lost before handshake.*MaxStartups/,
    ],
    [
      'not an SSH server',
      'banner',
      { message: 'Invalid identification string' },
      'unreachable',
      true,
      /not an SSH server/,
    ],
    [
      'lost in the key exchange',
      'key exchange',
      { message: 'closed', level: 'lost' },
      'unreachable',
      true,
      /lost during key exchange/,
    ],
    [
      'lost in a session',
      'session',
      { message: 'closed', level: 'lost' },
      'unreachable',
      true,
      /lost during session/,
    ],
    [
      'no common key exchange',
      'key exchange',
      { message: 'Handshake failed: no matching key exchange algorithm', level: 'handshake' },
      'unreachable',
      false,
      /no common key exchange/,
    ],
    [
      'no common host key',
      'key exchange',
      { message: 'Handshake failed: no matching host key format', level: 'handshake' },
      'unreachable',
      false,
      /no common host key format/,
    ],
    [
      'host key denied',
      'key exchange',
      { message: 'Host denied (verification failed)', level: 'handshake' },
      'host_key',
      false,
      /not accepted/,
    ],
    [
      'host key not proven',
      'key exchange',
      { message: 'Handshake failed: signature verification failed', level: 'handshake' },
      'host_key',
      false,
      /cannot prove/,
    ],
    [
      'a broken packet',
      'key exchange',
      { message: 'Bad packet length', level: 'protocol' },
      'unreachable',
      true,
      /key exchange failed/,
    ],
    [
      'a packet too long',
      'login',
      { message: 'Bad packet length', level: 'protocol' },
      'unreachable',
      true,
      /a packet that is too long, or broken, during login/,
    ],
    [
      'all methods failed',
      'login',
      { message: 'All configured authentication methods failed', level: 'client-authentication' },
      'auth',
      false,
      /login refused/,
    ],
    [
      'too many keys',
      'login',
      { message: 'Too many authentication failures', code: 2 },
      'auth',
      false,
      /Too many/,
    ],
    [
      'no more methods',
      'login',
      { message: 'NO_MORE_AUTH_METHODS_AVAILABLE', code: 14 },
      'auth',
      false,
      /login refused/,
    ],
    [
      'password expired',
      'login',
      { message: 'the password has expired and must be changed', level: 'client-authentication' },
      'auth',
      false,
      /expired/,
    ],
    [
      'too many connections',
      'login',
      { message: 'TOO_MANY_CONNECTIONS', code: 12 },
      'unreachable',
      true,
      /hung up/,
    ],
    [
      'hung up otherwise',
      'key exchange',
      { message: 'PROTOCOL_ERROR', code: 2 },
      'unreachable',
      true,
      /hung up during key exchange/,
    ],
    [
      'channel forbidden',
      'connect',
      { message: '(SSH) Channel open failure: open failed', reason: 1 },
      'unreachable',
      false,
      /forbids/,
    ],
    [
      'channel: target refused',
      'connect',
      { message: '(SSH) Channel open failure: Connection refused', reason: 2 },
      'unreachable',
      true,
      /Connection refused/,
    ],
    [
      'channel: short of resources',
      'session',
      { message: '(SSH) Channel open failure: ', reason: 4 },
      'unreachable',
      true,
      /no reason given/,
    ],
    [
      'command refused',
      'session',
      { message: 'Unable to exec' },
      'unreachable',
      true,
      /Unable to exec/,
    ],
  ])('%s', (_what, phase, error, kind, transport, message) => {
    const failure = at(phase, error);
    expect(failure.kind).toBe(kind);
    expect(failure.transport === true).toBe(transport);
    expect(failure.message).toMatch(message);
    expect(failure.message).toMatch(/^ops@node-a: /);
  });

  it('an old server gets the hint of legacy_crypto, and another hint if that is set already', () => {
    const error = {
      message: 'Handshake failed: no matching key exchange algorithm',
      level: 'handshake',
    };
    expect(at('key exchange', error).hint).toMatch(/legacy_crypto: true/);
    expect(at('key exchange', error, { legacy: true }).hint).not.toMatch(/legacy_crypto: true/);
  });
  it('the text of the server before it hung up is in the detail', () => {
    const failure = at(
      'banner',
      { message: 'Connection lost before handshake', level: 'protocol' },
      { preface: 'Exceeded MaxStartups' },
    );
    expect(failure.detail).toBe('the server said: Exceeded MaxStartups');
  });
  it('a refused login names the attempts', () => {
    const failure = at(
      'login',
      { message: 'All configured authentication methods failed', level: 'client-authentication' },
      { tried: ['/k', 'password'] },
    );
    expect(failure.message).toBe('ops@node-a: login refused: tried /k; password');
  });
});

describe('commands that never started', () => {
  const sudo = { method: 'sudo', user: 'root' } as const;
  const su = { method: 'su', user: 'root' } as const;
  const doas = { method: 'doas', user: 'root' } as const;
  it.each([
    ['sudo: sorry, you must have a tty to run sudo', 1, sudo, false, 'auth', /requiretty/],
    ['sudo: a password is required', 1, sudo, false, 'auth', /asks for a password/],
    [
      'sudo: no tty present and no askpass program specified',
      1,
      sudo,
      false,
      'auth',
      /asks for a password/,
    ],
    [
      'Sorry, try again.\nsudo: 1 incorrect password attempt',
      1,
      sudo,
      true,
      'auth',
      /sudo refused the password/,
    ],
    [
      'ops is not in the sudoers file.',
      1,
      sudo,
      true,
      'auth',
      /does not let this user become root/,
    ],
    [
      "Sorry, user ops is not allowed to execute '/bin/sh -c x' as root on n.",
      1,
      sudo,
      false,
      'auth',
      /does not let/,
    ],
    ["env: 'sudo': No such file or directory", 127, sudo, false, 'auth', /sudo is not installed/],
    [
      "env: can't execute 'doas': No such file or directory",
      127,
      doas,
      false,
      'auth',
      /doas is not installed/,
    ],
    ['su: Authentication failure', 1, su, true, 'auth', /su refused the password/],
    ['su: user nix does not exist', 1, su, false, 'auth', /knows no user/],
    ['doas: Operation not permitted', 1, doas, false, 'auth', /no rule/],
    ['doas: Authentication required', 1, doas, false, 'auth', /requires a password/],
    ['doas: Authentication failed', 1, doas, true, 'auth', /doas refused the password/],
    ['This account is currently not available.', 1, undefined, false, 'auth', /nologin/],
    ["Unmatched '.", 1, undefined, false, 'exit', /csh/],
    [
      'bash: line 1: exec: /bin/sh: not found',
      127,
      undefined,
      false,
      'exit',
      /\/bin\/sh is missing/,
    ],
    ['', 1, undefined, false, 'exit', /ended with exit status 1 before the script began/],
    ['', null, sudo, false, 'auth', /sudo ended without an exit status/],
  ] as const)('%s', (output, code, become, answered, kind, message) => {
    const failure = notStarted({
      where: 'ops@node-a',
      code,
      output,
      answered,
      ...(become === undefined ? {} : { become }),
    });
    expect(failure.kind).toBe(kind);
    expect(failure.message).toMatch(message);
    expect(failure.transport).toBeUndefined();
  });
});
