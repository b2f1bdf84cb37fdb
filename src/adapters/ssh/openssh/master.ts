// A master: the process of ssh that logs in and keeps the connection.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { present } from '../../../model/present.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { type Child, endGroup, startGroup } from '../program/child-group.ts';
import { type LoginLog, lateMessage, loginFailure, readLog } from './login-log.ts';

export interface MasterRequest {
  /** For messages. */
  readonly where: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly askpass: string;
  readonly socket: string;
  readonly log: string;
  /** Seconds until the banner; the login may take three times that. */
  readonly timeout: number;
  readonly isProxied: boolean;
  /** The jump hosts, as `ProxyJump` has them. */
  readonly jump?: string;
  readonly legacy: boolean;
  /** Answers a question of ssh; undefined refuses it. */
  readonly answer: (prompt: string) => Promise<string | undefined>;
  /** Receives what ssh says while it waits: a key is to be touched. */
  readonly say: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface Master {
  readonly login: LoginLog;
  readonly alive: () => boolean;
  readonly ended: Promise<void>;
  readonly close: () => void;
  /** Empties the log, which grows with each command. */
  readonly tidy: () => void;
}

/** Milliseconds between looks for the socket. */
const looks = { first: 10, most: 100 };
/** Characters of stderr that are kept: banners, texts of proxies. */
const kept = 4000;
/** Bytes of a log: a banner takes 1 MiB at most, but a server can send messages without end. */
const longestLog = 4 * 1024 * 1024;
/** Milliseconds between checks of the length of the log of a connection. */
const logLook = 1000;
/** A mark stays in the environment, and the pid in it is that of ssh. */
const starter = 'KMEND_SSH_PID=$$; export KMEND_SSH_PID; exec ssh "$@"';

/** Logs in once. The connection is new, and there is no second attempt. */
export function startMaster(request: MasterRequest): Promise<Outcome<Master>> {
  if (request.signal?.aborted === true) return Promise.resolve(stopped(request.where));
  return new Promise((resolve) => new Login(request, resolve).begin());
}

const stopped = (where: string): Outcome<never> =>
  failed('interrupted', `${where}: stopped before the login was done`);

class Login {
  readonly #request: MasterRequest;
  readonly #resolve: (result: Outcome<Master>) => void;
  readonly #child: Child;
  readonly #mark = `kmend-${randomBytes(12).toString('hex')}`;
  readonly #ended: Promise<void>;
  #alive = true;
  #errors = '';
  #finished = false;
  #asking = 0;
  /** Milliseconds left; they do not run while an operator is asked. */
  #left: number;

  constructor(request: MasterRequest, resolve: (result: Outcome<Master>) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#left = request.timeout * 3000;
    this.#child = startGroup('/bin/sh', ['-c', starter, 'kmend', ...request.args], {
      ...request.env,
      SSH_ASKPASS: request.askpass,
      SSH_ASKPASS_REQUIRE: 'force',
      // Before OpenSSH 8.4 nothing is asked without it.
      DISPLAY: request.env.DISPLAY ?? 'kmend',
      KMEND_SSH_MARK: this.#mark,
    });
    this.#ended = new Promise((done) => {
      const end = (): void => {
        this.#alive = false;
        endGroup(this.#child);
        done();
      };
      this.#child.once('exit', end).once('error', end);
    });
  }

  begin(): void {
    this.#request.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#child.stdout.resume();
    this.#child.stderr.on('data', (chunk: Buffer) => this.#hear(chunk.toString('utf8')));
    // After `exit`, the last texts of proxies may still come.
    this.#child.once('close', () => this.#fail());
    this.#child.once('error', () => this.#fail());
    this.#look(looks.first);
  }

  #look(wait: number): void {
    if (this.#finished) return;
    if (this.#logLength() > longestLog) return this.#flooded();
    if (this.#alive && existsSync(this.#request.socket)) return this.#succeed();
    if (this.#asking === 0) this.#left -= wait;
    if (this.#left <= 0) return this.#late();
    setTimeout(() => this.#look(Math.min(wait * 1.3, looks.most)), wait);
  }

  #hear(text: string): void {
    this.#errors += text;
    for (;;) {
      const found = this.#questionIn(this.#errors);
      if (found === undefined) break;
      this.#errors = found.rest;
      if (found.kind === 'say') this.#request.say(found.prompt);
      else void this.#reply(found.prompt);
    }
    if (this.#errors.length > 2 * kept) this.#errors = this.#errors.slice(-kept);
  }

  #questionIn(text: string) {
    const end = text.indexOf(`${this.#mark}.end\n`);
    const start = text.lastIndexOf(`${this.#mark}.`, end - 1);
    if (end < 0 || start < 0) return undefined;
    const head = text.slice(start + this.#mark.length + 1, end);
    const line = head.indexOf('\n');
    return {
      kind: head.slice(0, line),
      prompt: head.slice(line + 1).trimEnd(),
      rest: text.slice(0, start) + text.slice(end + this.#mark.length + '.end\n'.length),
    };
  }

  async #reply(prompt: string): Promise<void> {
    this.#asking++;
    const answer = await this.#request.answer(prompt).catch(() => undefined);
    this.#asking--;
    if (this.#alive) this.#child.stdin.write(answer === undefined ? 'n\n' : `y${answer}\n`);
  }

  readonly #abort = (): void => this.#finish(stopped(this.#request.where));

  #finish(result: Outcome<Master>): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#request.signal?.removeEventListener('abort', this.#abort);
    if (!result.ok) endGroup(this.#child);
    this.#resolve(result);
  }

  #logLength(): number {
    return statSync(this.#request.log, { throwIfNoEntry: false })?.size ?? 0;
  }

  #logText(): string {
    try {
      return readFileSync(this.#request.log, 'utf8');
    } catch {
      return '';
    }
  }

  #succeed(): void {
    const login = readLog(this.#logText());
    this.#tidy();
    const watch = setInterval(() => {
      if (this.#logLength() > longestLog) this.#tidy();
    }, logLook).unref();
    void this.#ended.then(() => clearInterval(watch));
    this.#finish(
      ok({
        login,
        alive: () => this.#alive,
        ended: this.#ended,
        close: () => endGroup(this.#child),
        tidy: () => this.#tidy(),
      }),
    );
  }

  #tidy(): void {
    try {
      truncateSync(this.#request.log);
    } catch {
      // The folder is gone: kmend ends.
    }
  }

  #late(): void {
    const { where, timeout } = this.#request;
    const message = lateMessage(readLog(this.#logText()).phase, timeout);
    this.#finish(failed('unreachable', `${where}: ${message}`, { transport: true }));
  }

  #fail(): void {
    if (this.#logLength() > longestLog) return this.#flooded();
    const { where, timeout, isProxied, legacy, jump } = this.#request;
    const log = readLog(this.#logText());
    const failure = loginFailure({
      where,
      log,
      errors: this.#errors,
      isProxied,
      timeout,
      legacy,
      ...present({ jump }),
    });
    this.#finish({ ok: false, failure });
  }

  /** What the log says of the host key counts only where all of it can be read. */
  #flooded(): void {
    const message = 'the server sends without end, and lets nobody log in';
    this.#finish(failed('unreachable', `${this.#request.where}: ${message}`, { transport: true }));
  }
}
