export { pages, type ReadExample } from "./pages.js";
