import { currentPages, DOCS, writePages } from "./document-files.js";

writePages();
process.stdout.write(`${currentPages().size} pages in ${DOCS}\n`);
