import { fileURLToPath } from "node:url";

/** The checkout's top folder: this file lies three steps below it, compiled or not. */
export const workspace = fileURLToPath(new URL("../../..", import.meta.url));

export const controlPlaneMain = "control-plane/dist/main.js";
export const dataPlaneMain = "data-plane/dist/main.js";
