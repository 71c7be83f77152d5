import { isKnown } from "../protocol/index.js";
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

/** Data sources, and ephemeral resources, which are their like without a state. */
export function dataMethods<C>(service: Service<C>): Methods {
  const { dataSources, ephemeralResources } = service.provider;
  return {
    async ValidateDataResourceConfig({ typeName, config }) {
      const { result = [], diagnostics } = await diagnosed(() => {
        const source = ofType(dataSources, typeName);
        const values = readValues(config, source.schema) ?? {};
        return [...validate(source.schema, values), ...(source.validate?.(values) ?? [])];
      });
      return { diagnostics: diagnosticMessages([...diagnostics, ...result]) };
    },
    async ReadDataSource({ typeName, config }) {
      const { result, diagnostics } = await diagnosed(async () => {
        const source = ofType(dataSources, typeName);
        return writeValues(
          await source.read(service.client, readValues(config, source.schema) ?? {}),
          source.schema,
        );
      });
      return { state: result, diagnostics: diagnosticMessages(diagnostics) };
    },
    async ValidateEphemeralResourceConfig({ typeName, config }) {
      const { result = [], diagnostics } = await diagnosed(() => {
        const resource = ofType(ephemeralResources, typeName);
        const values = readValues(config, resource.schema) ?? {};
        return [...validate(resource.schema, values), ...(resource.validate?.(values) ?? [])];
      });
      return { diagnostics: diagnosticMessages([...diagnostics, ...result]) };
    },
    async OpenEphemeralResource({ typeName, config }) {
      const { result, diagnostics } = await diagnosed(async () => {
        const resource = ofType(ephemeralResources, typeName);
        const values = readValues(config, resource.schema) ?? {};
        if (!isKnown(values)) throw new Error("an ephemeral resource is opened when all is known");
        return writeValues(await resource.open(service.client, values), resource.schema);
      });
      return { result, diagnostics: diagnosticMessages(diagnostics) };
    },
    // Nothing was made that had to be renewed or taken back.
    RenewEphemeralResource: () => ({}),
    CloseEphemeralResource: () => ({}),
  };
}
