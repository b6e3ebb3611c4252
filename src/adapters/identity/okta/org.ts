import { type AdminApi, createAdminApi, type LimitedApiOptions } from '../admin-api.ts';
import { inTrouble, type Meaning, type Meanings, usualMeanings } from '../refused-answer.ts';
import type { Said } from './answers.ts';

/** The API of an org, at `https://acme.okta.com`. Paths are below `/api/v1/`. */
export type Org = AdminApi;

const peer = 'an Okta org';
/** `Api validation failed`: what is wrong stands in its causes. */
const validation = 'E0000001';

export function createOrg(options: LimitedApiOptions): Org {
  const { now, sleep } = options;
  const address = options.url.replace(/\/+$/, '');
  return createAdminApi({
    ...options,
    address,
    url: `${address}/api/v1/`,
    peer,
    limits: { now, sleep, resetHeader: 'x-rate-limit-reset' },
    meanings,
    otherwise,
    async failure(body) {
      const said = (await import('./answers.ts')).parseFailure(body);
      return { said, words: [said.summary, ...said.causes].filter(Boolean).join('; '), subject: subjectOf(said) };
    },
  });
}

const invalid = (status: number, { code }: Said) => status === 400 && code === validation;

const meanings: Meanings<Said> = [
  ...usualMeanings('let its service app have the scopes and the admin role that infra/README.md lists for this', peer),
  [
    // a name that is taken is no 409 here
    (status, said) => invalid(status, said) && said.causes.some((cause) => /\balready (?:exists|set up)\b/.test(cause)),
    ['conflict', 'says that it exists', 'use another name'],
  ],
  [
    (status, said) => invalid(status, said) && subjectOf(said) === 'password',
    ['invalid-value', 'refuses the password', 'fit the password to the password policy of the org'],
  ],
  [invalid, ['invalid-value', 'refuses a value', 'fit it to what the org takes: has its user profile flowsOwner?']],
  [(status) => status >= 500, inTrouble],
];
const otherwise: Meaning = ['protocol', 'refuses the request', 'compare it with what the org allows'];

/** `password: Password requirements were not met.` */
function subjectOf({ causes }: Said): string | undefined {
  return causes.map((cause) => /^(?<subject>\w+):/.exec(cause)?.groups?.['subject']).find(Boolean);
}
