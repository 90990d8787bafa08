import { HttpResponse, http } from 'msw';
import { API, problem, server } from '@/testing/server';
import { bodyOf, createApi } from './client';

const CONFIGS = `${API}/api/marketing/ai/configs`;

test('renews a rejected token once and repeats the request', async () => {
  const seen: (string | null)[] = [];
  server.use(
    http.get(CONFIGS, ({ request }) => {
      seen.push(request.headers.get('Authorization'));
      return seen.length === 1
        ? problem(401, 'unauthenticated')
        : HttpResponse.json({ items: [], nextCursor: null });
    }),
  );
  const api = createApi(API, ({ renew }) => (renew ? 'new' : 'old'));
  await expect(bodyOf(api.GET('/api/marketing/ai/configs'))).resolves.toMatchObject({ items: [] });
  expect(seen).toEqual(['Bearer old', 'Bearer new']);
});

test('throws a problem document as an ApiProblem', async () => {
  server.use(
    http.get(CONFIGS, () => {
      const response = problem(429, 'limit_exceeded');
      response.headers.set('Retry-After', '7');
      return response;
    }),
  );
  const call = bodyOf(createApi(API, () => 'token').GET('/api/marketing/ai/configs'));
  await expect(call).rejects.toMatchObject({
    code: 'limit_exceeded',
    status: 429,
    requestId: 'req-1',
    retryAfterS: 7,
  });
});

test('throws a failed connection as an ApiProblem', async () => {
  server.use(http.get(CONFIGS, () => HttpResponse.error()));
  const call = bodyOf(createApi(API, () => 'token').GET('/api/marketing/ai/configs'));
  await expect(call).rejects.toMatchObject({ code: 'network', status: 0, requestId: null });
});
