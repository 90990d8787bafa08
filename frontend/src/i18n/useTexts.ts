import { createInstance, type TFunction, type TypeOptions } from 'i18next';
import { useMemo } from 'react';
import { useNexus } from '@/NexusContext';
import type { Locale } from './locale';

type Texts = TypeOptions['resources'];

/** Texts of one feature in every language. */
export interface Namespace<N extends keyof Texts> {
  readonly name: N;
  readonly languages: Readonly<Record<Locale, Texts[N]>>;
}

// A separate instance, because the application may configure i18next for itself.
const i18n = createInstance({ fallbackLng: false, interpolation: { escapeValue: false }, resources: {} });
void i18n.init();

/** Return the translate function of one feature. An application bundles only the texts of the features it imports. */
export function useTexts<N extends keyof Texts>({ name, languages }: Namespace<N>): TFunction<N> {
  const { locale } = useNexus();
  return useMemo(() => {
    if (!i18n.hasResourceBundle(locale, name)) i18n.addResourceBundle(locale, name, languages[locale]);
    return i18n.getFixedT(locale, name);
  }, [locale, name, languages]);
}
