import { Refusal } from '../aws/refusal.ts';

/** Messages as the real service was recorded to give them. */
export const refuse = {
  notFound: () => new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret."),
  noStage: (stage: string) =>
    new Refusal(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
    ),
  noVersion: (id: string) =>
    new Refusal(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for VersionId: ${id}`,
    ),
  exists: (name: string) =>
    new Refusal('ResourceExistsException', `The operation failed because the secret ${name} already exists.`),
  tokenInUse: (token: string, arn: string) =>
    new Refusal(
      'ResourceExistsException',
      `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${arn}.`,
    ),
  markedForDeletion: () =>
    new Refusal(
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
    ),
  alreadyScheduled: () =>
    new Refusal(
      'InvalidRequestException',
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    ),
  replica: () =>
    new Refusal(
      'InvalidRequestException',
      "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    ),
  managed: () =>
    new Refusal('InvalidRequestException', 'You can’t change this secret: it is managed by another service.'),
  parameter: (message: string) => new Refusal('InvalidParameterException', message),
  request: (message: string) => new Refusal('InvalidRequestException', message),
  validation: (message: string) => new Refusal('ValidationException', message),
  limit: (message: string) => new Refusal('LimitExceededException', message),
};
