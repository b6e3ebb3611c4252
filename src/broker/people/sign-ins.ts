import type { ClientRequest } from '../../adapters/issuers/contract.ts';
import { agentWithoutRights, type Policy, type Trust } from '../../folder/policy/policy.ts';
import { asFlowError, FlowError } from '../../foundation/errors.ts';
import { createWorkloads, type WorkloadOptions } from '../authentication/workload-identity.ts';
import { BrokerRefusal } from '../refusal.ts';
import type { PageAddress } from './page-address.ts';
import type { Derive } from './tickets.ts';

/** Where a person signs in: an issuer that policy trusts, and the page as its client. */
export interface SignInPlace {
  readonly issuer: string;
  /** client id: the audience of its ID tokens */
  readonly client: string;
}

/** What the page's client at an issuer authenticates with; undefined: it is a public one. */
export type PageClients = (place: SignInPlace) => Omit<ClientRequest, 'clientId'> | undefined;

/** Who signed in, and what the issuer says of it. */
interface Identified {
  /** the name under `approvers:` */
  readonly approver: string;
  readonly idToken: string;
  /** the issuer's public key that proved it, as JWK */
  readonly issuerKey: Readonly<Record<string, unknown>>;
}

/** What one sign-in is asked with, and told by when the browser comes back: to whichever broker that is. */
export interface Flight {
  readonly state: string;
  /** of PKCE: it never leaves the broker before the code is redeemed */
  readonly verifier: string;
  /** that the ID token is to have */
  readonly nonce: string;
  /** any session there counts for nothing */
  readonly anew?: boolean | undefined;
}

/** A flight that nothing has to be kept for. */
export function flightBy(derive: Derive): Flight {
  return { state: derive('state'), verifier: derive('verifier'), nonce: derive('nonce') };
}

/** Sign-ins of people at OIDC issuers: authorization code with PKCE, the page being the client. */
export interface SignIns {
  /** those at which anybody is proven */
  places(): readonly SignInPlace[];
  /**
   * @returns where the browser is sent
   * @throws BrokerRefusal not-allowed for a place that policy does not have; FlowError
   */
  begin(place: SignInPlace, flight: Flight): Promise<string>;
  /**
   * @param callback the query with which it comes back @returns for the trail, why it proves nobody
   * @throws BrokerRefusal not-allowed for a place that policy does not have any more; FlowError where the issuer does not
   * answer, or refuses the page's client
   */
  finish(place: SignInPlace, flight: Flight, callback: string): Promise<Identified | { readonly problem: string }>;
}

export interface SignInsOptions extends WorkloadOptions {
  /** where the browser comes back to; undefined: no page is served */
  readonly page: () => PageAddress | undefined;
  /** which clients of the page are not public */
  readonly clients: PageClients;
}

/** milliseconds that a person gets at the issuer: a password, a second factor, a forgotten one */
export const patience = 600_000;

/** what may be otherwise in a moment */
const passing = new Set(['unavailable', 'timeout', 'rate-limited']);

type Authorize = ReturnType<
  (typeof import('../../adapters/openid-client/authorization-code.ts'))['createAuthorizations']
>;

/**
 * Signs people in at the issuers of `trust:` under `approvers:`, which is looked at as that of agents is, and proves a
 * person instead.
 */
export function createSignIns(options: SignInsOptions): SignIns {
  const policy = peopleOf(options.policy);
  const workload = createWorkloads({ ...options, policy });
  let known: { readonly of: Policy; readonly clients: Map<string, Authorize> } | undefined;

  const trusted = (): readonly Trust[] => [...policy().agents.values()].flatMap(({ trust }) => trust);

  /** Its discovery document is asked for once. */
  async function clientAt(trust: Trust, redirectUri: string): Promise<Authorize> {
    const { createAuthorizations } = await import('../../adapters/openid-client/authorization-code.ts');
    const of = policy();
    if (known?.of !== of) known = { of, clients: new Map() };
    const { issuer, audience, discovery: document, tokenIssuers } = trust;
    const key = JSON.stringify([issuer, audience, document, redirectUri]);
    const found =
      known.clients.get(key) ??
      createAuthorizations({
        issuerUrl: issuer,
        discovery: { ...(document && { document }), anyIssuer: tokenIssuers !== undefined },
        clientId: audience,
        credentials: () => options.clients({ issuer, client: audience }),
        redirectUri,
        development: options.development,
        fetch: options.fetch,
        deadline: options.deadline,
      });
    known.clients.set(key, found);
    return found;
  }

  /** The same each time for the same flight. */
  async function authorization(place: SignInPlace, flight: Flight) {
    const trust = trusted().find((each) => each.issuer === place.issuer && each.audience === place.client);
    const here = options.page();
    if (trust === undefined || here === undefined)
      throw new BrokerRefusal('not-allowed', { detail: 'policy trusts no such issuer for a person' });
    const address = `${here.origin}/`;
    return { ...(await (await clientAt(trust, address))(flight)), address };
  }

  async function identified(idToken: string): ReturnType<SignIns['finish']> {
    const found = await workload(idToken);
    if (!('agent' in found)) {
      if (found.unavailable !== undefined) throw found.unavailable.error;
      return { problem: found.detail };
    }
    if (!(found.key instanceof CryptoKey)) return { problem: 'the issuer has several keys without a name' };
    const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', found.key);
    return { approver: found.agent, idToken, issuerKey: { kty, crv, x, y, n, e } };
  }

  return {
    places() {
      const all = trusted().map(({ issuer, audience }) => ({ issuer, client: audience }));
      return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
    },
    async begin(place, flight) {
      const { url } = await authorization(place, flight);
      // a browser goes wherever it is sent
      if (url.protocol !== 'https:' && !(options.development && url.protocol === 'http:'))
        throw new FlowError('refused', "the issuer's authorization endpoint is not https", {
          hint: "look at the issuer's discovery document",
        });
      return url.href;
    },
    async finish(place, flight, callback) {
      const { redeem, address } = await authorization(place, flight);
      try {
        return await identified((await redeem(new URL(`?${callback}`, address))).idToken);
      } catch (error) {
        const failure = asFlowError(error);
        if (failure.place.subject === place.client && options.clients(place) === undefined)
          throw failure.with({
            hint: `${failure.hint}; else write its secret or key under page-clients: in service.yaml`,
          });
        // what the page's client shows is no fault of whoever signs in
        if (passing.has(failure.code) || failure.place.subject !== undefined) throw failure;
        return { problem: failure.message };
      }
    },
  };
}

/** The people of a policy in the place of its agents. */
function peopleOf(policy: () => Policy): () => Policy {
  let known: { readonly from: Policy; readonly people: Policy } | undefined;
  return () => {
    const from = policy();
    if (known?.from !== from) {
      const { approvers = new Map() } = from;
      const people = [...approvers].map(([name, { trust }]) => [name, { ...agentWithoutRights(name), trust }] as const);
      known = { from, people: { agents: new Map(people) } };
    }
    return known.people;
  };
}
