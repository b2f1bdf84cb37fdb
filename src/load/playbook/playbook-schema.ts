// The JSON schema of playbooks for editors, made from the schemas that check playbooks.
import type { AnyModule } from '../../model/run/change.ts';
import { schemaOfArgs, toJsonSchema } from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';
import {
  batchesSchema,
  orderSchema,
  percentageSchema,
  rolloutSchema,
  throttleSchema,
} from './rollout.ts';

const text: Mapping = { type: 'string' };
const flag: Mapping = { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: '\\{\\{' }] };
const words: Mapping = { anyOf: [text, { type: 'array', items: text }] };
const condition: Mapping = {
  anyOf: [
    text,
    { type: 'boolean' },
    { type: 'array', items: { anyOf: [text, { type: 'boolean' }] } },
  ],
};
const length: Mapping = {
  anyOf: [
    { type: 'number', minimum: 0 },
    { type: 'string', pattern: '^(?=\\d)(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s?)?$' },
  ],
};
const variables: Mapping = { type: ['object', 'null'] };
const identifier: Mapping = { type: 'string', pattern: '^[A-Za-z_]\\w*$' };

const common: Mapping = {
  name: text,
  when: condition,
  tags: words,
  vars: variables,
  ignore_errors: flag,
  become: flag,
  no_log: flag,
};

/** The schema in draft 7. It refuses unknown keys and a task without exactly one module. */
export function playbookSchema(modules: ReadonlyMap<string, AnyModule>): Mapping {
  const taskKeys: Mapping = {
    ...common,
    loop: { anyOf: [{ type: 'array' }, { type: 'string', pattern: '\\{\\{' }] },
    loop_control: {
      type: 'object',
      properties: { loop_var: identifier },
      additionalProperties: false,
    },
    register: identifier,
    until: condition,
    retries: { type: 'integer', minimum: 0 },
    delay: length,
    changed_when: condition,
    failed_when: condition,
    timeout: length,
    idempotent: flag,
    check_mode: { type: 'boolean' },
  };
  const argumentsOf = Object.fromEntries(
    [...modules.values()].map((module) => [
      module.name,
      { ...embedded(schemaOfArgs(module.args)), description: module.summary },
    ]),
  );
  const task: Mapping = {
    type: 'object',
    properties: { ...taskKeys, ...argumentsOf },
    additionalProperties: false,
    oneOf: [...modules.keys()].map((name) => ({ required: [name] })),
  };
  const block: Mapping = {
    type: 'object',
    required: ['block'],
    properties: { ...common, block: { $ref: '#/definitions/tasks' } },
    additionalProperties: false,
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'kmend playbook',
    type: 'array',
    items: playSchema,
    definitions: {
      tasks: { type: 'array', items: { anyOf: [block, task] } },
    },
  };
}

const playSchema: Mapping = {
  type: 'object',
  required: ['hosts', 'tasks'],
  properties: {
    name: text,
    hosts: words,
    vars: variables,
    become: flag,
    become_method: { enum: ['sudo', 'su', 'doas'] },
    become_user: text,
    rollout: embedded(toJsonSchema(rolloutSchema, { templates: true })),
    partial: { enum: ['accept', 'refuse'] },
    tags: words,
    gather_facts: flag,
    tasks: { $ref: '#/definitions/tasks' },
    serial: embedded(toJsonSchema(batchesSchema, { templates: true })),
    max_fail_percentage: embedded(toJsonSchema(percentageSchema, { templates: true })),
    any_errors_fatal: flag,
    throttle: embedded(toJsonSchema(throttleSchema, { templates: true })),
    order: embedded(toJsonSchema(orderSchema, { templates: true })),
  },
  additionalProperties: false,
};

// Only the outer schema names its draft.
function embedded(schema: Mapping): Mapping {
  const { $schema: _, ...rest } = schema;
  return rest;
}
