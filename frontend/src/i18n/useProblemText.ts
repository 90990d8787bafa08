import { useCallback } from 'react';
import { asProblem } from '@/api/problem';
import { commonTexts } from './common/commonTexts';
import ptBR from './common/pt-BR.json';
import { useTexts } from './useTexts';

type KnownCode = keyof typeof ptBR.problem;

function isKnown(code: string): code is KnownCode {
  return Object.hasOwn(ptBR.problem, code);
}

/** Return an error's text in the user's language, or the API's English text if its code is unknown. */
export function useProblemText(): (error: unknown) => string {
  const t = useTexts(commonTexts);
  return useCallback(
    (error: unknown) => {
      const problem = asProblem(error);
      return isKnown(problem.code) ? t(`problem.${problem.code}`) : problem.message;
    },
    [t],
  );
}
