/** What an agent imports: tokens and secrets from the broker, with nothing but Node. */
export type { FlowAnswer, LeasedSecret, Token } from './client/answers.ts';
export type { FetchOptions } from './client/fetch-with-token.ts';
export { type Client, type ClientOptions, createClient, type FlowInputs } from './client/client.ts';
export type { Credential } from './client/credential.ts';
export { BrokerError } from './client/broker-error.ts';
export { type BrokerErrorCode, brokerErrorCodes } from './client/error-codes.ts';
export type { LeaseClock } from './foundation/clocks.ts';
