import { FlowError } from '../../../foundation/errors.ts';
import { codeAt } from '../../../foundation/totp.ts';
import type { Factors } from '../contract.ts';
import type { Told } from '../management-api.ts';
import { segment } from '../segment.ts';
import type { Directory } from './directory.ts';

/** Asks for something below a user. */
export type UserCall = (
  method: string,
  version: 'v1.0' | 'beta',
  user: string,
  below: string,
  accepted: readonly number[],
  asked?: Parameters<Directory['call']>[3],
) => Promise<Told>;

const devices = 'beta/directory/authenticationMethodDevices/hardwareOathDevices';
const methods = '/authentication/hardwareOathMethods';

/**
 * One-time passwords as hardware tokens, which Graph has in its beta alone: a device with our seed, given to the user and
 * activated by a code. The label is the name of the token.
 */
export function createFactors(
  directory: Directory,
  call: UserCall,
  now: () => number,
): Factors & Required<Pick<Factors, 'importSeed'>> {
  async function every(user: string) {
    const answer = await call('GET', 'beta', user, methods, [200]);
    const found = (await import('./answers.ts')).parsers.methods(answer.body);
    if (found === undefined) throw directory.malformed('something that is no list of hardware tokens');
    return found.value;
  }

  async function list(user: string) {
    const activated = (await every(user)).filter(({ device: { status } }) => status === 'activated');
    return activated.map(({ id, device }) => ({ id, label: device.displayName ?? undefined }));
  }

  return {
    list,

    async remove(user, factor) {
      const found = (await every(user)).find(({ id }) => id === factor);
      if (found === undefined) return;
      await call('DELETE', 'beta', user, `${methods}/${segment(factor)}`, [204, 404]);
      // the token would be left, with the seed
      await directory.call('DELETE', `${devices}/${segment(found.device.id)}`, [204, 404]);
    },

    async importSeed(user, { seed, label }) {
      const { secret, algorithm, digits, period } = seed;
      if (algorithm === 'SHA512' || digits !== 6 || (period !== 30 && period !== 60)) {
        throw new FlowError('invalid-value', `identity provider "${directory.name}" takes no such one-time password`, {
          hint: 'Entra takes codes of 6 digits for 30 s or 60 s by SHA-1 or SHA-256: store such a one',
          place: { subject: 'one-time-password' },
        });
      }
      const has = async () => (await list(user)).some((each) => each.label === label);
      if (await has()) return;
      const serialNumber = serialOf(label);
      const made = await directory.call('POST', devices, [201, 400, 409], {
        password: secret,
        json: {
          serialNumber,
          manufacturer: 'flows',
          model: 'vault',
          secretKey: secret.reveal(),
          timeIntervalInSeconds: period,
          hashFunction: algorithm === 'SHA1' ? 'hmacsha1' : 'hmacsha256',
        },
      });
      const verificationCode = (await codeAt(seed, now())).reveal();
      const json = { serialNumber, verificationCode, displayName: label };
      const given = call('POST', 'beta', user, `${methods}/assignAndActivateBySerialNumber`, [204], { json });
      // one that a run has left which ended there is refused as taken, and is given all the same
      await given.catch(async (error: unknown) => {
        // by a run beside this one
        if (await has()) return;
        throw made.status === 201 ? error : await directory.refusal(made);
      });
    },
  };
}

/** Of letters and digits alone, the same for a label. */
function serialOf(label: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `FLOWS${createHash('sha256').update(label).digest('hex').slice(0, 20).toUpperCase()}`;
}
