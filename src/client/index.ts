/** What an agent imports: tokens and secrets from the broker, with nothing but Node. */
export type { FlowAnswer, Inspection, LeasedSecret, Token } from './answers.ts';
export type { FetchOptions } from './api-fetch.ts';
export { createClient } from './client.ts';
export type { AgentRun, CallOptions, Client, FlowInputs, RunOptions } from './contract.ts';
export type { ClientOptions } from './client-options.ts';
export type { Credential } from './credential.ts';
export { BrokerError } from './broker-error.ts';
export { type BrokerErrorCode, brokerErrorCodes } from './error-codes.ts';
export type { LeaseClock } from '../foundation/clocks.ts';
