import { type AdminApi, type AdminApiOptions, createAdminApi } from '../admin-api.ts';
import { inTrouble, type Meaning, type Meanings, usualMeanings } from '../refused-answer.ts';

export interface RealmOptions extends Pick<
  AdminApiOptions<never>,
  'name' | 'url' | 'token' | 'development' | 'fetch' | 'deadline'
> {
  /** epoch milliseconds, for Retry-After dates */
  readonly now: () => number;
}

/** A realm's Admin REST API, at `https://login.example.com/realms/main`. Paths are below `/admin/realms/NAME/`. */
export type Realm = AdminApi;

const peer = 'a Keycloak realm';

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

export function createRealm({ now, ...options }: RealmOptions): Realm {
  const { address, admin } = realmIn(options.url) ?? { address: options.url, admin: options.url };
  return createAdminApi({
    ...options,
    address,
    url: admin,
    peer,
    limits: { now },
    patient: false,
    meanings,
    otherwise,
    async failure(body) {
      const said = (await import('./answers.ts')).parseFailure(body);
      const { field: subject, detail } = said;
      return { said, words: [subject, detail].filter(Boolean).join(': '), subject };
    },
  });
}

/** What an error answer says; `error` is its code, where it has one. */
interface Said {
  readonly error: string;
  readonly field: string | undefined;
  readonly detail: string;
}

const rights =
  'give its account the role manage-users of realm-management, or the permissions that infra/README.md lists for what this does';
const meanings: Meanings<Said> = [
  ...usualMeanings(rights, peer),
  [
    (status, { error, detail }) => status === 400 && /^(?:invalidPassword|Empty password)/.test(`${error}${detail}`),
    ['invalid-value', 'refuses the password', "fit the password to the realm's policy"],
  ],
  [
    (status, { field }) => status === 400 && field !== undefined,
    ['invalid-value', 'refuses a value', "fit it to the realm's user profile"],
  ],
  [(status) => status >= 500, inTrouble],
];
const otherwise: Meaning = ['protocol', 'refuses the request', 'compare it with what the realm asks for'];
