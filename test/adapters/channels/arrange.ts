import type { ChannelServices } from '../../../src/adapters/channels/adapter.ts';
import { createWay } from '../../../src/foundation/proxy.ts';
import type { Reference } from '../../../src/foundation/reference.ts';
import { FlowError } from '../../../src/foundation/errors.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { at } from '../../contracts/channel-facts.ts';

/** What a channel gets of an environment whose vault has these values. */
export function servicesOf(values: Readonly<Record<string, string>>): ChannelServices {
  return {
    name: 'ops',
    development: true,
    now: () => at,
    way: createWay(undefined),
    read(reference: Reference) {
      const value = values[reference.toString()];
      if (value === undefined) return Promise.reject(new FlowError('not-found', 'there is no such item'));
      return Promise.resolve(new Secret(value));
    },
  };
}
