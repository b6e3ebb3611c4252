import { FlowError } from '../errors.ts';
import type { Reference } from '../reference.ts';
import type { Secret } from '../secret.ts';
import type { Vault } from './contract.ts';

export type ReadOne = (reference: Reference) => Promise<Secret>;

export interface ReadTogether {
  /** One reference. @throws FlowError, with the reference */
  read: ReadOne;
  /**
   * A reference that goes along with the next call of the vault, whoever makes it.
   * @returns its value; asking for it makes the call, where there was none yet
   */
  along(reference: Reference): () => Promise<Secret>;
}

interface Asked {
  readonly reference: Reference;
  readonly resolve: (value: Secret) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads one reference at a time, in as few calls of the vault as can be: what is asked for side by side, as a step does
 * with a client's id and secret, goes in one. Every error names its reference.
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
    queueMicrotask(() => void flush());
  };

  return {
    read(reference) {
      const value = join(reference);
      callSoon();
      return value;
    },
    along(reference) {
      const value = join(reference);
      // it may fail before anyone asks for it
      value.catch(() => undefined);
      return () => {
        callSoon();
        return value;
      };
    },
  };
}
