import { useCallback } from 'react';
import { asProblem } from '../api/problem';
import { commonTexts } from './common';
import ptBR from './pt-BR/common.json';
import { useTexts } from './useTexts';

type KnownCode = keyof typeof ptBR.problem;

function isKnown(code: string): code is KnownCode {
  return Object.hasOwn(ptBR.problem, code);
}

/** A failure in the reader's language; in the API's own English words where its code is new to us. */
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
