import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import { codeAt, type OneTimePassword } from '../../../foundation/totp.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { Users } from '../users.ts';
import { bad, missing } from './api-error.ts';
import type { Replicas } from './replicas.ts';
import { activation, newDevice, read } from './representations.ts';

interface Device {
  readonly id: string;
  readonly serialNumber: string;
  readonly seed: OneTimePassword;
  readonly user?: string;
  readonly displayName?: string | undefined;
}

/** Hardware tokens, of Graph's beta: devices of the directory, and those that users have. A seed never comes back. */
export function oathApi(users: Users, replicas: Replicas, now: () => number): Router {
  const router = Router();
  const devicesPath = '/directory/authenticationMethodDevices/hardwareOathDevices';
  const path = '/users/:user/authentication/hardwareOathMethods';
  const devices = new Map<string, Device>();

  router.post(devicesPath, (request, response) => {
    const { serialNumber, secretKey, timeIntervalInSeconds: period, hashFunction } = read(newDevice, request.body);
    if ([...devices.values()].some((each) => each.serialNumber === serialNumber))
      throw bad('A device with the same serial number exists.', { code: 'InvalidValue', target: 'serialNumber' });
    const algorithm = hashFunction === 'hmacsha1' ? 'SHA1' : 'SHA256';
    const seed = { secret: new Secret(secretKey), algorithm, digits: 6, period } as const;
    const made: Device = { id: randomUUID(), serialNumber, seed };
    devices.set(made.id, made);
    response.status(201).json(representation(made));
  });

  router.delete(`${devicesPath}/:device`, ({ params: { device: id } }, response) => {
    const found = devices.get(id);
    if (found === undefined) throw missing(id);
    if (found.user !== undefined) throw bad('The device is assigned to a user.');
    devices.delete(id);
    response.status(204).end();
  });

  router.get(path, (request, response) => {
    const { factors } = replicas.userOf(request.params.user);
    const found = factors.flatMap(({ id }) => devices.get(id) ?? []);
    response.json({ value: found.map((device) => ({ id: device.id, device: representation(device) })) });
  });

  router.post(`${path}/assignAndActivateBySerialNumber`, async (request, response) => {
    const user = replicas.userOf(request.params.user);
    const { serialNumber, verificationCode, displayName } = read(activation, request.body);
    const found = [...devices.values()].find((each) => each.serialNumber === serialNumber && each.user === undefined);
    if (found === undefined) throw missing(serialNumber);
    const { id, seed } = found;
    if (!(await codeAt(seed, now())).equals(new Secret(verificationCode)))
      throw bad('The verification code is invalid.', { code: 'InvalidValue', target: 'verificationCode' });
    devices.set(id, { ...found, user: user.id, displayName });
    users.changeFactors(user.id, (factors) => [...factors, { id, label: displayName, seed }]);
    response.status(204).end();
  });

  router.delete(`${path}/:method`, (request, response) => {
    const user = replicas.userOf(request.params.user);
    const found = devices.get(request.params.method);
    if (found?.user !== user.id) throw missing(request.params.method);
    const { id, serialNumber, seed } = found;
    devices.set(id, { id, serialNumber, seed });
    users.changeFactors(user.id, (factors) => factors.filter((each) => each.id !== id));
    response.status(204).end();
  });
  return router;
}

function representation({ id, serialNumber, displayName, user, seed }: Device): object {
  return {
    id,
    displayName: displayName ?? null,
    serialNumber,
    secretKey: null,
    timeIntervalInSeconds: seed.period,
    status: user === undefined ? 'available' : 'activated',
    assignedTo: user === undefined ? null : { id: user },
  };
}
