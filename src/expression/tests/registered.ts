// Tests on the registered result of a task: failed, changed, skipped and similar.
import { fail } from '../errors.ts';
import { type Callable, define } from '../python/callable.ts';
import { dictGet } from '../python/dicts.ts';
import { truthy } from '../python/order.ts';
import { isDict, isPyList, type PyValue, touch } from '../python/py-value.ts';

function field(value: PyValue, name: string, otherwise: boolean, test: string): boolean {
  if (!isDict(touch(value))) return fail(`the test '${test}' needs the result of a task`);
  const found = isDict(value) ? dictGet(value, name) : undefined;
  return found === undefined ? otherwise : truthy(found);
}

const has = (name: string, wanted: boolean, test: string, otherwise = false): Callable =>
  define('', (value) => field(value, name, otherwise, test) === wanted);

/** The result of a loop is changed when one of its items is changed. */
function changed(value: PyValue): boolean {
  if (field(value, 'changed', false, 'changed')) return true;
  const results = isDict(value) ? dictGet(value, 'results') : undefined;
  const own = isDict(value) && dictGet(value, 'changed') !== undefined;
  return (
    !own &&
    isPyList(results) &&
    results.some((result) => isDict(result) && field(result, 'changed', false, 'changed'))
  );
}

const failed = has('failed', true, 'failed');
const succeeded = has('failed', false, 'succeeded');
const skipped = has('skipped', true, 'skipped');
const change = define('', changed);

export const registeredTests: Readonly<Record<string, Callable>> = {
  failed,
  failure: failed,
  succeeded,
  success: succeeded,
  successful: succeeded,
  changed: change,
  change,
  skipped,
  skip: skipped,
  unreachable: has('unreachable', true, 'unreachable'),
  reachable: has('unreachable', false, 'reachable'),
  finished: has('finished', true, 'finished', true),
  started: has('started', true, 'started', true),
  timedout: define('', (value) => {
    if (!isDict(value)) return fail("the test 'timedout' needs the result of a task");
    const found = dictGet(value, 'timedout');
    return isDict(found) ? truthy(dictGet(found, 'period') ?? false) : false;
  }),
};
