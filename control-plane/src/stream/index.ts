export { type Caller, mintDataPlaneToken, TokenRefused, verifyDataPlaneToken } from "./data-plane-token.js";
