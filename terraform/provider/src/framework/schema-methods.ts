import { MARKDOWN } from "../protocol/index.js";
import type { Parameter, ProviderFunction } from "./provider-function.js";
import { type Schema, schemaMessage } from "./schema.js";
import type { Methods, Service } from "./service.js";

const CAPABILITIES = { planDestroy: true, getProviderSchemaOptional: true };

/** What the provider has, and the shape of everything. */
export function schemaMethods<C>({ provider }: Service<C>): Methods {
  const functions = () =>
    new Map(Object.entries(provider.functions).map(([name, each]) => [name, signature(each)]));
  return {
    GetMetadata: () => ({
      serverCapabilities: CAPABILITIES,
      resources: Object.keys(provider.resources).map((typeName) => ({ typeName })),
      dataSources: Object.keys(provider.dataSources).map((typeName) => ({ typeName })),
      ephemeralResources: Object.keys(provider.ephemeralResources).map((typeName) => ({ typeName })),
      functions: Object.keys(provider.functions).map((name) => ({ name })),
    }),
    GetProviderSchema: () => ({
      serverCapabilities: CAPABILITIES,
      provider: schemaMessage(provider.schema),
      resources: schemas(provider.resources),
      dataSources: schemas(provider.dataSources),
      ephemeralResources: schemas(provider.ephemeralResources),
      functions: functions(),
    }),
    GetFunctions: () => ({ functions: functions() }),
  };
}

function schemas(parts: Readonly<Record<string, { readonly schema: Schema }>>) {
  return new Map(Object.entries(parts).map(([name, { schema }]) => [name, schemaMessage(schema)]));
}

function signature({ parameters, returns, summary, description }: ProviderFunction) {
  return {
    parameters: parameters.map(parameterMessage),
    returns: { type: Buffer.from(JSON.stringify(returns)) },
    summary,
    description,
    descriptionKind: MARKDOWN,
  };
}

function parameterMessage({ name, type, description, allowNull = false }: Parameter) {
  return {
    name,
    type: Buffer.from(JSON.stringify(type)),
    allowNull,
    description,
    descriptionKind: MARKDOWN,
  };
}
