import type { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import type { ZodType } from 'zod';
import { FlowError } from '../../../foundation/errors.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { type AwsService, type ConnectionOptions, createConnection } from '../../aws/connection.ts';
import { ownWords } from '../own-words.ts';
import { refusals } from './refusals.ts';
import { regionOf } from './names.ts';

type Sdk = typeof import('@aws-sdk/client-cognito-identity-provider');
type Forms = typeof import('./answers.ts').forms;

export interface PoolOptions extends Omit<ConnectionOptions, 'region'> {
  /** the id of the user pool, which begins with its region: `eu-west-1_AbCdEfGhI` */
  readonly pool: string;
}

/** A user pool, and whoever may manage it. */
export interface Pool {
  /** the provider's name in service.yaml */
  readonly name: string;
  readonly id: string;
  readonly address: () => string;
  /**
   * @param form what its answer must be
   * @param password what the operation sets, for why it is refused
   * @throws FlowError as the table of refusals has it; {@link sayingOf} tells what the pool said
   */
  ask<T>(operation: Operation, form: (forms: Forms) => ZodType<T>, password?: Secret): Promise<T>;
  /** One that answers nothing. */
  tell(operation: Operation, password?: Secret): Promise<void>;
}

/** One operation of a pool's API. */
export type Operation = (
  client: CognitoIdentityProvider,
  options: { readonly abortSignal: AbortSignal },
) => Promise<unknown>;

const cognito: AwsService<Sdk, CognitoIdentityProvider> = {
  name: 'a Cognito user pool',
  host: 'cognito-idp',
  kind: 'identity provider',
  refusals,
  load: () => import('@aws-sdk/client-cognito-identity-provider'),
  client: (sdk, configuration) => new sdk.CognitoIdentityProvider(configuration),
};

export function createPool(options: PoolOptions): Pool {
  const { name, pool: id } = options;
  const whose = `${cognito.kind} "${name}"`;
  const connection = createConnection(cognito, { ...options, region: regionOf(id) });
  const send = (operation: Operation, password: Secret | undefined) =>
    connection
      .call((client, _, call) => operation(client, call), whose)
      .catch((error: unknown) => {
        throw aboutPassword(error, whose, password);
      });
  return {
    name,
    id,
    address: connection.address,
    async ask(operation, form, password) {
      const answer = await send(operation, password);
      const { forms } = await import('./answers.ts');
      const read = form(forms).safeParse(answer);
      if (read.success) return read.data;
      throw new FlowError('protocol', `AWS gave an answer that is not one of ${cognito.name}`, {
        hint: 'check endpoint:',
        place: { subject: whose },
      });
    },
    async tell(operation, password) {
      await send(operation, password);
    },
  };
}

/** What the pool said, by its own name for it; undefined where it was something else that went wrong. */
export function sayingOf(error: unknown): { readonly name: string; readonly words: string } | undefined {
  const cause: unknown = error instanceof FlowError ? error.cause : undefined;
  return cause instanceof Error ? { name: cause.name, words: cause.message } : undefined;
}

/** Why a password is refused is told in the words of the pool, which has the policy. */
function aboutPassword(error: unknown, whose: string, password: Secret | undefined): unknown {
  const said = sayingOf(error);
  if (!(error instanceof FlowError) || password === undefined || said === undefined) return error;
  if (!/^(?:InvalidPassword|PasswordHistory)/.test(said.name)) return error;
  const words = ownWords(said.words, undefined, password);
  const message = `${whose} refuses the password${words === undefined ? '' : `: ${words}`}`;
  return new FlowError(error.code, message, { hint: error.hint, place: { subject: 'password' }, cause: error.cause });
}
