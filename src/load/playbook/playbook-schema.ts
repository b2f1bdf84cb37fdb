// The JSON schema of playbooks for editors, made from the schemas that check playbooks.
import type { AnyModule } from '../../model/run/change.ts';
import {
  duration,
  flag as flagSchema,
  schemaOfArgs,
  templatePattern,
  toJsonSchema,
  whole,
} from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';
import {
  batchesSchema,
  orderSchema,
  percentageSchema,
  rolloutSchema,
  throttleSchema,
} from './rollout.ts';

const text: Mapping = { type: 'string' };
/** A plain scalar gives its source text. */
const scalar: Mapping = { type: ['string', 'number', 'boolean'] };
const words: Mapping = { anyOf: [scalar, { type: 'array', items: scalar }] };
const nothing: Mapping = { type: 'null' };
const tags: Mapping = { anyOf: [words, nothing] };
const flag = embedded(toJsonSchema(flagSchema));
const earlyFlag = embedded(toJsonSchema(flagSchema, { templates: true }));
const length = embedded(toJsonSchema(duration));
const condition: Mapping = {
  anyOf: [
    text,
    { type: 'boolean' },
    { type: 'array', items: { anyOf: [text, { type: 'boolean' }] } },
  ],
};
const variables: Mapping = { type: ['object', 'null'] };
const identifier: Mapping = { type: 'string', pattern: '^[A-Za-z_]\\w*$' };

const common: Mapping = {
  name: scalar,
  when: condition,
  tags,
  vars: variables,
  ignore_errors: flag,
  become: flag,
  no_log: flag,
};

/** The schema in draft 7. It refuses unknown keys and a task without exactly one module. */
export function playbookSchema(modules: ReadonlyMap<string, AnyModule>): Mapping {
  const taskKeys: Mapping = {
    ...common,
    loop: { anyOf: [{ type: 'array' }, { type: 'string', pattern: templatePattern }] },
    loop_control: {
      type: 'object',
      properties: { loop_var: identifier },
      additionalProperties: false,
    },
    register: identifier,
    until: condition,
    retries: embedded(toJsonSchema(whole(0, 10_000))),
    delay: length,
    changed_when: condition,
    failed_when: condition,
    timeout: length,
    idempotent: flag,
    check_mode: flag,
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
    properties: {
      ...common,
      block: { type: 'array', items: { $ref: '#/definitions/task' }, minItems: 1 },
    },
    additionalProperties: false,
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'kmend playbook',
    type: 'array',
    items: playSchema,
    definitions: {
      // With `anyOf`, editors would report what is wrong with both forms.
      task: {
        type: 'object',
        allOf: [
          { if: { required: ['block'] }, else: task },
          { if: { not: { required: ['block'] } }, else: block },
        ],
      },
    },
  };
}

const playSchema: Mapping = {
  type: 'object',
  required: ['hosts', 'tasks'],
  properties: {
    name: scalar,
    hosts: words,
    vars: variables,
    become: earlyFlag,
    become_method: { enum: ['sudo', 'su', 'doas'] },
    become_user: scalar,
    rollout: { anyOf: [embedded(toJsonSchema(rolloutSchema, { templates: true })), nothing] },
    partial: { enum: ['accept', 'refuse'] },
    tags,
    gather_facts: earlyFlag,
    tasks: { type: ['array', 'null'], items: { $ref: '#/definitions/task' } },
    serial: embedded(toJsonSchema(batchesSchema, { templates: true })),
    max_fail_percentage: embedded(toJsonSchema(percentageSchema, { templates: true })),
    any_errors_fatal: earlyFlag,
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
