export { ConfigurationError, type Environment, readEnvironment, type Variable } from "./environment.js";
export { base64Keys, flag, integer, list, oneOf, orFile, port, required, text } from "./variables.js";
