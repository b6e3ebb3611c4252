import { type AdminApi, createAdminApi, type LimitedApiOptions } from '../admin-api.ts';
import { inTrouble, type Meaning, type Meanings, usualMeanings } from '../refused-answer.ts';
import type { Said } from './answers.ts';

/** Graph over one tenant, at `https://graph.microsoft.com`: the token says which. Paths begin with `v1.0/` or `beta/`. */
export type Directory = AdminApi;

const peer = 'Microsoft Graph';

export function createDirectory(options: LimitedApiOptions): Directory {
  const { now, sleep } = options;
  const address = options.url.replace(/\/+$/, '');
  return createAdminApi({
    ...options,
    address,
    peer,
    limits: { now, sleep },
    meanings,
    otherwise,
    async failure(body) {
      const said = (await import('./answers.ts')).parseFailure(body);
      return { said, words: said.message, subject: isAboutPassword(said) ? undefined : said.target };
    },
  });
}

function isAboutPassword({ target, message }: Said): boolean {
  return target?.startsWith('password') === true || /\bpassword\b/i.test(message);
}

const meanings: Meanings<Said> = [
  ...usualMeanings('let its application have the permissions that infra/README.md lists for what this does', peer),
  [
    // a name that is taken is no 409 here
    (status, { detail }) => status === 400 && detail === 'ObjectConflict',
    ['conflict', 'says that it exists', 'use another name'],
  ],
  [
    (status, said) => status === 400 && isAboutPassword(said),
    ['invalid-value', 'refuses the password', 'fit the password to the password policy of the tenant'],
  ],
  [
    (status, { target }) => status === 400 && target !== undefined,
    ['invalid-value', 'refuses a value', 'fit it to what the tenant takes: is its domain a verified one?'],
  ],
  [(status) => status >= 500, inTrouble],
];
const otherwise: Meaning = ['protocol', 'refuses the request', 'compare it with what the tenant allows'];
