export { type Listener, listen } from "./listener.js";
