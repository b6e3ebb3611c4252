import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FlowError } from '../errors.ts';
import { compileObject } from '../flow/compile.ts';
import { evaluateKeys } from '../flow/evaluate.ts';
import { form, type InputOf, type Keys, optional, required, withDefault } from '../flow/keys.ts';
import { createSource, type Problem } from '../flow/problems.ts';
import { readText } from '../flow/read-text.ts';
import { readYaml } from '../flow/yaml.ts';
import type { Reference } from '../reference.ts';
import type { ClientSeed } from './identity/options.ts';

/** The keys of development.yaml: what the laptop stack cannot derive from the flows. */
export const developmentKeys = {
  values: withDefault(
    form.mapping(form.text()),
    {},
    'plain values of fields, by reference: user names, hosts, client ids; never a secret',
    {
      example: '{ op://Agents/Orders M2M/username: orders }',
    },
  ),
  clients: withDefault(
    form.mapping(
      form.object({
        claims: optional(form.mapping(form.json()), 'further claims of its access tokens'),
        audiences: optional(
          form.list(form.text(), { orOne: true }),
          'audiences that it may ask for, instead of those of the flows',
        ),
        scopes: optional(
          form.list(form.text(), { orOne: true }),
          'scopes that it may ask for, instead of those of the flows',
        ),
        'token-ttl': optional(
          form.number({ minimum: 5, maximum: 86_400, integer: true }),
          'seconds that its tokens live',
        ),
      }),
    ),
    {},
    'clients of the identity provider, by client id',
  ),
  users: withDefault(
    form.list(
      form.object({
        username: required(form.text(), 'user name'),
        password: required(form.reference(), 'where the password is; it is generated'),
        'one-time-password': optional(
          form.reference('one-time-password'),
          'where the one-time password is; without it, the first sign-in enrols',
        ),
      }),
    ),
    [],
    'accounts that are there from the start',
  ),
  'orders-api': withDefault(
    form.object({
      audience: withDefault(form.text(), 'https://orders.example', 'what it is called in a token'),
      scope: withDefault(form.text(), 'orders:read', 'the scope that it wants'),
    }),
    { audience: 'https://orders.example', scope: 'orders:read' },
    'the protected example API',
  ),
} satisfies Keys;

export interface DevelopmentFile {
  /** by reference, as written */
  readonly values: ReadonlyMap<string, string>;
  readonly clients: ReadonlyMap<string, Partial<ClientSeed>>;
  readonly users: readonly {
    readonly username: string;
    readonly password: Reference;
    readonly oneTimePassword: Reference | undefined;
  }[];
  readonly ordersApi: { readonly audience: string; readonly scope: string };
}

/** Reads `development.yaml` of a folder, or its defaults. @throws FlowError invalid, with its first problem */
export function readDevelopmentFile(dir: string): DevelopmentFile {
  const file = join(dir, 'development.yaml');
  const source = createSource(file, '{}');
  if (!existsSync(file)) return fileOf(read(source));
  const text = readText(file);
  if (typeof text !== 'string') throw failure(text);
  return fileOf(read(createSource(file, text)));
}

function read(source: ReturnType<typeof createSource>): InputOf<typeof developmentKeys> {
  const node = readYaml(source);
  const object =
    node === undefined
      ? undefined
      : compileObject(node, { kind: 'object', keys: developmentKeys }, { source, what: 'development.yaml', key: '' });
  const nothing = { problem: 'expressions are not taken in development.yaml', hint: 'write the value' };
  const { known } =
    object === undefined ? { known: {} } : evaluateKeys(object, { resolve: () => nothing, report: source.report });
  const [problem] = source.problems;
  if (problem !== undefined) throw failure(problem);
  const defaults = Object.fromEntries(Object.entries(developmentKeys).map(([key, { default: value }]) => [key, value]));
  return { ...defaults, ...known } as InputOf<typeof developmentKeys>;
}

function failure({ file, line, column, message, hint }: Problem): FlowError {
  return new FlowError('invalid', message, {
    place: { location: `${file}:${line}:${column}` },
    ...(hint === undefined ? {} : { hint }),
  });
}

function fileOf({ values, clients, users, 'orders-api': orders }: InputOf<typeof developmentKeys>): DevelopmentFile {
  return {
    values: new Map(Object.entries(values)),
    clients: new Map(
      Object.entries(clients).map(([clientId, { 'token-ttl': tokenTtl, ...client }]) => {
        const given = Object.entries({ ...client, tokenTtl }).filter(([, value]) => value !== undefined);
        return [clientId, Object.fromEntries(given)];
      }),
    ),
    users: users.map(({ username, password, 'one-time-password': oneTimePassword }) => ({
      username,
      password,
      oneTimePassword,
    })),
    ordersApi: orders,
  };
}
