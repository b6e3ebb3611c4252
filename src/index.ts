/** The library: the same flows as the command's, from a program. */
export { type BearerToken, type Flows, type FlowsOptions, openFlows } from './app/open-flows.ts';
export type { Output, Shown } from './engine/output.ts';
export { type ErrorCode, errorCodes, FlowError } from './foundation/errors.ts';
export { Secret } from './foundation/secret.ts';
