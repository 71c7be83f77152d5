import { ArgumentRefused } from "./provider-function.js";
import { type Methods, ofType, readValue, type Service, writeValue } from "./service.js";

/** `provider::sluice::...`. */
export function functionMethods<C>({ provider }: Service<C>): Methods {
  return {
    CallFunction({ name, arguments: args }) {
      const { parameters, returns, call } = ofType(provider.functions, name);
      try {
        const values = parameters.map(({ type }, index) => readValue(args[index], type));
        return { result: writeValue(call(values), returns) };
      } catch (error) {
        if (!(error instanceof ArgumentRefused)) throw error;
        return { error: { text: error.message, argument: error.argument } };
      }
    },
  };
}
