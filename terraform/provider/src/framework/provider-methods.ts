import { diagnosed, diagnosticMessages, type Methods, readValues, type Service } from "./service.js";
import { validate } from "./validate.js";

/** The provider block. */
export function providerBlockMethods<C>(service: Service<C>): Methods {
  const { provider } = service;
  return {
    async ValidateProviderConfig(request) {
      const { result = [], diagnostics } = await diagnosed(() => {
        const config = readValues(request.config, provider.schema) ?? {};
        return [...validate(provider.schema, config), ...(provider.validate?.(config) ?? [])];
      });
      return { diagnostics: diagnosticMessages([...diagnostics, ...result]) };
    },
    async ConfigureProvider(request) {
      const { diagnostics } = await diagnosed(() =>
        service.configure(provider.configure(readValues(request.config, provider.schema) ?? {})),
      );
      return { diagnostics: diagnosticMessages(diagnostics) };
    },
    StopProvider() {
      const { knownClient } = service;
      if (knownClient !== undefined) provider.stop?.(knownClient);
      return {};
    },
  };
}
