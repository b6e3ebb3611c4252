import { type Request, type Response, Router, text } from 'express';
import { Refusal } from '../../aws/refusal.ts';
import { verifySignature } from '../../aws/signature.ts';
import type { Double, DoubleOptions } from '../double.ts';
import { createSessions } from '../refresh-sessions.ts';
import type { Operations } from './requests.ts';
import { secretsApi } from './secrets-api.ts';
import { signInApi } from './sign-in-api.ts';
import { usersApi } from './users-api.ts';

const type = 'application/x-amz-json-1.1';
const service = 'AWSCognitoIdentityProviderService.';
/** Whoever asks for these has a token or a session, and no access key. */
const unsigned: readonly string[] = ['AssociateSoftwareToken', 'VerifySoftwareToken', 'RevokeToken'];

/**
 * A Cognito user pool over the laptop's own users and clients (awsJson1_1): the operations that an adapter uses, as AWS's
 * service model has them. Its one access key is `laptop`, with the laptop's bearer as its secret; whatever the pool is
 * called, it is this one.
 */
export const cognitoPool: Double = {
  type: 'cognito',
  path: '/cognito',
  mount(options: DoubleOptions): Router {
    const sessions = createSessions(options.now, 0);
    const operations: Operations = {
      ...usersApi(options.users, sessions),
      ...signInApi(options, sessions),
      ...secretsApi(options.clientSecrets),
    };
    const keys = new Map([['laptop', { id: 'laptop', secret: options.token }]]);

    async function answer(request: Request): Promise<object> {
      const body = typeof request.body === 'string' ? request.body : '';
      const target = request.get('X-Amz-Target') ?? '';
      const name = target.startsWith(service) ? target.slice(service.length) : '';
      const { method, originalUrl: path, headers } = request;
      if (!unsigned.includes(name)) {
        const expected = { region: 'eu-west-1', service: 'cognito-idp', now: options.now };
        await verifySignature({ method, path, headers, body }, keys, expected);
      }
      const perform = Object.hasOwn(operations, name) ? operations[name] : undefined;
      if (perform === undefined) throw new Refusal('UnknownOperationException', '');
      return perform(JSON.parse(body));
    }

    const router = Router();
    router.post('/cognito', text({ type, limit: '100kb' }), async (request, response) => {
      try {
        send(response, 200, await answer(request));
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal('InternalErrorException', '', 500);
        send(response, refusal.status, { __type: refusal.type, message: refusal.message });
      }
    });
    return router;
  },
};

function send(response: Response, status: number, body: object): void {
  response.status(status).type(type).send(JSON.stringify(body));
}
