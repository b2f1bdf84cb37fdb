// JSON schemas of what `--json` prints, from the types in src/cli/output.ts: the checker of
// TypeScript resolves the types, comments become descriptions.
import { join } from 'node:path';
import { API, SymbolFlags } from 'typescript/unstable/sync';

const source = 'src/cli/output.ts';

/** Keywords that stand for a type without parts. */
const plain = {
  any: {},
  unknown: {},
  string: { type: 'string' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  true: { const: true },
  false: { const: false },
  null: { type: 'null' },
};

/** One schema out of several; literals are one `enum`, as they are one type for readers. */
function anyOf(schemas) {
  const literals = schemas.flatMap((one) => ('const' in one ? [one.const] : []));
  const words =
    literals.length === 2 && literals.includes(true) && literals.includes(false)
      ? { type: 'boolean' }
      : literals.length === 1
        ? { const: literals[0] }
        : { enum: literals };
  const all = [
    ...(literals.length === 0 ? [] : [words]),
    ...schemas.filter((one) => !('const' in one)),
  ];
  return all.length === 1 ? all[0] : { anyOf: all };
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Makes schemas of types; types with a name are definitions, which refer to each other. */
function schemaMaker(checker) {
  const definitions = new Map();
  const names = new Map();

  const described = (symbol, schema) => {
    const text = symbol?.getDocumentationComment(checker).replace(/\s+/g, ' ').trim();
    return text ? { description: text, ...schema } : schema;
  };

  /** The name of an interface or an alias; none of one with arguments, which has many shapes. */
  function nameOf(type) {
    const alias = type.getAliasSymbol();
    if (alias !== undefined && type.getAliasTypeArguments().length === 0) return alias;
    return type.isClassOrInterface() && type.getTypeParameters().length === 0
      ? type.getSymbol()
      : undefined;
  }

  function schemaOf(type) {
    const symbol = nameOf(type);
    if (symbol === undefined || type.isIntrinsicType()) return shapeOf(type);
    let name = names.get(type.id);
    if (name === undefined) {
      name = symbol.name;
      while (definitions.has(name)) name += '_';
      names.set(type.id, name);
      definitions.set(name, {});
      definitions.set(name, described(symbol, shapeOf(type)));
    }
    return { $ref: `#/definitions/${name}` };
  }

  function shapeOf(type) {
    if (type.isLiteralType()) return { const: type.value };
    if (type.isIntrinsicType()) return plainOf(type);
    if (type.isUnionType())
      return anyOf(
        type
          .getTypes()
          .filter((one) => one.intrinsicName !== 'undefined')
          .map(schemaOf),
      );
    if (type.isTupleType()) {
      const items = checker.getTypeArguments(type).map(schemaOf);
      return { type: 'array', items, minItems: items.length, maxItems: items.length };
    }
    if (checker.isArrayType(type))
      return { type: 'array', items: schemaOf(checker.getTypeArguments(type)[0]) };
    return objectOf(type);
  }

  function plainOf(type) {
    const schema = plain[type.intrinsicName];
    if (schema === undefined) throw new Error(`no JSON for ${checker.typeToString(type)}`);
    return schema;
  }

  function objectOf(type) {
    const members = checker.getPropertiesOfType(type);
    const types = members.length === 0 ? [] : checker.getTypeOfSymbol(members);
    const properties = Object.fromEntries(
      members.map((member, index) => [member.name, described(member, schemaOf(types[index]))]),
    );
    const required = members
      .filter((member) => (member.flags & SymbolFlags.Optional) === 0)
      .map((member) => member.name);
    const indexes = checker.getIndexInfosOfType(type);
    const open = indexes.find(({ keyType }) => !keyType.isTemplateLiteralType());
    const patterns = indexes.flatMap(({ keyType, valueType }) =>
      keyType.isTemplateLiteralType()
        ? [[`^${keyType.texts.map(escaped).join('.*')}$`, schemaOf(valueType)]]
        : [],
    );
    return {
      type: 'object',
      ...(members.length === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required }),
      ...(patterns.length === 0 ? {} : { patternProperties: Object.fromEntries(patterns) }),
      ...(open === undefined ? {} : { additionalProperties: schemaOf(open.valueType) }),
    };
  }

  return { shapeOf, described, definitions };
}

/** The definitions that a schema needs, by the names in it. */
function neededBy(schema, definitions, found = new Set()) {
  for (const [, name] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g))
    if (!found.has(name)) {
      found.add(name);
      neededBy(definitions.get(name), definitions, found);
    }
  return found;
}

/** By path: `kmend.check/1` is in docs/schema/check-1.json. */
export function outputSchemas(root) {
  const api = new API({ cwd: root });
  try {
    const config = join(root, 'tsconfig.json');
    const { program, checker } = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    const file = program.getSourceFile(join(root, source));
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file));
    const outputs = checker.getDeclaredTypeOfSymbol(
      exported.find(({ name }) => name === 'Outputs'),
    );
    return Object.fromEntries(
      checker.getPropertiesOfType(outputs).map((output) => {
        const { shapeOf, described, definitions } = schemaMaker(checker);
        const type = checker.getTypeOfSymbol(output);
        const body = described(type.getAliasSymbol() ?? type.getSymbol(), shapeOf(type));
        return [
          `docs/schema/${output.name.replace(/^kmend\./, '').replace('/', '-')}.json`,
          document(output.name, body, definitions),
        ];
      }),
    );
  } finally {
    api.close();
  }
}

/** The whole schema of an output. Each object may have keys that it does not name. */
function document(name, { description, properties, required = [], ...rest }, definitions) {
  const own = {
    ...rest,
    type: 'object',
    properties: { ...properties, schema: { const: name } },
    required: [...new Set(['schema', ...required])],
  };
  const needed = [...neededBy(own, definitions)].sort();
  const whole = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: name,
    description,
    ...own,
    definitions: Object.fromEntries(needed.map((one) => [one, definitions.get(one)])),
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}
