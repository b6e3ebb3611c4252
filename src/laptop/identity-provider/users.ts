import { randomUUID } from 'node:crypto';
import { Secret } from '../../foundation/secret.ts';
import type { OneTimePassword } from '../../foundation/totp.ts';
import { stepOfCode } from './one-time-codes.ts';
import type { UserState } from './options.ts';
import { hashPassword, type PasswordHash } from './passwords.ts';

export interface UserFields {
  readonly userName: string;
  readonly externalId?: string | undefined;
  readonly email?: string | undefined;
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  readonly active: boolean;
}

export interface UserRecord extends UserFields {
  readonly id: string;
  /** epoch milliseconds */
  readonly createdAt: number;
  readonly changedAt: number;
  /** grows with every change of a field */
  readonly version: number;
  readonly password: PasswordHash | undefined;
  /** the next sign-in must change it */
  readonly passwordExpired: boolean;
  /** one-time passwords in force, the one that is asked for first */
  readonly factors: readonly StoredFactor[];
}

export interface StoredFactor {
  readonly id: string;
  /** undefined: enrolled by the pages */
  readonly label: string | undefined;
  readonly seed: OneTimePassword;
}

export type UserChange = Partial<Omit<UserFields, 'userName'>> & { readonly password?: Secret };

/** The users of the development provider, in memory. User names are compared without case, as in SCIM. */
export interface Users {
  /** @returns undefined where the name is taken */
  create(fields: UserFields, password?: Secret, factors?: readonly StoredFactor[]): Promise<UserRecord | undefined>;
  get(id: string): UserRecord | undefined;
  byUserName(userName: string): UserRecord | undefined;
  all(): readonly UserRecord[];
  /** @param version only if it is still this one. @returns undefined where the user is gone, false where it changed */
  change(id: string, change: UserChange, version?: number): Promise<UserRecord | undefined | false>;
  changeFactors(id: string, change: (factors: readonly StoredFactor[]) => readonly StoredFactor[]): void;
  remove(id: string): boolean;
  /** The next sign-in of this user must change the password; another password ends that. */
  expirePassword(id: string): void;
  /** Accepts a right code once. @param factor default: the one that is asked for first */
  useCode(id: string, code: string, factor?: string): boolean;
  /** Puts a seed in force by a right code; of several enrolments at once the first one wins. */
  enrol(id: string, seed: OneTimePassword, code: string): 'enrolled' | 'wrong-code' | 'enrolled-already';
  signedIn(id: string): void;
  state(user: UserRecord): UserState;
}

export function createUsers(now: () => number): Users {
  const users = new Map<string, UserRecord>();
  const ids = new Map<string, string>();
  /** by factor: the last time step that was used */
  const steps = new Map<string, number>();
  const signIns = new Map<string, number>();
  const nameKey = (userName: string) => userName.toLowerCase();
  const get = (id: string) => users.get(id);

  return {
    create: async (fields, password, factors = []) => {
      if (ids.has(nameKey(fields.userName))) return undefined;
      const hash = password === undefined ? undefined : await hashPassword(password);
      // again, since another create may have come first meanwhile
      if (ids.has(nameKey(fields.userName))) return undefined;
      const at = now();
      const user: UserRecord = {
        ...fields,
        id: randomUUID(),
        createdAt: at,
        changedAt: at,
        version: 1,
        password: hash,
        passwordExpired: false,
        factors,
      };
      users.set(user.id, user);
      ids.set(nameKey(user.userName), user.id);
      return user;
    },
    get,
    byUserName: (userName) => users.get(ids.get(nameKey(userName)) ?? ''),
    all: () => [...users.values()],
    change: async (id, { password, ...fields }, version) => {
      const hash = password === undefined ? undefined : await hashPassword(password);
      const user = get(id);
      if (user === undefined) return undefined;
      if (version !== undefined && user.version !== version) return false;
      const changed: UserRecord = {
        ...user,
        ...fields,
        password: hash ?? user.password,
        passwordExpired: hash === undefined && user.passwordExpired,
        changedAt: now(),
        version: user.version + 1,
      };
      users.set(id, changed);
      return changed;
    },
    changeFactors: (id, change) => {
      const user = get(id);
      if (user !== undefined) users.set(id, { ...user, factors: change(user.factors) });
    },
    remove: (id) => {
      const user = get(id);
      if (user === undefined) return false;
      ids.delete(nameKey(user.userName));
      for (const factor of user.factors) steps.delete(factor.id);
      signIns.delete(id);
      return users.delete(id);
    },
    expirePassword: (id) => {
      const user = get(id);
      if (user !== undefined) users.set(id, { ...user, passwordExpired: true });
    },
    useCode: (id, code, wanted) => {
      const factor = get(id)?.factors.find((each) => wanted === undefined || each.id === wanted);
      const step = factor === undefined ? undefined : stepOfCode(factor.seed, code, now(), steps.get(factor.id));
      if (factor === undefined || step === undefined) return false;
      steps.set(factor.id, step);
      return true;
    },
    enrol: (id, seed, code) => {
      const user = get(id);
      if (user === undefined) return 'wrong-code';
      if (user.factors.length > 0) return 'enrolled-already';
      const step = stepOfCode(seed, code, now(), undefined);
      if (step === undefined) return 'wrong-code';
      const factor: StoredFactor = { id: randomUUID(), label: undefined, seed };
      users.set(id, { ...user, factors: [factor] });
      steps.set(factor.id, step);
      return 'enrolled';
    },
    signedIn: (id) => void signIns.set(id, (signIns.get(id) ?? 0) + 1),
    state: ({ id, userName, externalId, active, factors }) => ({
      id,
      userName,
      externalId,
      active,
      enrolled: factors.length > 0,
      factors: factors.length,
      signIns: signIns.get(id) ?? 0,
    }),
  };
}
