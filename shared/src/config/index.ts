export { ConfigurationError, type Environment, readEnvironment, type Variable } from "./environment.js";
export { base64Keys, flag, integer, list, oneOf, port, required, text } from "./variables.js";
