// Makes calls to the API server and reads their answers: waits while the server asks to, reads
// lists page by page, says why a call was refused.

import type { Clock } from '../../../engine/ports/local.ts';
import { present } from '../../../model/present.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type { ListObject } from '../objects/objects.ts';
import { pageLimit } from './answer.ts';
import { isPassing, isRightsRefusal, refusal, type Want } from './errors.ts';
import type { Http, HttpReply, HttpRequest } from './http.ts';

/** A read as the table of calls has it; `T` is an object of the answer. */
export interface Read<T> {
  readonly path: string;
  /** As RBAC names it: `nodes`, `deployments.apps`. */
  readonly resource: string;
  /** Of one object, for messages. */
  readonly name?: string;
  /** Absent = whole objects. */
  readonly accept?: string;
  /** Never set: it ties `T` to the entry. */
  readonly answers?: T;
}

/**
 * Takes the objects of a page, which is dropped before the next is read; `size` = bytes of it in
 * memory. Gives the bytes that are kept of all pages so far.
 */
export type OnPage<T> = (items: readonly T[], size: number) => number;

export interface Listed<T> {
  readonly items: readonly T[];
  readonly version: string;
}

interface Pages<T> {
  readonly onPage: OnPage<T>;
  /** The list is begun anew. */
  readonly restart: () => void;
}

const pageSize = 500;
/** No cluster has 500,000 objects of a kind that is listed here. */
const mostPages = 1_000;
const MiB = 1024 * 1024;
/** Bytes in memory of what is kept of a list: 10,000 nodes, 150 MiB as text, have about 400 MiB. */
export const listLimit = 512 * MiB;
/**
 * Bytes in memory of all pages, one after the other, also of a list of which little is kept:
 * Kubernetes supports 150,000 pods, of some KiB each.
 */
const readLimit = 2048 * MiB;
/**
 * A server that has just come up refuses with 403 what its authorizer has not read yet (measured:
 * some seconds).
 */
export const rightsReadAfter = 30_000;
/** kubectl's number; at a second each, as servers say, it is ten seconds. */
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

/**
 * JSON of another program: its shape is believed field by field (all are optional), never as a
 * whole.
 */
const trust = <T>(body: unknown): T => (typeof body === 'object' && body !== null ? body : {}) as T;

export class Caller {
  readonly who: string;
  readonly #http: Http;
  readonly #clock: Clock;
  /**
   * When the server was last away (or a watch ended, which may be its sign): one that has just come
   * up has not read all rights yet.
   */
  #awayAt = Number.NEGATIVE_INFINITY;

  constructor(http: Http, who: string, clock: Clock) {
    this.#http = http;
    this.who = who;
    this.#clock = clock;
  }

  /** Once, but for rights that a server has not read yet. */
  async call(request: HttpRequest): Promise<Outcome<HttpReply>> {
    const clock = this.#clock;
    for (;;) {
      const reply = await this.#http.call(request);
      if (!reply.ok) {
        if (reply.failure.transport === true) this.#awayAt = clock.now();
        return reply;
      }
      const { status, body } = reply.value;
      // A page of a login proxy says 200 too, and a list in it would be empty.
      if (status < 300 && (typeof body !== 'object' || body === null))
        return notAnApiServer(request);
      if (
        !isRightsRefusal(status, body) ||
        clock.now() - this.#awayAt > rightsReadAfter ||
        request.signal?.aborted
      )
        return reply;
      await clock.sleep(1_000, request.signal);
    }
  }

  /**
   * As kubectl's client: a server that says when to come again is asked again then. Evictions and
   * deletions have a pace of their own.
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

  /** The body of a good answer. */
  async expect<T>(request: HttpRequest, want: Want): Promise<Outcome<T>> {
    const reply = await this.retrying(request);
    if (!reply.ok) return reply;
    const { status, body } = reply.value;
    return status >= 200 && status < 300
      ? ok(trust<T>(body))
      : { ok: false, failure: refusal(status, body, want, this.who) };
  }

  get<T>({ path, resource, name }: Read<T>, signal?: AbortSignal): Promise<Outcome<T>> {
    return this.expect(
      { method: 'GET', path, signal },
      { verb: 'get', resource, ...present({ name }) },
    );
  }

  /**
   * Page by page; a list that grew too old on the way (410) is begun anew once, after `restart`.
   */
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
        return { ok: false, failure: refusal(status, body, { verb: 'list', resource }, this.who) };
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
      `the API server's list of ${resource} has no end: given up after ${Math.round(size / MiB)} MiB`,
    );
  }

  async list<T>(what: Read<T>, signal?: AbortSignal): Promise<Outcome<Listed<T>>> {
    let items: T[] = [];
    let kept = 0;
    // One by one: a server may send all in one page, and a call takes no million arguments.
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
   * Gives each line until the server's own limit, a cut or the signal; a status that is not 200
   * comes back as the reply.
   */
  async watch(
    request: HttpRequest,
    signal: AbortSignal,
    onLine: (line: string) => void,
  ): Promise<Outcome<HttpReply>> {
    const watched = await this.#http.stream({ ...request, signal }, onLine);
    if (!signal.aborted && (!watched.ok || watched.value.status === 200))
      this.#awayAt = this.#clock.now();
    return watched;
  }
}
