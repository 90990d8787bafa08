import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import configs from '../../../docs/examples/list_configs.json';

export const API = 'http://api.test';

/** The API as its documentation shows it. Tests replace single answers with `server.use`. */
export const server = setupServer(
  http.get(`${API}/api/marketing/ai/configs`, () => HttpResponse.json(configs)),
);

export function problem(status: number, code: string) {
  const body = {
    type: `urn:nexus-ai:problem:${code}`,
    title: code,
    status,
    detail: code,
    code,
    requestId: 'req-1',
  };
  return HttpResponse.json(body, { status, headers: { 'Content-Type': 'application/problem+json' } });
}
