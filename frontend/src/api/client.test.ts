import { HttpResponse, http } from 'msw';
import { API, problem, server } from '../testing/server';
import { answerOf, createApi } from './client';

const CONFIGS = `${API}/api/marketing/ai/configs`;

test('a refused token is renewed once, and the request sent again with the new one', async () => {
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
  await expect(answerOf(api.GET('/api/marketing/ai/configs'))).resolves.toMatchObject({ items: [] });
  expect(seen).toEqual(['Bearer old', 'Bearer new']);
});

test('a problem document becomes an error with its code, request id and pause', async () => {
  server.use(
    http.get(CONFIGS, () => {
      const answer = problem(429, 'limit_exceeded');
      answer.headers.set('Retry-After', '7');
      return answer;
    }),
  );
  const call = answerOf(createApi(API, () => 'token').GET('/api/marketing/ai/configs'));
  await expect(call).rejects.toMatchObject({
    code: 'limit_exceeded',
    status: 429,
    requestId: 'req-1',
    retryAfterS: 7,
  });
});

test('a connection that fails is a problem like any other', async () => {
  server.use(http.get(CONFIGS, () => HttpResponse.error()));
  const call = answerOf(createApi(API, () => 'token').GET('/api/marketing/ai/configs'));
  await expect(call).rejects.toMatchObject({ code: 'network', status: 0, requestId: null });
});
