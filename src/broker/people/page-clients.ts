import { authenticatedBy } from '../../adapters/issuers/client.ts';
import type { Credential } from '../../adapters/issuers/contract.ts';
import type { PageClient } from '../../folder/service/settings.ts';
import type { BrokerClock } from '../../foundation/clocks.ts';
import { createMemory } from '../../foundation/expiring-memory.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { PageClients } from './sign-ins.ts';

export interface PageClientsOptions {
  /** `page-clients:` of the environment, as it is now */
  readonly clients: () => readonly PageClient[];
  /** seconds that a value is kept, as it is now */
  readonly keptFor: () => number;
  /** @throws FlowError */
  readonly read: (reference: Reference) => Promise<Secret>;
  readonly clock: Pick<BrokerClock, 'monotonic' | 'after'>;
  readonly warn: (message: string) => void;
}

interface KeptValue {
  readonly secret: Secret;
  /** monotonic milliseconds */
  readonly read: number;
}

/** milliseconds between two reads of the same reference, whatever the issuer or the vault says meanwhile */
const spacing = 10_000;
const mostValues = 100;

/**
 * The confidential clients of the page. Whoever finds the page can begin a sign-in and come back with a made-up code, so
 * a credential is kept for a while: it is read anew where the issuer refuses it, and the vault is asked now and then only.
 */
export function createPageClients({ clients, keptFor, read, clock, warn }: PageClientsOptions): PageClients {
  const values = createMemory<KeptValue>({
    clock,
    capacity: mostValues,
    failures: { time: () => spacing, row: 0 },
  });

  function credential(reference: Reference): Credential {
    const label = reference.toString();
    const kept = () =>
      values.get(
        label,
        async () => ({ secret: await read(reference), read: clock.monotonic() }),
        (value) => ({ ends: value.read + Math.max(spacing, keptFor() * 1_000) }),
      );
    return {
      label,
      read: async () => (await kept()).secret,
      async readAnew() {
        values.forget((key, value) => key === label && (value?.read ?? Infinity) <= clock.monotonic() - spacing);
        return (await kept()).secret;
      },
    };
  }

  return ({ issuer, client }) => {
    const found = clients().find((each) => each.issuer === issuer && each.clientId === client);
    return found && { ...authenticatedBy(found.credentials, credential), warn };
  };
}
