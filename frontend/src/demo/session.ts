export interface Identity {
  readonly tenantId: string;
  readonly userId: string;
  readonly roles: readonly ('admin' | 'user')[];
}

const KEY = 'nexus.identity';

/** Return the identity of this browser tab, or null. The token itself is kept in memory only. */
export function savedIdentity(): Identity | null {
  const saved = sessionStorage.getItem(KEY);
  return saved === null ? null : (JSON.parse(saved) as Identity);
}

export function saveIdentity(identity: Identity | null): void {
  if (identity === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(identity));
}

/** Return a new token from the local stack. */
export async function issueToken(identity: Identity): Promise<string> {
  const response = await fetch('/local/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(identity),
  });
  const body: unknown = await response.json();
  if (response.ok && typeof body === 'object' && body !== null && 'token' in body) return String(body.token);
  throw new Error(`The local stack returned no token: ${response.status}`);
}
