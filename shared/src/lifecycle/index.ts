export { background } from "./background.js";
export { Lifecycle, type Part } from "./lifecycle.js";
