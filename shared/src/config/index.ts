export { ConfigurationError, type Environment, readEnvironment, type Variable } from "./environment.js";
export { flag, integer, list, oneOf, port, required, text } from "./variables.js";
