import { useState } from 'react';

interface Loading {
  readonly isPending: boolean;
}

/** Return true once every query has ended, successfully or not. It stays true while queries reload. */
export function useAllLoaded(queries: readonly Loading[]): boolean {
  const [areLoaded, setLoaded] = useState(false);
  const ended = queries.every((query) => !query.isPending);
  if (ended && !areLoaded) setLoaded(true);
  return ended || areLoaded;
}
