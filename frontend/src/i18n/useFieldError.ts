import { useCallback } from 'react';
import { asProblem } from '@/api/problem';
import type { components } from '@/api/schema';
import { commonTexts } from './common/commonTexts';
import ptBR from './common/pt-BR.json';
import { useTexts } from './useTexts';

type Invalid = NonNullable<components['schemas']['Problem']['errors']>[number];
type KnownKind = keyof typeof ptBR.invalid;

function isKnown(kind: string): kind is KnownKind {
  return Object.hasOwn(ptBR.invalid, kind);
}

/** Return a validation error in the user's language, or the API's English message if its type is unknown. */
export function useInvalidText(): (invalid: Invalid) => string {
  const t = useTexts(commonTexts);
  return useCallback(({ type, message }: Invalid) => (isKnown(type) ? t(`invalid.${type}`) : message), [t]);
}

/** Return the API's validation error of a field or of a part of it: `prices.2.model` belongs to `prices`. */
export function useFieldError(error: unknown): (field: string) => string | undefined {
  const invalidText = useInvalidText();
  return useCallback(
    (field: string) => {
      const errors = error === null ? [] : (asProblem(error).document?.errors ?? []);
      const found = errors.find((one) => one.field === field || one.field.startsWith(`${field}.`));
      return found === undefined ? undefined : invalidText(found);
    },
    [error, invalidText],
  );
}
