// The observer of the command line: prints messages, plans and runs.
import type { Observer } from '../../app/observer.ts';
import type { FleetFlags } from '../../app/session/flags.ts';
import { inSession, type Session } from '../../app/session/session.ts';
import { diagnosticsText } from '../../screens/diagnostics.ts';
import { paintOf, type World } from '../world.ts';
import { explain } from './explain.ts';
import { hostProgress } from './host-progress.ts';
import { quietly, type Style } from './quiet.ts';
import { openScreen } from './run-view.ts';
import { printPlan } from './show-plan.ts';

export const observerOf = (world: World, style: Style): Observer =>
  style.quiet === true ? quietly(printing(world, style)) : printing(world, style);

const printing = (world: World, style: Style): Observer => ({
  notice: (text, level) => world.err(level === 'warning' ? `warning: ${text}` : text),
  log: style.json === true ? world.err : world.out,
  diagnostics: (found) => print(diagnosticsText(found, paintOf(world)), world.err),
  reading: (how, hosts) => hostProgress(how, hosts, world, style.json !== true),
  fetching: (url) =>
    url === undefined ? world.endProgress() : world.progress(() => [`fetching ${url}`]),
  planned: async (plan) => {
    if (style.json !== true) await printPlan(plan, style.quiet === true, world);
  },
  resuming: (run) =>
    print(style.json === true ? [] : [paintOf(world).bold(`Resuming run ${run}`)], world.out),
  openRun: (run, title, shown) =>
    openScreen({ ...shown, title: `${title} (run ${run})`, style }, world),
  failed: (error) => explain(error, world, style.json === true),
});

function print(lines: readonly string[], out: (line: string) => void): void {
  for (const line of lines) out(line);
}

/** Works in a session whose observer is the terminal. */
export const withSession = <T>(
  flags: FleetFlags,
  world: World,
  work: (session: Session) => Promise<T>,
  takeover?: string,
): Promise<T> => inSession(flags, { world, observer: observerOf(world, flags) }, work, takeover);
