// Makes calls to the API server: retries when the server asks for it, reads lists by page, and
// explains refusals.

import type { Clock } from '../../../engine/ports/local.ts';
import { present } from '../../../model/present.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type { ListObject } from '../objects/objects.ts';
import { pageLimit } from './answer.ts';
import { isPassing, isRightsRefusal, refusal, type Want } from './errors.ts';
import type { Http, HttpReply, HttpRequest } from './http.ts';

/** An entry of the table of reads. `T` is the type of an object in the answer. */
export interface Read<T> {
  readonly path: string;
  /** The name in RBAC: `nodes`, `deployments.apps`. */
  readonly resource: string;
  /** Name of a single object, for messages. */
  readonly name?: string;
  /** Absent: whole objects. */
  readonly accept?: string;
  /** Never set: it only carries the type `T`. */
  readonly answers?: T;
}

/**
 * Receives the objects of a page; the page is dropped before the next is read. `size` is its size
 * in memory, in bytes. Returns the bytes kept of all pages so far.
 */
export type OnPage<T> = (items: readonly T[], size: number) => number;

export interface Listed<T> {
  readonly items: readonly T[];
  readonly version: string;
}

interface Pages<T> {
  readonly onPage: OnPage<T>;
  /** Called before the list is read again from its first page. */
  readonly restart: () => void;
}

const pageSize = 500;
/** 500,000 objects at most; no cluster has as many of a kind that kmend lists. */
const mostPages = 1_000;
const MiB = 1024 * 1024;
/**
 * Bytes that may be kept of a list in memory. 10,000 nodes (150 MiB as text) take about 400 MiB.
 */
export const listLimit = 512 * MiB;
/**
 * Bytes in memory of all pages together, even if little of them is kept. Kubernetes supports
 * 150,000 pods of a few KiB each.
 */
const readLimit = 2048 * MiB;
/**
 * Milliseconds from the first answer. A server that has just started answers 403 until its
 * authorizer has read all rights (measured: some seconds).
 */
export const rightsReadAfter = 30_000;
/** As kubectl does. Servers usually ask for a pause of one second, so that this is ten seconds. */
const overloadTries = 10;
const longestRetryAfter = 5;

const notAnApiServer = ({ method, path }: HttpRequest): Outcome<never> =>
  failed(
    'unreachable',
    `what answered ${method} ${path.replace(/\?.*/, '')} is not an API server`,
    {
      hint: 'is a proxy or a login page in between?',
    },
  );

/** JSON of another program. All fields of `T` are optional, so that each use checks its field. */
const trust = <T>(body: unknown): T => (typeof body === 'object' && body !== null ? body : {}) as T;

export class Caller {
  readonly account: string;
  readonly #http: Http;
  readonly #clock: Clock;
  /** No answer yet since the server was unreachable, or a watch ended. */
  #isLost = false;
  /**
   * When it first answered after that: it may have restarted and not have read all rights. The
   * time before does not count: a busy server takes connections long before it answers.
   */
  #backAt = Number.NEGATIVE_INFINITY;

  constructor(http: Http, account: string, clock: Clock) {
    this.#http = http;
    this.account = account;
    this.#clock = clock;
  }

  /** One attempt, repeated only while a restarted server may not have read all rights. */
  async call(request: HttpRequest): Promise<Outcome<HttpReply>> {
    const clock = this.#clock;
    for (;;) {
      const reply = await this.#http.call(request);
      if (!reply.ok) {
        if (reply.failure.transport === true) this.#isLost = true;
        return reply;
      }
      if (this.#isLost) [this.#isLost, this.#backAt] = [false, clock.now()];
      const { status, body } = reply.value;
      // A login proxy answers 200 with a page, which would look like an empty list.
      if (status < 300 && (typeof body !== 'object' || body === null))
        return notAnApiServer(request);
      if (
        !isRightsRefusal(status, body) ||
        clock.now() - this.#backAt > rightsReadAfter ||
        request.signal?.aborted
      )
        return reply;
      await clock.sleep(1_000, request.signal);
    }
  }

  /**
   * Retries after the pause that the server asks for, as kubectl does. Evictions and deletions have
   * their own pauses.
   */
  async retrying(request: HttpRequest): Promise<Outcome<HttpReply>> {
    for (let tries = 1; ; tries += 1) {
      const reply = await this.call(request);
      const after =
        reply.ok && isPassing(reply.value.status, reply.value.body)
          ? reply.value.retryAfter
          : undefined;
      if (after === undefined || tries >= overloadTries || request.signal?.aborted) return reply;
      await this.#clock.sleep(
        (Math.min(after, longestRetryAfter) + this.#clock.random() / 2) * 1000,
        request.signal,
      );
    }
  }

  /** The body of a successful answer. */
  async expect<T>(request: HttpRequest, want: Want): Promise<Outcome<T>> {
    const reply = await this.retrying(request);
    if (!reply.ok) return reply;
    const { status, body } = reply.value;
    return status >= 200 && status < 300
      ? ok(trust<T>(body))
      : { ok: false, failure: refusal(status, body, want, this.account) };
  }

  get<T>({ path, resource, name }: Read<T>, signal?: AbortSignal): Promise<Outcome<T>> {
    return this.expect(
      { method: 'GET', path, signal },
      { verb: 'get', resource, ...present({ name }) },
    );
  }

  /** Reads a list by page. If the list expires (410), it restarts once, after calling `restart`. */
  async pages<T>(
    { path, resource, accept }: Read<T>,
    { onPage, restart }: Pages<T>,
    signal?: AbortSignal,
  ): Promise<Outcome<string>> {
    let next = '';
    let begun = 1;
    let [kept, size] = [0, 0];
    for (let read = 1; read <= mostPages && kept <= listLimit && size <= readLimit; read += 1) {
      const query = `${path.includes('?') ? '&' : '?'}limit=${pageSize}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
      const reply = await this.retrying({
        method: 'GET',
        path: path + query,
        signal,
        most: pageLimit,
        ...present({ accept }),
      });
      if (!reply.ok) return reply;
      const { status, body, size: page = 0 } = reply.value;
      if (status === 410 && next !== '' && begun === 1) {
        begun = 2;
        next = '';
        [kept, size] = [0, 0];
        restart();
        continue;
      }
      if (status !== 200)
        return {
          ok: false,
          failure: refusal(status, body, { verb: 'list', resource }, this.account),
        };
      const list = trust<ListObject<T>>(body);
      size += page;
      kept = onPage(
        Array.isArray(list.items)
          ? list.items.filter((item: unknown): item is T => isMapping(item))
          : [],
        page,
      );
      next = list.metadata?.continue ?? '';
      if (next === '') return ok(list.metadata?.resourceVersion ?? '');
    }
    return failed(
      'parse',
      `the API server's list of ${resource} is too long: stopped after ${Math.round(size / MiB)} MiB`,
    );
  }

  async list<T>(what: Read<T>, signal?: AbortSignal): Promise<Outcome<Listed<T>>> {
    let items: T[] = [];
    let kept = 0;
    // One by one: a server may send one huge page, and a call has a limited number of arguments.
    const onPage = (page: readonly T[], size: number): number => {
      for (const item of page) items.push(item);
      kept += size;
      return kept;
    };
    const restart = (): void => {
      [items, kept] = [[], 0];
    };
    const listed = await this.pages(what, { onPage, restart }, signal);
    return listed.ok ? ok({ items, version: listed.value }) : listed;
  }

  /**
   * Calls `onLine` for each line until the server's time limit, a lost connection or the signal. A
   * status other than 200 is returned as the reply.
   */
  async watch(
    request: HttpRequest,
    signal: AbortSignal,
    onLine: (line: string) => void,
  ): Promise<Outcome<HttpReply>> {
    const watched = await this.#http.stream({ ...request, signal }, onLine);
    if (!signal.aborted && (!watched.ok || watched.value.status === 200)) this.#isLost = true;
    return watched;
  }
}
