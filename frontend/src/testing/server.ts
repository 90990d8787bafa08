import orders from '@examples/get_fallback.json';
import preferences from '@examples/get_preferences.json';
import limits from '@examples/get_rate_limits.json';
import records from '@examples/list_audit_logs.json';
import configs from '@examples/list_configs.json';
import models from '@examples/list_models.json';
import usage from '@examples/usage_stats.json';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';

export const API = 'http://api.test';

/** API that returns the documented examples. Tests replace single responses with `server.use`. */
export const server = setupServer(
  http.get(`${API}/api/marketing/ai/configs`, () => HttpResponse.json(configs)),
  http.get(`${API}/api/marketing/ai/usage-stats`, () => HttpResponse.json(usage)),
  http.get(`${API}/api/marketing/ai/rate-limits`, () => HttpResponse.json(limits)),
  http.get(`${API}/api/marketing/ai/configs/:provider/models`, () => HttpResponse.json(models)),
  http.get(`${API}/api/marketing/ai/fallback-config`, () => HttpResponse.json(orders)),
  http.get(`${API}/api/marketing/ai/preferences`, () => HttpResponse.json(preferences)),
  http.get(`${API}/api/marketing/ai/audit-logs`, () => HttpResponse.json(records)),
);

export function problem(status: number, code: string, more: object = {}) {
  const body = {
    type: `urn:nexus-ai:problem:${code}`,
    title: code,
    status,
    detail: code,
    code,
    requestId: 'req-1',
    ...more,
  };
  return HttpResponse.json(body, { status, headers: { 'Content-Type': 'application/problem+json' } });
}
