import type { KeyProblem, Settings } from '../declaration.ts';
import type { IdentityProvider } from './contract.ts';

/** What a step may need of a provider beyond its users: what it is called, and where the contract has it. One row each. */
export const capabilities = {
  'set-password': { what: 'set passwords', has: ({ setPassword }) => setPassword !== undefined },
  'end-sessions': { what: 'end sessions', has: ({ endSessions }) => endSessions !== undefined },
  'import-seed': { what: 'take a one-time password of ours', has: ({ factors }) => factors?.importSeed !== undefined },
  'begin-enrolment': { what: 'enrol without pages', has: ({ factors }) => factors?.begin !== undefined },
  proof: { what: 'prove an account without pages', has: ({ proof }) => proof !== undefined },
  'sign-in': { what: 'sign in by its pages', has: ({ signIn }) => signIn !== undefined },
  'client-secrets': { what: 'change client secrets', has: ({ clientSecrets }) => clientSecrets !== undefined },
  'client-keys': { what: 'change the keys of clients', has: ({ clientKeys }) => clientKeys !== undefined },
} as const satisfies Readonly<Record<string, { what: string; has: (provider: IdentityProvider) => boolean }>>;

export type Capability = keyof typeof capabilities;

/** What an adapter says of its capabilities. */
export interface Offering<S = Settings> {
  readonly type: string;
  /** what its providers can do beyond users, as far as their settings let them: each is a member of the contract */
  readonly offers: readonly Capability[];
  /** why a provider with these settings has not what the type offers; undefined: it has */
  lacks?(settings: S, capability: Capability): Omit<KeyProblem, 'key'> | undefined;
}

/**
 * Why a provider has none of these capabilities; undefined: it has one of them.
 * @param settings undefined: those of the laptop, which lack nothing
 * @param all every type of provider, for the hint
 */
export function lacking(
  adapter: Offering,
  settings: Settings | undefined,
  oneOf: readonly Capability[],
  all: Iterable<Offering>,
): Omit<KeyProblem, 'key'> | undefined {
  const offered = oneOf.filter((each) => adapter.offers.includes(each));
  if (offered.length === 0) {
    const able = [...all].filter(({ offers }) => oneOf.some((each) => offers.includes(each))).map(({ type }) => type);
    const words = oneOf.map((each) => capabilities[each].what).join(', or ');
    return {
      problem: `is of type ${adapter.type}, which cannot ${words}`,
      hint: able.length === 0 ? 'no type of identity provider can' : `types that can: ${able.join(', ')}`,
    };
  }
  if (settings === undefined) return undefined;
  const troubles = offered.map((each) => adapter.lacks?.(settings, each));
  return troubles.includes(undefined) ? undefined : troubles.find((each) => each !== undefined);
}
