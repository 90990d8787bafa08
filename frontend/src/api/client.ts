import createClient, { type Client } from 'openapi-fetch';
import { ApiProblem, asProblem, isProblemDocument } from './problem';
import type { components, paths } from './schema';

export type Api = Client<paths>;
export type Schemas = components['schemas'];

/** Return the user's token. With `renew`, return a new one because the API rejected the last one. */
export type GetToken = (options: { readonly renew: boolean }) => string | Promise<string>;

export function createApi(baseUrl: string, getToken: GetToken): Api {
  const send = async (request: Request, renew: boolean): Promise<Response> => {
    const authorized = request.clone();
    authorized.headers.set('Authorization', `Bearer ${await getToken({ renew })}`);
    return fetch(authorized);
  };
  return createClient<paths>({
    baseUrl,
    fetch: async (request) => {
      const response = await send(request, false);
      return response.status === 401 ? send(request, true) : response;
    },
  });
}

interface Outcome<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** Return the response's body. Throw an `ApiProblem`, and no other error, if the request failed. */
export async function bodyOf<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call.catch((failure: unknown) => {
    throw asProblem(failure);
  });
  if (response.ok && data !== undefined) return data;
  if (isProblemDocument(error)) throw new ApiProblem(error.code, error.detail, response, error);
  throw new ApiProblem('unexpected', response.statusText, response);
}
