import { z } from 'zod';
import { Refusal } from '../../aws/refusal.ts';
import type { Sessions } from '../refresh-sessions.ts';
import type { UserRecord, Users } from '../users.ts';
import { fitting, newUserForm, type Operations, read, userForm, userOf } from './requests.ts';

const mark = 'custom:flowsOwner';
const passwordForm = userForm.extend({ Password: z.string().min(1), Permanent: z.literal(true) });

/** Users by the names that they were made with. Whoever is made has a temporary password until another one is set. */
export function usersApi(users: Users, sessions: Sessions): Operations {
  const one = (body: unknown) => userOf(users, read(userForm, body).Username);
  return {
    async AdminCreateUser(body) {
      const { Username: userName, TemporaryPassword: password, UserAttributes } = read(newUserForm, body);
      const given = new Map(UserAttributes.map(({ Name, Value }) => [Name, Value]));
      const exists = new Refusal('UsernameExistsException', 'User account already exists');
      if (users.byUserName(userName) !== undefined) throw exists;
      const fields = {
        userName,
        email: given.get('email'),
        givenName: given.get('given_name'),
        familyName: given.get('family_name'),
        externalId: given.get(mark),
        active: true,
      };
      const user = await users.create(fields, fitting(password));
      if (user === undefined) throw exists;
      users.expirePassword(user.id);
      const made = userOf(users, userName);
      return { User: { ...representation(made), Attributes: attributesOf(made) } };
    },
    AdminGetUser(body) {
      const user = one(body);
      const factors = user.factors.length === 0 ? {} : { UserMFASettingList: ['SOFTWARE_TOKEN_MFA'] };
      return { ...representation(user), UserAttributes: attributesOf(user), ...factors };
    },
    async AdminSetUserPassword(body) {
      const { Username: name, Password: password } = read(passwordForm, body);
      await users.change(userOf(users, name).id, { password: fitting(password) });
      return {};
    },
    async AdminDisableUser(body) {
      await users.change(one(body).id, { active: false });
      return {};
    },
    AdminUserGlobalSignOut(body) {
      sessions.revoke(one(body).id);
      return {};
    },
    AdminDeleteSoftwareToken(body) {
      users.changeFactors(one(body).id, () => []);
      return {};
    },
  };
}

/** Never with a password. */
function representation({ userName, active, passwordExpired, createdAt, changedAt }: UserRecord): object {
  return {
    Username: userName,
    Enabled: active,
    UserStatus: passwordExpired ? 'FORCE_CHANGE_PASSWORD' : 'CONFIRMED',
    UserCreateDate: createdAt / 1000,
    UserLastModifiedDate: changedAt / 1000,
  };
}

function attributesOf({ id, email, givenName, familyName, externalId }: UserRecord): readonly object[] {
  const all = { sub: id, email, given_name: givenName, family_name: familyName, [mark]: externalId };
  return Object.entries(all).flatMap(([Name, Value]) => (Value === undefined ? [] : [{ Name, Value }]));
}
