export { Backoff, type BackoffLimits } from "./backoff.js";
export { type Clock, systemClock, type Timer } from "./clock.js";
export { Deadline, DeadlinePassed, within } from "./deadline.js";
export { FakeClock } from "./fake-clock.js";
