export { background } from "./background.js";
export { Lifecycle, type Part } from "./lifecycle.js";
export { Lookout } from "./lookout.js";
