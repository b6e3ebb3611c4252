import { FlowError } from '../../foundation/errors.ts';
import type { Reference } from '../../foundation/reference.ts';
import type { Secret } from '../../foundation/secret.ts';
import type { Vault } from './contract.ts';

/** One reference. @throws FlowError, with the reference */
export interface ReadOne {
  (reference: Reference): Promise<Secret>;
}

export interface ReadTogether extends ReadOne {
  /** A reference that goes along with the next call of the vault, whoever makes it. */
  along(reference: Reference): Ride;
}

export interface Ride {
  /** Its value; asking for it makes the call, where there was none yet. */
  value(): Promise<Secret>;
  /** the vault has answered, or failed */
  settled(): boolean;
}

interface Asked {
  readonly reference: Reference;
  readonly resolve: (value: Secret) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads one reference at a time, in as few calls of the vault as can be: what is asked for in one turn of the event
 * loop goes in one, by a step that wants a client's id and secret as well as by many callers. So the call is counted
 * once, too, where the vault is kept below its quota. Every error names its reference.
 */
export function createReadTogether(vault: Pick<Vault, 'read'>): ReadTogether {
  let waiting: Asked[] = [];
  let soon = false;

  const flush = async (): Promise<void> => {
    soon = false;
    const asked = waiting;
    waiting = [];
    try {
      const values = await vault.read(asked.map(({ reference }) => reference));
      for (const { reference, resolve, reject } of asked) {
        const found = values.get(reference.toString()) ?? new FlowError('protocol', 'the vault gave no answer');
        if (found instanceof FlowError) reject(found.at({ subject: reference.toString() }));
        else resolve(found);
      }
    } catch (error) {
      for (const { reference, reject } of asked) {
        reject(error instanceof FlowError ? error.at({ subject: reference.toString() }) : error);
      }
    }
  };

  const join = (reference: Reference): Promise<Secret> =>
    new Promise((resolve, reject) => {
      waiting.push({ reference, resolve, reject });
    });

  const callSoon = () => {
    if (soon || waiting.length === 0) return;
    soon = true;
    setImmediate(() => void flush());
  };

  const read: ReadOne = (reference) => {
    const value = join(reference);
    callSoon();
    return value;
  };
  return Object.assign(read, {
    along(reference: Reference): Ride {
      let settled = false;
      const value = join(reference).finally(() => {
        settled = true;
      });
      // it may fail before anyone asks for it
      value.catch(() => undefined);
      return {
        value() {
          callSoon();
          return value;
        },
        settled: () => settled,
      };
    },
  });
}
