import { useCallback } from 'react';
import { commonTexts } from './common/commonTexts';
import ptBR from './common/pt-BR.json';
import { useTexts } from './useTexts';

type FailureCode = keyof typeof ptBR.failure;
type ProblemCode = keyof typeof ptBR.problem;

function isFailure(code: string): code is FailureCode {
  return Object.hasOwn(ptBR.failure, code);
}

function isProblem(code: string): code is ProblemCode {
  return Object.hasOwn(ptBR.problem, code);
}

/** Return the reason of a failed attempt or request in the user's language, or the code itself if it is unknown. */
export function useFailureText(): (code: string | null) => string {
  const t = useTexts(commonTexts);
  return useCallback(
    (code: string | null) => {
      if (code === null) return '';
      if (isFailure(code)) return t(`failure.${code}`);
      return isProblem(code) ? t(`problem.${code}`) : code;
    },
    [t],
  );
}
