import { useCallback } from 'react';
import { asProblem } from '../api/problem';
import { commonTexts } from './common';
import { useTexts } from './useTexts';

/** The failed request's id, for whoever looks into it; nothing where the request did not get there. */
export function useRequestIdText(): (error: unknown) => string | undefined {
  const t = useTexts(commonTexts);
  return useCallback(
    (error: unknown) => {
      const { requestId } = asProblem(error);
      return requestId === null ? undefined : t('requestId', { id: requestId });
    },
    [t],
  );
}
