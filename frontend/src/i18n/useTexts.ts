import { createInstance, type TFunction } from 'i18next';
import { useMemo } from 'react';
import { useNexus } from '../NexusContext';
import type { Texts } from './i18next';
import type { Locale } from './locale';

/** The texts of one feature in every language. */
export interface Namespace<N extends keyof Texts> {
  readonly name: N;
  readonly languages: Readonly<Record<Locale, Texts[N]>>;
}

// An instance of our own: the application that embeds us may use i18next in its own way.
const i18n = createInstance({ fallbackLng: false, interpolation: { escapeValue: false }, resources: {} });
void i18n.init();

/** Each feature brings its own texts, so that who imports one component carries its texts and no others. */
export function useTexts<N extends keyof Texts>({ name, languages }: Namespace<N>): TFunction<N> {
  const { locale } = useNexus();
  return useMemo(() => {
    if (!i18n.hasResourceBundle(locale, name)) i18n.addResourceBundle(locale, name, languages[locale]);
    return i18n.getFixedT(locale, name);
  }, [locale, name, languages]);
}
