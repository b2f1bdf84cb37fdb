// Metrics as text: the format of node_exporter's textfile collector, and OpenMetrics.
import { harmless } from '../../model/text/printable.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric. All of kmend's are gauges: a command that ends has no counters. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Text 0.0.4 has no end mark; OpenMetrics must have one. */
export type MetricsFormat = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<MetricsFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format for the header Accept of a scrape. */
export const formatFor = (accept: string | undefined): MetricsFormat =>
  accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'text';

/** Families of one name are joined, since a name may have one HELP only. */
export function metricsText(families: readonly Family[], format: MetricsFormat = 'text'): string {
  const byName = new Map<string, Family>();
  for (const family of families) {
    const before = byName.get(family.name)?.samples ?? [];
    byName.set(family.name, { ...family, samples: [...before, ...family.samples] });
  }
  const lines = [...byName.values()]
    .filter(({ samples }) => samples.length > 0)
    .flatMap(familyLines);
  return [...lines, ...(format === 'openmetrics' ? ['# EOF'] : []), ''].join('\n');
}

const familyLines = ({ name, help, samples }: Family): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} gauge`,
  ...samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${value}`),
];

function labelsText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The text may be that of a host: nothing in it ends the label or the line. */
const escaped = (text: string): string =>
  harmless(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
