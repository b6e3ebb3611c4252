import { FlowError } from '../../../foundation/errors.ts';
import { retryAfterOf } from '../../../foundation/http.ts';
import type { Secret } from '../../../foundation/secret.ts';
import { createManagementApi, type ManagementApiOptions, type Told } from '../management-api.ts';
import { ownWords } from '../own-words.ts';

export interface RealmOptions extends Omit<ManagementApiOptions, 'mediaType'> {
  /** its name in service.yaml, for messages */
  readonly name: string;
  /** epoch milliseconds, for Retry-After dates */
  readonly now: () => number;
}

/** A realm's Admin REST API. Paths are below `/admin/realms/NAME/`. */
export interface Realm {
  readonly name: string;
  /** `https://login.example.com/realms/main` */
  readonly address: string;
  /** @param accepted the statuses that are no failure. @throws FlowError for the others */
  call(method: string, path: string, accepted: readonly number[], asked?: RealmRequest): Promise<Told>;
  /** An answer that is not what was asked for. */
  malformed(what: string): FlowError;
}

interface RealmRequest {
  readonly json?: unknown;
  readonly repeatable?: boolean;
  /** of the request, which no message may quote */
  readonly password?: Secret | undefined;
}

/** The address of a realm and of the API over it; undefined where an address names none. */
export function realmIn(url: string | undefined): { readonly address: string; readonly admin: string } | undefined {
  const parsed = URL.parse(url ?? '');
  const found = /^(?<base>(?:\/[^/]+)*?)\/realms\/(?<realm>[^/]+)\/?$/.exec(parsed?.pathname ?? '')?.groups;
  if (parsed === null || found === undefined || parsed.search !== '' || parsed.hash !== '') return undefined;
  const { base = '', realm = '' } = found;
  if (base.endsWith('/admin')) return undefined;
  const { origin } = parsed;
  return { address: `${origin}${base}/realms/${realm}`, admin: `${origin}${base}/admin/realms/${realm}/` };
}

export function createRealm({ name, now, ...options }: RealmOptions): Realm {
  const { address, admin } = realmIn(options.url) ?? { address: options.url, admin: options.url };
  const send = createManagementApi({ ...options, url: admin });
  return {
    name,
    address,
    async call(method, path, accepted, { json, repeatable, password } = {}) {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const answer = await send(method, path, { body, ...(repeatable === undefined ? {} : { repeatable }) });
      if (accepted.includes(answer.status)) return answer;
      const { parseFailure } = await import('./answers.ts');
      throw failure(name, answer, parseFailure(answer.body), password, now());
    },
    malformed: (what) =>
      new FlowError('protocol', `identity provider "${name}" answers with ${what}`, {
        hint: 'is the address that of a Keycloak realm?',
      }),
  };
}

/** What an error answer says; `error` is its code, where it has one. */
interface Said {
  readonly error: string;
  readonly field: string | undefined;
  readonly detail: string;
}
type Kind = readonly [code: ConstructorParameters<typeof FlowError>[0], message: string, hint: string];

const rights =
  'give its account the role manage-users of realm-management, or the permissions that infra/README.md lists for what this does';
/** The first that fits says what an answer means. */
const kinds: readonly (readonly [(status: number, said: Said) => boolean, Kind])[] = [
  [(status) => status === 401, ['denied', 'refuses the token', 'check its token, or the client of its token-flow']],
  [(status) => status === 403, ['denied', 'does not allow this', rights]],
  [(status) => status === 404, ['not-found', 'has no such thing', 'is the address that of a Keycloak realm?']],
  [(status) => status === 409, ['conflict', 'says that it exists', 'use another name']],
  [(status) => status === 429, ['rate-limited', 'asks for fewer requests', 'try again later']],
  [
    (status, { error, detail }) => status === 400 && /^(?:invalidPassword|Empty password)/.test(`${error}${detail}`),
    ['invalid-value', 'refuses the password', "fit the password to the realm's policy"],
  ],
  [
    (status, { field }) => status === 400 && field !== undefined,
    ['invalid-value', 'refuses a value', "fit it to the realm's user profile"],
  ],
  [(status) => status >= 500, ['unavailable', 'is in trouble', 'try again later']],
];
const otherwise: Kind = ['protocol', 'refuses the request', 'compare it with what the realm asks for'];

function failure(name: string, answer: Told, said: Said, password: Secret | undefined, now: number): FlowError {
  const [code, message, hint] = kinds.find(([fits]) => fits(answer.status, said))?.[1] ?? otherwise;
  const words = ownWords([said.field, said.detail].filter(Boolean).join(': '), answer.bearer, password);
  const about = words === undefined ? '' : `: ${words}`;
  return new FlowError(code, `identity provider "${name}" ${message} (${answer.status}${about})`, {
    hint,
    retryAfter: retryAfterOf(answer.headers.get('retry-after'), now),
    place: code === 'invalid-value' ? { subject: said.field ?? 'password' } : undefined,
  });
}
