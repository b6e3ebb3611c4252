import { z } from 'zod';
import { FlowError } from '../../foundation/errors.ts';
import { keepsDigits } from '../../language/own-form.ts';

/** The `data` of Vault's envelope, and its `auth`, where it has them. */
export interface VaultAnswer {
  readonly data?: unknown;
  readonly auth?: unknown;
  /** false: a number in it has more digits than a parser keeps */
  readonly isExact?: boolean;
}

const envelope = z.object({ data: z.unknown().optional(), auth: z.unknown().optional() });

/** what a version of a KV engine that is deleted or destroyed has left, answered with 404 */
const gone = z.object({ data: z.looseObject({ metadata: z.looseObject({}) }) });

/** What a response answers; undefined: what was asked for is not there, of which a server has no words. */
export async function readVaultAnswer(response: Response): Promise<VaultAnswer | undefined | 'failure'> {
  const { ok, status } = response;
  if (!ok && status !== 404) return 'failure';
  const text = await response.clone().text();
  if (!ok) {
    if (text.trim() === '' || wordsOf(text)?.length === 0) return undefined;
    return gone.safeParse(parsed(text)).data ?? 'failure';
  }
  if (text.trim() === '') return {};
  let isExact = true;
  const found = envelope.safeParse(parsed(text, (number) => (isExact &&= keepsDigits(number))));
  if (found.success) return { ...found.data, isExact };
  throw foreign();
}

/** The words of a failure; undefined: it is none of Vault's. */
export function wordsOf(text: string): readonly string[] | undefined {
  const found = z.object({ errors: z.array(z.string()).nullable() }).safeParse(parsed(text));
  return found.success ? (found.data.errors ?? []) : undefined;
}

/** @param onNumber told each number as it is written */
function parsed(text: string, onNumber: (number: string) => void = () => undefined): unknown {
  const look = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value === 'number') onNumber(context?.source ?? '');
    return value;
  };
  try {
    return JSON.parse(text, look);
  } catch {
    return undefined;
  }
}

/** @throws FlowError protocol; what came is not told */
export function parseVaultData<T extends z.ZodType>(data: unknown, schema: T): z.output<T> {
  const found = schema.safeParse(data);
  if (found.success) return found.data;
  throw foreign(found.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`).join('; '));
}

function foreign(cause = 'no JSON of Vault'): FlowError {
  return new FlowError('protocol', 'what answers is not the Vault server, or not its KV engine', {
    hint: 'is url: its address, without /v1, and mount: a KV engine of version 2?',
    cause: new Error(cause),
  });
}
