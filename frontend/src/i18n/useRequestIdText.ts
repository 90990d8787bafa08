import { useCallback } from 'react';
import { asProblem } from '@/api/problem';
import { commonTexts } from './common/commonTexts';
import { useTexts } from './useTexts';

/** Return the failed request's id for support, or undefined if the request did not reach the API. */
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
