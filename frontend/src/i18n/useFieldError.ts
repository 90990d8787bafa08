import { useCallback } from 'react';
import { asProblem } from '../api/problem';
import { commonTexts } from './common';
import ptBR from './pt-BR/common.json';
import { useTexts } from './useTexts';

type KnownKind = keyof typeof ptBR.invalid;

function isKnown(kind: string): kind is KnownKind {
  return kind in ptBR.invalid;
}

/** What the API found wrong with a field, or with a part of it (`prices.2.model` is of `prices`). */
export function useFieldError(error: unknown): (field: string) => string | undefined {
  const t = useTexts(commonTexts);
  return useCallback(
    (field: string) => {
      const errors = error === null ? [] : (asProblem(error).document?.errors ?? []);
      const found = errors.find((one) => one.field === field || one.field.startsWith(`${field}.`));
      if (found === undefined) return undefined;
      return isKnown(found.type) ? t(`invalid.${found.type}`) : found.message;
    },
    [error, t],
  );
}
