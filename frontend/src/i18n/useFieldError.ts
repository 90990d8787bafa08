import { useCallback } from 'react';
import { asProblem } from '../api/problem';
import type { components } from '../api/schema';
import { commonTexts } from './common';
import ptBR from './pt-BR/common.json';
import { useTexts } from './useTexts';

type Invalid = NonNullable<components['schemas']['Problem']['errors']>[number];
type KnownKind = keyof typeof ptBR.invalid;

function isKnown(kind: string): kind is KnownKind {
  return Object.hasOwn(ptBR.invalid, kind);
}

/** What is wrong with a field, in the reader's language; in the API's English words where the kind is new to us. */
export function useInvalidText(): (invalid: Invalid) => string {
  const t = useTexts(commonTexts);
  return useCallback(({ type, message }: Invalid) => (isKnown(type) ? t(`invalid.${type}`) : message), [t]);
}

/** What the API found wrong with a field, or with a part of it (`prices.2.model` is of `prices`). */
export function useFieldError(error: unknown): (field: string) => string | undefined {
  const words = useInvalidText();
  return useCallback(
    (field: string) => {
      const errors = error === null ? [] : (asProblem(error).document?.errors ?? []);
      const found = errors.find((one) => one.field === field || one.field.startsWith(`${field}.`));
      return found === undefined ? undefined : words(found);
    },
    [error, words],
  );
}
