// The JSON schema of playbooks for editors, made from the schemas that check playbooks.
import type { AnyModule } from '../../model/run/change.ts';
import {
  duration,
  filled,
  flag as flagSchema,
  listOf,
  schemaOfArgs,
  templatePattern,
  toJsonSchema,
  whole,
} from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';
import { olderLoops } from './ansible/loops.ts';
import { ansibleModules } from './ansible/modules.ts';
import { otherSystemPattern } from './ansible/other-systems.ts';
import { unusedInPlay, unusedInTask, unusedMeta } from './keywords.ts';
import {
  batchesSchema,
  orderSchema,
  percentageSchema,
  rolloutSchema,
  throttleSchema,
} from './play/rollout.ts';

const text: Mapping = { type: 'string' };
/** A plain scalar gives its source text. */
const scalar: Mapping = { type: ['string', 'number', 'boolean'] };
const words: Mapping = { anyOf: [scalar, { type: 'array', items: scalar }] };
const nothing: Mapping = { type: 'null' };
const tags: Mapping = { anyOf: [words, nothing] };
const flag = embedded(toJsonSchema(flagSchema));
const earlyFlag = embedded(toJsonSchema(flagSchema, { templates: true }));
const topics = embedded(toJsonSchema(listOf(filled)));
const earlyLength = embedded(toJsonSchema(duration, { templates: true }));
const condition: Mapping = {
  anyOf: [
    text,
    { type: 'boolean' },
    { type: 'array', items: { anyOf: [text, { type: 'boolean' }] } },
  ],
};
const variables: Mapping = { type: ['object', 'null'] };
const layer: Mapping = { type: ['object', 'string', 'null'] };
const environment: Mapping = { anyOf: [layer, { type: 'array', items: layer }] };
const identifier: Mapping = { type: 'string', pattern: '^[A-Za-z_]\\w*$' };

/** Any value: nothing comes of these keys. */
function anyOf(keys: Readonly<Record<string, string>>): Mapping {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, {}]));
}

const common: Mapping = {
  name: scalar,
  when: condition,
  tags,
  vars: variables,
  ignore_errors: flag,
  become: earlyFlag,
  become_user: scalar,
  remote_user: scalar,
  no_log: flag,
  environment,
  notify: topics,
  ...anyOf(unusedInTask),
};

/** Whose machine a task or a block is for. */
const machine: Mapping = {
  delegate_to: text,
  connection: { enum: ['local'] },
  run_once: flag,
};

const taskList: Mapping = { type: ['array', 'null'], items: { $ref: '#/definitions/task' } };

/** The schema in draft 7. It refuses unknown keys and a task without exactly one module. */
export function playbookSchema(modules: ReadonlyMap<string, AnyModule>): Mapping {
  const taskKeys: Mapping = {
    ...common,
    ...machine,
    loop: { anyOf: [{ type: 'array' }, { type: 'string', pattern: templatePattern }] },
    args: { type: 'object' },
    loop_control: {
      type: 'object',
      properties: { loop_var: identifier, index_var: identifier, label: {} },
      additionalProperties: false,
    },
    ...Object.fromEntries(olderLoops.map((key) => [key, {}])),
    register: identifier,
    listen: topics,
    until: condition,
    retries: embedded(toJsonSchema(whole(0, 10_000), { templates: true })),
    delay: earlyLength,
    changed_when: condition,
    failed_when: condition,
    timeout: earlyLength,
    async: earlyLength,
    poll: earlyLength,
    idempotent: flag,
    check_mode: flag,
  };
  const argumentsOf = Object.fromEntries(
    [...modules.values()].map((module) => [
      module.name,
      { ...embedded(schemaOfArgs(module.args)), description: module.summary },
    ]),
  );
  // Arguments of Ansible's modules are checked by `kmend validate` alone.
  const theirs = [...ansibleModules].filter(
    ([name, { module }]) => modules.has(module) && !modules.has(name),
  );
  const any: Mapping = { type: ['object', 'string', 'null'] };
  const names = new Set([...modules.keys(), ...theirs.map(([name]) => name), 'local_action']);
  const task: Mapping = {
    type: 'object',
    properties: {
      ...taskKeys,
      ...argumentsOf,
      ...Object.fromEntries(theirs.map(([name]) => [name, any])),
      local_action: any,
    },
    patternProperties: { [otherSystemPattern]: any },
    additionalProperties: false,
    oneOf: [
      ...[...names].map((name) => ({ required: [name] })),
      { not: { propertyNames: { not: { pattern: otherSystemPattern } } } },
    ],
  };
  const block: Mapping = {
    type: 'object',
    required: ['block'],
    properties: {
      ...common,
      ...machine,
      block: { type: 'array', items: { $ref: '#/definitions/task' }, minItems: 1 },
      rescue: taskList,
      always: taskList,
    },
    additionalProperties: false,
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'kmend playbook',
    type: 'array',
    items: whichOf({ import_playbook: importedPlays }, playSchema),
    definitions: { task: { type: 'object', ...whichOf({ block, meta, ...splices }, task) } },
  };
}

/** By the key that is there. With `anyOf`, editors would report what is wrong with every form. */
const whichOf = (forms: Mapping, otherwise: Mapping): Mapping => ({
  allOf: [
    ...Object.entries(forms).map(([key, form]) => ({
      if: { not: { required: [key] } },
      else: form,
    })),
    { if: { anyOf: Object.keys(forms).map((key) => ({ required: [key] })) }, else: otherwise },
  ],
});

const importedPlays: Mapping = {
  type: 'object',
  properties: { import_playbook: scalar, name: scalar, when: condition, tags, vars: variables },
  additionalProperties: false,
};

const { become: _, environment: _own, ...includeKeys } = common;
const looped = { loop: { type: ['array', 'string'] }, loop_control: { type: 'object' } };
const named = (key: string): Mapping => ({ type: 'object', required: [key] });

/** Statements that put tasks and variables of other files in their place. */
const splices: Mapping = Object.fromEntries(
  Object.entries({
    import_tasks: { ...common, ...machine, import_tasks: { anyOf: [scalar, named('file')] } },
    include_tasks: { ...includeKeys, ...looped, include_tasks: { anyOf: [scalar, named('file')] } },
    import_role: { ...common, ...machine, import_role: named('name') },
    include_role: { ...includeKeys, ...looped, include_role: named('name') },
    include_vars: {
      ...common,
      ...looped,
      with_items: {},
      with_list: {},
      with_first_found: {},
      include_vars: { anyOf: [scalar, named('file'), named('dir')] },
    },
  }).map(([key, properties]) => [key, { type: 'object', properties, additionalProperties: false }]),
);

const meta: Mapping = {
  type: 'object',
  required: ['meta'],
  properties: {
    name: scalar,
    tags,
    meta: { enum: ['flush_handlers', ...Object.keys(unusedMeta)] },
  },
  additionalProperties: false,
};

const playSchema: Mapping = {
  type: 'object',
  required: ['hosts'],
  anyOf: ['tasks', 'roles', 'pre_tasks', 'post_tasks'].map((key) => ({ required: [key] })),
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
    remote_user: scalar,
    user: scalar,
    gather_facts: earlyFlag,
    environment,
    ...anyOf(unusedInPlay),
    vars_files: {
      anyOf: [text, { type: 'array', items: { anyOf: [text, { type: 'array', items: text }] } }],
    },
    pre_tasks: taskList,
    roles: { type: ['array', 'null'], items: { anyOf: [text, { type: 'object' }] } },
    tasks: taskList,
    post_tasks: taskList,
    handlers: taskList,
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
