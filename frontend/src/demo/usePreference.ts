import { useEffect, useState } from 'react';
import { LOCALES, type Locale } from '@/i18n/locale';

const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

function useStored<V extends string>(key: string, allowed: readonly V[], initial: V) {
  const [value, setValue] = useState(
    () => allowed.find((one) => one === localStorage.getItem(key)) ?? initial,
  );
  useEffect(() => localStorage.setItem(key, value), [key, value]);
  return [value, setValue] as const;
}

/** Return the stored theme and its setter. index.html reads the same key before the first paint. */
export function useTheme() {
  const [theme, setTheme] = useStored<Theme>('nexus.theme', THEMES, 'system');
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return [theme, setTheme] as const;
}

export function useLocale() {
  const [locale, setLocale] = useStored<Locale>('nexus.locale', LOCALES, 'pt-BR');
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  return [locale, setLocale] as const;
}
