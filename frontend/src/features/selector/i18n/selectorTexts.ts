import type { Namespace } from '@/i18n/useTexts';
import en from './en.json';
import es from './es.json';
import ptBR from './pt-BR.json';

export const selectorTexts: Namespace<'selector'> = {
  name: 'selector',
  languages: { 'pt-BR': ptBR, en, es },
};
