export { connectionUri } from "./connection-uri.js";
