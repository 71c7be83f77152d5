import { CancelRequests, type CancelRequestsOptions } from "./cancel-requests.js";
import type { Ledger } from "./ledger.js";
import { LeftBehind, type LeftBehindOptions } from "./left-behind.js";
import { Renewal } from "./renewal.js";
import { Replies, type Reports } from "./replies.js";
import { Requests, type RequestsOptions } from "./requests.js";

/**
 * What follows a client's requests and their answers. Some twenty objects, which a client that asks nothing does not
 * have.
 */
export class Exchange {
  readonly ledger: Ledger;
  readonly requests: Requests;
  readonly replies: Replies;
  readonly renewal: Renewal;
  readonly cancels: CancelRequests;
  readonly leftBehind: LeftBehind;

  constructor(options: RequestsOptions, reports: Reports, around: CancelRequestsOptions & LeftBehindOptions) {
    this.ledger = options.ledger;
    this.requests = new Requests(options);
    this.replies = new Replies(this.ledger, reports);
    this.renewal = new Renewal(this.ledger, this.requests, this.replies);
    this.cancels = new CancelRequests(around);
    this.leftBehind = new LeftBehind(around, this.requests.traces);
  }
}
