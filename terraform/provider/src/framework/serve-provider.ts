import { type GrpcMethods, type MethodName, PROVIDER_METHODS, PROVIDER_SERVICE } from "../protocol/index.js";
import { dataMethods } from "./data-methods.js";
import { functionMethods } from "./function-methods.js";
import type { Provider } from "./provider.js";
import { providerBlockMethods } from "./provider-methods.js";
import { resourceMethods } from "./resource-methods.js";
import { schemaMethods } from "./schema-methods.js";
import { type Methods, Service } from "./service.js";

/** The provider as gRPC methods. Each call of this is a run of its own, with a configuration of its own. */
export function providerMethods<C>(provider: Provider<C>): GrpcMethods {
  const service = new Service(provider);
  const methods: Methods = {
    ...schemaMethods(service),
    ...providerBlockMethods(service),
    ...resourceMethods(service),
    ...dataMethods(service),
    ...functionMethods(service),
  };
  const names = Object.keys(PROVIDER_METHODS) as MethodName[];
  return new Map(names.flatMap((name) => overBytes(name, methods)));
}

function overBytes<M extends MethodName>(
  name: M,
  methods: Methods,
): [string, (request: Uint8Array) => Promise<Uint8Array>][] {
  const method = methods[name] as ((request: unknown) => unknown) | undefined;
  if (method === undefined) return [];
  const { request, response } = PROVIDER_METHODS[name];
  const call = async (bytes: Uint8Array): Promise<Uint8Array> =>
    response.encode((await method(request.decode(bytes))) as never);
  return [[`/${PROVIDER_SERVICE}/${name}`, call]];
}
