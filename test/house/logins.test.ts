// Where hosts are logged in to. A host of a site may be out of reach of this process, so each of these
// places hands it to the workers there, or is where such a worker or a leader has none to ask.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const src = join(import.meta.dirname, '../../src');

/** Calls that log in, and what each of them does about hosts of sites. */
const places: Readonly<Record<string, string>> = {
  'app/plan/make-plan.ts': 'elsewhere',
  'app/run/re-check.ts': 'elsewhere',
  'app/hosts/survey.ts': 'elsewhere',
  'app/hosts/doctor.ts': 'elsewhere',
  'app/sites/answer.ts': 'it is the worker of the site',
  'app/worker/refusals.ts': 'a leader leaves out hosts of sites; a worker tries those of its own',
  'engine/host/fleet.ts': 'elsewhere',
  'engine/host/fences.ts': 'engine/host-works.ts hands it over',
  'engine/host/host-walk.ts': 'engine/host-works.ts hands it over',
};

const logsIn =
  /(?<!function )\b(?:openSession|forEachHost|surveyFleet|planFleet|planHosts)(?:<\w+>)?\(/;

it('each place that logs in to hosts says what becomes of those of a site', () => {
  const found = ['app', 'cli', 'engine'].flatMap((room) =>
    readdirSync(join(src, room), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.startsWith('session/'))
      .map((path) => ({
        path: `${room}/${path}`,
        text: readFileSync(join(src, room, path), 'utf8'),
      }))
      .filter(({ text }) => logsIn.test(text)),
  );
  expect(found.map(({ path }) => path).toSorted()).toEqual(Object.keys(places).toSorted());
  for (const { path, text } of found)
    if (places[path] === 'elsewhere')
      expect([path, /\belsewhere\b/.test(text)]).toEqual([path, true]);
});
