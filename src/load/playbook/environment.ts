// The key `environment` of plays, blocks, roles and tasks.
import { hasTemplate } from '../../expression/index.ts';
import { isEnvironmentName } from '../../model/text/environment-name.ts';
import type { Value } from '../../model/value.ts';
import type { DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import {
  type Entry,
  type MapTree,
  plainOf,
  put,
  type ScalarTree,
  type Tree,
} from '../text/tree.ts';

/** What is around a key `environment`. */
interface Outer {
  readonly collector: DiagnosticsCollector;
  readonly environment?: readonly Value[];
}

/**
 * The layers for the tasks inside, from the outside in: a mapping, a template that gives one, or a
 * list of these.
 */
export function environmentOf(
  { collector, environment }: Outer,
  entry: Entry | undefined,
): readonly Value[] | undefined {
  if (entry === undefined) return environment;
  const layers = entry.value.kind === 'list' ? entry.value.items : [entry.value];
  return [...(environment ?? []), ...layers.flatMap((layer) => layerOf(collector, layer))];
}

function layerOf(collector: DiagnosticsCollector, layer: Tree): readonly Value[] {
  if (layer.kind === 'map') return [valuesOf(collector, layer)];
  if (layer.kind === 'scalar' && layer.value === null) return [];
  if (layer.kind === 'scalar' && hasTemplate(layer.text)) return [layer.text];
  collector.error(layer.at, 'bad-value', '`environment` should be a mapping of names to values', {
    hint: 'for example `environment: {http_proxy: "http://proxy:3128"}`',
  });
  return [];
}

function valuesOf(collector: DiagnosticsCollector, layer: MapTree): Value {
  const values: Record<string, Value> = {};
  for (const { key, keyAt, value } of layer.entries) {
    const isText = value.kind === 'scalar' || (value.kind === 'map' && value.sealedAt);
    if (!isEnvironmentName(key))
      collector.error(keyAt, 'variable-name', `\`${key}\` cannot be the name of a variable`, {
        hint: 'letters, digits and _',
      });
    else if (!isText) collector.error(value.at, 'bad-value', `\`${key}\` should be a text`);
    else put(values, key, value.kind === 'scalar' ? written(value) : plainOf(value));
  }
  return values;
}

/** A number as Python writes it: `1.0` stays `1.0`. */
const written = ({ value, text }: ScalarTree): Value =>
  typeof value === 'number' && Number.isInteger(value) && text.includes('.') ? `${value}.0` : value;
