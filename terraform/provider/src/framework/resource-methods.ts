import { isKnown, isValues, type Values, valueOfJson } from "../protocol/index.js";
import { type Diagnostic, problem } from "./diagnostic.js";
import { pathMessage } from "./path.js";
import { planAnew, planChange } from "./plan.js";
import type { Change, Resource } from "./resource.js";
import { typeOf } from "./schema.js";
import {
  diagnosed,
  diagnosticMessages,
  type Methods,
  ofType,
  readValues,
  type Service,
  writeValues,
} from "./service.js";
import { validate } from "./validate.js";
import { writeOnlyProblems } from "./write-only.js";

/** Managed resources, from a configuration to what is there. */
export function resourceMethods<C>(service: Service<C>): Methods {
  const find = (typeName: string) => ofType(service.provider.resources, typeName);
  return {
    async ValidateResourceConfig({ typeName, config, clientCapabilities }) {
      const { result = [], diagnostics } = await diagnosed(() => {
        const resource = find(typeName);
        const values = readValues(config, resource.schema) ?? {};
        const allowed = clientCapabilities?.writeOnlyAttributesAllowed === true;
        return [
          ...validate(resource.schema, values),
          ...writeOnlyProblems(resource.schema, values, allowed),
          ...(resource.validate?.(values) ?? []),
        ];
      });
      return { diagnostics: diagnosticMessages([...diagnostics, ...result]) };
    },

    async UpgradeResourceState({ typeName, rawState }) {
      const { result, diagnostics } = await diagnosed(() => {
        const { schema } = find(typeName);
        const json: unknown = JSON.parse(Buffer.from(rawState?.json ?? []).toString());
        const upgraded = valueOfJson(json, typeOf(schema));
        return writeValues(isValues(upgraded) ? upgraded : null, schema);
      });
      return { upgradedState: result, diagnostics: diagnosticMessages(diagnostics) };
    },

    async ReadResource({ typeName, currentState, private: own }) {
      const { result = currentState, diagnostics } = await diagnosed(async () => {
        const resource = find(typeName);
        const state = readValues(currentState, resource.schema);
        const fresh = state === null ? null : await resource.read(service.client, state);
        return writeValues(fresh, resource.schema);
      });
      return { newState: result, private: own, diagnostics: diagnosticMessages(diagnostics) };
    },

    async PlanResourceChange({ typeName, priorState, proposedNewState, config, priorPrivate }) {
      const { result, diagnostics } = await diagnosed(async () => {
        const resource = find(typeName);
        const prior = readValues(priorState, resource.schema);
        if (readValues(proposedNewState, resource.schema) === null) {
          return { plannedState: proposedNewState, requiresReplace: [], said: [] };
        }
        const values = readValues(config, resource.schema) ?? {};
        const own = planChange(resource.schema, prior, values);
        const { planned, replaces, changed } = planAnew(own, renewed(service, resource, own.planned, prior));
        const change = { planned, config: values };
        const said = changed
          ? await previewed(service, resource, change, replaces.length > 0 ? null : prior)
          : [];
        return {
          plannedState: writeValues(planned, resource.schema),
          requiresReplace: replaces.map(pathMessage),
          said,
        };
      });
      return {
        plannedState: result?.plannedState,
        requiresReplace: result?.requiresReplace ?? [],
        plannedPrivate: priorPrivate,
        diagnostics: diagnosticMessages([...diagnostics, ...(result?.said ?? [])]),
      };
    },

    async ApplyResourceChange({ typeName, priorState, plannedState, config, plannedPrivate }) {
      const { schema } = find(typeName);
      const prior = readValues(priorState, schema);
      const { result, state, diagnostics } = await diagnosed(async () => {
        const planned = readValues(plannedState, schema);
        const values = readValues(config, schema) ?? {};
        return { now: await applied(service, find(typeName), prior, planned, values) };
      });
      const now = result === undefined ? (state ?? prior) : result.now;
      return {
        newState: writeValues(now, schema),
        private: plannedPrivate,
        diagnostics: diagnosticMessages(diagnostics),
      };
    },

    async ImportResourceState({ typeName, id }) {
      const { result, diagnostics } = await diagnosed(async () => {
        const resource = find(typeName);
        return writeValues(await resource.import(service.client, id), resource.schema);
      });
      return {
        importedResources: result === undefined ? [] : [{ typeName, state: result }],
        diagnostics: diagnosticMessages(diagnostics),
      };
    },

    MoveResourceState: ({ sourceTypeName, targetTypeName }) => ({
      diagnostics: diagnosticMessages([
        problem(
          "This resource cannot be moved",
          `The state of ${sourceTypeName} cannot become that of ${targetTypeName}. Import it instead.`,
        ),
      ]),
    }),
  };
}

function applied<C>(
  { client }: Service<C>,
  resource: Resource<C>,
  prior: Values | null,
  planned: Values | null,
  config: Values,
): Promise<Values | null> {
  if (planned !== null) {
    const change = { planned, config };
    return prior === null ? resource.create(client, change) : resource.update(client, { ...change, prior });
  }
  return prior === null ? Promise.resolve(null) : resource.remove(client, prior).then(() => null);
}

function renewed<C>(
  { knownClient }: Service<C>,
  resource: Resource<C>,
  planned: Values,
  prior: Values | null,
): readonly string[] {
  if (knownClient === undefined || resource.planned === undefined) return [];
  return resource.planned(knownClient, planned, prior);
}

/** Only of what is known in full: an unknown name or port can be asked about at apply only. */
async function previewed<C>(
  { knownClient }: Service<C>,
  resource: Resource<C>,
  change: Change,
  prior: Values | null,
): Promise<readonly Diagnostic[]> {
  if (knownClient === undefined || resource.preview === undefined || !isKnown(change.config)) return [];
  return resource.preview(knownClient, change, prior);
}
