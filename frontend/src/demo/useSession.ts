import { useCallback, useMemo, useRef, useState } from 'react';
import type { GetToken } from '@/api/client';
import { type Identity, issueToken, savedIdentity, saveIdentity } from './session';

export interface Session {
  readonly identity: Identity | null;
  readonly isAdmin: boolean;
  readonly signIn: (identity: Identity) => void;
  readonly signOut: () => void;
  readonly getToken: GetToken;
}

export function useSession(): Session {
  const [identity, setIdentity] = useState(savedIdentity);
  const token = useRef<{ readonly of: Identity; readonly issued: Promise<string> } | null>(null);

  const change = useCallback((next: Identity | null) => {
    saveIdentity(next);
    setIdentity(next);
  }, []);
  const getToken = useCallback<GetToken>(
    ({ renew }) => {
      if (identity === null) throw new Error('No user is signed in');
      if (renew || token.current?.of !== identity) {
        const issued = issueToken(identity);
        token.current = { of: identity, issued };
        // Do not keep a failed request: the next one asks for a token again.
        issued.catch(() => {
          token.current = null;
        });
        return issued;
      }
      return token.current.issued;
    },
    [identity],
  );
  return useMemo(
    () => ({
      identity,
      isAdmin: identity?.roles.includes('admin') ?? false,
      signIn: change,
      signOut: () => change(null),
      getToken,
    }),
    [identity, change, getToken],
  );
}
