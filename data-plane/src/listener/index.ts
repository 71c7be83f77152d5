export { ClientPort } from "./client-port.js";
