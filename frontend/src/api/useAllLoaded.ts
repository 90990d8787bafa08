import { useState } from 'react';

interface Loading {
  readonly isPending: boolean;
}

/** Whether every query has ended once, well or not. What is shown then stays, while some are asked anew. */
export function useAllLoaded(queries: readonly Loading[]): boolean {
  const [areLoaded, setLoaded] = useState(false);
  const ended = queries.every((query) => !query.isPending);
  if (ended && !areLoaded) setLoaded(true);
  return ended || areLoaded;
}
