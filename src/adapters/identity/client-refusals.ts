import { FlowError } from '../../foundation/errors.ts';

/** @param provider its name in service.yaml. @param hint how its clients are named, and what a token needs to see one */
export function noClient(provider: string, clientId: string, hint: string): FlowError {
  return new FlowError('not-found', `identity provider "${provider}" has no client "${clientId}"`, { hint });
}

/** @param what a client has two of at most */
export function twoAlready(clientId: string, what: 'secrets' | 'keys', hint = 'retire one first'): FlowError {
  return new FlowError('conflict', `client "${clientId}" has two ${what} already`, { hint });
}

/** A client without any key would be locked out. */
export function onlyKey(clientId: string, id: string): FlowError {
  return new FlowError('refused', `key "${id}" is the only one of client "${clientId}"`, { hint: 'add another first' });
}

/** A client without any secret would be locked out. */
export function onlySecret(clientId: string): FlowError {
  return new FlowError('refused', `it is the only secret of client "${clientId}"`, { hint: 'add another first' });
}
