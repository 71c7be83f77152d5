import { bytes, flag, integer, list, nested, optionalInteger, text } from "./fields.js";
import { keyed } from "./keyed.js";
import { message } from "./message.js";
import { AttributePath, Diagnostic, DynamicValue, FunctionSignature, Schema } from "./schema-messages.js";

const value = (number: number) => nested(number, () => DynamicValue);
const diagnostics = (number: number) => list(number, () => Diagnostic);
const named = (number: number, field: "typeName" | "name") =>
  list(number, () => message({ [field]: text(1) }));

const Nothing = message({});
const ServerCapabilities = message({ planDestroy: flag(1), getProviderSchemaOptional: flag(2) });
const ClientCapabilities = message({ deferralAllowed: flag(1), writeOnlyAttributesAllowed: flag(2) });
const RawState = message({ json: bytes(1) });
const ImportedResource = message({ typeName: text(1), state: value(2), private: bytes(3) });
const FunctionError = message({ text: text(1), argument: optionalInteger(2) });
const Config = message({ typeName: text(1), config: value(2) });
const Diagnosed = message({ diagnostics: diagnostics(1) });

/** The methods of service `tfplugin6.Provider`: what is asked and what is answered. Fields we never use are left out. */
export const PROVIDER_METHODS = {
  GetMetadata: {
    request: Nothing,
    response: message({
      serverCapabilities: nested(1, () => ServerCapabilities),
      diagnostics: diagnostics(2),
      dataSources: named(3, "typeName"),
      resources: named(4, "typeName"),
      functions: named(5, "name"),
      ephemeralResources: named(6, "typeName"),
    }),
  },
  GetProviderSchema: {
    request: Nothing,
    response: message({
      provider: nested(1, () => Schema),
      resources: keyed(2, () => Schema),
      dataSources: keyed(3, () => Schema),
      diagnostics: diagnostics(4),
      serverCapabilities: nested(6, () => ServerCapabilities),
      functions: keyed(7, () => FunctionSignature),
      ephemeralResources: keyed(8, () => Schema),
    }),
  },
  ValidateProviderConfig: {
    request: message({ config: value(1) }),
    response: message({ diagnostics: diagnostics(2) }),
  },
  ValidateResourceConfig: {
    request: message({
      typeName: text(1),
      config: value(2),
      clientCapabilities: nested(3, () => ClientCapabilities),
    }),
    response: Diagnosed,
  },
  ValidateDataResourceConfig: { request: Config, response: Diagnosed },
  ValidateEphemeralResourceConfig: { request: Config, response: Diagnosed },
  UpgradeResourceState: {
    request: message({ typeName: text(1), version: integer(2), rawState: nested(3, () => RawState) }),
    response: message({ upgradedState: value(1), diagnostics: diagnostics(2) }),
  },
  ConfigureProvider: {
    request: message({
      terraformVersion: text(1),
      config: value(2),
      clientCapabilities: nested(3, () => ClientCapabilities),
    }),
    response: Diagnosed,
  },
  ReadResource: {
    request: message({ typeName: text(1), currentState: value(2), private: bytes(3) }),
    response: message({ newState: value(1), diagnostics: diagnostics(2), private: bytes(3) }),
  },
  PlanResourceChange: {
    request: message({
      typeName: text(1),
      priorState: value(2),
      proposedNewState: value(3),
      config: value(4),
      priorPrivate: bytes(5),
    }),
    response: message({
      plannedState: value(1),
      requiresReplace: list(2, () => AttributePath),
      plannedPrivate: bytes(3),
      diagnostics: diagnostics(4),
    }),
  },
  ApplyResourceChange: {
    request: message({
      typeName: text(1),
      priorState: value(2),
      plannedState: value(3),
      config: value(4),
      plannedPrivate: bytes(5),
    }),
    response: message({ newState: value(1), private: bytes(2), diagnostics: diagnostics(3) }),
  },
  ImportResourceState: {
    request: message({ typeName: text(1), id: text(2) }),
    response: message({ importedResources: list(1, () => ImportedResource), diagnostics: diagnostics(2) }),
  },
  MoveResourceState: {
    request: message({ sourceProviderAddress: text(1), sourceTypeName: text(2), targetTypeName: text(5) }),
    response: message({ targetState: value(1), diagnostics: diagnostics(2) }),
  },
  ReadDataSource: {
    request: Config,
    response: message({ state: value(1), diagnostics: diagnostics(2) }),
  },
  OpenEphemeralResource: {
    request: Config,
    response: message({ diagnostics: diagnostics(1), result: value(3), private: bytes(4) }),
  },
  RenewEphemeralResource: {
    request: message({ typeName: text(1), private: bytes(2) }),
    response: Diagnosed,
  },
  CloseEphemeralResource: {
    request: message({ typeName: text(1), private: bytes(2) }),
    response: Diagnosed,
  },
  GetFunctions: {
    request: Nothing,
    response: message({ functions: keyed(1, () => FunctionSignature), diagnostics: diagnostics(2) }),
  },
  CallFunction: {
    request: message({ name: text(1), arguments: list(2, () => DynamicValue) }),
    response: message({ result: value(1), error: nested(2, () => FunctionError) }),
  },
  StopProvider: { request: Nothing, response: message({ error: text(1) }) },
} as const;

export const PROVIDER_SERVICE = "tfplugin6.Provider";

export type MethodName = keyof typeof PROVIDER_METHODS;
