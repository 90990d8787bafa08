import type { components } from './schema';

type ProblemDocument = components['schemas']['Problem'];

/** Error of a failed request: the API's problem document, or a failed connection (status 0, code `network`). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly retryAfterS: number | null;
  readonly document: ProblemDocument | null;

  constructor(code: string, message: string, response?: Response, document?: ProblemDocument) {
    super(message);
    this.name = 'ApiProblem';
    this.code = code;
    this.status = response?.status ?? 0;
    this.requestId = document?.requestId ?? response?.headers.get('X-Request-Id') ?? null;
    const retryAfterS = Number(response?.headers.get('Retry-After') ?? Number.NaN);
    this.retryAfterS = Number.isFinite(retryAfterS) ? retryAfterS : null;
    this.document = document ?? null;
  }
}

export function isProblemDocument(body: unknown): body is ProblemDocument {
  return typeof body === 'object' && body !== null && 'code' in body && 'requestId' in body;
}

/** Return the error as an `ApiProblem`. Any other error counts as a failed connection. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem('network', error instanceof Error ? error.message : String(error));
}
